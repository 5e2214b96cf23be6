"""The steps that end in a published document: made line by line, made in one call, or there already."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from dollr_async.enums import SourceStatus, SourceType
from dollr_async.errors import DecodeError
from dollr_async.resources.groups import Groups
from dollr_async.sources import PageTerms, check_payable, check_total, new_checkout, new_invoice, new_lines, new_order
from dollr_async.steps import Steps, made_id
from dollr_async.terms import Terms

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from decimal import Decimal

    from dollr_async.resources.checkouts import Checkout
    from dollr_async.resources.invoices import Invoice
    from dollr_async.resources.orders import Order
    from dollr_async.routing import Contact


@attrs.define(kw_only=True, eq=False, repr=False)
class SourceSteps:
    """Takes the steps about the document; `id` is the document's, once there is one."""

    api: Groups
    steps: Steps
    terms: Terms
    id: int = 0

    async def make(self, counterparty: Awaitable[int], unused: Awaitable[None]) -> None:
        """Make a draft with its lines, and publish it once the reference is known to be unused."""
        documents = self.api.documents(self.terms.source_type)
        counterparty_id = await counterparty
        document = await self.steps.step("document", self._create(counterparty_id), shows=made_id)
        self.id = document.id
        self.steps.made(source_type=self.terms.source_type, source_id=document.id, source_number=document.number)
        for line in new_lines(self.terms):
            await self.steps.step("items", documents.add_item(document.id, line), shows=made_id)
        await unused
        await self.steps.step("publish", self._publish(), shows=lambda _: self.id)

    async def _create(self, counterparty_id: int) -> Invoice | Order:
        if self.terms.source_type == SourceType.ORDER:
            return await self.api.orders.create(new_order(self.terms, counterparty_id))
        return await self.api.invoices.create(new_invoice(self.terms, counterparty_id))

    async def _publish(self) -> None:
        try:
            published = await self.api.documents(self.terms.source_type).publish(self.id)
        except DecodeError:
            published = None  # a success in a shape of its own: the status below has the total
        total, currency = (published.total_amount, published.currency) if published else (None, None)
        await self._check_total(total, currency)

    async def check_out(self, contact: Contact, page: PageTerms | None = None) -> Checkout:
        """Make payer, document and lines in one call; a draft that comes back is published."""
        creating = self._create_checkout(contact, page or PageTerms())
        checkout = await self.steps.step("checkout", creating, shows=lambda made: made.source_id)
        if checkout.source_status == SourceStatus.IDLE:
            await self.steps.step("publish", self._publish(), shows=lambda _: self.id)
        return checkout

    async def _create_checkout(self, contact: Contact, page: PageTerms) -> Checkout:
        checkout = await self.api.checkouts.create(new_checkout(self.terms, contact, page))
        self.id = checkout.source_id
        self.steps.made(
            source_type=checkout.source_type,
            source_id=checkout.source_id,
            source_number=checkout.source_number,
            party_id=checkout.party_id,
            counterparty_id=checkout.counterparty_id,
        )
        if checkout.source_status != SourceStatus.IDLE:
            await self._check_total(checkout.total_amount, checkout.currency)
        return checkout

    async def take_over(self, source_id: int) -> None:
        """Take the document that the caller named, if it is ACTIVE and costs what the caller expects."""
        self.id = source_id
        self.steps.made(source_type=self.terms.source_type, source_id=source_id)
        await self.steps.step("document", self._check_known(), shows=lambda _: source_id)

    async def _check_known(self) -> None:
        state = await self.api.status.source(self.terms.source_type, self.id)
        self.steps.made(source_number=state.source_number)
        check_payable(state, expected=self.terms.total, currency=self.terms.currency)

    async def _check_total(self, total: Decimal | None, currency: str | None) -> None:
        terms = self.terms
        if total is None or currency is None:
            state = await self.api.status.source(terms.source_type, self.id)
            total, currency = state.total_amount, state.currency
        source = f"{terms.source_type} {self.id}"
        check_total(source, total, currency, expected=terms.total, currency=terms.currency)
