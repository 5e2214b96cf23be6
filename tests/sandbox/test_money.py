"""Quotes, executions, receipts, fee schedules, wallets and the ledger agree about the money."""

from __future__ import annotations

import re
from decimal import (
    ROUND_HALF_UP,
    ROUND_UP,
    Clamped,
    Context,
    Decimal,
    FloatOperation,
    Inexact,
    Rounded,
    Subnormal,
    localcontext,
)
from typing import TYPE_CHECKING

import pytest

from dollr_async.sandbox import Sandbox
from tests.sandbox.merchant import ORDINARY, Merchant

if TYPE_CHECKING:
    import aiohttp

    from tests.contract import Contract
    from tests.sandbox.merchant import Body

_CARD = {"provider": "STRIPE", "method": "CREDIT_CARD", "insensitive_account_number": None}
_ROUTES = {
    "mobile": ({}, {"payment_method": "MTN_MOMO_LBR", "provider": "PAWAPAY"}),
    "mobile in RWF": ({}, {"payment_method": "MTN_MOMO_RWA", "provider": "PAWAPAY"}),
    "card": (_CARD, {"payment_method": "CREDIT_CARD", "provider": "STRIPE"}),
}
_RWANDAN = "250780001122"


def _rounded(amount: Decimal, currency: str) -> Decimal:
    return amount.quantize(Decimal(1) if currency == "RWF" else Decimal("0.01"), ROUND_HALF_UP)


@pytest.mark.parametrize("route", ["mobile", "card"])
@pytest.mark.parametrize("fee_bearer", ["PAYER", "PAYEE"])
@pytest.mark.parametrize(
    ("currency", "pay_in", "amount"),
    [
        ("USD", "USD", Decimal("250.00")),
        ("USD", "LRD", Decimal("33.33")),
        ("LRD", "USD", Decimal("19999.99")),
        ("RWF", "RWF", 5001),
        ("USD", "RWF", Decimal("7.77")),
    ],
)
async def test_quote_execution_and_receipt_agree(
    merchant: Merchant, route: str, fee_bearer: str, currency: str, pay_in: str, amount: Decimal
) -> None:
    account, routing = _ROUTES["mobile in RWF" if (route, pay_in) == ("mobile", "RWF") else route]
    terms: Body = {"currency": currency, "amount": amount, "fee_bearer": fee_bearer}
    phone = _RWANDAN if pay_in == "RWF" else ORDINARY
    body = await merchant.collection_body(phone=phone, pay_in=pay_in, account=account, **terms)
    source = {"source_type": "INVOICE", "source_id": 300001, "target_currency": pay_in, **routing}
    quote = (await merchant.get("predictions/payment-source/amount-and-fees", **source)).body
    same = (
        await merchant.get(
            "predictions/amount-and-fees",
            base_amount=amount,
            base_currency=currency,
            target_currency=pay_in,
            operation_type="COLLECTION",
            fee_bearer=fee_bearer,
            **routing,
        )
    ).body
    executed = await merchant.create("executions/collection", body)
    merchant.sandbox.advance(5)
    receipt = (await merchant.get("invoices/receipt/300001")).body
    by_number = (await merchant.get(f"invoices/receipt/number/{receipt['invoice_number']}")).body

    assert quote == same
    assert receipt == by_number
    for name in ("payer_amount", "payer_currency", "payee_amount", "payee_currency"):
        assert f"{executed[name]}" == quote[name] == f"{receipt[name]}"
    for name in ("platform_fee", "gateway_fee", "fx_fee"):
        assert quote[name] == (None if receipt[name] is None else f"{receipt[name]}")
    _check_sum(receipt, amount, fee_bearer)
    assert merchant.sandbox.balances[currency] - _opening(currency) == receipt["payee_amount"]


@pytest.mark.parametrize("kind", ["invoice", "order"])
async def test_a_receipt_names_document_payer_and_payment_method(merchant: Merchant, kind: str) -> None:
    paid = await merchant.collected(kind, amount=100)
    (listed,) = (await merchant.get(f"{kind}s/list", status="PAID")).body
    receipt = (await merchant.get(f"{kind}s/receipt/{listed['id']}")).body
    assert (receipt[f"{kind}_id"], receipt[f"{kind}_number"]) == (listed["id"], listed[f"{kind}_number"])
    assert (receipt["counterparty_name"], receipt["counterparty_phone"]) == ("Fatu Kollie", "231880001122")
    assert (receipt["payment_method"], receipt["payment_provider"]) == ("MTN_MOMO_LBR", "PAWAPAY")
    assert receipt["provider_transaction_id"] == paid["provider_transaction_id"]
    assert receipt["gateway_confirmed_at"] == receipt["paid_at"] == listed["paid_at"]
    assert [(line["name"], line["qty"], line["amount"]) for line in receipt["items"]] == [("Solar kit", 1, 100)]


