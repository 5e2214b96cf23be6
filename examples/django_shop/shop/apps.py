"""The app of the shop."""

from django.apps import AppConfig


class ShopConfig(AppConfig):
    """The shop."""

    name = "shop"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the receivers."""
        from shop import receivers  # noqa: F401, PLC0415 - its import connects them, and needs the models
