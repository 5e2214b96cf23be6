"""The handles of an accepted payment: to follow it, to wait for it, and to fetch its receipt."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import attrs

from dollr_async.base.enums import ExecutionKind, ExecutionStatus, SourceType
from dollr_async.base.errors import InvalidRequestError, NotFoundError
from dollr_async.base.progress import Progress
from dollr_async.base.record import JsonRecord
from dollr_async.flows.contested import check_document
from dollr_async.flows.waiting import final_execution
from dollr_async.following.registry import PollerRegistry
from dollr_async.resources.executions import Execution

if TYPE_CHECKING:
    from dollr_async.base.clock import Clock
    from dollr_async.following.policy import PollPolicy
    from dollr_async.following.watch import Watch
    from dollr_async.resources.groups import Groups
    from dollr_async.resources.invoices import InvoiceReceipt
    from dollr_async.resources.orders import OrderReceipt


@attrs.frozen(kw_only=True, eq=False, repr=False)
class UnfinishedPayment(JsonRecord):
    """A payment that an earlier run began, and whose final status is not known.

    If `executed` is False, no execution was ever sent. Then you can safely start the payment again under the same
    `reference_id`. `step` is the last step that the API acknowledged. `began_at` is a timezone-aware time in UTC.
    `progress` has every id made so far. `status` is the last one that was seen, or None.
    """

    reference_id: UUID
    kind: ExecutionKind
    began_at: datetime
    step: str
    executed: bool
    progress: Progress
    status: str | None = None
    _registry: PollerRegistry = attrs.field(alias="registry", repr=False)
    _check_is_ours: Callable[[Execution], Awaitable[None]] | None = attrs.field(
        default=None, alias="check_is_ours", repr=False, eq=False
    )

    def watch(self) -> Watch:
        """Return an iterator over the payment's changes, as `DollrClient.watch` does."""
        return self._registry.watch(self.reference_id, self.kind, began_at=self.began_at)

    async def wait(self, timeout: float | None = None, *, raise_on_action: bool = True) -> Execution:  # noqa: ASYNC109 - the signature is public and fixed, and running out of time is an error of ours
        """Follow the payment to its final status, as `DollrClient.wait` does, with the same errors.

        Raises:
            ReferenceUsedError: another run has used the reference, and has paid another document.
        """
        watch = self.watch().within(timeout)
        return await final_execution(watch, raise_on_action=raise_on_action, check_is_ours=self._check_is_ours)


class Payment:
    """A payment that the API has accepted: iterate over it for its changes, or await `wait()`.

    Attributes:
        reference_id: the payment's key; nothing else is needed to follow it from another process.
        kind: the direction of the money.
    """

    def __init__(
        self, execution: Execution, *, progress: Progress, kind: ExecutionKind, registry: PollerRegistry
    ) -> None:
        """Begin with the answer to the execution."""
        self.reference_id = progress.reference_id
        self.kind = kind
        self._progress = progress
        self._registry = registry
        self._poller = registry.update(execution, self.reference_id, kind)
        self._first = execution

    @property
    def execution(self) -> Execution:
        """The latest state that this client has seen. Reading it sends no request."""
        return self._poller.latest or self._first

    @property
    def status(self) -> ExecutionStatus:
        """The latest status that was seen."""
        return self.execution.status

    @property
    def requires_action(self) -> bool:
        """Whether the payer had to confirm a card when it was last seen."""
        return bool(self.execution.requires_action)

    @property
    def client_secret(self) -> str | None:
        """What the browser needs to confirm the card, or None. No `repr` shows it."""
        return self.execution.client_secret or self._first.client_secret

    @property
    def party_id(self) -> int | None:
        """The id of the party who pays or is paid; None if this payment did not need it."""
        return self._progress.party_id

    @property
    def counterparty_id(self) -> int | None:
        """The id of the counterparty who pays or is paid, or None."""
        return self._progress.counterparty_id

    @property
    def session_id(self) -> int | None:
        """The id of the session that was executed."""
        return self._progress.session_id

    @property
    def payment_account_id(self) -> int | None:
        """The id of the account that pays or is paid. Store it to use it again with `SavedAccount`."""
        return self._progress.payment_account_id

    def __aiter__(self) -> Watch:
        """Return an iterator over the changes: the present state at once, the final one last."""
        return self._registry.watch(self.reference_id, self.kind)

    async def wait(self, timeout: float | None = None, *, raise_on_action: bool = True) -> Execution:  # noqa: ASYNC109 - the signature is public and fixed, and running out of time is an error of ours
        """Follow the payment to its final status and return the COMPLETED execution.

        Args:
            timeout: seconds to wait; None is the policy's timeout.
            raise_on_action: whether to raise an error when the payer has to confirm a card. With False it waits on.

        Raises:
            PaymentFailedError: the payment is FAILED.
            ActionRequiredError: the payer has to confirm a card, and `raise_on_action` is True.
            PollTimeoutError: the payment was not final in time. It may still complete.
        """
        return await self._wait(timeout, raise_on_action=raise_on_action)

    async def _wait(
        self,
        timeout: float | None,  # noqa: ASYNC109 - as above
        *,
        raise_on_action: bool,
        check_is_ours: Callable[[Execution], Awaitable[None]] | None = None,
    ) -> Execution:
        return await final_execution(
            self._registry.watch(self.reference_id, self.kind).within(timeout),
            raise_on_action=raise_on_action,
            client_secret=self._first.client_secret,
            check_is_ours=check_is_ours,
        )

    def to_json(self) -> dict[str, Any]:
        """Return a plain dict for `json.dumps`: the latest state and every id, without a secret.

        Amounts and the reference are text. The card's `client_secret` is left out: hand it to the browser by itself.
        """
        return {
            **self._progress.to_json(),
            "kind": str(self.kind),
            "status": str(self.status),
            "requires_action": self.requires_action,
            "execution": self.execution.to_json(),
        }

    def __repr__(self) -> str:
        """Show the reference and the status, and no secret."""
        return f"<{type(self).__name__} {self.reference_id} {self.status}>"


