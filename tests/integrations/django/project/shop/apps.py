"""The app of the shop."""

from __future__ import annotations

from django.apps import AppConfig


class ShopConfig(AppConfig):
    """The shop."""

    name = "tests.integrations.django.project.shop"
    label = "shop"
    default_auto_field = "django.db.models.BigAutoField"
