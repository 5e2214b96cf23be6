"""Lets aioresponses 0.7.9 speak to aiohttp 3.14, whose answers want a `stream_writer` that it does not give."""

from __future__ import annotations

from typing import Any, Protocol, cast

from aiohttp import ClientResponse
from aioresponses import aioresponses


class _Writer(Protocol):
    output_size: int


class _NoWriter:
    output_size = 0


class CannedResponse(ClientResponse):
    """An answer that no request was written for."""

    def __init__(self, *args: Any, stream_writer: _Writer | None = None, **keywords: Any) -> None:  # noqa: ANN401 - passed on
        super().__init__(*args, stream_writer=cast("Any", stream_writer or _NoWriter()), **keywords)


class CannedAnswers(aioresponses):  # type: ignore[misc] # it comes without types
    """aioresponses whose answers are of the class above."""

    def add(self, *args: Any, **keywords: Any) -> None:  # noqa: ANN401 - passed on
        super().add(*args, **{"response_class": CannedResponse, **keywords})
