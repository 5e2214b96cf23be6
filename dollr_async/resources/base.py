"""`Resource`, the base of every group of operations, and what the groups share."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol, TypeVar
from urllib.parse import quote

from dollr_async.base.errors import DecodeError, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from dollr_async.wire.codec import Body
    from dollr_async.wire.retry import RetryPolicy

T = TypeVar("T")
# Text that percent-encoding does not change, as nearly every id is: this check takes half the time of quoting it.
_SAFE = re.compile(r"[A-Za-z0-9_-]+")


class Caller(Protocol):
    """Makes one API call and returns its answer in a given shape."""

    async def call(
        self,
        method: str,
        path: str,
        shape: type[T],
        *,
        query: Mapping[str, object] | None = None,
        body: Body | None = None,
        retry: RetryPolicy | None = None,
    ) -> T:
        """Make the call; `path` is relative to `/v1/`."""
        ...


class Resource:
    """A group of operations on one kind of object."""

    def __init__(self, caller: Caller) -> None:
        """Use a caller for every operation."""
        self._caller = caller

    def _get(self, path: str, shape: type[T], **query: object) -> Awaitable[T]:
        return self._caller.call("GET", path, shape, query=query)

    def _list(self, path: str, entry: type[T], **query: object) -> Awaitable[tuple[T, ...]]:
        shape: type[tuple[T, ...]] = tuple[entry, ...]  # type: ignore[valid-type] # a type made at run time
        return self._caller.call("GET", path, shape, query=query)

    def _post(self, path: str, shape: type[T], body: Body, **query: object) -> Awaitable[T]:
        return self._caller.call("POST", path, shape, body=body, query=query)

    def _put(self, path: str, shape: type[T], body: Body | None = None) -> Awaitable[T]:
        return self._caller.call("PUT", path, shape, body=body)

    def _delete(self, path: str, shape: type[T]) -> Awaitable[T]:
        return self._caller.call("DELETE", path, shape)


async def answer_or_none(change: Awaitable[T]) -> T | None:
    """Return the answer of a change, or None if it is not the changed object.

    The answers of some changes are not documented, and a success in another shape is still a success.
    """
    try:
        return await change
    except DecodeError:
        return None


def segment(value: object) -> str:
    """Return an id or a document's number as one percent-encoded part of a path.

    Raises:
        InvalidInputError: it is empty, has only dots (which would name another path), or cannot be sent.
    """
    written = str(value)
    if _SAFE.fullmatch(written):
        return written
    # Half of a surrogate pair has no bytes to send.
    sendable = written.encode(errors="ignore").decode()
    if not written.strip(".") or sendable != written:
        message = f"{written!r:.60} is not an id or a number: write the one that the API gave, as in 310"
        raise InvalidInputError(message)
    return quote(written, safe="")
