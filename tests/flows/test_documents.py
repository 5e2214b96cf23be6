"""Whether a document's total is the expected one, in the smallest unit of its currency."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from dollr_async import DocumentItem, DollrError, NewLineItem, SourceState
from dollr_async.flows.documents import check_payable, check_total, missing_lines

_STATE = {
    "source_id": 310,
    "source_type": "INVOICE",
    "source_number": "INV-2026-00310",
    "currency": "USD",
    "total_amount": Decimal("250.00"),
}


@pytest.mark.parametrize(
    ("total", "billed_in", "expected", "currency"),
    [
        ("250", "USD", "250.00", "USD"),
        ("250.004", "USD", "250.00", "USD"),
        ("249.995", "USD", "250", "USD"),
        ("1E+3", "usd", "1000.00", "USD"),
        ("1501.4", "RWF", "1501", "RWF"),
        ("1500.5", "RWF", "1501", "RWF"),
        ("0.01", "XYZ", "0.01", "XYZ"),
        ("9999999999999999.99", "LRD", "9999999999999999.99", "LRD"),
    ],
)
def test_a_total_that_rounds_to_the_expected_one_is_right(
    total: str, billed_in: str, expected: str, currency: str
) -> None:
    check_total("INVOICE 310", Decimal(total), billed_in, expected=Decimal(expected), currency=currency)


@pytest.mark.parametrize(
    ("total", "billed_in", "expected", "currency"),
    [
        ("250.01", "USD", "250.00", "USD"),
        ("250.005", "USD", "250.00", "USD"),
        ("2.50", "USD", "250", "USD"),
        ("250.00", "LRD", "250.00", "USD"),
        ("1501.5", "RWF", "1501", "RWF"),
        ("0", "USD", "0.01", "USD"),
        ("-250.00", "USD", "250.00", "USD"),
        ("9999999999999999.98", "LRD", "9999999999999999.99", "LRD"),
        ("1E+99", "USD", "250.00", "USD"),
    ],
)
def test_any_other_total_is_refused_with_both(total: str, billed_in: str, expected: str, currency: str) -> None:
    with pytest.raises(DollrError, match="INVOICE 310 has a total of") as caught:
        check_total("INVOICE 310", Decimal(total), billed_in, expected=Decimal(expected), currency=currency)
    assert f"{total} {billed_in}" in str(caught.value)


@pytest.mark.parametrize("status", ["IDLE", "PROCESSING", "PAID", "CANCELED", "ON_HOLD"])
def test_only_an_active_document_can_be_paid(status: str) -> None:
    state = SourceState(**_STATE, status=status)  # type: ignore[arg-type] # the words as the API writes them
    with pytest.raises(DollrError, match=f"INVOICE 310 is {status}"):
        check_payable(state, expected=Decimal("250.00"), currency="USD")


def _there(name: str) -> DocumentItem:
    at = datetime(2026, 7, 1, tzinfo=UTC)
    return DocumentItem(id=1, name=name, qty=1, amount=Decimal("250.00"), currency="USD", created_at=at, updated_at=at)


@pytest.mark.parametrize("kept", ["Café", "Cafe\u0301", " Café ", "Cafe\u0301\n"])
def test_a_line_is_found_again_however_the_api_keeps_its_name(kept: str) -> None:
    line = NewLineItem(name="  Cafe\u0301 ", currency="USD", amount=Decimal(250))
    assert line.name == "Café"
    assert missing_lines([line], [_there(kept)]) == []
    assert missing_lines([line, line], [_there(kept)]) == [line]
    assert missing_lines([line], [_there("Cafe")]) == [line]
