"""Where a request comes from: whether a page of another site, or another name for this machine, may have sent it."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

_OWN_SITES = ("same-origin", "none")
"""What Sec-Fetch-Site says of a request that no other site has caused."""


def is_local(host: str) -> bool:
    """Whether the name in a Host header can only mean this machine: a loopback address, or `localhost`."""
    try:
        name = (urlsplit(f"//{host}").hostname or "").removesuffix(".")
    except ValueError:
        return False
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def wrong_host(headers: Mapping[str, str]) -> str | None:
    """Say why the request's Host is refused, or None: a foreign name that leads here is how DNS rebinding begins."""
    host = headers.get("Host")
    if host is None or is_local(host):  # every browser sends one
        return None
    return f"The sandbox only answers under 127.0.0.1 or localhost, not under the name {host[:100]!r}."


def foreign_origin(headers: Mapping[str, str]) -> str | None:
    """Say why a request is refused that a page of another origin has caused, or None.

    A browser names the origin in Sec-Fetch-Site, in Origin or in both; a program that is no browser sends neither.
    """
    site = headers.get("Sec-Fetch-Site")
    origin = headers.get("Origin")
    own = f"{headers.get('Host', '')}".lower()
    foreign = (site is not None and site not in _OWN_SITES) or (origin is not None and _place(origin) != own)
    return "A page of another origin cannot do this: use the sandbox's own pages." if foreign else None


def _place(origin: str) -> str:
    """The host and port of an http or https origin; empty for `null` and anything else."""
    scheme, _, place = origin.lower().partition("://")
    return place if scheme in {"http", "https"} else ""
