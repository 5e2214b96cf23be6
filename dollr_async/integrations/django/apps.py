"""The Django app, with the label `dollr`."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DollrConfig(AppConfig):
    """The app of the payments."""

    name = "dollr_async.integrations.django"
    label = "dollr"
    verbose_name = _("Dollr payments")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks of the settings, and notice settings that a test changes."""
        from dollr_async.integrations.django import checks, clients  # noqa: PLC0415 - they need ready apps

        checks.register_checks()
        clients.watch_settings()
