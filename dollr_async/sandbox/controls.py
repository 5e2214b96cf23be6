"""What a test may do to the sandbox, and what it may ask it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dollr_async.sandbox.api.operations import operation_id
from dollr_async.sandbox.faults import Fault, as_fault
from dollr_async.sandbox.outcomes import OUTCOMES, Outcome, Settlement
from dollr_async.sandbox.pages.hosted_payment import pay_document
from dollr_async.sandbox.push.controls import RealtimeControls
from dollr_async.sandbox.refusals import Refusal
from dollr_async.sandbox.world import settlement
from dollr_async.sandbox.world.records import LedgerEntry, Payment, entry_of

if TYPE_CHECKING:
    from decimal import Decimal
    from uuid import UUID

    from dollr_async.sandbox.faults import FaultPlan
    from dollr_async.sandbox.recording import RecordedRequest
    from dollr_async.sandbox.server import Server
    from dollr_async.sandbox.world.world import World


class Controls(RealtimeControls):
    """The side of the sandbox that a test holds in its hands; none of it goes over the wire."""

    def __init__(self, world: World, plan: FaultPlan, server: Server) -> None:
        """Control this world and its server."""
        super().__init__(world, server.realtime)
        self._plan = plan
        self._server = server

    # what happened

    @property
    def requests(self) -> list[RecordedRequest]:
        """Every request seen, in its order, each with its answer; `requests.clear()` forgets them."""
        return self._server.requests

    def requests_to(self, operation: str) -> list[RecordedRequest]:
        """The requests to one operation, named as in `fail`."""
        name = operation_id(operation)
        return [request for request in self._server.requests if name in {"*", request.operation}]

    @property
    def ledger(self) -> tuple[LedgerEntry, ...]:
        """Every movement of money that was accepted, in its order, as it stands now; one entry for a reference."""
        settlement.settle_due(self._world)
        return tuple(entry_of(payment) for payment in self._world.payments.values())

    @property
    def balances(self) -> dict[str, Decimal]:
        """What is in the merchant's wallets, by currency."""
        settlement.settle_due(self._world)
        return {currency: wallet.balance for currency, wallet in self._world.wallets.items()}

    @property
    def tokens_issued(self) -> int:
        """How many tokens were handed out."""
        return self._world.tokens.issued

    @property
    def in_flight(self) -> int:
        """How many requests are being answered at this moment, hanging ones included."""
        return self._server.in_flight

    @property
    def most_in_flight(self) -> int:
        """The most requests that were ever being answered at once."""
        return self._server.most_in_flight

    # time

    def advance(self, seconds: float) -> None:
        """Skip `seconds` on the sandbox's own clock: payments settle, sessions, tokens and keys expire.

        What a push channel would have told meanwhile is told at once.
        """
        self._world.clock.advance(seconds)
        self._server.realtime.pass_time()

    # faults

    def fail(self, operation: str, fault: Fault | str | int, times: int | None = 1, *, chance: float = 1.0) -> None:
        """Let the next `times` requests to an operation go wrong; `times=None` means all of them.

        `operation` is the contract's operationId (`collect`), the route (`executions/collection`), a verb of its group
        (`invoices.add_item`), or "*" for any; an unknown name is a ValueError that lists near ones. `fault` is a
        `Fault`, one of `FAULT_WORDS` ("lose_answer", "drop", "hang", "cut_body", ...), or a status (503 before the
        work, "503_after" after it). Faults of one operation strike in the order they were asked for. With a `chance`
        below 1 a request is spared by luck, repeatably for a `seed`.
        """
        self._plan.add(operation_id(operation), as_fault(fault), times, chance)

    def clear_faults(self, operation: str | None = None) -> None:
        """Forget the faults still to come: one operation's, or all."""
        self._plan.clear(None if operation is None else operation_id(operation))

    def set_latency(self, seconds: float, operation: str = "*") -> None:
        """Let each answer of an operation, or of all that have no latency of their own, take `seconds`."""
        self._server.latencies[operation_id(operation)] = seconds

    # tokens

    def revoke_tokens(self) -> None:
        """Make every token issued so far worthless: the next call with one is a 401."""
        self._world.tokens.revoke_all()

    def set_token_lifetime(self, minutes: float) -> None:
        """Let tokens issued from now on live for `minutes`, which is what `expires_in` says, in whole minutes."""
        self._world.tokens.lifetime = minutes

    # payments

    def set_outcome(self, outcome: str | Outcome) -> None:
        """Let payments from now on, save those of test phones and cards, go this way: a name in `OUTCOMES`, or one."""
        self._world.default_outcome = outcome_named(outcome)

    def set_settlement(self, rule: Settlement) -> None:
        """Let payments from now on move by this rule: `AfterSeconds(...)` or `AfterStatusChecks(...)`."""
        self._world.settlement = rule

    def settle(self, reference_id: str | UUID) -> None:
        """Complete a payment now, whatever its outcome was to be; a KeyError for an unknown reference."""
        settlement.advance(self._world, self._payment(reference_id), "COMPLETED")

    def decline(self, reference_id: str | UUID, message: str = "The payer declined the payment") -> None:
        """Fail a payment now, with this `gateway_message`; a KeyError for an unknown reference."""
        payment = self._payment(reference_id)
        if not payment.is_final:
            payment.gateway_message = message
        settlement.advance(self._world, payment, "FAILED")

    def confirm_card(self, reference_id: str | UUID) -> None:
        """Finish the payer's 3-D Secure step: the payment goes on; a KeyError for an unknown reference."""
        settlement.confirm(self._world, self._payment(reference_id))

    def pay(self, source_type: str, source_id: int) -> str:
        """Pay a published document as its payer would on the hosted page, and return the payment's reference.

        The payer's phone decides the outcome. A source that cannot be paid is a ValueError.
        """
        settlement.settle_due(self._world)
        document = self._world.documents.get(source_type, {}).get(int(source_id))
        if document is None or document.status != "ACTIVE":
            status = document.status if document else "unknown"
            message = f"{source_type} {source_id} is {status}: only an ACTIVE source can be paid."
            raise ValueError(message)
        try:
            return pay_document(self._world, document).reference_id
        except Refusal as refusal:
            message = f"{source_type} {source_id} cannot be paid: {refusal.detail}."
            raise ValueError(message) from refusal

    # accounts and wallets

    def deactivate_account(self, account_id: int | str) -> None:
        """Make a payment account inactive, so that it cannot be executed; a KeyError for an unknown one."""
        self._world.accounts[int(account_id)].is_active = False

    def set_balance(self, currency: str, amount: Decimal) -> None:
        """Put exactly `amount` into the merchant's wallet of a currency, which is opened when there is none."""
        self._world.wallet(currency).balance = amount

    def set_wallet_status(self, currency: str, status: str) -> None:
        """Make a wallet ACTIVE, RESTRICTED, FROZEN or CLOSED; money leaves an ACTIVE one only."""
        self._world.wallet(currency).status = status

    def _payment(self, reference_id: str | UUID) -> Payment:
        settlement.settle_due(self._world)
        return self._world.payments[str(reference_id).lower()]


def outcome_named(outcome: str | Outcome) -> Outcome:
    """An outcome by its name; an unknown one is a ValueError that lists them all."""
    if isinstance(outcome, Outcome):
        return outcome
    if outcome not in OUTCOMES:
        message = f"{outcome!r} is no outcome. Use one of: {', '.join(OUTCOMES)}."
        raise ValueError(message)
    return OUTCOMES[outcome]