def _check_sum(receipt: Body, amount: Decimal, fee_bearer: str) -> None:
    fees = receipt["platform_fee"] + receipt["gateway_fee"] + (receipt["fx_fee"] or 0)
    rate = Decimal(receipt["fx_rate"] or 1)
    billed, received = (amount + fees, amount) if fee_bearer == "PAYER" else (amount, amount - fees)
    assert receipt["total_amount"] == amount
    assert receipt["payee_amount"] == received
    assert receipt["payer_amount"] == _rounded(billed * rate, receipt["payer_currency"])
    exchanged = receipt["payer_currency"] != receipt["payee_currency"]
    assert (receipt["fx_fee"] is not None, receipt["fx_rate"] is not None) == (exchanged, exchanged)
    assert receipt["fx_currency_to"] == (receipt["payer_currency"] if exchanged else None)
    assert (receipt["platform_currency"], receipt["gateway_currency"]) == (receipt["payee_currency"],) * 2
    assert fees > 0


def _opening(currency: str) -> Decimal:
    return {"USD": Decimal("100000.00"), "LRD": Decimal("10000000.00"), "RWF": Decimal(100000000)}[currency]


@pytest.mark.parametrize(("method", "provider"), [("MTN_MOMO_LBR", "PAWAPAY"), ("CREDIT_CARD", "STRIPE")])
@pytest.mark.parametrize("operation", ["COLLECTION", "PAYOUT"])
async def test_quotes_follow_the_fee_schedules(merchant: Merchant, method: str, provider: str, operation: str) -> None:
    gateway = (await merchant.get("fees/gateway", payment_method=method, operation_type=operation)).body
    tier = (await merchant.get("fees/merchant-tier", owner_type="ORGANIZATION", owner_id=9)).body["tier"]
    platform = (await merchant.get("fees/platform", operation_type=operation, fee_tier_name=tier["name"])).body
    quote = (
        await merchant.get(
            "predictions/amount-and-fees",
            base_amount=100,
            base_currency="USD",
            target_currency="LRD",
            payment_method=method,
            provider=provider,
            operation_type=operation,
            fee_bearer="PAYER",
        )
    ).body
    assert Decimal(quote["gateway_fee"]) == gateway["percentage"] + (gateway["fixed_fee"] or 0)
    assert Decimal(quote["platform_fee"]) == Decimal(platform["percentage"])
    assert Decimal(quote["fx_fee"]) == Decimal(platform["fx_percentage"])


async def test_an_unknown_fee_or_merchant_is_a_404(merchant: Merchant) -> None:
    for path, query in (
        ("fees/gateway", {"payment_method": "WALLET", "operation_type": "COLLECTION"}),
        ("fees/platform", {"operation_type": "PAYOUT", "fee_tier_name": "gold"}),
        ("fees/merchant-tier", {"owner_type": "USER", "owner_id": 9}),
        ("merchants/merchant-info", {"merchant_type": "ORGANIZATION", "merchant_id": 8}),
    ):
        assert (await merchant.get(path, **query)).status == 404


async def test_the_merchant_and_its_tier_are_known(merchant: Merchant) -> None:
    info = (await merchant.get("merchants/merchant-info", merchant_type="ORGANIZATION", merchant_id=9)).body
    assert (info["name"], (await merchant.get("fees/tiers")).body[0]["is_default"]) == ("Sandbox Merchant", True)


