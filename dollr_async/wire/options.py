"""What a view of the client changes about its calls: the time limit, and headers of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping

import attrs

from dollr_async.base import fields
from dollr_async.base.errors import InvalidInputError
from dollr_async.base.numeric import shown

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_OURS = frozenset(
    {"authorization", "accept", "content-type", "content-length", "content-encoding", "transfer-encoding", "host"}
)
_APP_INFO = (
    'write app_info=("shop", "1.2"), or ("shop", None) for no version: letters, digits and signs such as - and .'
)
_PARTS_OF_APP_INFO = 2


@attrs.frozen
class CallOptions:
    """The seconds for one request (None: the client's), and headers that are added to the client's own."""

    timeout: float | None = None
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)

    def with_more(self, timeout: float | None, headers: Mapping[str, str] | None) -> CallOptions:
        """Return these options with others on top.

        Raises:
            InvalidInputError: the time is not a number above 0, or a header cannot be set.
        """
        merged = dict(self.headers)
        for name, value in checked_headers({} if headers is None else headers):
            merged = {old: kept for old, kept in merged.items() if old.lower() != name.lower()} | {name: value}
        return CallOptions(self.timeout if timeout is None else fields.seconds("timeout", timeout), merged)


def checked_headers(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return headers that may be added to a request.

    Raises:
        InvalidInputError: they are no mapping of text, or one of them is the client's own.
    """
    if not isinstance(headers, Mapping):
        message = f'headers must be a dict, as in headers={{"X-Tenant": "7"}}, not {shown(headers)}'
        raise InvalidInputError(message)
    for name, value in headers.items():
        if not isinstance(name, str) or not _TOKEN.fullmatch(name):
            message = f"{name!r} is not the name of a header: write letters, digits and dashes, as in 'X-Tenant'"
            raise InvalidInputError(message)
        if name.lower() in _OURS:
            message = f"the header {name} is set by the client itself: leave it out of headers"
            raise InvalidInputError(message)
        if not isinstance(value, str) or not value.isprintable() or not value.isascii():
            # Never show the value: it may be a key.
            message = f"the header {name} must have one line of plain text as its value"
            raise InvalidInputError(message)
    return list(headers.items())


def app_name(app_info: tuple[str, str | None] | None) -> str:
    """Return what the User-Agent says of the program that uses the client: `shop/1.2`, or nothing.

    Raises:
        InvalidInputError: it is not a name and a version, or one has signs that a User-Agent cannot have.
    """
    if app_info is None:
        return ""
    if not isinstance(app_info, tuple) or len(app_info) != _PARTS_OF_APP_INFO:
        message = f"app_info must be a name and a version, not {app_info!r}: {_APP_INFO}"
        raise InvalidInputError(message)
    given = [part for part in app_info if part is not None]
    if app_info[0] is None or not all(isinstance(part, str) and _TOKEN.fullmatch(part) for part in given):
        message = f"app_info {app_info!r} cannot be part of a User-Agent: {_APP_INFO}"
        raise InvalidInputError(message)
    return "/".join(given)
