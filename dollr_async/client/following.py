"""Following a payment or a document by its id, from any process.

`watch`, `watch_many`, `wait`, `check`, `unfinished`, `watch_source` and `verify_source`.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from dollr_async.base import fields
from dollr_async.base.enums import ExecutionKind
from dollr_async.base.errors import ConfigurationError, InvalidInputError
from dollr_async.base.numeric import is_number, shown
from dollr_async.client.core import ClientCore
from dollr_async.client.settings import checked_count
from dollr_async.flows.arguments import source_type as payable
from dollr_async.flows.contested import check_document
from dollr_async.flows.handles import UnfinishedPayment
from dollr_async.flows.hosted_checkout import Verification, verify
from dollr_async.flows.waiting import final_execution

if TYPE_CHECKING:
    import uuid
    from collections.abc import AsyncIterator, Awaitable, Callable
    from datetime import datetime
    from decimal import Decimal

    from dollr_async.base.enums import SourceType
    from dollr_async.base.progress import Progress
    from dollr_async.following.payments_to_watch import Followable
    from dollr_async.following.policy import PollPolicy
    from dollr_async.following.status_checks import StatusCheck
    from dollr_async.following.watch import SourceWatch, Watch
    from dollr_async.following.watch_many import MergedWatch
    from dollr_async.resources.executions import Execution


class FollowingMethods(ClientCore):
    """The methods of `DollrClient` that follow payments and documents by their ids alone."""

    def watch(
        self,
        reference_id: uuid.UUID | str,
        kind: ExecutionKind | str = ExecutionKind.COLLECTION,
        *,
        policy: PollPolicy | None = None,
        began_at: datetime | None = None,
    ) -> Watch:
        """Return an async iterator over the changes of a payment, from its reference alone.

        Args:
            reference_id: the payment's key.
            kind: the direction of the money, such as COLLECTION.
            policy: how to follow this payment; by default the client's policy.
            began_at: when the payment began (timezone-aware), so that an old payment is polled less often. It changes
                nothing else.

        Raises:
            InvalidInputError: the reference is not a version-4 UUID, the kind is unknown, or the time has no
                timezone.
        """
        return self._registry.watch(
            fields.reference(reference_id),
            fields.enum_member(ExecutionKind, kind),
            policy=policy,
            began_at=fields.utc_time(began_at),
        )

    def watch_many(
        self,
        reference_ids: Iterable[Followable] | AsyncIterable[Followable],
        kind: ExecutionKind | str = ExecutionKind.COLLECTION,
        *,
        policy: PollPolicy | None = None,
        at_once: int = 10_000,
    ) -> MergedWatch:
        """Return one async iterator over the changes of many payments.

        For each payment it yields the present state, then every change up to the final one. For a payment that cannot
        be followed it yields a `WatchFailure`: the reference is unknown, or the payment was not final within the
        policy's timeout. A failure does not stop the other payments. Each entry is a reference, a `Payment`, an
        `UnfinishedPayment`, or a `PaymentToWatch`, which says how old the payment is.

        Args:
            reference_ids: the payments. From an async iterable, each payment is followed as soon as it arrives.
            kind: the direction of the money, for entries that are only a reference.
            policy: how to follow each payment; by default the client's policy.
            at_once: how many payments are followed at the same time. When one becomes final, the next one starts.

        Raises:
            InvalidInputError: `reference_ids` is not an iterable of payments, the kind is unknown, or `at_once` is not
                a whole number from 1 up.
        """
        if isinstance(reference_ids, str | bytes) or not isinstance(reference_ids, Iterable | AsyncIterable):
            sentence = f"watch_many takes several references, as in watch_many([reference_id]), not {reference_ids!r}"
            raise InvalidInputError(sentence)
        return self._registry.watch_many(
            reference_ids, fields.enum_member(ExecutionKind, kind), policy=policy, at_once=checked_count(at_once)
        )

    async def wait(
        self,
        reference_id: uuid.UUID | str,
        kind: ExecutionKind | str = ExecutionKind.COLLECTION,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - the face is fixed, and running out of time is an error of ours
        policy: PollPolicy | None = None,
        began_at: datetime | None = None,
        raise_on_action: bool = True,
    ) -> Execution:
        """Follow a payment to its final status, from its reference alone, and return the COMPLETED execution.

        Args:
            reference_id: the payment's key.
            kind: the direction of the money, such as COLLECTION.
            timeout: seconds to wait; None is the policy's timeout.
            policy: how to follow this payment; by default the client's policy.
            began_at: when the payment began (timezone-aware), so that an old payment is polled less often.
            raise_on_action: whether to raise an error when the payer has to confirm a card. With False it waits on.

        Raises:
            InvalidInputError: an argument was refused.
            PaymentFailedError: the payment is FAILED.
            ActionRequiredError: the payer has to confirm a card, and `raise_on_action` is True.
            PollTimeoutError: the payment was not final in time. It may still complete.
            NotFoundError: the API does not know the reference, also after the `not_found_grace` period.
            PermissionDeniedError, AuthenticationError: the status may not be read.
        """
        watch = self.watch(reference_id, kind, policy=policy, began_at=began_at)
        return await final_execution(watch.within(timeout), raise_on_action=raise_on_action)

    async def check(
        self,
        reference_id: uuid.UUID | str,
        kind: ExecutionKind | str = ExecutionKind.COLLECTION,
        *,
        age: float = 0.0,
    ) -> StatusCheck:
        """Check the status of a payment once, for a caller with its own schedule, such as a task queue or cron.

        Args:
            reference_id: the payment's key.
            kind: the direction of the money.
            age: seconds since the payment began. An old payment is checked less often: the result says when to check
                again.

        Raises:
            InvalidInputError: the reference is not a version-4 UUID, the kind is unknown, or the age is not a number
                from 0 up.
            NotFoundError: the API does not know the reference, and `age` is beyond the `not_found_grace` period.
            APIStatusError, TransportError: the API gave no usable answer. This says nothing about the payment.
        """
        if not is_number(age) or age < 0:
            sentence = f"age must be a number of seconds from 0 up, not {shown(age)}"
            raise InvalidInputError(sentence)
        reference, kind = fields.reference(reference_id), fields.enum_member(ExecutionKind, kind)
        return await self._registry.check(reference, kind, age=age)

    async def unfinished(self) -> AsyncIterator[UnfinishedPayment]:
        """Iterate over the payments that an earlier run began and that are not final in the journal, the oldest first.

        Payments that a live run works on are left out.

        Raises:
            ConfigurationError: the client has no journal.
            JournalError: the journal could not be read.
        """
        if self._journal is None:
            message = "unfinished() needs a journal: make the client with DollrClient(journal=...)"
            raise ConfigurationError(message)
        async for entry in self._journal.unfinished():
            yield UnfinishedPayment(
                reference_id=entry.reference_id,
                kind=ExecutionKind(entry.kind),
                began_at=entry.began_at,
                step=entry.step,
                executed=entry.executed,
                progress=entry.progress,
                status=entry.status,
                registry=self._registry,
                check_is_ours=self._document_check(entry.progress) if entry.is_contested else None,
            )

    def _document_check(self, progress: Progress) -> Callable[[Execution], Awaitable[None]] | None:
        """Return what decides whether a COMPLETED execution is this payment's own, where a document can tell."""
        if progress.source_id is None:
            return None
        grace = self._polling.not_found_grace
        return partial(check_document, status=self._registry.status, progress=progress, grace=grace, clock=self._clock)

    def watch_source(
        self, source_type: SourceType | str, source_id: int | str, *, policy: PollPolicy | None = None
    ) -> SourceWatch:
        """Return an async iterator over the changes of an invoice or an order, up to PAID or CANCELED.

        Args:
            source_type: the kind of document.
            source_id: its id.
            policy: how to follow this document; by default the client's policy.

        Raises:
            InvalidInputError: the kind is unknown or cannot be paid, or the id is not a number.
        """
        return self._registry.watch_source(payable(source_type), fields.identifier(source_id), policy=policy)

    async def verify_source(
        self, source_type: SourceType | str, source_id: int | str, *, expected_amount: Decimal, currency: str
    ) -> Verification:
        """Check with the API that a document is PAID, with this total and in this currency. It works in any process.

        Args:
            source_type: the kind of document.
            source_id: its id.
            expected_amount: the total that it must have, in major units of `currency`.
            currency: the currency that it must have, three letters.

        Raises:
            InvalidInputError: an argument was refused; nothing was sent.
            APIStatusError, TransportError: the API gave no usable answer.
        """
        return await verify(
            self.status, payable(source_type), source_id, expected_amount=expected_amount, currency=currency
        )
