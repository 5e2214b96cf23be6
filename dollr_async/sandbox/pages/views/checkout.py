"""`/pay/{token}`: the hosted checkout, as a payer sees it, and the receipt after it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import attrs

from dollr_async.sandbox.pages.answers import PageAnswer, PageContext, PageError, PageRequest, see
from dollr_async.sandbox.pages.html import Element, Node, is_safe_address, tag
from dollr_async.sandbox.pages.layout import amount_text, live, money, payer_page
from dollr_async.sandbox.payer import Means, by_card, by_phone, cost_of, pay_document, phone_of
from dollr_async.sandbox.refusals import Refusal
from dollr_async.sandbox.world.hosted_pages import PAGE_PATH, RECEIPT_PATH, has_expired
from dollr_async.sandbox.world.world import MERCHANT_NAME

if TYPE_CHECKING:
    from collections.abc import Callable

    from dollr_async.sandbox.world.records import Document, Page, Payment
    from dollr_async.sandbox.world.world import World

_NOT_CONFIRMED = "The payer's bank did not confirm the card"


@attrs.frozen
class _ShownCard:
    number: str
    words: str


_CARDS = {
    "pm_card_visa": _ShownCard("Visa 4242 4242 4242 4242", "is approved"),
    "pm_card_mastercard": _ShownCard("Mastercard 5555 5555 5555 4444", "is approved"),
    "pm_card_3ds": _ShownCard("Visa 4000 0027 6000 3184", "asks for 3-D Secure"),
    "pm_card_declined": _ShownCard("Visa 4000 0000 0000 0002", "is declined"),
}


def checkout(context: PageContext, request: PageRequest) -> PageAnswer:
    """Show what is to be paid and how, or how far the payment is."""
    page = _page(context.world, request)
    state = _state(context.world, page)
    return payer_page(
        f"Pay {page.document.number}", live("checkout", _bill(page.document), state, _fine(page.document))
    )


def receipt(context: PageContext, request: PageRequest) -> PageAnswer:
    """Show the receipt of a document that is paid."""
    page = _page(context.world, request)
    document = page.document
    if document.status != "PAID":
        raise PageError(404, "Receipt not found: this has not been paid.")
    return payer_page(f"Receipt {document.number}", _bill(document), _paid(context.world, page), _fine(document))


def pay(context: PageContext, request: PageRequest) -> PageAnswer:
    """Pay by the means that the form names, by default by the payer's own phone; or confirm a card."""
    page = _page(context.world, request)
    match request.form.get("do"):
        case "confirm":
            context.controls.confirm_card(_waiting_card(context.world, page).reference_id)
        case "refuse":
            context.controls.decline(_waiting_card(context.world, page).reference_id, _NOT_CONFIRMED)
        case _:
            if has_expired(context.world, page):
                raise PageError(422, "This page has expired.")
            try:
                pay_document(context.world, page.document, _chosen(page.document, request))
            except Refusal as refusal:
                raise PageError(refusal.status, f"This cannot be paid: {refusal.detail}.") from refusal
    return see(PAGE_PATH + page.token)


def _page(world: World, request: PageRequest) -> Page:
    page = world.pages.get(request.values["token"])
    if page is None:
        raise PageError(404, "This payment page was not found: its address is wrong, or the sandbox was restarted.")
    return page


def _waiting_card(world: World, page: Page) -> Payment:
    payment = _latest(world, page.document)
    if payment is None or not payment.requires_action:
        raise PageError(409, "No card waits for 3-D Secure on this page.")
    return payment


def _latest(world: World, document: Document) -> Payment | None:
    return world.payments.get(document.paid_by or "")


def _chosen(document: Document, request: PageRequest) -> Means | None:
    match request.form.get("means", "phone"):
        case "phone":
            phone = re.sub(r"[^0-9]", "", request.form.get("phone", ""))
            return by_phone(document, phone) if phone else None
        case token:
            return by_card(document, token)


def _bill(document: Document) -> Element:
    lines = (
        tag(
            "li",
            tag("span", item.name, tag("small", f" x {item.qty}") if item.qty > 1 else None),
            money(item.qty * item.amount, item.currency),
        )
        for item in document.items.values()
    )
    kind = document.source_type.capitalize()
    due = f", due {document.due_date:%d %B %Y}" if document.due_date else ""
    return tag(
        "section",
        tag("p", MERCHANT_NAME, class_="merchant"),
        tag("h1", money(document.total_amount, document.currency)),
        tag("p", f"{kind} {document.number}{due}", class_="small"),
        tag("p", document.note, class_="note") if document.note else None,
        tag("ul", lines, class_="lines"),
        tag("p", f"Total: {amount_text(document.total_amount, document.currency)} {document.currency}", class_="total"),
        class_="bill",
    )


def _state(world: World, page: Page) -> Node:
    match page.document.status:
        case "ACTIVE":
            return _open(world, page)
        case "PROCESSING":
            return _waits(page, _latest(world, page.document))
        case "PAID":
            return _paid(world, page)
        case "CANCELED":
            return _notice("bad", "This was canceled", "The merchant has canceled it. Nothing can be paid.")
        case _:
            return _notice("wait", "This cannot be paid yet", "The merchant has not published it.")


