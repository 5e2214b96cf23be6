"""Reads a long list without holding up the event loop: item by item, with a break every few milliseconds.

Lists of the API have no pages, so a merchant with 20,000 open invoices gets all of them in one answer.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, get_args, get_origin

import cattrs

from dollr_async.base import money
from dollr_async.wire import codec

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

LARGE = 256 * 1024
"""Bytes from which on a list is read in slices; below, it takes some milliseconds in one go."""

_SLICE = 0.005
"""Seconds of reading after which the event loop has its turn."""

_SPACE = " \t\n\r"


def is_large_list(content: bytes, shape: type[object]) -> bool:
    """Whether a body is a list that would hold up the event loop."""
    return len(content) > LARGE and get_origin(shape) is tuple


async def decode(content: bytes, shape: type[T]) -> T:
    """Return a list as `shape`, as `codec.decode` does, but in slices.

    Raises:
        DecodeError: the body is not JSON, or a documented field is missing or unreadable; `path` names it.
    """
    try:
        # A tuple of the shape's items, which no type can say.
        items: Any = await _items(content.decode(), codec.hook_of(get_args(shape)[0]))
    except (ValueError, TypeError, ArithmeticError, RecursionError, cattrs.BaseValidationError):
        # It is no plain list, or an item has a wrong shape: then read as any answer is, for the error that names it.
        return codec.decode(content, shape)
    found: T = items
    return found


async def _items(text: str, read: Callable[[object], object]) -> tuple[object, ...]:
    parse = json.JSONDecoder(parse_float=money.read, parse_constant=_refuse).raw_decode
    found: list[object] = []
    position = _after(text, _past_space(text, 0), "[")
    until = time.perf_counter() + _SLICE
    while not text.startswith("]", position):
        item, position = parse(text, position)
        found.append(read(item))
        position = _past_space(text, position)
        if not text.startswith("]", position):
            position = _after(text, position, ",")
        if time.perf_counter() >= until:
            await asyncio.sleep(0)
            until = time.perf_counter() + _SLICE
    if _past_space(text, position + 1) != len(text):
        raise ValueError("there is more after the list")
    return tuple(found)


def _after(text: str, position: int, character: str) -> int:
    if not text.startswith(character, position):
        message = f"{character} expected"
        raise ValueError(message)
    return _past_space(text, position + 1)


def _past_space(text: str, position: int) -> int:
    while position < len(text) and text[position] in _SPACE:
        position += 1
    return position


def _refuse(constant: str) -> NoReturn:
    message = f"{constant} is no JSON"
    raise ValueError(message)
