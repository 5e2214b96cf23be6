"""The check of base URLs: https everywhere, and plain http only on this machine (loopback)."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from dollr_async.base.errors import ConfigurationError


def checked_base_url(base_url: str, *, name: str = "base_url", example: str = "https://api.heydollr.app") -> str:
    """Return a base URL without a slash at its end, or raise `ConfigurationError` with its name and an example."""
    address = base_url.strip() if isinstance(base_url, str) else ""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        parts.port  # noqa: B018 - reading it checks it
    except ValueError:
        host, parts = "", urlsplit("")
    secure = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
    if not host or not secure or not address.isascii() or not address.isprintable() or " " in address:
        message = (
            f"{name} {_without_userinfo(str(base_url))!r} is not an https address, as in '{example}' "
            "(http is for a sandbox on this machine, as in 'http://127.0.0.1:8080')"
        )
        raise ConfigurationError(message)
    if parts.username is not None or parts.query or parts.fragment:
        message = f"{name} must be a plain address, without credentials, query or fragment"
        raise ConfigurationError(message)
    return address.rstrip("/")


def _without_userinfo(url: str) -> str:
    return url.rpartition("@")[2] if "@" in url else url


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
