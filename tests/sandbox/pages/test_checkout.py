"""The hosted checkout: means, fees, cards with 3-D Secure, and every way in which it can end."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from dollr_async.sandbox import TEST_CARDS
from dollr_async.sandbox.pages.views import checkout

if TYPE_CHECKING:
    from tests.sandbox.merchant import Merchant
    from tests.sandbox.pages.visitor import Visitor


async def _page(merchant: Merchant, phone: str = "231880001122", **changes: object) -> str:
    """Make a hosted checkout, and return the path of its page."""
    items = [{"name": "Lamp", "currency": "USD", "amount": 18.5}, {"name": "Delivery", "currency": "USD", "amount": 2}]
    usual = {"mode": "HOSTED", "source_kind": "INVOICE", "party_phone": phone, "currency": "USD", "items": items}
    made = (await merchant.post("checkouts/create", {**usual, **changes})).body
    return f"/pay/{made['hosted_path_or_token']}"


async def test_the_page_shows_lines_fees_and_means(merchant: Merchant, visitor: Visitor) -> None:
    words = (await visitor.get(await _page(merchant))).words
    for part in (
        "Lamp 18.50 USD",
        "Delivery 2.00 USD",
        "Total: 20.50 USD",
        "Mobile money",
        "21.08 USD",
        "0.58 USD fees",
    ):
        assert part.replace(" ", "") in words.replace(" ", "")
    assert "21.60USDwith1.10USDfees" in words.replace(" ", "")


def test_the_page_offers_every_test_card() -> None:
    assert checkout._CARDS.keys() == TEST_CARDS.keys()


@pytest.mark.parametrize("card", ["pm_card_visa", "pm_card_mastercard"])
async def test_a_card_is_approved(merchant: Merchant, visitor: Visitor, card: str) -> None:
    page = await _page(merchant, success_url="https://shop.example/thanks")
    assert (await visitor.press(page, means=card)).headers["Location"] == page
    assert "being processed" in (await visitor.get(page)).words
    merchant.sandbox.advance(5)
    seen = await visitor.get(page)
    assert ("Paid. Thank you" in seen.words, 'href="https://shop.example/thanks"' in seen.text) == (True, True)
    assert "Paid. Thank you" in (await visitor.get(f"{page}/receipt")).words


async def test_a_declined_card_can_be_followed_by_another(merchant: Merchant, visitor: Visitor) -> None:
    page = await _page(merchant)
    await visitor.press(page, means="pm_card_declined")
    merchant.sandbox.advance(5)
    assert "Declined The payer declined the payment. You were not charged." in (await visitor.get(page)).words
    await visitor.press(page, means="pm_card_visa")
    merchant.sandbox.advance(5)
    assert [entry.status for entry in merchant.sandbox.ledger] == ["FAILED", "COMPLETED"]


@pytest.mark.parametrize(("key", "status"), [("confirm", "COMPLETED"), ("refuse", "FAILED")])
async def test_three_d_secure_waits_for_the_payer(merchant: Merchant, visitor: Visitor, key: str, status: str) -> None:
    merchant.sandbox._world.confirm_cards_after = 3.0
    page = await _page(merchant)
    await visitor.press(page, means="pm_card_3ds")
    merchant.sandbox.advance(100)
    assert "Your bank asks: do you pay 21.60 USD now?" in (await visitor.get(page)).words
    assert (await visitor.press(page, do=key)).status == 303
    merchant.sandbox.advance(5)
    assert merchant.sandbox.ledger[0].status == status
    assert (await visitor.press(page, do=key)).status == 409


async def test_another_phone_may_pay(merchant: Merchant, visitor: Visitor) -> None:
    page = await _page(merchant)
    merchant.sandbox.answer_by_hand("231770009999")
    await visitor.press(page, means="phone", phone="+231 77 000 9999")
    seen = await visitor.get(page)
    assert ("Check your phone" in seen.words, 'href="/handset/231770009999"' in seen.text) == (True, True)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"means": "pm_card_stolen"}, "No such payment method"),
        ({"means": "phone", "phone": "231880000007"}, "No mobile-money operator"),
        ({"means": "phone", "phone": "4930123456"}, "No mobile-money operator"),
    ],
)
async def test_means_that_do_not_exist_are_refused(
    merchant: Merchant, visitor: Visitor, fields: dict[str, str], words: str
) -> None:
    page = await _page(merchant)
    seen = await visitor.press(page, **fields)
    assert (seen.status, words in seen.words, merchant.sandbox.ledger) == (422, True, ())


async def test_a_payer_whose_phone_has_no_operator_can_pay_by_card(merchant: Merchant, visitor: Visitor) -> None:
    page = await _page(merchant, "231880000007")
    assert "No mobile-money operator" in (await visitor.get(page)).words
    await visitor.press(page, means="pm_card_visa")
    assert len(merchant.sandbox.ledger) == 1


async def test_an_expired_and_a_canceled_page_say_so(merchant: Merchant, visitor: Visitor) -> None:
    until = merchant.sandbox.requests[-1].at + timedelta(seconds=60)
    expired = await _page(merchant, expires_at=until.isoformat())
    canceled = await _page(merchant)
    await merchant.delete(f"invoices/cancel/{300002}")
    merchant.sandbox.advance(60)
    assert "This page has expired Ask the merchant" in (await visitor.get(expired)).words
    assert "This was canceled" in (await visitor.get(canceled)).words
    for page in (expired, canceled):
        assert (await visitor.press(page, means="pm_card_visa")).status == 422


async def test_a_phone_rings_and_its_answer_shows_on_the_page(merchant: Merchant, visitor: Visitor) -> None:
    location = (await visitor.press("/checkouts")).headers["Location"]
    await visitor.press(location, means="phone", phone="231770001122")
    (entry,) = merchant.sandbox.ledger
    await visitor.press("/handset/231770001122", do="decline", reference=entry.reference_id)
    assert "Declined The payer declined the payment." in (await visitor.get(location)).words