def _open(world: World, page: Page) -> Node:
    if has_expired(world, page):
        return _notice("bad", "This page has expired", "Ask the merchant for a new one. Nothing was charged.")
    failed = _failed(_latest(world, page.document))
    return (failed, _ways_to_pay(page), _link(page.cancel_url, "Cancel and go back"))


def _notice(tone: str, title: str, *words: Node) -> Element:
    body = (tag("p", word) if isinstance(word, str) else word for word in words)
    return tag("section", tag("h2", title), body, class_=f"notice {tone}", role="status")


def _failed(payment: Payment | None) -> Element | None:
    if payment is None:
        return None
    why = payment.gateway_message or payment.wallet_message or "The payment failed"
    return _notice("bad", "Declined", f"{why}. You were not charged. You can try again.")


def _ways_to_pay(page: Page) -> Element:
    document = page.document
    own = document.counterparty.party.phone
    mobile = _cost(document, lambda: by_phone(document, own))
    card = _cost(document, lambda: by_card(document, "pm_card_visa"))
    phone = tag(
        "div",
        tag("label", "Phone number", for_="phone"),
        tag("input", id="phone", name="phone", value=own, inputmode="tel", autocomplete="tel"),
        class_="field",
    )
    cards = (
        _way(token, tag("span", shown.number, tag("small", f" {shown.words}")), None) for token, shown in _CARDS.items()
    )
    return tag(
        "form",
        tag(
            "fieldset",
            tag("legend", "How do you want to pay?"),
            _way("phone", tag("strong", "Mobile money"), mobile, checked=True),
            phone,
        ),
        tag(
            "fieldset",
            tag("legend", "Or with a test card"),
            tag("p", "By card you pay ", card, ". Never type a real card here.", class_="small"),
            cards,
        ),
        tag("button", "Pay"),
        method="post",
        action=PAGE_PATH + page.token,
        class_="ways",
    )


def _way(value: str, words: Node, cost: Node, *, checked: bool = False) -> Element:
    choose = tag("input", type="radio", name="means", value=value, checked=checked)
    return tag("label", choose, tag("span", words), cost, class_="way")


def _cost(document: Document, means: Callable[[], Means]) -> Node:
    """What the payer pays, with its fees; or why it cannot be paid so."""
    try:
        cost = cost_of(document, means())
    except Refusal as refusal:
        return tag("small", f"{refusal.detail}")
    fees = cost.platform_fee + cost.gateway_fee + (cost.fx_fee or 0)
    said = (
        f"with {amount_text(fees, cost.payee_currency)} {cost.payee_currency} fees"
        if document.fee_bearer == "PAYER"
        else "no fees for you"
    )
    return tag("span", money(cost.payer_amount, cost.payer_currency), tag("small", f" {said}"), class_="cost")


def _waits(page: Page, payment: Payment | None) -> Node:
    if payment is not None and payment.requires_action:
        return _three_d_secure(page, payment)
    phone = phone_of(payment) if payment is not None else None
    again = tag("noscript", tag("p", tag("a", "Refresh", href=PAGE_PATH + page.token)))
    if phone is None:
        return _notice("busy", "Your payment is being processed", "This page changes when it is done.", again)
    where = tag("p", tag("a", "Open the phone", href=f"/handset/{phone}", class_="button"))
    return _notice("busy", "Check your phone", f"Approve the payment on +{phone}.", where, again)


def _three_d_secure(page: Page, payment: Payment) -> Element:
    keys = tag(
        "form",
        tag("button", "Confirm", name="do", value="confirm", class_="approve"),
        tag("button", "Refuse", name="do", value="refuse", class_="decline"),
        method="post",
        action=PAGE_PATH + page.token,
        class_="keys",
    )
    asked = tag(
        "p", "Your bank asks: do you pay ", money(payment.price.payer_amount, payment.price.payer_currency), " now?"
    )
    return _notice("wait", "3-D Secure", asked, keys)


def _paid(world: World, page: Page) -> Element:
    document = page.document
    payment = _latest(world, document)
    charged = (
        tag("p", "Charged: ", money(payment.price.payer_amount, payment.price.payer_currency)) if payment else None
    )
    when = f"{document.paid_at:%d %B %Y, %H:%M} UTC" if document.paid_at else None
    receipt = tag("p", tag("a", "Receipt", href=f"{PAGE_PATH}{page.token}{RECEIPT_PATH}"))
    return _notice(
        "good", "Paid. Thank you", charged, when, receipt, _link(page.success_url, "Continue", class_="button")
    )


def _fine(document: Document) -> Element:
    story = tag("a", "What happened", href=f"/payments/{document.paid_by}") if document.paid_by else None
    return tag("p", f"Status: {document.status} ", story, class_="small fine")


def _link(url: str | None, words: str, class_: str | None = None) -> Element | None:
    """A link to the merchant's page; none for an address that is not HTTP."""
    if url is None or not url.startswith(("http://", "https://")) or not is_safe_address(url):
        return None
    return tag("p", tag("a", words, href=url, rel="noreferrer", class_=class_), class_=None if class_ else "away")
