"""Checkouts, hosted pages and links: a payer pays by hand."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from dollr_async.sandbox import Quirks

if TYPE_CHECKING:
    from tests.sandbox.merchant import Body, Merchant, Reply

_ITEMS = [
    {"name": "Panel x 2", "currency": "USD", "amount": Decimal("241.10")},
    {"name": "<b>Cable</b>", "currency": "USD", "amount": 5},
]


async def _checkout(merchant: Merchant, **changes: object) -> Reply:
    usual = {"mode": "HOSTED", "source_kind": "INVOICE", "party_phone": "231880001122", "currency": "USD"}
    return await merchant.post("checkouts/create", {**usual, "items": _ITEMS, **changes})


async def _page(merchant: Merchant, method: str, url: str) -> tuple[int, str]:
    async with merchant.http.request(method, url, allow_redirects=False) as response:
        return response.status, await response.text()


@pytest.mark.parametrize("mode", ["HOSTED", "DIRECT"])
@pytest.mark.parametrize("kind", ["INVOICE", "ORDER"])
async def test_a_checkout_creates_payer_source_and_page_at_once(merchant: Merchant, mode: str, kind: str) -> None:
    checkout = (
        await _checkout(merchant, mode=mode, source_kind=kind, party_name="Fatu Kollie", reference_id="mine")
    ).body
    assert (checkout["source_type"], checkout["source_status"], checkout["total_amount"]) == (
        kind,
        "ACTIVE",
        Decimal("246.10"),
    )
    document = (await merchant.get(f"{kind.lower()}s/retrieve/{checkout['source_id']}")).body
    assert (document["as_payment_link"], document["reference_id"]) == (mode == "HOSTED", "mine")
    assert document["counterparty"]["party"]["id"] == checkout["party_id"]
    assert document["counterparty"]["party"]["fullname"] == "Fatu Kollie"
    assert checkout["url"].endswith(checkout["hosted_path_or_token"])


async def test_a_checkout_may_name_a_counterparty(merchant: Merchant) -> None:
    counterparty = await merchant.counterparty()
    checkout = (await _checkout(merchant, counterparty_id=counterparty["id"])).body
    assert (checkout["counterparty_id"], checkout["party_id"]) == (counterparty["id"], counterparty["party_id"])
    assert (await _checkout(merchant, counterparty_id=5)).status == 422


async def test_a_checkout_has_one_currency(merchant: Merchant) -> None:
    assert (await _checkout(merchant, currency="LRD")).status == 422


@pytest.mark.parametrize("quirks", [Quirks(checkout_status="IDLE", checkout_total=False, checkout_url=False)])
async def test_a_checkout_may_be_idle_and_without_total_or_url(merchant: Merchant) -> None:
    merchant.checks_answers = False
    checkout = (await _checkout(merchant, mode="DIRECT", source_kind="ORDER")).body
    assert (checkout["source_status"], "url" in checkout, "total_amount" in checkout) == ("IDLE", False, False)
    assert (await merchant.put(f"orders/publish/{checkout['source_id']}")).body["status"] == "ACTIVE"


@pytest.mark.parametrize("quirks", [Quirks(refuse_direct=True)])
async def test_the_direct_mode_may_be_refused(merchant: Merchant) -> None:
    assert (await _checkout(merchant, mode="DIRECT")).status == 422
    assert (await _checkout(merchant)).status == 200


async def test_a_payer_pays_on_the_page(merchant: Merchant) -> None:
    addresses = {"success_url": "https://shop.example/thanks?a=1&b=2", "cancel_url": "http://shop.example/basket"}
    checkout = (await _checkout(merchant, **addresses)).body
    text = (await _page(merchant, "GET", checkout["url"]))[1]
    assert ("Total: 246.10 USD" in text, "<button>" in text, "shop.example/basket" in text) == (True, True, True)
    assert "&lt;b&gt;Cable&lt;/b&gt;" in text
    assert "<b>" not in text

    assert (await _page(merchant, "POST", checkout["url"]))[0] == 303
    text = (await _page(merchant, "GET", checkout["url"]))[1]
    assert ("PROCESSING" in text, "Refresh" in text, "<button>" in text) == (True, True, False)
    assert (await _page(merchant, "POST", checkout["url"]))[0] == 422
    assert len(merchant.sandbox.ledger) == 1

    merchant.sandbox.advance(5)
    text = (await _page(merchant, "GET", checkout["url"]))[1]
    assert ("PAID" in text, 'href="https://shop.example/thanks?a=1&amp;b=2"' in text) == (True, True)
    found = (await merchant.get("status/source", source_type="INVOICE", source_id=checkout["source_id"])).body
    assert found["status"] == "PAID"
    assert (await merchant.get(f"invoices/receipt/{checkout['source_id']}")).status == 200


async def test_a_page_links_only_to_http_addresses(merchant: Merchant) -> None:
    checkout = (await _checkout(merchant, cancel_url="javascript:alert(1)")).body
    text = (await _page(merchant, "GET", checkout["url"]))[1]
    assert ("javascript:" in text, "Cancel and go back" in text) == (False, False)


async def test_a_payer_can_try_again_after_a_declined_payment(merchant: Merchant) -> None:
    checkout = (await _checkout(merchant, party_phone="231880000002")).body
    for _ in range(2):
        assert (await _page(merchant, "POST", checkout["url"]))[0] == 303
        merchant.sandbox.advance(5)
        assert "Status: ACTIVE" in (await _page(merchant, "GET", checkout["url"]))[1]
    assert [entry.status for entry in merchant.sandbox.ledger] == ["FAILED", "FAILED"]


async def test_a_payer_without_an_operator_cannot_pay(merchant: Merchant) -> None:
    checkout = (await _checkout(merchant, party_phone="231880000007")).body
    status, text = await _page(merchant, "POST", checkout["url"])
    assert (status, "No mobile-money operator" in text, merchant.sandbox.ledger) == (422, True, ())


async def test_a_page_expires_and_a_link_opens_another(merchant: Merchant) -> None:
    checkout = (await _checkout(merchant, expires_at=_in_ten_minutes(merchant))).body
    query = {"source_type": "INVOICE", "source_number": checkout["source_number"]}
    assert (await merchant.get("links/pay", **query)).body["url"] == checkout["url"]
    merchant.sandbox.advance(600)
    text = (await _page(merchant, "GET", checkout["url"]))[1]
    assert ("expired" in text, "<button>" in text) == (True, False)
    assert (await _page(merchant, "POST", checkout["url"]))[0] == 422
    other = (await merchant.get("links/pay", **query)).body["url"]
    assert other != checkout["url"]
    assert (await _page(merchant, "POST", other))[0] == 303


def _in_ten_minutes(merchant: Merchant) -> str:
    return (merchant.sandbox.requests[-1].at + timedelta(seconds=600)).isoformat()


@pytest.mark.parametrize(("method", "path"), [("GET", "/pay/"), ("GET", "/pay/guess"), ("POST", "/pay/guess/receipt")])
async def test_an_unknown_page_is_a_404(merchant: Merchant, method: str, path: str) -> None:
    status, text = await _page(merchant, method, merchant.sandbox.url + path)
    assert (status, "not found" in text) == (404, True)


@pytest.mark.parametrize("kind", ["invoice", "order"])
async def test_links_need_a_published_and_a_paid_source(merchant: Merchant, kind: str) -> None:
    links: list[Body] = []
    document = await merchant.draft(kind, as_payment_link=True)
    query = {"source_type": kind.upper(), "source_number": document[f"{kind}_number"]}
    assert (await merchant.get("links/pay", **query)).status == 422
    line = {"name": "Panel", "currency": "USD", "qty": 1, "amount": 5}
    await merchant.post(f"{kind}s/{document['id']}/items/add", line)
    await merchant.put(f"{kind}s/publish/{document['id']}")
    links.append((await merchant.get("links/pay", **query)).body)
    receipt = f"{links[0]['url']}/receipt"
    assert (await merchant.get("links/receipt", **query)).status == 422
    assert (await _page(merchant, "GET", receipt))[0] == 404
    merchant.sandbox.pay(kind.upper(), document["id"])
    merchant.sandbox.advance(5)
    links.append((await merchant.get("links/receipt", **query)).body)
    assert links[1]["url"] == receipt
    assert "PAID" in (await _page(merchant, "GET", receipt))[1]


async def test_links_are_for_documents_made_for_them(merchant: Merchant) -> None:
    document = await merchant.published()
    query = {"source_type": "INVOICE", "source_number": document["invoice_number"]}
    assert (await merchant.get("links/pay", **query)).status == 422
    for path in ("links/pay", "links/receipt"):
        assert (await merchant.get(path, source_type="SUBSCRIPTION", source_number="1")).status == 404


@pytest.mark.parametrize("quirks", [Quirks(link_url=False)])
async def test_a_link_may_come_without_its_url(merchant: Merchant) -> None:
    document = await merchant.published(as_payment_link=True)
    query = {"source_type": "INVOICE", "source_number": document["invoice_number"]}
    merchant.checks_answers = False
    assert (await merchant.get("links/pay", **query)).body == {}
    merchant.sandbox.pay("INVOICE", document["id"])
    merchant.sandbox.advance(5)
    assert (await merchant.get("links/receipt", **query)).body == {}


async def test_a_canceled_source_cannot_be_paid_by_hand(merchant: Merchant) -> None:
    checkout = (await _checkout(merchant)).body
    await merchant.delete(f"invoices/cancel/{checkout['source_id']}")
    query = {"source_type": "INVOICE", "source_number": checkout["source_number"]}
    assert (await merchant.get("links/pay", **query)).status == 422
    text = (await _page(merchant, "GET", checkout["url"]))[1]
    assert ("CANCELED" in text, "<button>" in text) == (True, False)
    assert (await _page(merchant, "POST", checkout["url"]))[0] == 422


async def test_page_requests_are_not_recorded_as_api_requests(merchant: Merchant) -> None:
    checkout = (await _checkout(merchant)).body
    seen = len(merchant.sandbox.requests)
    await _page(merchant, "GET", checkout["url"])
    assert len(merchant.sandbox.requests) == seen
