"""The settings: `DOLLR`, then the three settings of the API's own guide, then the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import attrs
from django.conf import settings
from django.db import router

from dollr_async.base import fields
from dollr_async.base.errors import ConfigurationError, InvalidInputError

KEYS = ("CLIENT_ID", "CLIENT_SECRET", "BASE_URL", "JOURNAL", "LEASE", "TOKEN_CACHE", "OPTIONS")
"""The keys of the setting `DOLLR`."""

_RESERVED = ("client_id", "client_secret", "base_url", "journal", "token_store")
"""Keywords of the client that have a key of their own."""

_LEASE = 15.0


@attrs.frozen(kw_only=True)
class DollrSettings:
    """What the settings say. An empty `client_id`, `client_secret` or `base_url` is set nowhere."""

    client_id: str
    client_secret: str = attrs.field(repr=False)
    base_url: str
    journal: str | None
    """The alias of the journal's database, or None for no journal."""
    lease: float
    token_cache: str | None
    """The alias of the cache in which processes share the token, or None."""
    options: Mapping[str, Any] = attrs.field(repr=False)


def read_settings() -> DollrSettings:
    """Return what the settings say now.

    Raises:
        ConfigurationError: `DOLLR` is not a dictionary, or has a key or a value that nothing can be done with.
    """
    given = _given()
    return DollrSettings(
        client_id=_credential(given, "CLIENT_ID"),
        client_secret=_credential(given, "CLIENT_SECRET"),
        base_url=_credential(given, "BASE_URL"),
        journal=_alias(given, "JOURNAL", journal_alias_of_the_router()),
        lease=_lease(given),
        token_cache=_alias(given, "TOKEN_CACHE", None),
        options=_options(given),
    )


def journal_alias() -> str | None:
    """Return the alias of the journal's database, or None where there is no journal."""
    return _alias(_given(), "JOURNAL", journal_alias_of_the_router())


def journal_alias_of_the_router() -> str:
    """Return the alias to which the project's routers send payments."""
    from dollr_async.integrations.django.models import Payment  # noqa: PLC0415 - it needs ready apps

    return router.db_for_write(Payment)


def _given() -> Mapping[str, Any]:
    given = getattr(settings, "DOLLR", {})
    if not isinstance(given, Mapping):
        raise ConfigurationError("the setting DOLLR must be a dictionary, as in DOLLR = {'CLIENT_ID': '...'}")
    unknown = sorted(str(key) for key in given if key not in KEYS)
    if unknown:
        sentence = f"the setting DOLLR has an unknown key {unknown[0]!r}: the keys are {', '.join(KEYS)}"
        raise ConfigurationError(sentence)
    return given


def _credential(given: Mapping[str, Any], key: str) -> str:
    name = f"DOLLR_{key}"
    for value in (given.get(key), getattr(settings, name, None), os.environ.get(name)):
        if value is not None and not isinstance(value, str):
            raise ConfigurationError(f"the setting {key} of DOLLR (or {name}) must be text")
        if value is not None and value.strip():
            return value.strip()
    return ""


def _alias(given: Mapping[str, Any], key: str, default: str | None) -> str | None:
    value = given.get(key, default)
    if value is not None and (not isinstance(value, str) or not value):
        raise ConfigurationError(f"the setting {key} of DOLLR must be an alias, as in 'default', or None")
    return value


def _lease(given: Mapping[str, Any]) -> float:
    try:
        return fields.seconds("LEASE", given.get("LEASE", _LEASE))
    except InvalidInputError as error:
        raise ConfigurationError(f"the setting LEASE of DOLLR: {error}") from error


def _options(given: Mapping[str, Any]) -> Mapping[str, Any]:
    options = given.get("OPTIONS", {})
    if not isinstance(options, Mapping):
        raise ConfigurationError("the setting OPTIONS of DOLLR must be a dictionary of keywords of DollrClient")
    for name in _RESERVED:
        if name in options:
            raise ConfigurationError(f"the setting OPTIONS of DOLLR has {name!r}, which has a key of its own in DOLLR")
    return options
