"""Money that comes in: `collect`, and `hosted_checkout` and `payment_link` for a payment page that Dollr hosts."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from dollr_async.base.enums import CheckoutMode, FeeBearer, SourceType
from dollr_async.base.reporting import ObservedOperation
from dollr_async.client.core import ClientCore
from dollr_async.flows.arguments import MobileMoney
from dollr_async.flows.collect import CollectionChain
from dollr_async.flows.documents import PageTerms
from dollr_async.flows.handles import Collection
from dollr_async.flows.hosted_checkout import HostedCheckout, check_out, link
from dollr_async.flows.terms import Terms

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from dollr_async.flows.arguments import Card, KnownPayer, KnownSource, LineItem, Payer, SavedAccount


class MoneyInMethods(ClientCore):
    """The methods of `DollrClient` that bring money in."""

    async def collect(
        self,
        *,
        payer: Payer | KnownPayer,
        items: Sequence[LineItem] | None = None,
        currency: str,
        source: KnownSource | None = None,
        pay_with: MobileMoney | Card | SavedAccount | None = None,
        source_type: SourceType = SourceType.INVOICE,
        direct: bool = False,
        mode: CheckoutMode | str | None = None,
        payer_currency: str | None = None,
        fee_bearer: FeeBearer = FeeBearer.PAYER,
        note: str | None = None,
        due_date: datetime | None = None,
        document_reference: str | None = None,
        reference_id: uuid.UUID | str | None = None,
    ) -> Collection:
        """Collect money: make the document, publish it, and execute a session for it.

        It returns once the API has accepted the execution. For the outcome, iterate over the handle or await its
        `wait()`.

        Args:
            payer: who pays, `Payer(fullname, phone)` or `KnownPayer(counterparty_id)`.
            items: what is paid for. Amounts are `Decimal`, in major units of `currency`.
            currency: the currency of the bill, three letters.
            source: a document that exists, in place of `items`. It must be ACTIVE and have the total that you expect.
            pay_with: `MobileMoney()` (the default, from the payer's own phone), `Card(account_name)` or
                `SavedAccount(id)`.
            source_type: the kind of document, an invoice or an order.
            direct: make payer, document and lines in one request instead of one request for each.
            mode: the mode of that one request; by default DIRECT.
            payer_currency: the currency of the charge, if it is not `currency`. The document's quote gives the amount.
            fee_bearer: who pays the fees. PAYEE is not possible with `direct`.
            note: text on the document; by default the names of the items.
            due_date: a timezone-aware time on the invoice.
            document_reference: your own text on the document; by default the payment's reference.
            reference_id: the payment's key, a version-4 UUID; by default a new one. Make your own and store it before
                you call. Then calling again cannot charge twice.

        Raises:
            InvalidInputError: an argument was refused; nothing was sent.
            ConfigurationError: the client is closed, or was opened in another event loop.
            ReferenceUsedError: the reference already names a payment, with these or different terms. This call did
                not charge a second time.
            JournalError: the payment could not be stored, or another run has taken it over. Nothing was sent, unless
                the message says so.
            CollectError: a step failed, and no money moved.
            OutcomeUnknownError: the execution was sent, and its outcome is unknown. Do not pay again: check later.
            DecodeError: the execution was accepted, but its answer does not have the documented shape.
        """
        terms = Terms(
            payer=payer,
            items=items,
            currency=currency,
            source=source,
            pay_with=pay_with if pay_with is not None else MobileMoney(),
            source_type=source_type,
            direct=direct,
            mode=mode,
            payer_currency=payer_currency if payer_currency is not None else currency,
            fee_bearer=fee_bearer,
            note=note,
            due_date=due_date,
            document_reference=document_reference,
            reference_id=uuid.uuid4() if reference_id is None else reference_id,
            is_own_reference=reference_id is None,
        )
        execution, flow = await self._run_payment(terms, terms.reference_id, CollectionChain)
        return Collection(
            execution,
            progress=flow.progress,
            api=self._client or self,
            registry=self._registry,
            polling=self._polling,
            clock=self._clock,
            is_contested=flow.is_contested,
            made_document=source is None,
        )

    async def hosted_checkout(
        self,
        *,
        payer: Payer | KnownPayer,
        items: Sequence[LineItem],
        currency: str,
        source_type: SourceType = SourceType.INVOICE,
        success_url: str | None = None,
        cancel_url: str | None = None,
        note: str | None = None,
        due_date: datetime | None = None,
        expires_at: datetime | None = None,
        document_reference: str | None = None,
    ) -> HostedCheckout:
        """Make a document and a payment page that Dollr hosts. Send the payer to the handle's `url`.

        On that page the payer chooses how to pay, and confirms a card. Deliver only when `verify()` says that the
        document is paid.

        Args:
            payer: who pays, `Payer(fullname, phone)` or `KnownPayer(counterparty_id)`.
            items: what is paid for. Amounts are `Decimal`, in major units of `currency`.
            currency: the currency of the bill, three letters.
            source_type: the kind of document, an invoice or an order.
            success_url: where the payer goes after paying.
            cancel_url: where the payer goes after cancelling.
            note: text on the document.
            due_date: a timezone-aware time on the document.
            expires_at: when the page expires (timezone-aware); by default the API decides.
            document_reference: your own text on the document; by default a new UUID.

        Raises:
            InvalidInputError: an argument was refused; nothing was sent.
            ConfigurationError: the client is closed, or was opened in another event loop.
            CollectError: the document or its page could not be made.
        """
        terms = Terms(
            payer=payer,
            items=items,
            currency=currency,
            pay_with=MobileMoney(),
            source_type=source_type,
            direct=True,
            mode=CheckoutMode.HOSTED,
            payer_currency=currency,
            fee_bearer=FeeBearer.PAYER,
            note=note,
            due_date=due_date,
            document_reference=document_reference,
            reference_id=uuid.uuid4(),
            is_own_reference=True,
        )
        page = PageTerms(success_url=success_url, cancel_url=cancel_url, expires_at=expires_at)
        self._session.check_open()
        steps = self._new_steps(terms.reference_id)
        with ObservedOperation(self._notify, self._clock, "hosted_checkout", terms.reference_id):
            return await check_out(self, terms, page, steps, self._registry)

    async def payment_link(self, source: KnownSource, *, currency: str) -> HostedCheckout:
        """Return the payment page of an existing document, as the handle that `hosted_checkout` returns.

        Args:
            source: the document, which must be ACTIVE, with the total that you expect.
            currency: the currency of the document, three letters.

        Raises:
            InvalidInputError: an argument was refused; nothing was sent.
            DollrError: the document is not ACTIVE, or has another total or currency.
            APIStatusError, TransportError: the API gave no usable answer.
            DecodeError: the API's answer has another shape, or gives no address of the page.
        """
        return await link(self, source, currency, self._registry)
