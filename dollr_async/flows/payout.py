"""The chain of a payout: party, counterparty and account, then the session and its execution with a passcode."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

import attrs

from dollr_async.base import fields, money
from dollr_async.base.enums import ExecutionKind
from dollr_async.flows.arguments import KnownPayer, MobileMoney, Payer, SavedAccount, one_of, plain_values
from dollr_async.flows.contested import Money
from dollr_async.flows.flow import ONCE, Flow
from dollr_async.flows.payer_steps import PayerSteps
from dollr_async.resources.executions import Device, DevicePasscode, NewPayout, Passcode
from dollr_async.resources.sessions import NewPayoutSession

if TYPE_CHECKING:
    import asyncio

    from dollr_async.base.clock import Clock
    from dollr_async.flows.steps import Steps
    from dollr_async.resources.executions import Execution
    from dollr_async.resources.groups import Groups


_PAYEE = 'Payer(fullname="Amara Kamara", phone="231771234567") or KnownPayer(77)'
_MEANS = "MobileMoney() or SavedAccount(id)"
_PASSCODE = 'Passcode("123456", phone="231771234567")'
_DEVICE = 'Device(name="payroll", type="SERVER", platform="PYTHON", user_agent="payroll/1.0", client_ip="192.0.2.7")'


@attrs.frozen(kw_only=True, eq=False, repr=False)
class PayoutTerms:
    """All arguments of one payout, checked together before anything is sent."""

    to: Payer | KnownPayer = attrs.field(validator=one_of(Payer, KnownPayer, shown=_PAYEE))
    amount: Decimal = attrs.field(converter=money.amount)
    currency: str = attrs.field(converter=fields.currency_code)
    passcode: Passcode = attrs.field(validator=one_of(Passcode, shown=_PASSCODE))
    device: Device = attrs.field(validator=one_of(Device, shown=_DEVICE))
    pay_with: MobileMoney | SavedAccount = attrs.field(validator=one_of(MobileMoney, SavedAccount, shown=_MEANS))
    reference_id: UUID = attrs.field(converter=fields.reference)
    is_own_reference: bool

    def __attrs_post_init__(self) -> None:
        """Bring the amount into the currency's smallest unit."""
        object.__setattr__(self, "amount", money.amount_in(self.amount, self.currency))

    def compared(self) -> dict[str, object]:
        """Return what must be the same when the reference is used again."""
        paid = [money.plain_text(self.amount), self.currency]
        return {"to": plain_values(self.to), "money": paid, "pay_with": plain_values(self.pay_with)}

    def priced(self) -> tuple[Decimal, str | None, str]:
        """Return the amount in major units and its currency."""
        return self.amount, self.currency, ""


class PayoutChain(Flow):
    """The chain of one payout up to its execution. The passcode is in this object alone, and nowhere longer."""

    kind = ExecutionKind.PAYOUT

    def __init__(self, api: Groups, terms: PayoutTerms, steps: Steps, clock: Clock) -> None:
        """Keep what the steps need."""
        super().__init__(api, steps, clock, is_own_reference=terms.is_own_reference)
        self._terms = terms
        # An existing account has an owner already.
        self._makes_payee = not isinstance(terms.pay_with, SavedAccount)
        self._payer_steps = PayerSteps(
            api=api,
            steps=steps,
            payer=terms.to,
            pay_with=terms.pay_with,
            operation=self.kind,
            makes_party=self._makes_payee,
        )

    async def _prepare(self, branches: asyncio.TaskGroup) -> None:
        unused = self._unused(branches)
        payee = self._payer_steps.contact_beside(branches)
        route = branches.create_task(self._payer_steps.route(payee))
        counterparty = branches.create_task(self._payer_steps.counterparty(payee)) if self._makes_payee else None
        await self._payer_steps.account(payee, route)
        if counterparty is not None:
            await counterparty
        await unused
        await self.renew()

    async def renew(self) -> None:
        """Make a session for the payout, the first or one that replaces an expired one."""
        terms = self._terms
        new = NewPayoutSession(payout_account_id=self._account_id, amount=terms.amount, currency=terms.currency)
        await self._open(partial(self._api.sessions.payout, new))

    def _money(self) -> Money:
        return Money(amount=self._terms.amount, currency=self._terms.currency)

    async def _execute(self) -> Execution:
        payout = NewPayout(
            session_id=self._session_id,
            payout_account_id=self._account_id,
            reference_id=self.reference_id,
            passcode=DevicePasscode(token=self._terms.passcode, device=self._terms.device),
        )
        return await self._api.executions.payout(payout, retry=ONCE)
