"""The controls of the sandbox: what a test may change in it, and what it may read from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dollr_async.sandbox.api.operations import operation_id
from dollr_async.sandbox.faults import Fault, as_fault
from dollr_async.sandbox.outcomes import OUTCOMES, Outcome, Settlement
from dollr_async.sandbox.payer import answer_by_hand, let_ring, pay_document
from dollr_async.sandbox.push.controls import RealtimeControls
from dollr_async.sandbox.refusals import Refusal
from dollr_async.sandbox.world import settlement
from dollr_async.sandbox.world.records import LedgerEntry, Payment, entry_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal
    from uuid import UUID

    from dollr_async.sandbox.faults import FaultPlan
    from dollr_async.sandbox.recording import RecordedRequest
    from dollr_async.sandbox.server import Server
    from dollr_async.sandbox.world.world import World


class Controls(RealtimeControls):
    """The methods by which a test controls and inspects the sandbox; none of them sends a request."""

    def __init__(self, world: World, plan: FaultPlan, server: Server) -> None:
        """Control this world and its server."""
        super().__init__(world, server.realtime)
        self._plan = plan
        self._server = server

    def reset(self) -> None:
        """Reset the sandbox for the next test. The URL and the credentials stay.

        Requests, ledger, records, faults, tokens and keys are deleted, so a client's token is refused once. The clock,
        the latency, the outcome, the settlement and the balances are as at the start. Requests that still hang end
        without an answer, and websockets are dropped.
        """
        self.restore_realtime()
        self._server.reset()
        self._world.reset()

    # what happened

    @property
    def requests(self) -> Sequence[RecordedRequest]:
        """Every request received, in order, each with its answer."""
        return self._server.requests

    def requests_to(self, operation: str) -> list[RecordedRequest]:
        """The requests to one operation, named as in `fail`."""
        name = operation_id(operation)
        return [request for request in self._server.requests if name in {"*", request.operation}]

    @property
    def ledger(self) -> tuple[LedgerEntry, ...]:
        """Every accepted payment in its order, as it is now; one entry for each reference."""
        settlement.settle_due(self._world)
        return tuple(entry_of(payment) for payment in self._world.payments.values())

    @property
    def balances(self) -> dict[str, Decimal]:
        """The balances of the merchant's wallets, by currency."""
        settlement.settle_due(self._world)
        return {currency: wallet.balance for currency, wallet in self._world.wallets.items()}

    @property
    def tokens_issued(self) -> int:
        """How many tokens were issued."""
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
        """Skip `seconds` on the sandbox's own clock: payments settle, and sessions, tokens and keys expire.

        The push channel sends all changes of the skipped time at once. A negative number is a ValueError.
        """
        self._world.clock.advance(seconds)
        self._server.realtime.pass_time()

    # faults

    def fail(self, operation: str, fault: Fault | str | int, times: int | None = 1, *, chance: float = 1.0) -> None:
        """Make the next `times` requests to an operation go wrong; `times=None` means all of them.

        `operation` is the contract's operationId (`collect`), the route (`executions/collection`), a verb of its group
        (`invoices.add_item`), or "*" for any; an unknown name is a ValueError that lists near ones. `fault` is a
        `Fault`, one of `FAULT_WORDS` ("lose_answer", "drop", "hang", "cut_body", ...), or a status (503 before the
        work, "503_after" after it); any other is a ValueError. Faults of one operation apply in the order of these
        calls. With a `chance` below 1 a fault skips some requests at random; the same `seed` skips the same ones.
        """
        self._plan.add(operation_id(operation), as_fault(fault), times, chance)

    def clear_faults(self, operation: str | None = None) -> None:
        """Remove the planned faults of one operation, or all of them."""
        self._plan.clear(None if operation is None else operation_id(operation))

    def set_latency(self, seconds: float, operation: str = "*") -> None:
        """Delay each answer of an operation by `seconds`; "*" is every operation without a latency of its own."""
        self._server.latencies[operation_id(operation)] = seconds

    # tokens

    def revoke_tokens(self) -> None:
        """Revoke every token issued so far: the next call with one is a 401."""
        self._world.tokens.revoke_all()

    def set_token_lifetime(self, minutes: float) -> None:
        """Set how many minutes later tokens are valid. `expires_in` has it in whole minutes."""
        self._world.tokens.lifetime = minutes

    # payments

    def set_outcome(self, outcome: str | Outcome) -> None:
        """Set the outcome of later payments where no test phone or card decides: an `Outcome`, or its name.

        A name that is not in `OUTCOMES` is a ValueError.
        """
        self._world.default_outcome = outcome_named(outcome)

    def set_settlement(self, rule: Settlement) -> None:
        """Set when the status of later payments changes: `AfterSeconds(...)` or `AfterStatusChecks(...)`."""
        self._world.settlement = rule

    def settle(self, reference_id: str | UUID) -> None:
        """Complete a payment now, whatever its outcome. An unknown reference is a KeyError."""
        settlement.move_payment(self._world, self._payment(reference_id), "COMPLETED")

    def decline(self, reference_id: str | UUID, message: str = "The payer declined the payment") -> None:
        """Fail a payment now, with this `gateway_message`. An unknown reference is a KeyError."""
        payment = self._payment(reference_id)
        if not payment.is_final:
            payment.gateway_message = message
        settlement.move_payment(self._world, payment, "FAILED")

    def let_ring(self, reference_id: str | UUID) -> None:
        """Let the payer of a mobile-money collection not answer, whatever its outcome. It fails after two minutes.

        Until then `settle` and `decline` can still end it. An unknown reference is a KeyError.
        """
        let_ring(self._world, self._payment(reference_id))

    def answer_by_hand(self, phone: str | None = None, *, on: bool = True) -> None:
        """Let a person answer a phone on its page. None is every phone. With `on=False` the rules answer again.

        Collections from the phone then stay PENDING for two minutes, or until `settle` or `decline`.
        """
        settlement.settle_due(self._world)
        answer_by_hand(self._world, phone, on=on)

    def confirm_card(self, reference_id: str | UUID) -> None:
        """Finish the payer's 3-D Secure, so that the payment continues. An unknown reference is a KeyError."""
        settlement.confirm_card(self._world, self._payment(reference_id))

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
        """Make a payment account inactive, so that no execution can use it. An unknown id is a KeyError."""
        self._world.accounts[int(account_id)].is_active = False

    def set_balance(self, currency: str, amount: Decimal) -> None:
        """Set the balance of the merchant's wallet in a currency, in major units. A missing wallet is opened."""
        self._world.wallet(currency).balance = amount

    def set_wallet_status(self, currency: str, status: str) -> None:
        """Make a wallet ACTIVE, RESTRICTED, FROZEN or CLOSED. Money can leave only an ACTIVE one."""
        self._world.wallet(currency).status = status

    def _payment(self, reference_id: str | UUID) -> Payment:
        settlement.settle_due(self._world)
        return self._world.payments[str(reference_id).lower()]


def outcome_named(outcome: str | Outcome) -> Outcome:
    """An outcome by its name; an unknown name is a ValueError that lists all names."""
    if isinstance(outcome, Outcome):
        return outcome
    if outcome not in OUTCOMES:
        message = f"{outcome!r} is not an outcome. Use one of: {', '.join(OUTCOMES)}."
        raise ValueError(message)
    return OUTCOMES[outcome]
