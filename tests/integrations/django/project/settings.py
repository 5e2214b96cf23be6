"""The settings of the project in which Django's own test classes run, in a process of their own."""

from __future__ import annotations

import os
from typing import Any

SECRET_KEY = "of the tests"
ALLOWED_HOSTS = ["*"]
STATIC_URL = "static/"
USE_TZ = os.environ.get("SHOP_USE_TZ", "1") == "1"
TIME_ZONE = "Africa/Kigali"
ROOT_URLCONF = "tests.integrations.django.project.urls"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "dollr_async.integrations.django",
    "tests.integrations.django.project.shop",
]
if "SHOP_QUEUE" in os.environ:
    INSTALLED_APPS += ["procrastinate.contrib.django"]
    PROCRASTINATE_ON_APP_READY = "tests.integrations.django.project.queue.register"
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
DOLLR = {
    "CLIENT_ID": os.environ.get("SHOP_CLIENT_ID", "shop"),
    "CLIENT_SECRET": os.environ.get("SHOP_CLIENT_SECRET", "made up"),
    "BASE_URL": os.environ.get("SHOP_BASE_URL", "http://127.0.0.1:9"),
}


def _database(name: str) -> dict[str, Any]:
    if os.environ.get("SHOP_DATABASE") == "postgresql":
        return {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": "127.0.0.1",
            "USER": "postgres",
            # A test that runs several processes makes the database itself.
            "NAME": name if "SHOP_BASE_URL" in os.environ else "postgres",
            "CONN_MAX_AGE": int(os.environ.get("SHOP_CONN_MAX_AGE", "0")),
            "TEST": {"NAME": name},
        }
    path = os.path.join(os.environ["SHOP_DIRECTORY"], f"{name}.sqlite3")  # noqa: PTH118 - Django's own setting is text
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path if "SHOP_BASE_URL" in os.environ else f"{path}.not_used",
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode = WAL"},
        "TEST": {"NAME": path},
    }


_NAME = os.environ.get("SHOP_NAME", "shop")
DATABASES = {"default": _database(_NAME), "payments": _database(f"{_NAME}_payments")}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": os.environ.get("SHOP_REDIS", "redis://127.0.0.1:6379/0"),
        "KEY_PREFIX": _NAME,
    },
    "memory": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
