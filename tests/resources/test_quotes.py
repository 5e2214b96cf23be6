"""Quotes: the cost of an amount or a document before money moves, and the same cost on the receipt."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from dollr_async import (
    CollectError,
    DollrClient,
    FeeBearer,
    InvalidInputError,
    InvalidRequestError,
    LineItem,
    Payer,
    Quote,
    SourceType,
)
from dollr_async.sandbox import Fault
from tests.support.collections import collect, sent
from tests.support.documents import TOTAL, a_document, a_draft
from tests.support.examples import run_example
from tests.support.payments import payout

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from dollr_async.sandbox import Sandbox

_ROUTE = {"payment_method": "ORANGE_MONEY_LBR", "provider": "PAWAPAY"}
_QUOTE = "predict_payment_source_amount_and_fee"


def _quoted(dollr: DollrClient, **changes: Any) -> Coroutine[Any, Any, Quote]:  # noqa: ANN401 - passed on as they are
    terms: dict[str, Any] = {"base_amount": TOTAL, "base_currency": "USD", "target_currency": "LRD", **_ROUTE}
    return dollr.predictions.amount_and_fees(**{**terms, **changes})


def _money(quote_or_receipt: object) -> list[object]:
    """Return the money fields that a quote and a receipt have in common."""
    names = ["payer_amount", "payer_currency", "payee_amount", "payee_currency", "platform_fee", "gateway_fee"]
    return [getattr(quote_or_receipt, name) for name in [*names, "fx_fee", "platform_currency", "gateway_currency"]]


# Quotes that are not possible


@pytest.mark.parametrize(
    "changes",
    [
        {"base_amount": 250.0},
        {"base_amount": "250.00"},
        {"base_amount": 0},
        {"base_currency": "dollars"},
        {"target_currency": "L"},
    ],
)
async def test_a_quote_with_invalid_arguments_is_not_requested(
    sandbox: Sandbox, dollr: DollrClient, changes: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInputError):
        await _quoted(dollr, **changes)
    assert sandbox.requests == []


@pytest.mark.parametrize(
    "changes",
    [{"target_currency": "EUR"}, {"provider": "STRIPE"}, {"payment_method": "WALLET", "provider": "PLATFORM"}],
)
async def test_what_cannot_be_quoted_is_an_error(dollr: DollrClient, changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError):
        await _quoted(dollr, **changes)


async def test_a_draft_has_no_quote(dollr: DollrClient) -> None:
    draft = await a_draft(dollr)
    with pytest.raises(InvalidRequestError, match="needs a published source"):
        await dollr.predictions.payment_source_amount_and_fees(
            source_type="INVOICE", source_id=draft, target_currency="LRD", **_ROUTE
        )


async def test_a_currency_that_the_payer_cannot_pay_in_is_an_error_before_money_moves(
    sandbox: Sandbox, dollr: DollrClient
) -> None:
    with pytest.raises(CollectError, match="carries USD and LRD, not EUR") as caught:
        await collect(dollr, payer_currency="EUR")
    assert caught.value.step == "session"
    assert (sent(sandbox, "collect"), sandbox.ledger) == ([], ())


# Quotes and receipts agree


@pytest.mark.parametrize("amount", ["0.50", "10.00", "250.00", "1234.56", "99999.99"])
@pytest.mark.parametrize("bearer", [FeeBearer.PAYER, FeeBearer.PAYEE])
@pytest.mark.parametrize("currency", ["USD", "LRD"])
async def test_the_quote_of_an_amount_equals_the_receipt(
    sandbox: Sandbox, dollr: DollrClient, amount: str, bearer: FeeBearer, currency: str
) -> None:
    quote = await _quoted(dollr, base_amount=Decimal(amount), target_currency=currency, fee_bearer=bearer)
    items = [LineItem("Thing", Decimal(amount))]
    collection = await collect(dollr, items=items, payer_currency=currency, fee_bearer=bearer)
    execution = await collection.wait()
    assert _money(await collection.receipt()) == _money(quote)
    assert (execution.payer_amount, execution.payer_currency) == (quote.payer_amount, currency)
    amounts = [quote.payer_amount, quote.payee_amount, quote.platform_fee, quote.gateway_fee]
    assert all(type(value) is Decimal for value in amounts)


@pytest.mark.parametrize("source_type", [SourceType.INVOICE, SourceType.ORDER])
@pytest.mark.parametrize("bearer", [FeeBearer.PAYER, FeeBearer.PAYEE])
async def test_the_quote_of_a_document_equals_that_of_its_total_and_fee_bearer(
    dollr: DollrClient, source_type: SourceType, bearer: FeeBearer
) -> None:
    source = await a_document(dollr, source_type, fee_bearer=bearer)
    found = await dollr.predictions.payment_source_amount_and_fees(
        source_type=source_type, source_id=source.source_id, target_currency="LRD", **_ROUTE
    )
    assert found == await _quoted(dollr, fee_bearer=bearer)


async def test_the_fee_bearer_pays_the_fees(dollr: DollrClient) -> None:
    on_top = await _quoted(dollr, target_currency="USD")
    inside = await _quoted(dollr, target_currency="USD", fee_bearer="PAYEE")
    assert on_top.gateway_fee is not None
    fees = on_top.platform_fee + on_top.gateway_fee
    assert fees == Decimal("7.00")
    assert (on_top.payer_amount, on_top.payee_amount) == (TOTAL + fees, TOTAL)
    assert (inside.payer_amount, inside.payee_amount) == (TOTAL, TOTAL - fees)
    assert on_top.fx_fee is None


async def test_the_quote_of_a_payout_is_what_leaves_the_wallet(sandbox: Sandbox, dollr: DollrClient) -> None:
    terms: dict[str, Any] = {"base_amount": Decimal("10.00"), "target_currency": "USD", "operation_type": "PAYOUT"}
    quote = await _quoted(dollr, **terms)
    execution = await (await payout(dollr)).wait()
    assert (execution.payer_amount, execution.payee_amount) == (quote.payer_amount, quote.payee_amount)


async def test_a_currency_without_decimals_is_quoted_in_whole_units(dollr: DollrClient) -> None:
    quote = await _quoted(
        dollr, base_amount=1501, base_currency="RWF", target_currency="RWF", payment_method="MTN_MOMO_RWA"
    )
    collection = await collect(
        dollr, payer=Payer("Aline", "250780000001"), items=[LineItem("Tea", 1501)], currency="RWF"
    )
    execution = await collection.wait()
    assert quote.payer_amount == execution.payer_amount == execution.payer_amount.to_integral_value()


# Billed in one currency, paid in another


@pytest.mark.parametrize("terms", [{}, {"direct": True}, {"source_type": "ORDER"}])
async def test_a_bill_in_us_dollars_is_charged_in_liberian_dollars(
    sandbox: Sandbox, dollr: DollrClient, terms: dict[str, Any]
) -> None:
    collection = await collect(dollr, payer_currency="LRD", **terms)
    (asked,) = sandbox.requests_to(_QUOTE)
    assert asked.answer is not None
    quoted = asked.answer.body
    assert isinstance(quoted, dict)
    await collection.wait()
    receipt = await collection.receipt()
    assert (receipt.currency, receipt.total_amount) == ("USD", TOTAL)
    assert (receipt.payer_amount, receipt.payer_currency) == (Decimal(quoted["payer_amount"]), "LRD")
    assert (receipt.payee_amount, receipt.payee_currency) == (TOTAL, "USD")
    assert (receipt.fx_rate, receipt.fx_currency_from, receipt.fx_currency_to) == (Decimal(190), "USD", "LRD")
    (body,) = sent(sandbox, "collect")
    assert isinstance(body, dict)
    assert body["currency"] == "LRD"


async def test_a_quote_is_exact_with_amounts_as_text_and_as_numbers(sandbox: Sandbox, dollr: DollrClient) -> None:
    currencies = b'"payer_currency": "LRD", "payee_currency": "USD", "platform_currency": "USD"'
    for amounts in (b'"48830.10", "payee_amount": "250.10"', b'48830.10, "payee_amount": 250.10'):
        body = b'{"payer_amount": ' + amounts + b', "platform_fee": 2.5, ' + currencies + b"}"
        sandbox.fail("predict_amount_and_fee", Fault.answer(200, body))
        quote = await _quoted(dollr)
        assert (str(quote.payer_amount), str(quote.payee_amount)) == ("48830.10", "250.10")
        assert quote.gateway_fee is None


# The example


async def test_the_example_shows_both_currencies(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await run_example(sandbox, monkeypatch, "quote_then_collect.py", "231770000001", "250.00")
    assert capsys.readouterr().out.splitlines() == [
        "250.00 USD are billed, 49067.50 LRD will be paid",
        "49067.50 LRD were paid, and you received 250.00 USD",
    ]
