"""`/handset` and `/handset/{phone}`: the payers' phones, on which a person approves or declines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dollr_async.sandbox.outcomes import OUTCOMES, TEST_PHONES, operator_of, outcome_of_phone
from dollr_async.sandbox.pages.actions import answer_payment
from dollr_async.sandbox.pages.answers import PageAnswer, PageContext, PageError, PageRequest, see
from dollr_async.sandbox.pages.html import Element, Node, tag
from dollr_async.sandbox.pages.layout import (
    badge,
    button,
    clock_time,
    console_page,
    form,
    lines_to_copy,
    live,
    money,
    payment_link,
    table,
    text_field,
)
from dollr_async.sandbox.payer import answer_by_hand, phone_of, waiting_payments
from dollr_async.sandbox.world.settlement import BY_HAND
from dollr_async.sandbox.world.world import MERCHANT_NAME

if TYPE_CHECKING:
    from dollr_async.sandbox.world.records import Payment
    from dollr_async.sandbox.world.world import World

_PHONE = re.compile(r"[1-9]\d{7,14}", re.ASCII)
_RECENT = 5


def phones(context: PageContext, request: PageRequest) -> PageAnswer:
    """List the phones that ring, those that a person answers, and the test phones."""
    typed = request.query.get("phone", "")
    if typed:
        return see(f"/handset/{_checked_phone(re.sub(r'[^0-9]', '', typed))}")
    world = context.world
    find = form(
        "/handset",
        text_field("Phone number", "phone", "phone", inputmode="tel", required=True, placeholder="231771234567"),
        button("Open the phone"),
        method="get",
        class_="row",
    )
    return console_page(
        "Phones",
        tag("p", "Open a payer's phone to approve or decline what it is asked for.", class_="lead"),
        tag("section", find, class_="card"),
        live("ringing", _ringing(world)),
        live("every", _every_switch(world)),
        _test_phones(),
        here="/handset",
    )


def handset(context: PageContext, request: PageRequest) -> PageAnswer:
    """Show one phone, with the requests for money that wait on it."""
    phone = _checked_phone(request.values["phone"])
    waiting = waiting_payments(context.world, phone)
    screen: Node = [_prompt(context.world, payment) for payment in waiting] or _quiet()
    drawn = tag(
        "section",
        tag("div", tag("span", f"+{phone}", class_="number"), tag("span", _operator(phone)), class_="bar"),
        live("screen", screen, class_="screen"),
        class_="handset",
        aria_label=f"The phone +{phone}",
    )
    side = (live("rules", _rules(context.world, phone)), live("recent", _recent(context.world, phone)))
    return console_page(f"Phone +{phone}", tag("div", drawn, tag("div", side), class_="beside"), here="/handset")


def answer(context: PageContext, request: PageRequest) -> PageAnswer:
    """Approve, decline or let ring what waits on this phone, or change who answers it."""
    phone = _checked_phone(request.values["phone"])
    match request.form.get("do"):
        case "by_hand":
            answer_by_hand(context.world, phone, on=True)
        case "by_rule":
            answer_by_hand(context.world, phone, on=False)
        case word:
            reference = request.form.get("reference", "").lower()
            payment = context.world.payments.get(reference)
            if payment is None or phone_of(payment) != phone:
                raise PageError(404, f"No payment {reference[:36]!r} was found on the phone +{phone}.")
            answer_payment(context, payment, word)
    return see(f"/handset/{phone}")


def answer_every(context: PageContext, request: PageRequest) -> PageAnswer:
    """Let a person answer every phone, or let phones answer by their rules again."""
    answer_by_hand(context.world, None, on=request.form.get("do") == "by_hand")
    return see("/handset")


def _checked_phone(phone: str) -> str:
    if not _PHONE.fullmatch(phone):
        raise PageError(404, "This is not a phone number: write it with its country code, such as 231771234567.")
    return phone


def _operator(phone: str) -> str:
    method = operator_of(phone)
    return method.rpartition("_")[0].replace("_", " ").title() if method else "no operator"


def _prompt(world: World, payment: Payment) -> Element:
    document = payment.session.document
    items = [item.name for item in document.items.values()] if document else []
    return form(
        f"/handset/{phone_of(payment)}",
        tag("h2", f"{MERCHANT_NAME} asks you to pay"),
        tag("p", money(payment.price.payer_amount, payment.price.payer_currency), class_="asked"),
        tag("p", ", ".join(items), class_="what"),
        tag("p", "Reference ", payment_link(payment), class_="small"),
        tag("input", type="hidden", name="reference", value=payment.reference_id),
        _until(world, payment),
        tag(
            "div",
            button("Decline", "decline", class_="decline"),
            button("Approve", "approve", class_="approve"),
            class_="keys",
        ),
        button("Let it ring", "ring", class_="quiet"),
        class_="prompt",
    )


def _until(world: World, payment: Payment) -> Element:
    """Until when a person may answer, or that the phone answers by its rule."""
    if payment.outcome.name != BY_HAND.name:
        return tag("p", "It answers by its own rule, unless you answer first.", class_="small")
    ends = next((second for second, _, reference, _ in world.events if reference == payment.reference_id), None)
    until = (" until ", clock_time(world.clock.at(ends))) if ends is not None else None
    return tag("p", "It rings", until, ", unless somebody answers.", class_="small")


def _quiet() -> Element:
    return tag(
        "div",
        tag("p", "Nothing rings.", class_="quiet-title"),
        tag("p", "Collect from this number, and the request appears here."),
        class_="idle",
    )


def _rules(world: World, phone: str) -> Element:
    by_hand = world.handsets.is_by_hand(phone)
    outcome = outcome_of_phone(phone) or world.default_outcome
    by_rule = f"By its rule, “{outcome.name}”: {outcome.about}."
    words = "By a person, here: a payment waits for two minutes, then it fails." if by_hand else by_rule
    switch = (
        button("Let its rule answer", "by_rule") if by_hand else button("Answer by hand", "by_hand", class_="primary")
    )
    own = None if world.handsets.every else form(f"/handset/{phone}", switch)
    every = tag("p", "All phones are answered by hand: ", tag("a", "change that", href="/handset"), class_="small")
    snippet = None
    if not world.payments:
        snippet = (
            tag("h2", "Make it ring"),
            lines_to_copy(f"export DOLLR_BASE_URL={world.url}", name="the address"),
            lines_to_copy(
                "await dollr.collect(",
                f'    payer=Payer(fullname="Amara Kamara", phone="{phone}"),',
                '    items=[LineItem(name="Lamp", amount=Decimal("18.50"))],',
                '    currency="USD",',
                ")",
                name="the call",
            ),
        )
    title = tag("h2", "Who answers this phone")
    return tag("section", title, tag("p", words), own or every, snippet, class_="card")


def _recent(world: World, phone: str) -> Node:
    ended = [
        payment for payment in reversed(world.payments.values()) if payment.is_final and phone_of(payment) == phone
    ]
    if not ended:
        return None
    rows = (
        (
            payment_link(payment),
            (badge(payment.status), tag("small", " ", payment.gateway_message or payment.wallet_message or "")),
            money(payment.price.payer_amount, payment.price.payer_currency),
            clock_time(payment.settled_at or payment.accepted_at),
        )
        for payment in ended[:_RECENT]
    )
    listed = table(("Payment", "Status", "Amount", "Ended"), rows, caption="Payments of this phone that ended")
    return tag("section", tag("h2", "Recent payments of this phone"), listed)


def _ringing(world: World) -> Element:
    waiting: dict[str, Payment] = {}
    for payment in waiting_payments(world):
        waiting.setdefault(f"{phone_of(payment)}", payment)
    held = [phone for phone in sorted(world.handsets.by_hand) if phone not in waiting]
    cards = [
        tag(
            "li",
            tag("a", tag("span", f"+{phone}", class_="number"), "rings", href=f"/handset/{phone}"),
            money(payment.price.payer_amount, payment.price.payer_currency),
            badge(payment.status),
        )
        for phone, payment in waiting.items()
    ]
    cards += [
        tag("li", tag("a", tag("span", f"+{phone}", class_="number"), "answered by hand", href=f"/handset/{phone}"))
        for phone in held
    ]
    shown = tag("ul", cards, class_="phones") if cards else tag("p", "No phone rings now.", class_="empty")
    return tag("section", tag("h2", "Ringing"), shown)


def _every_switch(world: World) -> Element:
    on = world.handsets.every
    words = (
        "A person answers every phone." if on else "Each phone answers by its own rule, unless you answer it by hand."
    )
    switch = button("Let the rules answer", "by_rule") if on else button("Answer every phone by hand", "by_hand")
    return tag("section", tag("h2", "Who answers"), tag("p", words), form("/handset", switch), class_="card")


def _test_phones() -> Element:
    rows = (
        (
            tag("a", f"+{phone}", href=f"/handset/{phone}"),
            _operator(phone),
            OUTCOMES[name].about,
        )
        for phone, name in TEST_PHONES.items()
    )
    listed = table(("Phone", "Operator", "A payment of it is"), rows, caption="The test phones")
    return tag("details", tag("summary", "The test phones and how they answer"), listed, id="test-phones")
