"""The recorded requests and their answers, with secrets hidden from reprs and headers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

import attrs
import msgspec

_decoder = msgspec.json.Decoder(float_hook=Decimal)


def _parsed(content: bytes) -> object:
    try:
        parsed: object = _decoder.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return parsed


@attrs.frozen(kw_only=True)
class RecordedAnswer:
    """One answer: its status, its headers and its raw body."""

    status: int
    headers: Mapping[str, str]
    content: bytes = attrs.field(repr=False)

    @property
    def body(self) -> object:
        """The body as parsed JSON, numbers exact; None when there is none."""
        return _parsed(self.content)


@attrs.define(kw_only=True)
class RecordedRequest:
    """One request as it arrived, and its answer.

    `operation` is the contract's id, or None for an unknown route. `path` is as sent, percent-encoded; `query` and
    `headers` are by name, with the Authorization value hidden. `token` is the number of its token in the order of
    issue, None without a valid one. `answer` is the API's own answer, None where there is none (yet); `delivered` is
    False when a fault kept it from the client. `fault` names the fault that was applied. `second` and `at` are the
    sandbox's own time.
    """

    number: int
    operation: str | None
    method: str
    path: str
    query: Mapping[str, str] = attrs.field(repr=False)
    headers: Mapping[str, str] = attrs.field(repr=False)
    content: bytes = attrs.field(repr=False)
    second: float
    at: datetime = attrs.field(repr=False)
    token: int | None
    answer: RecordedAnswer | None = None
    delivered: bool = False
    fault: str | None = None

    @property
    def body(self) -> object:
        """The body as parsed JSON, numbers exact; None when there is none, or when it is not JSON."""
        return _parsed(self.content)

    @property
    def status(self) -> int | None:
        """The status of the answer, or None without one."""
        return self.answer.status if self.answer else None
