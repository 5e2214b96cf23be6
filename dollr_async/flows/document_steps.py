"""The steps that end in a published document: made line by line, made in one call, or an existing one.

Where an answer was lost, or an earlier run was cut off, these steps check what exists before they repeat anything
(docs/design.md, rule 3).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import attrs

from dollr_async.base.enums import SourceStatus, SourceType
from dollr_async.base.errors import DecodeError
from dollr_async.base.fields import tidy
from dollr_async.flows.documents import (
    CheckedOut,
    PageTerms,
    check_lines,
    check_payable,
    check_total,
    find_own,
    missing_lines,
    new_checkout,
    new_invoice,
    new_lines,
    new_order,
)
from dollr_async.flows.steps import Steps, made_id
from dollr_async.flows.terms import Terms
from dollr_async.resources.groups import Groups

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from decimal import Decimal

    from dollr_async.flows.routing import Contact
    from dollr_async.resources.documents import DocumentItem, NewLineItem
    from dollr_async.resources.invoices import Invoice, InvoiceDetail
    from dollr_async.resources.orders import Order, OrderDetail


@attrs.define(kw_only=True, eq=False, repr=False)
class SourceSteps:
    """Runs the steps about the document."""

    api: Groups
    steps: Steps
    terms: Terms
    _is_in_doubt: bool = attrs.field(default=False, init=False)

    @property
    def id(self) -> int:
        """The document's id, once there is one."""
        return self.steps.progress.source_id or 0

    async def make(self, counterparty: Awaitable[int], unused: Awaitable[None]) -> None:
        """Make a draft with its lines, and publish it once the reference is known to be unused."""
        counterparty_id = await counterparty
        lines = new_lines(self.terms)
        if self.steps.progress.source_id is None:
            await self.steps.step(
                "document",
                partial(self._create, counterparty_id),
                found=partial(self._find, counterparty_id),
                makes=lambda made: self._named(made.id, made.number),
                shows=made_id,
            )
        else:
            document = await self.steps.step("document", self._read, shows=made_id, is_read=True)
            self._is_in_doubt = True
            lines = missing_lines(lines, document.items) if document.status == SourceStatus.IDLE else []
        for number, line in enumerate(lines):
            added = partial(self._added, line, len(lines) - number)
            await self.steps.step("items", partial(self._add, line), found=added, shows=made_id)
        await unused
        await self.steps.step("publish", self._publish, found=self._is_published, shows=lambda _: self.id)

    def _named(self, source_id: int, number: str) -> dict[str, int | str | None]:
        return {"source_type": self.terms.source_type, "source_id": source_id, "source_number": number}

    async def _create(self, counterparty_id: int) -> Invoice | Order:
        if self.terms.source_type == SourceType.ORDER:
            return await self.api.orders.create(new_order(self.terms, counterparty_id))
        return await self.api.invoices.create(new_invoice(self.terms, counterparty_id))

    async def _find(self, counterparty_id: int | None) -> Invoice | Order | None:
        self._is_in_doubt = True
        documents = self.api.documents(self.terms.source_type)
        existing: list[Invoice | Order] = []
        for status in (SourceStatus.IDLE, SourceStatus.ACTIVE):
            existing += await documents.list(currency=self.terms.currency, status=status)
        return find_own(existing, self.terms, counterparty_id)

    async def _read(self) -> InvoiceDetail | OrderDetail:
        return await self.api.documents(self.terms.source_type).retrieve(self.id)

    async def _add(self, line: NewLineItem) -> DocumentItem:
        return await self.api.documents(self.terms.source_type).add_item(self.id, line)

    async def _added(self, line: NewLineItem, expected: int) -> DocumentItem | None:
        """Find a line whose answer was lost: it exists when fewer lines are missing than had to be added."""
        self._is_in_doubt = True
        items = (await self._read()).items
        if len(missing_lines(new_lines(self.terms), items)) >= expected:
            return None
        return next(item for item in items if tidy(item.name) == line.name)

    async def _publish(self) -> bool:
        if self._is_in_doubt and not self.terms.direct:
            # A line that was thought lost may have arrived late (docs/design.md, rule 4).
            check_lines(new_lines(self.terms), await self._read())
        try:
            published = await self.api.documents(self.terms.source_type).publish(self.id)
        except DecodeError:
            published = None  # a success in another shape: the status below has the total
        total, currency = (published.total_amount, published.currency) if published else (None, None)
        await self._check_total(total, currency)
        return True

    async def _is_published(self) -> bool | None:
        document = await self._read()
        if document.status == SourceStatus.IDLE:
            return None
        await self._check_known()
        return True

    async def check_out(self, contact: Contact, page: PageTerms | None = None) -> CheckedOut:
        """Make payer, document and lines in one call; a draft that comes back is published."""
        if self.steps.progress.source_id is None:
            creating = partial(self._create_checkout, contact, page or PageTerms())
            checkout = await self.steps.step(
                "checkout", creating, found=self._find_checkout, shows=lambda made: made.source_id
            )
        else:
            checkout = await self.steps.step(
                "checkout", self._read_checkout, shows=lambda made: made.source_id, is_read=True
            )
        if checkout.source_status == SourceStatus.IDLE:
            await self.steps.step("publish", self._publish, found=self._is_published, shows=lambda _: self.id)
        return checkout

    async def _create_checkout(self, contact: Contact, page: PageTerms) -> CheckedOut:
        made = await self.api.checkouts.create(new_checkout(self.terms, contact, page))
        checkout = CheckedOut(
            source_id=made.source_id,
            source_number=made.source_number,
            source_status=made.source_status,
            party_id=made.party_id,
            counterparty_id=made.counterparty_id,
            url=made.url,
            expires_at=made.expires_at,
        )
        return await self._checked(checkout, made.total_amount, made.currency)

    async def _find_checkout(self) -> CheckedOut | None:
        document = await self._find(self.steps.progress.counterparty_id)
        return None if document is None else await self._from_document(document)

    async def _read_checkout(self) -> CheckedOut:
        return await self._from_document(await self._read())

    async def _from_document(self, document: Invoice | Order) -> CheckedOut:
        counterparty = await self.api.counterparties.retrieve(document.counterparty_id)
        party_id = counterparty.party_id or (counterparty.party.id if counterparty.party else None)
        checkout = CheckedOut(
            source_id=document.id,
            source_number=document.number,
            source_status=document.status,
            party_id=party_id,
            counterparty_id=document.counterparty_id,
        )
        return await self._checked(checkout, document.total_amount, document.currency)

    async def _checked(self, checkout: CheckedOut, total: Decimal | None, currency: str) -> CheckedOut:
        self.steps.made(
            **self._named(checkout.source_id, checkout.source_number),
            party_id=checkout.party_id,
            counterparty_id=checkout.counterparty_id,
        )
        if checkout.source_status != SourceStatus.IDLE:
            await self._check_total(total, currency)
        return checkout

    async def use_existing(self, source_id: int) -> None:
        """Use the document that the caller named, if it is ACTIVE and has the total that the caller expects."""
        self.steps.made(source_type=self.terms.source_type, source_id=source_id)
        await self.steps.step("document", self._check_known, shows=lambda _: source_id, is_read=True)

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
