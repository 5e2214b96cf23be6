"""`/payments/{reference}`: the story of one payment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dollr_async.sandbox.pages.actions import answer_payment, find_payment
from dollr_async.sandbox.pages.answers import PageAnswer, PageContext, PageRequest, see
from dollr_async.sandbox.pages.html import Element, Node, tag
from dollr_async.sandbox.pages.layout import (
    badge,
    button,
    clock_time,
    console_page,
    facts,
    form,
    http_badge,
    lines_to_copy,
    live,
    money,
    table,
)
from dollr_async.sandbox.pages.story import is_check, requests_of
from dollr_async.sandbox.pages.views.overview import means_words
from dollr_async.sandbox.payer import phone_of
from dollr_async.sandbox.world.hosted_pages import PAGE_PATH

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from dollr_async.sandbox.recording import RecordedRequest
    from dollr_async.sandbox.world.records import Document, Payment

_EXECUTIONS = "/v1/executions/"


def payment_story(context: PageContext, request: PageRequest) -> PageAnswer:
    """Show how a payment came about, what its program saw of it, and where the money is."""
    payment = find_payment(context, request.values["reference"])
    recorded = requests_of(payment, context.server.requests)
    checks = [one for one in recorded if is_check(one)]
    sends = [one for one in recorded if one.path.startswith(_EXECUTIONS)]
    steps = [one for one in recorded if not is_check(one) and one not in sends]
    head = live("head", _head(payment), _actions(payment))
    story = (
        live("history", tag("section", tag("h2", "Status"), _history(payment))),
        live("sends", tag("section", tag("h2", "Sends"), _sends(payment, sends))),
        live("checks", tag("section", tag("h2", "Status checks"), _checks(checks))),
        live("steps", tag("section", tag("h2", "Steps before it"), _steps(steps))),
        live("receipt", tag("section", tag("h2", "Receipt"), _receipt(payment))),
    )
    return console_page(f"Payment {payment.reference_id[:8]}", head, story, here="/")


def act(context: PageContext, request: PageRequest) -> PageAnswer:
    """Approve, decline, let ring or confirm."""
    payment = find_payment(context, request.values["reference"])
    answer_payment(context, payment, request.form.get("do"))
    return see(f"/payments/{payment.reference_id}")


def _head(payment: Payment) -> Element:
    document = payment.session.document
    phone = phone_of(payment)
    return facts(
        (
            (
                "Status",
                (badge(payment.status), tag("small", " waits for 3-D Secure") if payment.requires_action else None),
            ),
            ("Charged", money(payment.price.payer_amount, payment.price.payer_currency)),
            ("Kind", payment.kind.capitalize()),
            ("Payer", document.counterparty.party.fullname if document else None),
            ("By", tag("a", f"+{phone}", href=f"/handset/{phone}") if phone else means_words(payment)),
            ("For", _document(document) if document else None),
            ("Reference", tag("code", payment.reference_id)),
            ("How it ends", f"{payment.outcome.name}: {payment.outcome.about}"),
            ("What the API says", payment.gateway_message or payment.wallet_message),
        )
    )


def _document(document: Document) -> Node:
    words = f"{document.number} ({document.status})"
    return tag("a", words, href=PAGE_PATH + document.page.token) if document.page else words


def _actions(payment: Payment) -> Element | None:
    if payment.is_final:
        return None
    confirm = button("Confirm 3-D Secure", "confirm", class_="primary") if payment.requires_action else None
    ring = None
    if phone_of(payment) is not None:
        ring = button("Let it ring", "ring")
    keys = (button("Approve", "approve", class_="approve"), button("Decline", "decline", class_="decline"))
    return form(f"/payments/{payment.reference_id}", confirm, keys, ring, class_="row")


def _history(payment: Payment) -> Element:
    return tag("ol", (tag("li", badge(word), " ", clock_time(at)) for word, at in payment.history), class_="history")


def _sends(payment: Payment, sends: list[RecordedRequest]) -> Node:
    if not sends:
        return tag("p", "The payer paid on the hosted page: no program has executed it.", class_="empty")
    words = (
        "1 execution arrived" if payment.sends == 1 else f"{payment.sends} executions arrived, and the money moved once"
    )
    return (tag("p", f"{words}."), _requests(sends, "Executions with this reference"))


def _checks(checks: list[RecordedRequest]) -> Node:
    if not checks:
        return (
            tag("p", "Nobody has asked for its status. To follow it from a program:", class_="empty"),
            lines_to_copy(
                "async for change in dollr.watch(reference_id):", "    print(change.status)", name="the loop"
            ),
        )
    first, last = checks[0].at, checks[-1].at
    words = tag("p", f"{len(checks)} in all, from ", clock_time(first), " to ", clock_time(last), ".")
    listed = tag("details", tag("summary", "Every check"), _requests(checks, "Status checks"), id="every-check")
    return (words, listed)


def _steps(steps: list[RecordedRequest]) -> Node:
    if not steps:
        return tag("p", "No request that made its document or its session is kept.", class_="empty")
    return _requests(steps, "Requests that led to this payment")


def _requests(requests: Iterable[RecordedRequest], caption: str) -> Element:
    rows = (
        (
            tag("a", f"#{one.number}", href=f"/requests/{one.number}"),
            clock_time(one.at),
            tag("code", one.operation or one.path),
            http_badge(one.status),
            what_arrived(one),
        )
        for one in requests
    )
    return table(("Request", "At", "Operation", "Answer", "What arrived"), rows, caption=caption)


def what_arrived(request: RecordedRequest) -> Node:
    """What the program got of an answer."""
    if request.fault is None:
        return "the answer" if request.delivered else "nothing yet"
    done = "the work was done" if request.answer is not None else "nothing was done"
    return (tag("span", request.fault, class_="badge bad"), tag("small", f" {done}"))


def _receipt(payment: Payment) -> Node:
    price = payment.price
    if payment.status != "COMPLETED":
        return tag("p", "There is a receipt when the payment is COMPLETED.", class_="empty")
    document = payment.session.document
    lines = document.items.values() if document else ()

    def fee(amount: Decimal | None) -> Node:
        return None if amount is None else money(amount, price.payee_currency)

    return facts(
        (
            *((f"{item.qty} x {item.name}", money(item.qty * item.amount, item.currency)) for item in lines),
            ("Platform fee", fee(price.platform_fee)),
            ("Gateway fee", fee(price.gateway_fee)),
            ("Exchange fee", fee(price.fx_fee)),
            ("Paid by the payer", money(price.payer_amount, price.payer_currency)),
            ("Received", money(price.payee_amount, price.payee_currency)),
            ("Transaction", payment.provider_transaction_id),
        )
    )
