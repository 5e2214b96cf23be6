"""Reads a long list without holding up the event loop: item by item, with a break every few milliseconds.

Lists of the API have no pages, so a merchant with 20,000 open invoices gets all of them in one answer.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, TypeVar, cast, get_args, get_origin

import msgspec

from dollr_async.base.errors import DecodeError
from dollr_async.wire import codec

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

LARGE = 256 * 1024
"""Bytes from which on a list is read in slices; below, it takes some milliseconds in one go."""

_SLICE = 0.005
"""Seconds of reading after which the event loop has its turn."""


class _Wrapped(msgspec.Struct):
    """A list in a `data` wrapper."""

    data: list[msgspec.Raw]


# These only find where each item begins and ends, which takes a millisecond for each megabyte.
_items_in_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_items_in_wrapper = msgspec.json.Decoder(_Wrapped).decode


def is_large_list(content: bytes, shape: type[object]) -> bool:
    """Whether a body is a list that would hold up the event loop."""
    return len(content) > LARGE and get_origin(shape) is tuple


async def decode(content: bytes, shape: type[T]) -> T:
    """Return a list as `shape`, as `codec.decode` does, but in slices.

    Raises:
        DecodeError: the body is not JSON, or a documented field is missing or unreadable; `path` names it.
    """
    try:
        is_wrapped = content[:LARGE].lstrip().startswith(b"{")
        items = _items_in_wrapper(content).data if is_wrapped else _items_in_list(content)
    except (msgspec.DecodeError, RecursionError):
        return codec.decode(content, shape)  # for the error that names what is wrong
    found: list[object] = []
    read: Callable[[msgspec.Raw], object] = codec.reader_of(get_args(shape)[0])
    until = time.perf_counter() + _SLICE
    for item in items:
        try:
            found.append(read(item))
        except Exception:  # noqa: BLE001 - the item is read again, for the error that names what is wrong
            raise _error_of(item, len(found), shape) from None
        if time.perf_counter() >= until:
            await asyncio.sleep(0)
            until = time.perf_counter() + _SLICE
    return cast("T", tuple(found))


def _error_of(item: msgspec.Raw, place: int, shape: type[object]) -> DecodeError:
    """Return the error of an item as that of the whole list."""
    try:
        codec.decode(b"[%b]" % bytes(item), shape)
    except DecodeError as error:
        path = error.path.replace("[0]", f"[{place}]", 1)
        return DecodeError(str(error).replace(f" at {error.path}", f" at {path}"), path=path)
    return DecodeError(f"an item of the answer cannot be read at [{place}]", path=f"[{place}]")
