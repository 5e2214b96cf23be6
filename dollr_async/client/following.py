"""Following what an id names, from any process: a payment, or the document that is paid."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from typing import TYPE_CHECKING

from dollr_async.base import fields
from dollr_async.base.enums import ExecutionKind
from dollr_async.base.errors import ConfigurationError, InvalidInputError
from dollr_async.base.numeric import is_number, shown
from dollr_async.client.core import Core
from dollr_async.flows.arguments import source_type as payable
from dollr_async.flows.handles import UnfinishedPayment, final_execution
from dollr_async.flows.hosted_checkout import Verification, verify

if TYPE_CHECKING:
    import uuid
    from collections.abc import AsyncIterator
    from datetime import datetime
    from decimal import Decimal

    from dollr_async.base.enums import SourceType
    from dollr_async.following.payments_to_watch import Followable
    from dollr_async.following.policy import PollPolicy
    from dollr_async.following.registry import StatusCheck
    from dollr_async.following.watch import SourceWatch, Watch
    from dollr_async.following.watch_many import MergedWatch
    from dollr_async.resources.executions import Execution


class Following(Core):
    """Follows payments and documents by their ids alone."""

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
            kind: the direction of the money.
            policy: how to follow this one; by default the client's.
            began_at: when the payment began (aware), so that an old one is asked rarely; it changes nothing else.

        Raises:
            InvalidInputError: the reference is not a version-4 UUID, the kind is unknown, or the time has no zone.
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

        It yields each payment's present state, then its changes up to the final one, and a `WatchFailure` for what
        cannot be followed: an unknown reference, or one that is not final in the policy's timeout. No failure ends the
        others. Each entry may be a reference, a `Payment`, an `UnfinishedPayment`, or a `PaymentToWatch` that says how
        old the payment is.

        Args:
            reference_ids: the payments; an async iterable is followed as it goes, for as long as it goes.
            kind: the direction of the money of those that are named by their reference alone.
            policy: how to follow each of these; by default the client's.
            at_once: how many are followed at one time; more are taken as those come to their end.

        Raises:
            InvalidInputError: what was given is no iterable of payments, the kind is unknown, or `at_once` is no such
                number.
        """
        if isinstance(reference_ids, str | bytes) or not isinstance(reference_ids, Iterable | AsyncIterable):
            sentence = f"watch_many takes several references, as in watch_many([reference_id]), not {reference_ids!r}"
            raise InvalidInputError(sentence)
        if isinstance(at_once, bool) or not isinstance(at_once, int) or at_once < 1:
            sentence = f"at_once must be a whole number from 1 up, not {at_once!r}"
            raise InvalidInputError(sentence)
        return self._registry.watch_many(
            reference_ids, fields.enum_member(ExecutionKind, kind), policy=policy, at_once=at_once
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
        """Follow a payment to its end, from its reference alone, and return the COMPLETED execution.

        Takes what `watch` takes, and `timeout` in seconds (None means the policy's).

        Raises:
            PaymentFailedError: it ended in FAILED.
            ActionRequiredError: its payer has to confirm a card, unless `raise_on_action` is False.
            PollTimeoutError: it was not final in time, which says nothing against it.
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
        """Look once at a payment, for those who schedule elsewhere: a task queue, or cron.

        Args:
            reference_id: the payment's key.
            kind: the direction of the money.
            age: seconds since the payment began; an old one is to be asked rarely.

        Raises:
            InvalidInputError: the reference is not a version-4 UUID, the kind is unknown, or the age is no such number.
            NotFoundError: the API does not know the reference, and the grace for "not yet" is over.
            APIStatusError, TransportError: the API could not be asked, which says nothing of the payment.
        """
        if not is_number(age) or age < 0:
            sentence = f"age must be a number of seconds from 0 up, not {shown(age)}"
            raise InvalidInputError(sentence)
        reference, kind = fields.reference(reference_id), fields.enum_member(ExecutionKind, kind)
        return await self._registry.check(reference, kind, age=age)

    async def unfinished(self) -> AsyncIterator[UnfinishedPayment]:
        """Iterate over every payment that an earlier run began and did not see end, the oldest first.

        Those that a run which is alive is working on are left out.

        Raises:
            ConfigurationError: the client has no journal.
            JournalError: the journal could not be read.
        """
        if self._journal is None:
            message = "only a journal knows what is unfinished: make the client with DollrClient(journal=...)"
            raise ConfigurationError(message)
        for entry in await self._journal.unfinished():
            yield UnfinishedPayment(
                reference_id=entry.reference_id,
                kind=ExecutionKind(entry.kind),
                began_at=entry.began_at,
                step=entry.step,
                executed=entry.executed,
                progress=entry.progress,
                registry=self._registry,
            )

    def watch_source(
        self, source_type: SourceType | str, source_id: int | str, *, policy: PollPolicy | None = None
    ) -> SourceWatch:
        """Return an async iterator over the changes of an invoice or an order, up to PAID or CANCELED.

        Args:
            source_type: the kind of document.
            source_id: its id.
            policy: how to follow this one; by default the client's.

        Raises:
            InvalidInputError: the kind is unknown or cannot be paid, or the id is not one.
        """
        return self._registry.watch_source(payable(source_type), fields.identifier(source_id), policy=policy)

    async def verify_source(
        self, source_type: SourceType | str, source_id: int | str, *, expected_amount: Decimal, currency: str
    ) -> Verification:
        """Ask the API whether a document is PAID, with this total and in this currency; it works in any process.

        Args:
            source_type: the kind of document.
            source_id: its id.
            expected_amount: what it has to cost, in major units of `currency`.
            currency: what it has to be billed in, three letters.

        Raises:
            InvalidInputError: an argument was refused; nothing was sent.
            APIStatusError, TransportError: the API could not be asked.
        """
        return await verify(
            self.status, payable(source_type), source_id, expected_amount=expected_amount, currency=currency
        )
