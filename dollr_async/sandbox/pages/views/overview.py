"""`/`: every payment, live; what waits for its payer; and how to connect a program."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING

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
)
from dollr_async.sandbox.payer import phone_of, try_checkout, waiting_payments
from dollr_async.sandbox.world.hosted_pages import PAGE_PATH

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dollr_async.sandbox.world.records import Payment
    from dollr_async.sandbox.world.world import World

_STATUSES = ("PENDING", "PROCESSING", "COMPLETED", "FAILED")
_ON_A_PAGE = 100
_MOST = 1000
_PHONES_SHOWN = 6
_MADE_UP_SECRET = "sandbox-secret"  # noqa: S105 - the default credential of a sandbox


def overview(context: PageContext, request: PageRequest) -> PageAnswer:
    """Show the payments, the latest first."""
    world = context.world
    status = request.query.get("status", "").upper()
    fitting = [
        payment for payment in reversed(world.payments.values()) if status not in _STATUSES or payment.status == status
    ]
    shown = _number(request.query.get("show"), _ON_A_PAGE, most=_MOST)
    first = _number(request.query.get("from"), 0, most=len(fitting))
    payments = list(islice(fitting, first, first + shown))
    if not world.payments:
        listed: Node = _empty(context)
    else:
        listed = (
            _phones(waiting_payments(world)),
            _tabs(world, status),
            _table(payments) if payments else tag("p", f"No payment is {status} now.", class_="empty"),
            _more(request.query.get("status", ""), first, shown, len(fitting)),
        )
    connect = tag("section", tag("h2", "Connect your program"), _connection(context), class_="card")
    return console_page(
        "Payments",
        live("summary", _summary(world)),
        live("payments", listed),
        connect if world.payments else None,
        here="/",
    )


def start_checkout(context: PageContext, _: PageRequest) -> PageAnswer:
    """Make a test checkout, and go to its page."""
    return see(PAGE_PATH + try_checkout(context.world))


def _number(text: str | None, otherwise: int, *, most: int) -> int:
    if text is None:
        return otherwise
    if not text.isascii() or not text.isdecimal():
        raise PageError(422, f"{text[:20]!r} is not a number of payments: use digits, such as 100.")
    return min(int(text[:9]), most)


def _summary(world: World) -> Element:
    counts = Counter(payment.status for payment in world.payments.values())
    waiting = len(waiting_payments(world))
    words = f"{waiting} waiting for their payer, {counts['COMPLETED']} completed, {counts['FAILED']} failed."
    if not world.payments:
        words = "What your programs collect appears here, live."
    said = tag("p", words, role="status", class_="lead")
    balances = [tag("li", money(wallet.balance, currency)) for currency, wallet in world.wallets.items()]
    wallets = tag("div", tag("h2", "Your wallets", class_="small"), tag("ul", balances), class_="wallets")
    return tag("div", tag("div", said, form("/checkouts", button("Make a test checkout"))), wallets, class_="summary")


def _phones(waiting: list[Payment]) -> Node:
    if not waiting:
        return None
    more = len(waiting) - _PHONES_SHOWN
    rest = tag("p", f"And {more} more: ", tag("a", "all phones", href="/handset")) if more > 0 else None
    cards = (_phone(payment) for payment in waiting[:_PHONES_SHOWN])
    return tag("section", tag("h2", "Waiting for the payer"), tag("ul", cards, class_="phones"), rest)


def _phone(payment: Payment) -> Element:
    phone = f"{phone_of(payment)}"
    return tag(
        "li",
        tag("a", tag("span", f"+{phone}", class_="number"), _payer(payment), href=f"/handset/{phone}"),
        money(payment.price.payer_amount, payment.price.payer_currency),
        badge(payment.status),
    )


def _tabs(world: World, chosen: str) -> Element:
    counts = Counter(payment.status for payment in world.payments.values())
    listed = [("", "All", len(world.payments)), *((word, word.capitalize(), counts[word]) for word in _STATUSES)]
    links = (
        tag(
            "li",
            tag(
                "a",
                words,
                " ",
                tag("span", number, class_="count"),
                href=f"/?status={word}" if word else "/",
                aria_current="true" if word == chosen else None,
            ),
        )
        for word, words, number in listed
    )
    return tag("nav", tag("ul", links), class_="tabs", aria_label="Payments by status")


def _table(payments: Iterable[Payment]) -> Element:
    headings = ("Payment", "Status", "Amount", "Payer", "By", "For", "Began")
    return table(headings, (_row(payment) for payment in payments), caption="Payments, the latest first")


def _row(payment: Payment) -> tuple[Node, ...]:
    document = payment.session.document
    return (
        payment_link(payment),
        (badge(payment.status), tag("small", " waits for 3-D Secure") if payment.requires_action else None),
        money(payment.price.payer_amount, payment.price.payer_currency),
        _payer(payment),
        tag("span", means_words(payment), class_="whole"),
        tag("span", document.number if document else payment.kind.capitalize(), class_="whole"),
        clock_time(payment.accepted_at),
    )


def _payer(payment: Payment) -> str:
    document, account, counterparty = payment.session.document, payment.account, payment.session.counterparty
    if document is not None:
        return document.counterparty.party.fullname
    if account is not None:
        return account.party.fullname
    return counterparty.party.fullname if counterparty else "-"


def means_words(payment: Payment) -> str:
    """How a payment is paid: the phone, a card, or a wallet."""
    phone = phone_of(payment)
    if phone is not None:
        return f"+{phone}"
    if payment.account is None:
        return "Wallet"
    return "Card" if payment.account.card_token or payment.account.number is None else f"+{payment.account.number}"


def _more(status: str, first: int, shown: int, total: int) -> Node:
    if total <= shown and first == 0:
        return None
    kept = f"status={status.upper()}&" if status.upper() in _STATUSES else ""
    newer = tag("a", "Newer", href=f"/?{kept}from={max(first - shown, 0)}&show={shown}") if first else None
    older = tag("a", "Older", href=f"/?{kept}from={first + shown}&show={shown}") if first + shown < total else None
    where = tag("span", f"{first + 1} to {min(first + shown, total)} of {total}")
    return tag("nav", newer, where, older, class_="more", aria_label="More payments")


def _empty(context: PageContext) -> Element:
    return tag(
        "section",
        tag("h2", "No payments yet"),
        tag("p", "Make a test checkout above: pay on its page, then approve or decline on the phone that rings."),
        tag("p", "Or point your program at this sandbox, and collect. Each payment appears here at once:"),
        _connection(context),
        class_="card empty-state",
    )


def _connection(context: PageContext) -> Node:
    secret = context.client_secret if context.client_secret == _MADE_UP_SECRET else "(the one you started it with)"
    return (
        lines_to_copy(
            f"export DOLLR_BASE_URL={context.world.url}",
            f"export DOLLR_CLIENT_ID={context.client_id}",
            f"export DOLLR_CLIENT_SECRET={secret}",
            name="the settings",
        ),
        lines_to_copy(
            "import asyncio",
            "from decimal import Decimal",
            "from dollr_async import DollrClient, LineItem, Payer",
            "",
            "async def main():",
            "    async with DollrClient() as dollr:",
            "        collection = await dollr.collect(",
            '            payer=Payer(fullname="Amara Kamara", phone="231771234567"),',
            '            items=[LineItem(name="Strategy session", amount=Decimal("250.00"))],',
            '            currency="USD",',
            "        )",
            "        async for change in collection:",
            "            print(change.status)",
            "",
            "asyncio.run(main())",
            name="the program",
        ),
    )
