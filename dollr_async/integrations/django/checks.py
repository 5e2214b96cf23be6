"""What `manage.py check` says about the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.db import connections

from dollr_async.base.errors import ConfigurationError
from dollr_async.integrations.django.app_settings import read_settings
from dollr_async.wire.addresses import checked_base_url, is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dollr_async.integrations.django.app_settings import DollrSettings


def register_checks() -> None:
    """Register all checks."""
    checks.register(check_settings, "dollr")
    checks.register(check_journal, "dollr", deploy=True)


def check_settings(**_: Any) -> list[checks.CheckMessage]:  # noqa: ANN401 - Django's own arguments
    """Check the credentials and the base URL."""
    try:
        found = read_settings()
    except ConfigurationError as error:
        hint = "The guide for Django lists the settings."
        return [checks.Error(str(error), hint=hint, id="dollr.E003")]
    return [*_credentials(found), *_base_url(found)]


def check_journal(**_: Any) -> list[checks.CheckMessage]:  # noqa: ANN401 - as above
    """Check the database of the journal."""
    try:
        alias = read_settings().journal
    except ConfigurationError:
        return []  # the other check says it
    if alias is None or connections[alias].vendor != "sqlite":
        return []
    sentence = f"The journal of the payments is in a SQLite database (the alias {alias!r})."
    hint = (
        "In SQLite one transaction writes at a time, and only processes of one host can share it: put the journal into "
        "the PostgreSQL database of your orders, with DOLLR = {'JOURNAL': 'its alias'}."
    )
    return [checks.Warning(sentence, hint=hint, id="dollr.W001")]


def _credentials(found: DollrSettings) -> Iterator[checks.CheckMessage]:
    missing = [
        key for key, value in (("CLIENT_ID", found.client_id), ("CLIENT_SECRET", found.client_secret)) if not value
    ]
    if missing:
        hint = (
            "Copy it from the portal into DOLLR = {'CLIENT_ID': ..., 'CLIENT_SECRET': ...}, or into the environment's "
            "variables DOLLR_CLIENT_ID and DOLLR_CLIENT_SECRET. In tests and on your own machine, use a sandbox's."
        )
        sentence = f"Dollr's credentials are missing: {' and '.join(missing)}."
        yield checks.Error(sentence, hint=hint, id="dollr.E001")


def _base_url(found: DollrSettings) -> Iterator[checks.CheckMessage]:
    if not found.base_url:
        return
    try:
        address = checked_base_url(found.base_url, name="BASE_URL")
    except ConfigurationError as error:
        hint = "Leave BASE_URL out for Dollr itself. Plain http is for a sandbox on this machine."
        yield checks.Error(f"The base URL of Dollr cannot be used: {error}.", hint=hint, id="dollr.E002")
        return
    if is_loopback(urlsplit(address).hostname or "") and not settings.DEBUG:
        hint = "Leave BASE_URL out, so that payments go to Dollr. A sandbox moves no money."
        sentence = f"The base URL of Dollr is on this machine ({address}), and DEBUG is off."
        yield checks.Warning(sentence, hint=hint, id="dollr.W002")