@pytest.mark.parametrize(
    "changes",
    [
        {"base_amount": "0.01", "fee_bearer": "PAYEE", "payment_method": "CREDIT_CARD", "provider": "STRIPE"},
        {"base_currency": "EUR"},
        {"target_currency": "EUR"},
        {"payment_method": "WALLET", "provider": "PLATFORM"},
        {"provider": "STRIPE"},
        {"base_amount": "0.4", "base_currency": "RWF", "target_currency": "RWF"},
    ],
)
async def test_an_amount_that_cannot_be_priced_is_a_422(merchant: Merchant, changes: Body) -> None:
    usual = {
        "base_amount": "10",
        "base_currency": "USD",
        "target_currency": "USD",
        "payment_method": "MTN_MOMO_LBR",
        "provider": "PAWAPAY",
        "operation_type": "COLLECTION",
        "fee_bearer": "PAYER",
    }
    assert (await merchant.get("predictions/amount-and-fees", **usual)).status == 200
    assert (await merchant.get("predictions/amount-and-fees", **{**usual, **changes})).status == 422


@pytest.mark.parametrize(
    ("phone", "pay_in"), [(ORDINARY, "RWF"), ("231770001122", "RWF"), (_RWANDAN, "USD"), (_RWANDAN, "LRD")]
)
async def test_a_currency_that_the_phones_route_does_not_carry_is_refused(
    merchant: Merchant, phone: str, pay_in: str
) -> None:
    route = (await merchant.get("predictions/mmo-provider-info", phone=phone, operation_type="COLLECTION")).body
    assert pay_in not in route["currencies"]
    body = await merchant.collection_body(phone=phone, pay_in=pay_in)
    routing = {"payment_method": route["payment_method"], "provider": route["gateway_provider"]}
    source = {"source_type": "INVOICE", "source_id": 300001}
    amount = {"base_amount": 250, "base_currency": "USD", "operation_type": "COLLECTION", "fee_bearer": "PAYER"}
    for path, query in (("payment-source/amount-and-fees", source), ("amount-and-fees", amount)):
        reply = await merchant.get(f"predictions/{path}", **query, **routing, target_currency=pay_in)
        assert (reply.status, reply.body["detail"].startswith("Unsupported currency")) == (422, True)
        reply = await merchant.get(f"predictions/{path}", **query, **routing, target_currency=route["currencies"][0])
        assert reply.status == 200
    assert (await merchant.post("executions/collection", body)).status == 422
    assert (await merchant.get("invoices/retrieve/300001")).body["status"] == "ACTIVE"
    carried = {**body, "currency": route["currencies"][0]}
    assert (await merchant.create("executions/collection", carried))["payer_currency"] == carried["currency"]


async def test_a_hosted_page_charges_in_a_currency_that_the_phones_route_carries(merchant: Merchant) -> None:
    for phone, currency, charged in ((_RWANDAN, "USD", "RWF"), (ORDINARY, "LRD", "LRD"), (ORDINARY, "RWF", "USD")):
        document = await merchant.published(phone=phone, currency=currency, amount=5000)
        merchant.sandbox.pay("INVOICE", document["id"])
        assert merchant.sandbox.ledger[-1].currency == charged


@pytest.mark.parametrize("status", ["IDLE", "CANCELED", "unknown"])
async def test_only_a_published_source_has_a_quote(merchant: Merchant, status: str) -> None:
    document = await (merchant.draft() if status == "IDLE" else merchant.published())
    if status == "CANCELED":
        await merchant.delete(f"invoices/cancel/{document['id']}")
    query = {"target_currency": "USD", "payment_method": "MTN_MOMO_LBR", "provider": "PAWAPAY"}
    source_id = 7 if status == "unknown" else document["id"]
    reply = await merchant.get(
        "predictions/payment-source/amount-and-fees", **query, source_type="INVOICE", source_id=source_id
    )
    assert reply.status == (404 if status == "unknown" else 422)


async def test_amounts_are_exact_on_the_wire(merchant: Merchant) -> None:
    draft = await merchant.draft()
    line = b'{"name": "Panel", "currency": "USD", "qty": 3, "amount": 0.10}'
    await merchant.send("POST", f"invoices/{draft['id']}/items/add", line, {})
    await merchant.send("POST", f"invoices/{draft['id']}/items/add", line.replace(b"0.10", b"1999999999.99"), {})
    total = (await merchant.get(f"invoices/retrieve/{draft['id']}")).body["total_amount"]
    assert f"{total}" == "6000000000.27"


_HOSTILE = {
    "six digits": Context(prec=6),
    "two digits, rounding up": Context(prec=2, rounding=ROUND_UP),
    "nothing but exact": Context(prec=3, traps=[Inexact, Rounded, FloatOperation, Subnormal, Clamped]),
    "small exponents": Context(prec=1, Emax=1, Emin=-1, capitals=0, clamp=1, traps=[]),
}


