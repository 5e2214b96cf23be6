"""How payments end, as data: the test phone numbers, the test cards, and when the status of a payment changes."""

from __future__ import annotations

import attrs


@attrs.frozen
class AfterSeconds:
    """The status changes by the clock: PROCESSING after `processing` seconds, final after `final` seconds.

    With `processing=None` the payment stays PENDING until then.
    """

    processing: float | None = 1.0
    final: float = 3.0


@attrs.frozen
class AfterStatusChecks:
    """The status changes by status checks: check number `processing` finds PROCESSING, number `final` the final status.

    A status check is a status call for the payment, or for the source that it pays.
    """

    processing: int = 1
    final: int = 2


Settlement = AfterSeconds | AfterStatusChecks
"""When the status of a payment changes: by the clock, or by status checks."""


@attrs.frozen(kw_only=True)
class Outcome:
    """How a payment goes: the status it starts with, its final status (None: it never ends), and the API's messages.

    `settlement` decides when its status changes; None is the sandbox's own rule. With `needs_action` a card waits for
    3-D Secure.
    """

    name: str
    about: str
    start: str = "PENDING"
    final: str | None = "COMPLETED"
    settlement: Settlement | None = None
    needs_action: bool = False
    wallet_message: str | None = None
    gateway_message: str | None = None


OUTCOMES = {
    outcome.name: outcome
    for outcome in (
        Outcome(name="approve", about="pending, processing, completed"),
        Outcome(
            name="decline",
            about="pending, processing, failed: the payer declined",
            final="FAILED",
            gateway_message="The payer declined the payment",
        ),
        Outcome(
            name="no_balance",
            about="pending, processing, failed: the wallet's balance is too low",
            final="FAILED",
            wallet_message="Insufficient balance for amount plus fees",
        ),
        Outcome(
            name="slow",
            about="completed, but only after three minutes",
            settlement=AfterSeconds(processing=1.0, final=180.0),
        ),
        Outcome(name="stay_pending", about="pending until a test settles it", final=None),
        Outcome(
            name="fail_at_once",
            about="the execution itself answers FAILED",
            start="FAILED",
            final="FAILED",
            gateway_message="The operator rejected the payment",
        ),
        Outcome(name="complete_at_once", about="the execution itself answers COMPLETED", start="COMPLETED"),
        Outcome(
            name="by_hand",
            about="pending until a person answers on the phone's page, failed after two minutes without an answer",
            final="FAILED",
            settlement=AfterSeconds(processing=None, final=120.0),
            gateway_message="The payer did not answer in time",
        ),
        Outcome(
            name="need_action",
            about="a card that waits in processing for 3-D Secure, then completes",
            start="PROCESSING",
            needs_action=True,
        ),
    )
}
"""Every outcome by its name."""

_PREFIXES = {"231880000": "MTN_MOMO_LBR", "231770000": "ORANGE_MONEY_LBR", "250780000": "MTN_MOMO_RWA"}
_ENDINGS = {
    "001": "approve",
    "002": "decline",
    "003": "slow",
    "004": "stay_pending",
    "005": "fail_at_once",
    "006": "complete_at_once",
    "008": "no_balance",
}

TEST_PHONES = {prefix + ending: name for prefix in _PREFIXES for ending, name in _ENDINGS.items()}
"""Each test phone number, and the name of its outcome. Any other number has the sandbox's default outcome."""

UNKNOWN_OPERATOR_PHONES = frozenset(prefix + "007" for prefix in _PREFIXES)
"""Test phone numbers whose operator the prediction does not know."""

OPERATORS = {
    "23177": "ORANGE_MONEY_LBR",
    "231": "MTN_MOMO_LBR",
    "25072": "AIRTEL_RWA",
    "25073": "AIRTEL_RWA",
    "25075": "ORANGE_MONEY_RWA",
    "250": "MTN_MOMO_RWA",
}
"""The operator of a phone in the sandbox, by prefix, the longer ones first; the real networks may differ."""


@attrs.frozen(kw_only=True)
class TestCard:
    """A test card: what the card prediction answers for its token, and the name of its outcome."""

    __test__ = False  # a card for tests, not a class of tests

    brand: str
    country: str
    currencies: tuple[str, ...]
    outcome: str


TEST_CARDS = {
    "pm_card_visa": TestCard(brand="visa", country="US", currencies=("USD",), outcome="approve"),
    "pm_card_mastercard": TestCard(brand="mastercard", country="US", currencies=("USD",), outcome="approve"),
    "pm_card_3ds": TestCard(brand="visa", country="FR", currencies=("USD",), outcome="need_action"),
    "pm_card_declined": TestCard(brand="visa", country="US", currencies=("USD",), outcome="decline"),
}
"""The test cards by their tokens."""

_NAME_WORDS = {"3ds": "need_action", "decline": "decline"}


def operator_of(phone: str) -> str | None:
    """The payment method of a phone's operator, or None when the sandbox knows none."""
    if phone in UNKNOWN_OPERATOR_PHONES:
        return None
    fitting = (method for prefix, method in OPERATORS.items() if phone.startswith(prefix))
    return next(fitting, None)


def outcome_of_phone(phone: str) -> Outcome | None:
    """The outcome of a test phone number, or None for any other number."""
    name = TEST_PHONES.get(phone)
    return OUTCOMES[name] if name else None


def outcome_of_card(token: str | None, account_name: str) -> Outcome | None:
    """The outcome of a card's test token, or else of a word in the account's name: "3ds" or "decline"."""
    if token in TEST_CARDS:
        return OUTCOMES[TEST_CARDS[token].outcome]
    lowered = account_name.lower()
    fitting = (OUTCOMES[name] for word, name in _NAME_WORDS.items() if word in lowered)
    return next(fitting, None)
