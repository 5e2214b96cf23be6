"""What `watch_many` takes, and what it yields for a payment that it cannot follow."""

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
from dollr_async.base.record import JsonRecord, Record

_READ_IN_ONE_TURN = 10
"""Payments read in one turn of the loop from a stream that never waits."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class WatchFailure(JsonRecord):
    """One payment that `watch_many` cannot follow, or cannot follow any longer; the others go on.

    `error` is what a watch of that one payment would have raised. It never means that the payment failed: that is a
    `StatusChange` to FAILED. Where `reference_id` is no valid reference, it is the text that was given.
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
        began_at: when the payment began (timezone-aware), so that an old one is polled rarely.

    Raises:
        InvalidInputError: the reference is not a version-4 UUID, the kind is unknown, or the time has no timezone.
    """

    reference_id: UUID = attrs.field(converter=fields.reference)
    kind: ExecutionKind = attrs.field(default=ExecutionKind.COLLECTION, converter=_kind)
    began_at: datetime | None = attrs.field(default=None, converter=fields.utc_time)


class HasReference(Protocol):
    """An object that names its payment, such as a `Payment` or an `UnfinishedPayment`; a `began_at` is used too."""

    @property
    def reference_id(self) -> UUID:
        """The payment's key."""
        ...

    @property
    def kind(self) -> ExecutionKind:
        """The direction of the money."""
        ...


Followable: TypeAlias = UUID | str | PaymentToWatch | HasReference


def payment_to_watch(given: Followable, kind: ExecutionKind) -> PaymentToWatch:
    """Return the payment that `given` names; `kind` applies where it is a reference alone.

    Raises:
        InvalidInputError: it names no payment.
    """
    if isinstance(given, PaymentToWatch):
        return given
    if isinstance(given, UUID | str):
        return PaymentToWatch(given, kind)
    try:
        return PaymentToWatch(given.reference_id, given.kind, getattr(given, "began_at", None))
    except AttributeError:
        sentence = f"{given!r:.60} names no payment: give its reference_id, as in uuid.uuid4(), or a PaymentToWatch"
        raise InvalidInputError(sentence) from None


class PaymentStream:
    """The payments that `watch_many` was given, read one by one from an iterable of either kind."""

    def __init__(self, given: Iterable[Followable] | AsyncIterable[Followable]) -> None:
        """Read nothing yet."""
        self._async: AsyncIterator[Followable] | None = aiter(given) if isinstance(given, AsyncIterable) else None
        self._sync = iter(()) if isinstance(given, AsyncIterable) else iter(given)
        self._count = 0

    def __aiter__(self) -> Self:
        """Return itself."""
        return self

    async def __anext__(self) -> Followable:
        """Return the next payment."""
        self._count += 1
        if self._count % _READ_IN_ONE_TURN == 0:
            await asyncio.sleep(0)  # ten thousand at once must not hold up the loop
        if self._async is not None:
            return await anext(self._async)
        for payment in self._sync:
            return payment
        raise StopAsyncIteration
