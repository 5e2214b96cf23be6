"""Documents that are paid on a page of Dollr's: the page, and the check that decides whether they were paid."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

import attrs

from dollr_async.base import fields, money
from dollr_async.base.enums import ExecutionKind, SourceStatus, SourceType
from dollr_async.base.errors import DecodeError, InvalidInputError
from dollr_async.base.record import JsonRecord
from dollr_async.flows.arguments import KnownSource
from dollr_async.flows.document_steps import SourceSteps
from dollr_async.flows.documents import check_payable
from dollr_async.flows.payer_steps import PayerSteps
from dollr_async.flows.runner import stopped
from dollr_async.flows.steps import StepFailed, Steps
from dollr_async.flows.terms import A_KNOWN_SOURCE, Terms
from dollr_async.following.registry import PollerRegistry
from dollr_async.resources.status import SourceState, Status

if TYPE_CHECKING:
    from dollr_async.flows.documents import CheckedOut, PageTerms
    from dollr_async.following.watch import SourceWatch
    from dollr_async.resources.groups import Groups


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Verification(JsonRecord):
    """Whether a document is PAID as expected. Use it as a boolean: its truth value is `ok`.

    `reason` says in a sentence why it is not, and is None when it is. `source` is the state that the API reported.
    """

    ok: bool
    reason: str | None
    source: SourceState

    def __bool__(self) -> bool:
        """Whether it was paid as expected."""
        return self.ok


async def verify(
    status: Status, source_type: SourceType | str, source_id: int | str, *, expected_amount: Decimal, currency: str
) -> Verification:
    """Check the status of a document, and return whether it is PAID in this amount and this currency."""
    wanted = fields.currency_code(currency)
    amount = money.amount_in(expected_amount, wanted)
    source = await status.source(source_type, source_id)
    name = f"{source.source_type} {source.source_id}"
    reason = None
    if source.status != SourceStatus.PAID:
        reason = f"{name} is {source.status}, not PAID"
    elif source.currency.upper() != wanted:
        reason = f"{name} was billed in {source.currency}, not in {wanted}"
    elif money.rounded(source.total_amount, wanted) != money.rounded(amount, wanted):
        reason = f"{name} has a total of {source.total_amount} {wanted}, not of {amount}"
    return Verification(ok=reason is None, reason=reason, source=source)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class HostedCheckout(JsonRecord):
    """A published document and the page that it is paid on: send the payer to `url`, then iterate or `wait`.

    A payer who comes back from the page may not have paid: `verify` checks it with the API. `expected_amount` is in
    major units of `currency`. After `expires_at`, `DollrClient.payment_link` gives another page. `to_json()` has the
    `url`, since the payer needs it. Whoever has the `url` can open the page.
    """

    url: str = attrs.field(repr=False)
    source_type: SourceType
    source_id: int
    source_number: str
    expected_amount: Decimal
    currency: str
    expires_at: datetime | None = None
    party_id: int | None = None
    counterparty_id: int | None = None
    _status: Status = attrs.field(alias="status", repr=False)
    _registry: PollerRegistry = attrs.field(alias="registry", repr=False)

    def __aiter__(self) -> SourceWatch:
        """Return an iterator over the document's changes: the present state at once, PAID or CANCELED last."""
        return self._registry.watch_source(self.source_type, self.source_id)

    async def wait(self, timeout: float | None = None) -> SourceState:  # noqa: ASYNC109 - as with a payment's handle
        """Follow the document to its end, PAID or CANCELED, and return it.

        Args:
            timeout: seconds to wait; None is the policy's timeout.

        Raises:
            PollTimeoutError: the document was neither in time. It may still be paid.
        """
        watch = self._registry.watch_source(self.source_type, self.source_id).within(timeout)
        with watch.reported_wait() as operation:
            async for change in watch:
                operation.status = change.status
                if change.is_final:
                    return change.source
        raise AssertionError  # pragma: no cover - a watch ends with a final change or an error

    async def verify(self) -> Verification:
        """Check with the API that the document is PAID, in the amount and the currency that you asked for.

        Raises:
            APIStatusError, TransportError: the API gave no usable answer. This says nothing about the payment.
        """
        amount, currency = self.expected_amount, self.currency
        return await verify(self._status, self.source_type, self.source_id, expected_amount=amount, currency=currency)


async def check_out(
    api: Groups, terms: Terms, page: PageTerms, steps: Steps, registry: PollerRegistry
) -> HostedCheckout:
    """Make a document and its page in one call.

    Raises:
        CollectError: a step failed.
    """
    payer_steps = PayerSteps(
        api=api,
        steps=steps,
        payer=terms.payer,
        pay_with=terms.pay_with,
        operation=ExecutionKind.COLLECTION,
        makes_party=False,
        must_know_phone=True,
    )
    try:
        contact = await payer_steps.contact()
        made = await SourceSteps(api=api, steps=steps, terms=terms).check_out(contact, page)
        url = made.url
        if not url:
            url = await steps.step("checkout", partial(_page, api, terms.source_type, made.source_number))
    except StepFailed as failed:
        raise stopped(failed, steps) from failed.__cause__
    return _handle(made, url, terms, registry)


def _handle(made: CheckedOut, url: str, terms: Terms, registry: PollerRegistry) -> HostedCheckout:
    return HostedCheckout(
        url=url,
        source_type=terms.source_type,
        source_id=made.source_id,
        source_number=made.source_number,
        expected_amount=terms.total,
        currency=terms.currency,
        expires_at=made.expires_at,
        party_id=made.party_id,
        counterparty_id=made.counterparty_id,
        status=registry.status,
        registry=registry,
    )


async def _page(api: Groups, source_type: SourceType, source_number: str) -> str:
    cause: DecodeError | None = None
    try:
        if url := (await api.links.pay(source_type=source_type, source_number=source_number)).url:
            return url
    except DecodeError as error:
        if error.path != "url":
            raise
        cause = error
    message = (
        f"the API gave no url for the page of {source_type} {source_number}, and none can be built from its number: "
        "ask again with dollr.payment_link(KnownSource(...), currency=...)"
    )
    raise DecodeError(message, path="url") from cause


async def link(api: Groups, source: KnownSource, currency: str, registry: PollerRegistry) -> HostedCheckout:
    """Return the page of an existing document that is ACTIVE and has the total that the caller expects.

    Raises:
        InvalidInputError: an argument was refused; nothing was sent.
        DollrError: it is not, or the API could not be asked.
    """
    if not isinstance(source, KnownSource):
        sentence = f"source must be {A_KNOWN_SOURCE}"
        raise InvalidInputError(sentence)
    wanted = fields.currency_code(currency)
    expected = money.amount_in(source.expected_total, wanted)
    state = await api.status.source(source.source_type, source.source_id)
    check_payable(state, expected=expected, currency=wanted)
    return HostedCheckout(
        url=await _page(api, state.source_type, state.source_number),
        source_type=state.source_type,
        source_id=state.source_id,
        source_number=state.source_number,
        expected_amount=expected,
        currency=wanted,
        status=registry.status,
        registry=registry,
    )
