"""The chain of a collection, as a walk over what depends on what; the session comes last, since it expires.

- Document first: party, counterparty, document, items, publish, session, execution.
- Direct: checkout, session, execution.

The operator's look-up and the payment account run beside either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from dollr_async.enums import ExecutionKind, SourceStatus, SourceType
from dollr_async.errors import DecodeError, NotFoundError, ReferenceUsedError
from dollr_async.payer import PayerSteps
from dollr_async.recovery import session_life
from dollr_async.resources.executions import NewCollection
from dollr_async.resources.sessions import NewCheckoutSession
from dollr_async.retry import RetryPolicy
from dollr_async.sources import check_total, new_checkout, new_invoice, new_lines, new_order
from dollr_async.steps import made_id, side_by_side

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable
    from decimal import Decimal

    from dollr_async.clock import Clock
    from dollr_async.resources.checkouts import Checkout
    from dollr_async.resources.executions import Execution
    from dollr_async.resources.groups import Groups
    from dollr_async.resources.invoices import Invoice
    from dollr_async.resources.orders import Order
    from dollr_async.routing import Contact, Route
    from dollr_async.steps import Steps
    from dollr_async.terms import Terms

_ONCE = RetryPolicy(attempts=1)


class Chain:
    """Everything of one collection up to its execution, which `recovery.execute` sends through this object."""

    def __init__(self, api: Groups, terms: Terms, steps: Steps, clock: Clock) -> None:
        """Keep what the steps need."""
        self._api = api
        self._terms = terms
        self._steps = steps
        self._clock = clock
        self._who = PayerSteps(
            api=api,
            steps=steps,
            payer=terms.payer,
            pay_with=terms.pay_with,
            operation=ExecutionKind.COLLECTION,
            direct=terms.direct,
        )
        self._source_id = 0
        self._session_id = 0
        self._account_id = 0
        self._currency = terms.payer_currency
        self.session_expires_at = 0.0

    async def prepare(self) -> None:
        """Make everything that the execution needs.

        Raises:
            StepFailed: a step failed; the branches beside it have ended.
            ReferenceUsedError: the caller's reference names a payment already; nothing was published.
        """
        await side_by_side(self._walk)

    async def _walk(self, branches: asyncio.TaskGroup) -> None:
        unused = branches.create_task(self._check_reference())
        payer = branches.create_task(self._who.contact())
        route = branches.create_task(self._who.route(payer))
        if self._terms.direct:
            checkout = branches.create_task(self._check_out(payer, unused))
            owner = branches.create_task(self._checked_out(payer, checkout))
            source: asyncio.Task[Checkout] | asyncio.Task[None] = checkout
        else:
            owner, source = payer, branches.create_task(self._make_document(payer, unused))
        account = branches.create_task(self._who.account(owner, route))
        await source
        session = branches.create_task(self.renew())
        await self._quote(route)
        await session
        self._account_id = await account

    async def _check_reference(self) -> None:
        if not self._terms.is_own_reference:
            await self._steps.step("execution", self._look_before(), shows=lambda _: "reference unused")

    async def _look_before(self) -> None:
        reference_id = self._terms.reference_id
        found: Execution | None = None
        try:
            found = await self._api.status.collection(reference_id)
        except NotFoundError:
            return
        except DecodeError as error:
            if error.status is None:
                raise
        message = (
            f"reference {reference_id} already names a payment: follow it with dollr.watch('{reference_id}'), or begin "
            "a new payment under another reference_id"
        )
        raise ReferenceUsedError(message, reference_id=reference_id, execution=found)

    async def _make_document(self, payer: Awaitable[Contact], unused: Awaitable[None]) -> None:
        steps, documents = self._steps, self._api.documents(self._terms.source_type)
        counterparty_id = await self._who.counterparty(payer)
        document = await steps.step("document", self._create_document(counterparty_id), shows=made_id)
        self._source_id = document.id
        steps.made(source_type=self._terms.source_type, source_id=document.id, source_number=document.number)
        for line in new_lines(self._terms):
            await steps.step("items", documents.add_item(document.id, line), shows=made_id)
        await unused
        await steps.step("publish", self._publish(), shows=lambda _: self._source_id)

    async def _create_document(self, counterparty_id: int) -> Invoice | Order:
        if self._terms.source_type == SourceType.ORDER:
            return await self._api.orders.create(new_order(self._terms, counterparty_id))
        return await self._api.invoices.create(new_invoice(self._terms, counterparty_id))

    async def _publish(self) -> None:
        try:
            published = await self._api.documents(self._terms.source_type).publish(self._source_id)
        except DecodeError:
            published = None  # a success in a shape of its own: the status below has the total
        total, currency = (published.total_amount, published.currency) if published else (None, None)
        await self._check_total(total, currency)

    async def _check_out(self, payer: Awaitable[Contact], unused: Awaitable[None]) -> Checkout:
        contact = await payer
        await unused
        checkout = await self._steps.step("checkout", self._create_checkout(contact), shows=lambda made: made.source_id)
        if checkout.source_status == SourceStatus.IDLE:
            await self._steps.step("publish", self._publish(), shows=lambda _: self._source_id)
        return checkout

    async def _create_checkout(self, contact: Contact) -> Checkout:
        checkout = await self._api.checkouts.create(new_checkout(self._terms, contact))
        self._source_id = checkout.source_id
        self._steps.made(
            source_type=checkout.source_type,
            source_id=checkout.source_id,
            source_number=checkout.source_number,
            party_id=checkout.party_id,
            counterparty_id=checkout.counterparty_id,
        )
        if checkout.source_status != SourceStatus.IDLE:
            await self._check_total(checkout.total_amount, checkout.currency)
        return checkout

    async def _checked_out(self, payer: Awaitable[Contact], source: Awaitable[Checkout]) -> Contact:
        return attrs.evolve(await payer, party_id=(await source).party_id)

    async def _check_total(self, total: Decimal | None, currency: str | None) -> None:
        terms = self._terms
        if total is None or currency is None:
            state = await self._api.status.source(terms.source_type, self._source_id)
            total, currency = state.total_amount, state.currency
        check_total(terms, self._source_id, total, currency)

    async def _quote(self, routed: Awaitable[Route]) -> None:
        terms = self._terms
        if terms.payer_currency == terms.currency:
            return
        route = await routed
        asking = self._api.predictions.payment_source_amount_and_fees(
            source_type=terms.source_type,
            source_id=self._source_id,
            target_currency=terms.payer_currency,
            payment_method=route.method,
            provider=route.provider,
        )
        quote = await self._steps.step("session", asking, shows=lambda quote: quote.payer_currency)
        self._currency = quote.payer_currency

    async def renew(self) -> None:
        """Make a session for the source, the first or one in the place of one that ran out."""
        new = NewCheckoutSession(source_id=self._source_id, source_type=self._terms.source_type)
        asked_at = self._clock.monotonic()
        session = await self._steps.step("session", self._api.sessions.checkout(new), shows=made_id)
        self._session_id = session.id
        self.session_expires_at = asked_at + session_life(session.expires_at, session.created_at)
        self._steps.made(session_id=session.id)

    async def send(self) -> Execution:
        """Execute the session once, under the payment's reference."""
        collection = NewCollection(
            session_id=self._session_id,
            payment_account_id=self._account_id,
            currency=self._currency,
            reference_id=self._terms.reference_id,
        )
        return await self._api.executions.collection(collection, retry=_ONCE)

    async def look(self) -> Execution:
        """Ask once how the payment's reference stands."""
        return await self._api.status.collection(self._terms.reference_id, retry=_ONCE)
