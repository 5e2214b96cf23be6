"""The sandbox's whole state in one place: its records, its settings and the events that are scheduled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import count
from typing import Any, TypeVar

import attrs

from dollr_async.sandbox.outcomes import OUTCOMES, AfterSeconds, Outcome, Settlement
from dollr_async.sandbox.quirks import Quirks
from dollr_async.sandbox.refusals import not_found
from dollr_async.sandbox.world.clock import SandboxClock
from dollr_async.sandbox.world.handsets import Handsets
from dollr_async.sandbox.world.realtime_keys import RealtimeKeys
from dollr_async.sandbox.world.records import Account, Counterparty, Document, Page, Party, Payment, Session, Wallet
from dollr_async.sandbox.world.tokens import Tokens

Key = TypeVar("Key")
Record = TypeVar("Record")

OWNER_ID = 9
OWNER_TYPE = "ORGANIZATION"
MERCHANT_NAME = "Sandbox Merchant"

_LONGEST_ID = 18

_SETTINGS = ("quirks", "settlement", "default_outcome", "session_lifetime", "confirm_cards_after")
"""The fields that are set when a world is made, and that `reset` takes back."""
_KEPT = {"url", "on_payment_change", "on_event_scheduled"}
"""The fields that belong to the server, so that `reset` keeps them."""

_FIRST_IDS = {
    "party": 100_001,
    "counterparty": 200_001,
    "INVOICE": 300_001,
    "ORDER": 400_001,
    "session": 500_001,
    "account": 600_001,
    "intent": 700_001,
    "checkout": 800_001,
    "item": 1_000_001,
}
"""The first id of each kind. They are far apart, so that an id in the wrong field finds nothing."""

_OPENING_BALANCES = {"USD": Decimal("100000.00"), "LRD": Decimal("10000000.00"), "RWF": Decimal(100000000)}


def _wallets() -> dict[str, Wallet]:
    """Open one wallet for each currency of the platform."""
    opened = enumerate(_OPENING_BALANCES.items(), start=4)
    return {currency: Wallet(id=number, currency=currency, balance=balance) for number, (currency, balance) in opened}


def _ignore(*_: object) -> None:
    """Do nothing."""


@attrs.define(kw_only=True)
class World:
    """The state of one sandbox. Operations, hosted pages, scheduled events and the sandbox's controls change it."""

    clock: SandboxClock
    quirks: Quirks
    tokens: Tokens
    realtime_keys: RealtimeKeys
    settlement: Settlement = attrs.field(factory=AfterSeconds)
    default_outcome: Outcome = OUTCOMES["approve"]
    session_lifetime: float = 1800.0
    confirm_cards_after: float | None = None
    url: str = ""
    predicted_card: str | None = None
    parties: dict[int, Party] = attrs.field(factory=dict)
    counterparties: dict[int, Counterparty] = attrs.field(factory=dict)
    documents: dict[str, dict[int, Document]] = attrs.field(factory=lambda: {"INVOICE": {}, "ORDER": {}})
    documents_by_number: dict[tuple[str, str], Document] = attrs.field(factory=dict)
    pages: dict[str, Page] = attrs.field(factory=dict)
    accounts: dict[int, Account] = attrs.field(factory=dict)
    sessions: dict[int, Session] = attrs.field(factory=dict)
    payments: dict[str, Payment] = attrs.field(factory=dict)
    payments_by_intent: dict[int, Payment] = attrs.field(factory=dict)
    wallets: dict[str, Wallet] = attrs.field(factory=_wallets)
    handsets: Handsets = attrs.field(factory=Handsets)
    events: list[tuple[float, int, str, str]] = attrs.field(factory=list)
    """What will happen: the second, a number that keeps the order, the payment's reference, and the event."""
    on_payment_change: Callable[[Payment, str, float], None] = _ignore
    """Called for each change of a payment with the payment, INSERT or UPDATE, and the second of the change."""
    on_event_scheduled: Callable[[], None] = _ignore
    """Called when an event was scheduled."""
    _ids: dict[str, Iterator[int]] = attrs.field(
        factory=lambda: {kind: count(first) for kind, first in _FIRST_IDS.items()}
    )
    _turns: Iterator[int] = attrs.field(factory=count)
    _first_settings: dict[str, Any] = attrs.field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        """Keep the settings of the beginning, for `reset`."""
        self._first_settings = {name: getattr(self, name) for name in _SETTINGS}

    def reset(self) -> None:
        """Forget every record, token and key, take back the settings of the beginning, and restart the clock."""
        self.clock.restart()
        self.tokens.reset()
        self.realtime_keys.reset()
        fresh = World(clock=self.clock, tokens=self.tokens, realtime_keys=self.realtime_keys, **self._first_settings)
        for name in attrs.fields_dict(World).keys() - _KEPT:
            setattr(self, name, getattr(fresh, name))

    def next_id(self, kind: str) -> int:
        """The next id of a kind of record."""
        return next(self._ids[kind])

    def next_turn(self) -> int:
        """A number that keeps events of the same second in the order in which they were scheduled."""
        return next(self._turns)

    def wallet(self, currency: str) -> Wallet:
        """The merchant's wallet in a currency; an empty one is opened when there is none."""
        if currency not in self.wallets:
            self.wallets[currency] = Wallet(id=4 + len(self.wallets), currency=currency, balance=Decimal(0))
        return self.wallets[currency]

    def document(self, source_type: str, number: int) -> Document:
        """An invoice or order by its id, or a 404."""
        return find(self.documents.get(source_type, {}), number, source_type.capitalize())

    def document_by_number(self, source_type: str, number: str) -> Document:
        """An invoice or order by its number, or a 404."""
        return find(self.documents_by_number, (source_type, number), source_type.capitalize())


def find(records: dict[Key, Record], key: Key, what: str) -> Record:
    """A record by its key, or a 404 that names the kind of record."""
    record = records.get(key)
    if record is None:
        raise not_found(what)
    return record


def as_id(text: str) -> int:
    """The id in a string, or -1, which no record has, when the string is not a number."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _LONGEST_ID else -1
