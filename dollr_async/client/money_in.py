"""The flows that bring money in: collections, and documents that are paid on a page of Dollr's."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from dollr_async.base.enums import CheckoutMode, FeeBearer, SourceType
from dollr_async.client.core import Core
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


class Collecting(Core):
    """Brings money in."""

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

        Returns once the API has accepted the execution; follow the handle to its end.

        Args:
            payer: who pays: `Payer(fullname, phone)`, or `KnownPayer(counterparty_id)`.
            items: what is paid for; amounts are in major units of `currency`, as `Decimal`.
            currency: what is billed in, three letters.
            source: a document that exists, in place of `items`; it must be ACTIVE and cost what you expect.
            pay_with: `MobileMoney()` (the default: the payer's own phone), `Card(account_name)` or `SavedAccount(id)`.
            source_type: the kind of document, an invoice or an order.
            direct: make payer, document and lines in one call instead of one by one.
            mode: the mode of that one call; DIRECT unless given.
            payer_currency: what the payer is charged in, when it is not `currency`; the document's quote decides.
            fee_bearer: who pays the fees.
            note: text on the document; by default the names of the items.
            due_date: an aware time on the invoice.
            document_reference: your own text on the document; by default the payment's reference.
            reference_id: the payment's key, a version-4 UUID. Make and store one before you call, and a repeat can
                never charge twice; when absent, one is made.

        Raises:
            InvalidInputError: an argument was refused; nothing was sent.
            ConfigurationError: the client is closed, or belongs to another event loop.
            ReferenceUsedError: the reference names a payment already, or one on other terms; nothing was published.
            JournalError: the payment could not be made durable, or another run has taken it over; nothing was sent.
            CollectError: a step failed, and no money moved.
            OutcomeUnknownError: the execution was sent, and its fate could not be learned in time.
            DecodeError: the execution was accepted, in a shape that is not the documented one.
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
        execution, steps = await self._accepted(
            terms, terms.reference_id, lambda steps: CollectionChain(self, terms, steps, self._clock)
        )
        return Collection(
            execution,
            progress=steps.progress,
            api=self,
            registry=self._registry,
            polling=self._polling,
            clock=self._clock,
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
        """Make a document and a page of Dollr's on which it is paid; send the payer to the handle's `url`.

        The payer chooses how to pay, and does what a card asks for, on that page. Fulfil only after `verify()`.

        Args:
            payer: who pays: `Payer(fullname, phone)`, or `KnownPayer(counterparty_id)`.
            items: what is paid for; amounts are in major units of `currency`, as `Decimal`.
            currency: what is billed in, three letters.
            source_type: the kind of document, an invoice or an order.
            success_url: where the payer goes after paying.
            cancel_url: where the payer goes who does not pay.
            note: text on the document.
            due_date: an aware time on the document.
            expires_at: when the page ends (aware); by default the API decides.
            document_reference: your own text on the document; by default a new UUID.

        Raises:
            InvalidInputError: an argument was refused; nothing was sent.
            ConfigurationError: the client is closed, or belongs to another event loop.
            CollectError: the document or its page could not be made; `reference_id` is the text on the document.
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
        return await check_out(self, terms, page, self._steps(terms.reference_id), self._registry)

    async def payment_link(self, source: KnownSource, *, currency: str) -> HostedCheckout:
        """Return the page on which a document that exists is paid, with the handle that `hosted_checkout` gives.

        Args:
            source: the document, which must be ACTIVE, and the total that you expect it to have.
            currency: what it is billed in, three letters.

        Raises:
            InvalidInputError: an argument was refused; nothing was sent.
            DollrError: the document cannot be paid or costs something else, or the API could not be asked.
        """
        return await link(self, source, currency, self._registry)
