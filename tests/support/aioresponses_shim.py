"""Lets aioresponses 0.7.9 work with aiohttp 3.14, whose responses need a `stream_writer` that it does not pass."""

from __future__ import annotations

from typing import Any, Protocol, cast

from aiohttp import ClientResponse
from aioresponses import aioresponses


class _Writer(Protocol):
    output_size: int


class _NoWriter:
    output_size = 0


class CannedResponse(ClientResponse):
    """A response for which no request was written."""

    def __init__(self, *args: Any, stream_writer: _Writer | None = None, **keywords: Any) -> None:  # noqa: ANN401 - passed on
        super().__init__(*args, stream_writer=cast("Any", stream_writer or _NoWriter()), **keywords)


class CannedAnswers(aioresponses):  # type: ignore[misc] # it comes without types
    """aioresponses that uses the class above."""

    def add(self, *args: Any, **keywords: Any) -> None:  # noqa: ANN401 - passed on
        super().add(*args, **{"response_class": CannedResponse, **keywords})
