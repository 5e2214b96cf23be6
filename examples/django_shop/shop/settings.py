"""The settings: one app more, and one token for the process. The credentials come from the environment."""

from pathlib import Path

DIRECTORY = Path(__file__).parents[1]
SECRET_KEY = "of an example"  # noqa: S105 - nothing is behind it
DEBUG = True
USE_TZ = True
STATIC_URL = "static/"
ROOT_URLCONF = "shop.urls"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "dollr_async.integrations.django",
    "shop.apps.ShopConfig",
]
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
# Under WSGI each async view has an event loop, and so a client, of its own. They share the token in the cache.
DOLLR = {"TOKEN_CACHE": "default"}
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DIRECTORY / "shop.sqlite3",
        # Writers wait for each other, instead of being refused.
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode = WAL"},
        "TEST": {"NAME": DIRECTORY / "test.sqlite3"},
    }
}
