"""What an error keeps of the API's answer: its headers, its request id, and the fields that were refused."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import attrs

from dollr_async.base.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NO_HEADERS: Mapping[str, str] = MappingProxyType({})
REQUEST_IDS = ("x-request-id", "x-cloud-trace-context", "cf-ray")
"""The headers that name a request, the best one first."""
_NOT_KEPT = frozenset({"set-cookie", "set-cookie2"})


@attrs.frozen(kw_only=True, eq=False, repr=False)
class FieldProblem(Record):
    """One field that the API refused.

    `path` is dotted (`body.items.0.amount`), `message` is the API's text, `type` its word for the kind of problem.
    """

    path: str
    message: str
    type: str


def kept_headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the headers of an answer by their lower-case names, without cookies; repeated ones are joined."""
    kept: dict[str, str] = {}
    for written, value in headers:
        name = written.lower()
        if name not in _NOT_KEPT:
            kept[name] = f"{kept[name]}, {value}" if name in kept else value
    return kept


def request_id_of(headers: Mapping[str, str]) -> str | None:
    """Return what names the request at the API or at what stands in front of it, or None."""
    return next((headers[name] for name in REQUEST_IDS if headers.get(name)), None)