class Collection(Payment):
    """A collection that the API has accepted, with every id that led to it."""

    def __init__(
        self,
        execution: Execution,
        *,
        progress: Progress,
        api: Groups,
        registry: PollerRegistry,
        polling: PollPolicy,
        clock: Clock,
        is_contested: bool = False,
        made_document: bool = False,
    ) -> None:
        """Begin with the answer to the execution.

        `is_contested` says that it may be another run's, `made_document` that its document was made for it alone.
        """
        super().__init__(execution, progress=progress, kind=ExecutionKind.COLLECTION, registry=registry)
        registry.subscribe_to_push(progress.reference_id, progress.session_id, progress.source_type)
        self._api = api
        self._polling = polling
        self._clock = clock
        self._is_contested = is_contested
        if made_document and not is_contested:
            registry.decide_by_document(progress.reference_id, progress)

    async def wait(self, timeout: float | None = None, *, raise_on_action: bool = True) -> Execution:  # noqa: ASYNC109 - the signature is public and fixed, and running out of time is an error of ours
        """Follow the payment to its final status and return the COMPLETED execution.

        Args:
            timeout: seconds to wait; None is the policy's timeout.
            raise_on_action: whether to raise an error when the payer has to confirm a card. With False it waits on.

        Raises:
            PaymentFailedError: the payment is FAILED.
            ActionRequiredError: the payer has to confirm a card, and `raise_on_action` is True.
            PollTimeoutError: the payment was not final in time. It may still complete.
            ReferenceUsedError: another run has used the reference, and has paid another document.
        """
        return await self._wait(timeout, raise_on_action=raise_on_action, check_is_ours=self._check_is_ours)

    async def _check_is_ours(self, execution: Execution) -> None:
        if self._is_contested:
            await check_document(
                execution,
                self._api.status,
                self._progress,
                grace=self._polling.not_found_grace,
                clock=self._clock,
            )
            self._is_contested = False

    @property
    def source_type(self) -> SourceType:
        """The kind of document that is paid."""
        return SourceType(self._progress.source_type or "")

    @property
    def source_id(self) -> int | None:
        """The document's id."""
        return self._progress.source_id

    @property
    def source_number(self) -> str | None:
        """The document's number, for people and for links."""
        return self._progress.source_number

    async def receipt(self) -> InvoiceReceipt | OrderReceipt:
        """Fetch the receipt, once the payment is COMPLETED.

        The document may become PAID a little later than the payment. So after a 404 or a 422 the receipt is fetched
        again, for the policy's `not_found_grace` seconds.

        Raises:
            NotFoundError, InvalidRequestError: there is no receipt.
            APIStatusError, TransportError: the API gave no usable answer.
        """
        documents = self._api.documents(self.source_type)
        began = self._clock.monotonic()
        while True:
            try:
                return await documents.receipt(self.source_id or 0)
            except (NotFoundError, InvalidRequestError):
                waited = self._clock.monotonic() - began
                if self.status != ExecutionStatus.COMPLETED or waited >= self._polling.not_found_grace:
                    raise
            await self._clock.sleep(self._polling.next_delay(waited))
