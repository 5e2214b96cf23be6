"""An ordinary payout, transfer and refund, and what has to exist before each."""

from __future__ import annotations

from collections.abc import Coroutine
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from dollr_async import Device, NewCounterparty, NewParty, Passcode
from dollr_async.sandbox import PASSCODE, PASSCODE_PHONE
from tests.support.collections import PAYER, collect

if TYPE_CHECKING:
    from dollr_async import DollrClient, Payment
    from dollr_async.sandbox import LedgerEntry, Sandbox

RIGHT = Passcode(PASSCODE, phone=PASSCODE_PHONE)
DEVICE = Device(name="payroll", type="SERVER", platform="PYTHON", user_agent="payroll/1.0", client_ip="192.0.2.7")
USD_WALLET = 4

_Moving = Coroutine[Any, Any, "Payment"]


def payout(dollr: DollrClient, **changes: Any) -> _Moving:  # noqa: ANN401 - passed on as they are
    """Begin an ordinary payout, with some of its terms changed."""
    terms: dict[str, Any] = {"to": PAYER, "amount": Decimal("10.00"), "currency": "USD", "passcode": RIGHT}
    return dollr.payout(**{**terms, "device": DEVICE, **changes})


def transfer(dollr: DollrClient, **changes: Any) -> _Moving:  # noqa: ANN401 - passed on as they are
    """Begin an ordinary transfer to the sandbox's first counterparty, with some of its terms changed."""
    terms: dict[str, Any] = {"from_wallet_id": USD_WALLET, "to_counterparty_id": 200_001, "currency": "USD"}
    return dollr.transfer(**{**terms, "amount": Decimal("3.50"), **changes})


def refund(dollr: DollrClient, **changes: Any) -> _Moving:  # noqa: ANN401 - passed on as they are
    """Begin an ordinary refund of the sandbox's first payment, with some of its terms changed."""
    terms: dict[str, Any] = {"original_payment_intent_id": 700_001, "amount": Decimal("50.00")}
    return dollr.refund(**{**terms, **changes})


async def a_counterparty(dollr: DollrClient) -> int:
    """Create a party that money can be sent to, and return its counterparty's id."""
    party = await dollr.parties.create(NewParty(fullname="Amara Kamara", phone="231771234567"))
    return (await dollr.counterparties.create(NewCounterparty(party_id=party.id))).id


async def a_paid_collection(sandbox: Sandbox, dollr: DollrClient, **changes: Any) -> int:  # noqa: ANN401 - as above
    """Collect 250 USD, and return the id of the payment intent that a refund needs."""
    collection = await collect(dollr, **changes)
    sandbox.settle(collection.reference_id)
    return int(collection.execution.extra["payment_intent_id"])


class _Begin(Protocol):
    def __call__(self, **changes: Any) -> _Moving: ...  # noqa: ANN401 - passed on as they are


class Move(NamedTuple):
    """A movement of one of the three kinds, ready to begin on a sandbox."""

    kind: str
    begin: _Begin
    sandbox: Sandbox

    @property
    def operation(self) -> str:
        """The contract's name for the execution."""
        return self.kind.lower()

    @property
    def status_operation(self) -> str:
        """The contract's name for its status check."""
        return f"get_{self.operation}_status"

    @property
    def session(self) -> str:
        """The contract's name for the call that creates its session."""
        return f"create_{self.operation}_session"

    @property
    def sends(self) -> int:
        """How many executions arrived."""
        return len(self.sandbox.requests_to(self.operation))

    @property
    def status_checks(self) -> int:
        """How often the status was checked."""
        return len(self.sandbox.requests_to(self.status_operation))

    @property
    def ledger(self) -> list[LedgerEntry]:
        """The movements of this kind."""
        return [entry for entry in self.sandbox.ledger if entry.kind == self.kind]


async def ready(kind: str, sandbox: Sandbox, dollr: DollrClient) -> Move:
    """Create what a movement of this kind needs, and forget the requests for that."""
    if kind == "TRANSFER":
        await a_counterparty(dollr)
    elif kind == "REFUND":
        await a_paid_collection(sandbox, dollr)
    sandbox.requests.clear()
    begin = {"PAYOUT": payout, "TRANSFER": transfer, "REFUND": refund}[kind]
    return Move(kind, partial(begin, dollr), sandbox)
