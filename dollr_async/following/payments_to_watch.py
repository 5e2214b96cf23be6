"""What `watch_many` takes, and what it says of a payment that it cannot follow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from datetime import datetime
from typing import Protocol, Self, TypeAlias
from uuid import UUID

import attrs

from dollr_async.base import fields
from dollr_async.base.enums import ExecutionKind
from dollr_async.base.errors import DollrError, InvalidInputError
from dollr_async.base.record import Record

_TAKEN_AT_ONCE = 10
"""References taken in one turn of the loop from a source that never waits."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class WatchFailure(Record):
    """One payment that `watch_many` cannot follow, or follows no longer; the others go on.

    `error` is what a watch of that one payment would have raised. It never means that the payment failed: that is a
    `StatusChange` to FAILED. `reference_id` is as it was given where it is no reference.
    """

    reference_id: UUID | str
    error: DollrError


def _kind(value: ExecutionKind | str) -> ExecutionKind:
    return fields.enum_member(ExecutionKind, value)


@attrs.frozen(eq=False, repr=False)
class PaymentToWatch(Record):
    """One payment for `watch_many` to follow, with what is known of it.

    Args:
        reference_id: the payment's key, a version-4 UUID.
        kind: the direction of the money.
        began_at: when the payment began (aware), so that an old one is asked rarely.

    Raises:
        InvalidInputError: the reference is not a version-4 UUID, the kind is unknown, or the time has no zone.
    """

    reference_id: UUID = attrs.field(converter=fields.reference)
    kind: ExecutionKind = attrs.field(default=ExecutionKind.COLLECTION, converter=_kind)
    began_at: datetime | None = attrs.field(default=None, converter=fields.utc_time)


class Named(Protocol):
    """What says which payment it is, as a `Payment` and an `UnfinishedPayment` do; a `began_at` on it is heeded."""

    @property
    def reference_id(self) -> UUID:
        """The payment's key."""
        ...

    @property
    def kind(self) -> ExecutionKind:
        """The direction of the money."""
        ...


Followable: TypeAlias = UUID | str | PaymentToWatch | Named


def named(entry: Followable, kind: ExecutionKind) -> PaymentToWatch:
    """Return the payment that an entry names; `kind` is that of a reference alone.

    Raises:
        InvalidInputError: it names none.
    """
    if isinstance(entry, PaymentToWatch):
        return entry
    if isinstance(entry, UUID | str):
        return PaymentToWatch(entry, kind)
    try:
        return PaymentToWatch(entry.reference_id, entry.kind, getattr(entry, "began_at", None))
    except AttributeError:
        sentence = f"{entry!r:.60} names no payment: give its reference_id, as in uuid.uuid4(), or a PaymentToWatch"
        raise InvalidInputError(sentence) from None


class Source:
    """References as they come, from an iterable of either kind."""

    def __init__(self, source: Iterable[Followable] | AsyncIterable[Followable]) -> None:
        """Take nothing yet."""
        self._coming: AsyncIterator[Followable] | None = aiter(source) if isinstance(source, AsyncIterable) else None
        self._there = iter(()) if isinstance(source, AsyncIterable) else iter(source)
        self._taken = 0

    def __aiter__(self) -> Self:
        """Return itself."""
        return self

    async def __anext__(self) -> Followable:
        """Return the next reference."""
        self._taken += 1
        if self._taken % _TAKEN_AT_ONCE == 0:
            await asyncio.sleep(0)  # ten thousand at once must not hold up the loop
        if self._coming is not None:
            return await anext(self._coming)
        for entry in self._there:
            return entry
        raise StopAsyncIteration
