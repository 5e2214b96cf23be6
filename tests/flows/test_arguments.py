"""What collect() refuses before the first byte: the sentence shows the right form, and not even a token is fetched."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from dollr_async import (
    Card,
    CheckoutMode,
    FeeBearer,
    InvalidInputError,
    KnownPayer,
    KnownSource,
    LineItem,
    MobileMoney,
    Payer,
    SavedAccount,
    SourceType,
)
from tests.support.collections import ITEM, REFERENCE, collect

if TYPE_CHECKING:
    from dollr_async import DollrClient
    from dollr_async.sandbox import Sandbox

_DUE = datetime(2026, 12, 31, tzinfo=UTC)

_SOURCE = KnownSource(SourceType.INVOICE, 310, Decimal("250.50"))

# What a caller gives, and the part of the sentence that shows the right form.
_TERMS: list[tuple[dict[str, Any], str]] = [
    ({"payer": "Amara"}, 'Payer(fullname="Amara Kamara", phone="231771234567")'),
    ({"payer": None}, "KnownPayer(77)"),
    ({"items": []}, 'LineItem(name="Strategy session", amount=Decimal("250.00"))'),
    ({"items": ()}, "at least one LineItem"),
    ({"items": None}, "items=[LineItem(...)]"),
    ({"items": 5}, "at least one LineItem"),
    ({"source": _SOURCE}, "give either items="),
    ({"items": None, "source": "INVOICE 310"}, 'KnownSource("INVOICE", 310, Decimal("250.00"))'),
    ({"items": None, "source": _SOURCE, "direct": True}, "leave out direct"),
    ({"items": None, "source": _SOURCE, "note": ""}, "leave out direct, mode, note"),
    ({"items": None, "source": _SOURCE, "fee_bearer": FeeBearer.PAYEE}, "fee_bearer"),
    ({"items": None, "source": _SOURCE, "document_reference": "x"}, "document_reference"),
    ({"items": None, "source": _SOURCE, "due_date": _DUE}, "due_date"),
    ({"items": None, "source": _SOURCE, "source_type": SourceType.ORDER}, "leave source_type out"),
    ({"items": None, "source": _SOURCE, "currency": "RWF"}, "no decimals"),
    ({"items": ITEM}, "at least one LineItem"),
    ({"items": iter([ITEM])}, "items must be a list"),
    ({"items": ["Strategy session"]}, "at least one LineItem"),
    ({"items": [ITEM, {"name": "x", "amount": 1}]}, "at least one LineItem"),
    ({"currency": "DOLLARS"}, "'USD'"),
    ({"currency": ""}, "three letters"),
    ({"currency": "US1"}, "three letters"),
    ({"currency": None}, "three letters"),
    ({"currency": 840}, "three letters"),
    ({"payer_currency": "L$"}, "'LRD'"),
    ({"payer_currency": ""}, "three letters"),
    ({"pay_with": "MTN"}, "MobileMoney(), Card(account_name=...) or SavedAccount(id)"),
    ({"pay_with": 12}, "MobileMoney(), Card(account_name=...) or SavedAccount(id)"),
    ({"pay_with": SavedAccount(204), "payer_currency": "LRD"}, 'SavedAccount(204, method="MTN_MOMO_LBR"'),
    ({"pay_with": SavedAccount(204, method="MTN_MOMO_LBR"), "payer_currency": "LRD"}, 'provider="PAWAPAY"'),
    ({"source_type": "SUBSCRIPTION"}, "SourceType.INVOICE or SourceType.ORDER"),
    ({"source_type": SourceType.SUBSCRIPTION}, "SourceType.INVOICE or SourceType.ORDER"),
    ({"source_type": "BILL"}, "INVOICE, ORDER"),
    ({"source_type": None}, "INVOICE, ORDER"),
    ({"direct": "yes"}, "direct must be True or False"),
    ({"direct": 1}, "direct must be True or False"),
    ({"fee_bearer": "MERCHANT"}, "PAYER, PAYEE"),
    ({"fee_bearer": None}, "PAYER, PAYEE"),
    ({"fee_bearer": FeeBearer.PAYEE, "direct": True}, "leave direct out"),
    ({"due_date": datetime(2026, 12, 31)}, "tzinfo=UTC"),  # noqa: DTZ001 - the refused form
    ({"due_date": "2026-12-31"}, "tzinfo=UTC"),
    ({"due_date": _DUE, "source_type": SourceType.ORDER}, "use SourceType.INVOICE"),
    ({"mode": CheckoutMode.HOSTED}, "direct=True"),
    ({"mode": "", "direct": True}, "HOSTED, DIRECT"),
    ({"mode": 5, "direct": True}, "HOSTED, DIRECT"),
    ({"note": 5}, "note must be text"),
    ({"note": "\ud800"}, "cannot be sent"),
    ({"document_reference": 17}, "document_reference must be text"),
    ({"reference_id": "order-17"}, "uuid.uuid4()"),
    ({"reference_id": ""}, "uuid.uuid4()"),
    ({"reference_id": 17}, "uuid.uuid4()"),
    ({"reference_id": UUID("c232ab00-9414-11ec-b3c8-9f6bdeced846")}, "uuid.uuid4()"),
    ({"reference_id": REFERENCE.replace("-4a7e-", "-1a7e-")}, "uuid.uuid4()"),
    ({"reference_id": REFERENCE + "0"}, "uuid.uuid4()"),
    # Amounts that the currency cannot hold
    ({"items": [LineItem("Tea", Decimal("0.001"))]}, 'Decimal("0.01")'),
    ({"items": [LineItem("Tea", Decimal("2.505"))]}, 'Decimal("2.51")'),
    ({"items": [LineItem("Tea", Decimal("2.50"))], "currency": "RWF"}, "no decimals"),
    ({"items": [LineItem("Tea", Decimal("0.5"))], "currency": "RWF"}, 'Decimal("1")'),
    ({"items": [ITEM, LineItem("Tea", Decimal("0.001"))], "currency": "LRD"}, "smallest unit of LRD"),
]


@pytest.mark.parametrize(
    ("terms", "shown"), _TERMS, ids=lambda value: re.sub(r" at 0x[0-9a-f]+|\\", "", str(value))[:60]
)
async def test_what_cannot_be_collected_is_refused_before_the_first_byte(
    sandbox: Sandbox, dollr: DollrClient, terms: dict[str, Any], shown: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        await collect(dollr, **terms)
    assert shown in str(caught.value)
    assert sandbox.requests == []


_FLAWED: list[tuple[type, str, list[Any], str]] = [
    (LineItem, "amount", [2.5], 'Decimal("2.5")'),
    (LineItem, "amount", [0.1 + 0.2, float("nan")], "is a float"),
    (LineItem, "amount", ["2.50"], 'Decimal("2.50")'),
    (LineItem, "amount", [None, True, "x"], "write a Decimal in major units"),
    (LineItem, "amount", [0, Decimal(0), Decimal("-2.50"), Decimal("NaN"), Decimal("Infinity")], "above zero"),
    (LineItem, "amount", [10**18, Decimal("0.1234567890123456789")], "more than 18 digits"),
    (LineItem, "qty", [0, -1, 1.0, "2", True, 10**10], "whole number from 1 up"),
    (LineItem, "name", ["", "  ", None, 5, "\ud800"], "name"),
    (Payer, "fullname", ["", "  ", None, 5, "\ud800"], "fullname"),
    (Payer, "phone", ["077123456789", "1234567", "+", "", "2317712345678901", "23177-CALL-ME"], "'231771234567'"),
    (Payer, "phone", [None, 231771234567, "\u0662\u0663\u0661\u0667\u0667\u0661\u0662\u0663"], "'231771234567'"),
    (Payer, "phone", ["771234567"], "country code"),
    (Payer, "country_code", ["LBR", "", "L1", 5], "'LR'"),
    (Payer, "email", [5], "email must be text"),
    (KnownPayer, "counterparty_id", [0, -1, "", "seven", 7.0, True, None, "\u0667"], "as in 310"),
    (KnownPayer, "party_id", [0, "x"], "as in 310"),
    (KnownPayer, "phone", ["0771234567"], "'231771234567'"),
    (MobileMoney, "phone", ["0771234567"], "'231771234567'"),
    (MobileMoney, "method", [5], "method must be text"),
    (MobileMoney, "provider", [5], "provider must be text"),
    (MobileMoney, "account_name", [5], "account_name must be text"),
    (Card, "account_name", ["", " ", None, 5], "account_name"),
    (Card, "payment_method_id", [5], "payment_method_id must be text"),
    (SavedAccount, "id", [0, -1, "", "seven", 7.0, True, None], "as in 310"),
    (SavedAccount, "method", [5], "method must be text"),
]
_GOOD: dict[type, dict[str, Any]] = {
    LineItem: {"name": "Tea", "amount": Decimal(2)},
    Payer: {"fullname": "Amara", "phone": "231771234567", "country_code": "LR"},
    KnownPayer: {"counterparty_id": 77},
    MobileMoney: {},
    Card: {"account_name": "Amara"},
    SavedAccount: {"id": 204},
}


@pytest.mark.parametrize(
    ("made", "field", "value", "shown"),
    [(made, field, value, shown) for made, field, values, shown in _FLAWED for value in values],
    ids=lambda value: value.__name__ if isinstance(value, type) else ascii(value)[:40].replace("\\", ""),
)
def test_an_argument_is_refused_where_it_is_made(made: type, field: str, value: object, shown: str) -> None:
    made(**_GOOD[made])
    with pytest.raises(InvalidInputError) as caught:
        made(**{**_GOOD[made], field: value})
    assert shown in str(caught.value)


def test_a_refused_phone_is_not_shown() -> None:
    with pytest.raises(InvalidInputError) as caught:
        Payer("Amara", "0771234567")
    assert "771234567" not in str(caught.value).replace("'231771234567'", "")


@pytest.mark.parametrize("written", ["231771234567", "+231771234567", "+231 77 123 4567", " 231-77-123-4567 "])
def test_a_phone_is_brought_into_the_form_that_is_sent(written: str) -> None:
    assert Payer("Amara", written).phone == "231771234567"
    assert MobileMoney(phone=written).phone == "231771234567"


@pytest.mark.parametrize("written", ["0771234567", "077 123 4567", "(077) 123-4567"])
def test_a_phone_as_it_is_dialled_inside_the_payers_country_gets_its_calling_code(written: str) -> None:
    assert Payer("Amara", written, country_code="LR").phone == "231771234567"


async def test_a_refusal_is_an_ordinary_value_error(dollr: DollrClient) -> None:
    with pytest.raises(ValueError, match="three letters"):
        await collect(dollr, currency="x")
