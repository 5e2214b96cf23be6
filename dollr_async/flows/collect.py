"""The chain of a collection. A step waits only for the steps that it needs, and the session comes last: it expires.

- Document first: party, counterparty, document, items, publish, session, execution.
- Direct: checkout, session, execution.
- An existing document: document, session, execution.

The operator and the payment account are found beside each of these.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import attrs

from dollr_async.base.enums import ExecutionKind, ExecutionStatus
from dollr_async.base.errors import APIStatusError, DecodeError, TransportError
from dollr_async.flows.arguments import Payer
from dollr_async.flows.contested import Money, check_document
from dollr_async.flows.document_steps import SourceSteps
from dollr_async.flows.flow import ONCE, Flow
from dollr_async.flows.payer_steps import PayerSteps
from dollr_async.flows.steps import known
from dollr_async.resources.executions import NewCollection
from dollr_async.resources.sessions import NewCheckoutSession

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable

    from dollr_async.base.clock import Clock
    from dollr_async.flows.routing import Contact, Route
    from dollr_async.flows.steps import Steps
    from dollr_async.flows.terms import Terms
    from dollr_async.resources.executions import Execution
    from dollr_async.resources.groups import Groups


class CollectionChain(Flow):
    """Everything of one collection up to its execution, which `recovery.execute` sends through this object."""

    kind = ExecutionKind.COLLECTION

    def __init__(self, api: Groups, terms: Terms, steps: Steps, clock: Clock) -> None:
        """Keep what the steps need."""
        super().__init__(api, steps, clock, is_own_reference=terms.is_own_reference)
        self._terms = terms
        self.first_step = _first_step(terms)
        self._payer_steps = PayerSteps(
            api=api,
            steps=steps,
            payer=terms.payer,
            pay_with=terms.pay_with,
            operation=self.kind,
            makes_party=terms.makes_party,
            must_know_phone=terms.direct,
            is_quoted=terms.payer_currency != terms.currency,
        )
        self._source_steps = SourceSteps(api=api, steps=steps, terms=terms)
        self._currency = terms.payer_currency

    async def _prepare(self, branches: asyncio.TaskGroup) -> None:
        # The longest branch runs here, and only the others get a task: with a task for each branch a direct collection
        # took 1.55 of the CPU time of one written by hand, and it takes 1.46.
        unused = self._unused(branches)
        payer = self._payer_steps.contact_beside(branches)
        route = branches.create_task(self._payer_steps.route(payer))
        account = None if self._terms.direct else branches.create_task(self._payer_steps.account(payer, route))
        contact = await self._published(payer, unused)
        if account is None:  # the checkout has made the account's party
            account = branches.create_task(self._payer_steps.account(known(contact), route))
        if self._terms.payer_currency == self._terms.currency:
            await self.renew()
        else:
            session = branches.create_task(self.renew())
            await self._quote(route)
            await session
        await account

    async def _published(self, payer: Awaitable[Contact], unused: Awaitable[None]) -> Contact:
        terms = self._terms
        if terms.direct:
            contact = await payer
            await unused
            checkout = await self._source_steps.check_out(contact)
            return attrs.evolve(contact, party_id=checkout.party_id)
        if terms.source is None:
            await self._source_steps.make(self._payer_steps.counterparty(payer), unused)
        else:
            await self._source_steps.use_existing(terms.source.source_id)
            # Only now that the journal has the document: of two payments for it, at least one sees the other.
            await self._steps.step("document", partial(self._steps.run.refuse_second_on_source, self._steps.progress))
            await unused
        return await payer

    async def _quote(self, routed: Awaitable[Route]) -> None:
        terms = self._terms
        route = await routed
        asking = partial(
            self._api.predictions.payment_source_amount_and_fees,
            source_type=terms.source_type,
            source_id=self._source_steps.id,
            target_currency=terms.payer_currency,
            payment_method=route.method,
            provider=route.provider,
        )
        quote = await self._steps.step("session", asking, shows=lambda quote: quote.payer_currency, is_read=True)
        self._currency = quote.payer_currency

    async def renew(self) -> None:
        """Make a session for the document, the first or one that replaces an expired one."""
        new = NewCheckoutSession(source_id=self._source_steps.id, source_type=self._terms.source_type)
        await self._open(partial(self._api.sessions.checkout, new))

    def _money(self) -> Money:
        terms = self._terms
        return Money(
            amount=terms.total,
            currency=terms.currency,
            payer_currency=self._currency or terms.payer_currency,
            fee_bearer=terms.fee_bearer if terms.source is None else None,
        )

    async def check_is_ours(self, execution: Execution, *, grace: float) -> None:
        """Refuse an execution that was found after a refusal and is another run's (docs/design.md, rule 2).

        Raises:
            ReferenceUsedError: it moves other money, or it is COMPLETED and the document of this run is not PAID.
        """
        await super().check_is_ours(execution, grace=grace)
        if execution.status == ExecutionStatus.COMPLETED:
            with suppress(APIStatusError, TransportError, DecodeError):  # the handle checks again when it is awaited
                await check_document(execution, self._api.status, self.progress, grace=grace, clock=self._clock)

    async def _execute(self) -> Execution:
        collection = NewCollection(
            session_id=self._session_id,
            payment_account_id=self._account_id,
            currency=self._currency or self._terms.payer_currency,
            reference_id=self.reference_id,
        )
        return await self._api.executions.collection(collection, retry=ONCE)


def _first_step(terms: Terms) -> str:
    if terms.direct:
        return "checkout"
    return "party" if terms.source is None and isinstance(terms.payer, Payer) else "document"