async def _money_of_a_day(http: aiohttp.ClientSession, contract: Contract) -> tuple[str, ...]:
    """Collect, refund, pay out and pay on a page on a fresh sandbox, and return every amount as text."""
    async with Sandbox() as sandbox:
        merchant = Merchant(sandbox, http, contract)
        await merchant.log_in()
        body = await merchant.collection_body(amount=Decimal("1234567.89"), pay_in="LRD")
        query = {"target_currency": "LRD", "payment_method": "MTN_MOMO_LBR", "provider": "PAWAPAY"}
        path = "predictions/payment-source/amount-and-fees"
        quote = await merchant.get(path, source_type="INVOICE", source_id=300001, **query)
        paid = await merchant.create("executions/collection", body)
        sandbox.settle(paid["reference_id"])
        receipt = await merchant.get("invoices/receipt/300001")
        await merchant.create("executions/refund", await merchant.refund_body(paid, Decimal("987654.32")))
        await merchant.create("executions/payout", await merchant.payout_body(amount=Decimal("98765.43")))
        sandbox.advance(5)
        document = await merchant.published(amount=Decimal("98765.43"), as_payment_link=True)
        link = await merchant.get("links/pay", source_type="INVOICE", source_number=document["invoice_number"])
        async with http.post(link.body["url"], allow_redirects=True) as response:
            page = " ".join(re.findall(r"[\d,]+\.\d\d", await response.text()))
        sandbox.decline(sandbox.pay("INVOICE", (await merchant.published(amount=Decimal("77777.77")))["id"]))
        sandbox.set_balance("RWF", Decimal(1234567))
        moved = [f"{entry.amount} {entry.payee_amount} {entry.status}" for entry in sandbox.ledger]
        balances = [f"{amount} {currency}" for currency, amount in sandbox.balances.items()]
        return (f"{quote.body}", f"{receipt.body['payer_amount']} {receipt.body['fx_fee']}", page, *moved, *balances)


@pytest.mark.parametrize("name", _HOSTILE)
async def test_amounts_are_the_same_in_any_decimal_context(
    http: aiohttp.ClientSession, contract: Contract, name: str
) -> None:
    expected = await _money_of_a_day(http, contract)
    with localcontext(_HOSTILE[name]):
        found = await _money_of_a_day(http, contract)
    assert found == expected


# wallets


async def test_a_payout_and_its_fees_leave_the_wallet_and_return_when_it_fails(merchant: Merchant) -> None:
    await merchant.create("executions/payout", await merchant.payout_body(amount=100))
    assert merchant.sandbox.balances["USD"] == Decimal("99897.80")
    merchant.sandbox.advance(5)
    await merchant.create("executions/payout", await merchant.payout_body("231880000002", amount=100))
    assert merchant.sandbox.balances["USD"] == Decimal("99795.60")
    merchant.sandbox.advance(5)
    assert merchant.sandbox.balances["USD"] == Decimal("99897.80")
    assert [(entry.amount, entry.payee_amount, entry.status) for entry in merchant.sandbox.ledger] == [
        (Decimal("102.20"), Decimal(100), "COMPLETED"),
        (Decimal("102.20"), Decimal(100), "FAILED"),
    ]


async def test_a_transfer_costs_nothing(merchant: Merchant) -> None:
    transfer = await merchant.create("executions/transfer", await merchant.transfer_body(amount=15))
    assert (transfer["payer_amount"], transfer["payee_amount"]) == (15, 15)
    assert merchant.sandbox.balances["USD"] == 99985


@pytest.mark.parametrize(
    ("status", "balance", "message"),
    [
        ("ACTIVE", Decimal("14.99"), "Insufficient balance for amount plus fees"),
        ("FROZEN", 100, "Wallet is FROZEN"),
        ("CLOSED", 100, "Wallet is CLOSED"),
    ],
)
async def test_an_empty_or_closed_wallet_is_a_failed_payment_and_not_an_error(
    merchant: Merchant, status: str, balance: Decimal, message: str
) -> None:
    merchant.sandbox.set_balance("USD", balance)
    merchant.sandbox.set_wallet_status("USD", status)
    transfer = await merchant.create("executions/transfer", await merchant.transfer_body(amount=15))
    assert (transfer["status"], transfer["wallet_message"]) == ("FAILED", message)
    assert (merchant.sandbox.balances["USD"], merchant.sandbox.ledger[0].moved) == (balance, False)


