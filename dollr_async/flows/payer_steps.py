"""The steps about the person who pays or is paid: party, counterparty, operator and payment account."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import attrs

from dollr_async.base.enums import ExecutionKind
from dollr_async.base.errors import DollrError
from dollr_async.flows.arguments import Card, KnownPayer, MobileMoney, Payer, SavedAccount
from dollr_async.flows.routing import (
    Contact,
    Route,
    account_to_register,
    advice_on_route,
    known_route,
    phone_to_charge,
    predicted_route,
)
from dollr_async.flows.steps import StepFailed, Steps, known, made_id
from dollr_async.resources.counterparties import NewCounterparty
from dollr_async.resources.groups import Groups
from dollr_async.resources.parties import NewParty

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable

    from dollr_async.resources.payment_accounts import PaymentAccount


@attrs.frozen(kw_only=True, eq=False, repr=False)
class PayerSteps:
    """Runs the steps about one person.

    `makes_party` is False where no party is needed, or where another call makes it. `must_know_phone` is True where the
    person's own phone is sent, also when another wallet pays. `is_quoted` is True where a quote needs the route too.
    """

    api: Groups
    steps: Steps
    payer: Payer | KnownPayer
    pay_with: MobileMoney | Card | SavedAccount
    operation: ExecutionKind
    makes_party: bool = True
    must_know_phone: bool = False
    is_quoted: bool = False

    def contact_beside(self, branches: asyncio.TaskGroup) -> Awaitable[Contact]:
        """Start to find out who the person is, if that needs a step."""
        payer = self.payer
        if isinstance(payer, Payer) and not self.makes_party:
            return known(_contact(payer))
        return branches.create_task(self.contact())

    async def contact(self) -> Contact:
        """Make the party, or read what the caller left out of a known payer."""
        payer = self.payer
        if isinstance(payer, KnownPayer):
            return await self._known(payer)
        contact = _contact(payer)
        if not self.makes_party:
            return contact
        if self.steps.progress.party_id is None:
            await self.steps.step(
                "party",
                lambda: self.api.parties.create(_party(payer)),
                makes=lambda party: {"party_id": party.id},
                shows=made_id,
            )
        return attrs.evolve(contact, party_id=self.steps.progress.party_id)

    async def _known(self, payer: KnownPayer) -> Contact:
        self.steps.made(counterparty_id=payer.counterparty_id, party_id=payer.party_id)
        if not self._lacks_phone(payer) and not self._lacks_party(payer):
            return Contact(party_id=payer.party_id, phone=payer.phone)
        reading = partial(self.api.counterparties.retrieve, payer.counterparty_id)
        found = await self.steps.step("counterparty", reading, shows=made_id, is_read=True)
        party = found.party
        party_id = payer.party_id or found.party_id or (party.id if party else None)
        self.steps.made(party_id=party_id)
        if party is None:
            return Contact(party_id=party_id, phone=payer.phone)
        phone = payer.phone or party.phone
        return Contact(party_id=party_id, phone=phone, name=party.fullname, country_code=party.country_code)

    def _lacks_phone(self, payer: KnownPayer) -> bool:
        if self.must_know_phone:
            return payer.phone is None
        return isinstance(self.pay_with, MobileMoney) and phone_to_charge(payer, self.pay_with) is None

    def _lacks_party(self, payer: KnownPayer) -> bool:
        return payer.party_id is None and self.makes_party and not isinstance(self.pay_with, SavedAccount)

    async def counterparty(self, payer: Awaitable[Contact]) -> int:
        """Return the counterparty of a known payer, or tie a new party to the merchant."""
        if isinstance(self.payer, KnownPayer):
            return self.payer.counterparty_id
        party_id = (await payer).party_id
        if (existing := self.steps.progress.counterparty_id) is not None:
            return existing
        made = await self.steps.step(
            "counterparty",
            lambda: self.api.counterparties.create(NewCounterparty(party_id=party_id or 0)),
            makes=lambda made: {"counterparty_id": made.id},
            shows=made_id,
        )
        return made.id

    async def route(self, payer: Awaitable[Contact]) -> Route:
        """Find the route of the money: from the caller's arguments, or from the API's prediction."""
        if isinstance(self.pay_with, SavedAccount):
            return Route(self.pay_with.method or "", self.pay_with.provider or "")
        if self.steps.progress.payment_account_id is not None and not self.is_quoted:
            return Route("", "")  # an earlier run made the account, and nothing else needs its route
        given = known_route(self.pay_with)
        if given is not None:
            return given
        # A phone that the caller gave is asked about beside the party; one that the API keeps is read first.
        phone = phone_to_charge(self.payer, self.pay_with)
        if phone is None and isinstance(self.pay_with, MobileMoney):
            phone = (await payer).phone
        asking = partial(predicted_route, self.api.predictions, self.pay_with, phone, self.operation)
        return await self.steps.step("operator", asking, shows=lambda route: route.method, is_read=True)

    async def account(self, payer: Awaitable[Contact], routed: Awaitable[Route]) -> int:
        """Return the saved account, or register one for the route."""
        if isinstance(self.pay_with, SavedAccount):
            self.steps.made(payment_account_id=self.pay_with.id)
            return self.pay_with.id
        contact, route = await payer, await routed
        if (existing := self.steps.progress.payment_account_id) is not None:
            return existing
        registering = partial(self._register, self.pay_with, contact, route)
        try:
            account = await self.steps.step("payment_account", registering, shows=made_id)
        except StepFailed as failed:
            failed.advice = advice_on_route(failed.__cause__, route, self.pay_with)
            raise
        return account.id

    async def _register(self, pay_with: MobileMoney | Card, contact: Contact, route: Route) -> PaymentAccount:
        new = account_to_register(pay_with, route, contact)
        account = await self.api.payment_accounts.create(new, operation_type=self.operation)
        self.steps.made(payment_account_id=account.id)
        if not account.is_active:
            message = f"payment account {account.id} is not active, so it cannot be used: pay with another one"
            raise DollrError(message)
        return account


def _contact(payer: Payer) -> Contact:
    return Contact(party_id=None, phone=payer.phone, name=payer.fullname, country_code=payer.country_code)


def _party(payer: Payer) -> NewParty:
    return NewParty(fullname=payer.fullname, phone=payer.phone, email=payer.email, country_code=payer.country_code)