async def test_a_wallet_can_be_opened(merchant: Merchant) -> None:
    merchant.sandbox.set_balance("EUR", Decimal(50))
    body = await merchant.transfer_body(from_wallet_id=7, currency="EUR", amount=20)
    await merchant.create("executions/transfer", body)
    assert merchant.sandbox.balances["EUR"] == 30


# refunds


async def test_refunds_never_exceed_the_original(merchant: Merchant) -> None:
    paid = await merchant.collected(amount=100)
    assert paid["payer_amount"] == Decimal("102.80")
    await merchant.log_in()
    too_much = {"original_payment_intent_id": paid["payment_intent_id"], "expires_at": "2099-01-01T00:00:00Z"}
    assert (await merchant.post("sessions/refund", {**too_much, "amount": Decimal("102.81")})).status == 422
    first, second = await merchant.refund_body(paid, 60), await merchant.refund_body(paid, 60)
    await merchant.create("executions/refund", first)
    reply = await merchant.post("executions/refund", second)
    assert (reply.status, "exceeds the 42.80 left" in reply.body["detail"]) == (422, True)
    merchant.sandbox.advance(5)
    rest = await merchant.refund_body(paid, Decimal("42.80"))
    await merchant.create("executions/refund", rest)
    merchant.sandbox.advance(5)
    assert (await merchant.post("sessions/refund", {**too_much, "amount": Decimal("0.01")})).status == 422
    refunds = [entry.amount for entry in merchant.sandbox.ledger if entry.kind == "REFUND" and entry.moved]
    assert sum(refunds) == paid["payer_amount"]


async def test_a_failed_refund_can_be_made_again(merchant: Merchant) -> None:
    paid = await merchant.collected()
    before = merchant.sandbox.balances["USD"]
    merchant.sandbox.set_outcome("decline")
    await merchant.create("executions/refund", await merchant.refund_body(paid, paid["payer_amount"]))
    merchant.sandbox.advance(5)
    assert merchant.sandbox.balances["USD"] == before
    merchant.sandbox.set_outcome("approve")
    await merchant.create("executions/refund", await merchant.refund_body(paid, paid["payer_amount"]))
    assert merchant.sandbox.balances["USD"] == before - paid["payer_amount"]


async def test_a_refund_is_in_the_payers_currency_and_comes_from_the_payees_wallet(merchant: Merchant) -> None:
    paid = await merchant.collected(pay_in="LRD", amount=100)
    before = merchant.sandbox.balances["USD"]
    refund = await merchant.create("executions/refund", await merchant.refund_body(paid, 1900))
    assert (refund["payee_amount"], refund["payee_currency"]) == (1900, "LRD")
    assert before - merchant.sandbox.balances["USD"] == 10


async def test_a_refund_without_balance_fails_and_can_be_made_later(merchant: Merchant) -> None:
    paid = await merchant.collected(amount=100)
    merchant.sandbox.set_balance("USD", Decimal(0))
    refund = await merchant.create("executions/refund", await merchant.refund_body(paid, 60))
    assert refund["status"] == "FAILED"
    merchant.sandbox.set_balance("USD", Decimal(1000))
    assert (await merchant.create("executions/refund", await merchant.refund_body(paid, 60)))["status"] == "PENDING"


# the ledger


async def test_the_ledger_has_one_entry_for_a_reference(merchant: Merchant) -> None:
    body = await merchant.collection_body("order", pay_in="LRD", amount=100)
    for _ in range(2):
        await merchant.create("executions/collection", body)
    (entry,) = merchant.sandbox.ledger
    assert (entry.kind, entry.status, entry.outcome, entry.sends) == ("COLLECTION", "PENDING", "approve", 2)
    assert (entry.currency, entry.payee_currency, entry.payee_amount) == ("LRD", "USD", Decimal(100))
    assert (entry.source_type, entry.source_id, entry.moved, entry.settled_at) == ("ORDER", 400001, False, None)
    assert (f"{entry.session_id}", f"{entry.payment_account_id}") == (body["session_id"], body["payment_account_id"])
