"""The frame of every page, and the parts that several pages show."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dollr_async.sandbox.pages.answers import PageAnswer, page, static_address
from dollr_async.sandbox.pages.html import Element, Node, tag
from dollr_async.sandbox.world.pricing import DECIMALS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from decimal import Decimal

    from dollr_async.sandbox.world.records import Payment

_PLACES = (
    ("/", "Payments"),
    ("/handset", "Phones"),
    ("/requests", "Requests"),
    ("/faults", "Faults"),
    ("/clock", "Clock"),
)
_CSS = static_address("page.css")
_SCRIPT = static_address("page.js")
_ICON = static_address("icon.svg")
_TONES = {
    "COMPLETED": "good",
    "PAID": "good",
    "FAILED": "bad",
    "CANCELED": "bad",
    "PROCESSING": "busy",
    "PENDING": "wait",
    "ACTIVE": "wait",
}
_CLIENT_ERROR = 400
_SERVER_ERROR = 500


def console_page(title: str, *body: Node, here: str, status: int = 200) -> PageAnswer:
    """A page for the developer, with the navigation; `here` is the path of its place in it."""
    links = (
        tag("li", tag("a", words, href=path, aria_current="page" if path == here else None)) for path, words in _PLACES
    )
    header = tag(
        "header",
        tag("a", tag("span", "D", class_="mark", aria_hidden="true"), "Dollr sandbox", class_="brand", href="/"),
        tag("nav", tag("ul", links), aria_label="Pages"),
        class_="top",
    )
    main = tag("main", tag("h1", title), body, id="main", tabindex="-1")
    footer = tag("footer", "A sandbox on this machine. No real money moves, and all is lost when it stops.")
    return page(_document(title, header, main, footer, class_="console"), status)


def payer_page(title: str, *body: Node, status: int = 200) -> PageAnswer:
    """A page for the payer: nothing but what is to be paid."""
    footer = tag("footer", tag("p", "Sandbox: no real money moves. ", tag("a", "All payments", href="/")))
    main = tag("main", body, id="main", tabindex="-1")
    return page(_document(title, None, main, footer, class_="payer"), status)


def _document(title: str, header: Node, main: Node, footer: Node, *, class_: str) -> Element:
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{title} - Dollr sandbox"),
        tag("link", rel="stylesheet", href=_CSS),
        tag("link", rel="icon", href=_ICON, type="image/svg+xml"),
        tag("script", src=_SCRIPT, defer=True),
    )
    skip = tag("a", "Skip to the content", href="#main", class_="skip")
    lost = tag("p", "The sandbox does not answer. This page shows its last state.", class_="lost", hidden=True)
    lost = tag("div", lost, role="status")
    return tag("html", head, tag("body", skip, header, lost, main, footer, class_=class_), lang="en")


def live(name: str, *children: Node, class_: str | None = None, element: str = "div") -> Element:
    """A part of the page that the script replaces when something has changed."""
    return tag(element, *children, id=f"live-{name}", data_live=True, class_=class_)


def badge(word: str) -> Element:
    """A status, by its word and a colour."""
    return tag("span", word, class_=f"badge {_TONES.get(word, 'plain')}")


def http_badge(status: int | None) -> Element:
    """The status of an answer; a dash without one."""
    if status is None:
        return tag("span", "no answer", class_="badge bad")
    tone = "good" if status < _CLIENT_ERROR else "wait" if status < _SERVER_ERROR else "bad"
    return tag("span", status, class_=f"badge {tone}")


def money(amount: Decimal, currency: str) -> Element:
    """An amount, with its currency in small type."""
    return tag("span", tag("strong", amount_text(amount, currency)), " ", tag("small", currency), class_="money")


def amount_text(amount: Decimal, currency: str) -> str:
    """An exact amount, with at least the decimals of its currency."""
    exponent = amount.as_tuple().exponent
    decimals = -exponent if isinstance(exponent, int) else 0
    return f"{amount:,.{max(decimals, DECIMALS.get(currency, 2))}f}"


def clock_time(at: datetime) -> Element:
    """The time of day in UTC, to the second."""
    moment = at.astimezone(UTC)
    return tag("time", f"{moment:%H:%M:%S}", datetime=moment.isoformat(timespec="milliseconds"))


def table(headings: Sequence[str], rows: Iterable[Sequence[Node]], *, caption: str) -> Element:
    """A table; on a phone each row is a card, whose fields are named by the headings."""
    head = tag("thead", tag("tr", (tag("th", heading, scope="col") for heading in headings)))
    body = tag(
        "tbody",
        (
            tag("tr", (tag("td", cell, data_label=heading) for heading, cell in zip(headings, row, strict=True)))
            for row in rows
        ),
    )
    return tag("table", tag("caption", caption, class_="unseen"), head, body)


def facts(pairs: Iterable[tuple[str, Node]]) -> Element:
    """Names and values, one below the other; a value that is None is left out."""
    shown = (tag("div", tag("dt", name), tag("dd", value)) for name, value in pairs if value is not None)
    return tag("dl", shown, class_="facts")


def lines_to_copy(*lines: str, name: str) -> Element:
    """Lines for a terminal or a program, with a button to copy them where the script runs."""
    copy = tag("button", "Copy", type="button", aria_label=f"Copy {name}")
    return tag("div", tag("pre", tag("code", "\n".join(lines))), copy, class_="copy")


def button(words: str, value: str | None = None, *, name: str = "do", class_: str | None = None) -> Element:
    """A button that sends its form."""
    return tag("button", words, name=name if value is not None else None, value=value, class_=class_)


def form(action: str, *children: Node, class_: str | None = None, method: str = "post") -> Element:
    """A form to a path of this site."""
    return tag("form", children, action=action, method=method, class_=class_)


def choice(label: str, name: str, options: Iterable[tuple[str, str]], chosen: str, key: str) -> Element:
    """A select with its label; `key` makes its id unique in the page."""
    listed = (tag("option", words, value=value, selected=value == chosen) for value, words in options)
    return tag("div", tag("label", label, for_=key), tag("select", listed, name=name, id=key), class_="field")


def text_field(label: str, name: str, key: str, **attributes: str | int | bool | None) -> Element:
    """An input with its label."""
    return tag("div", tag("label", label, for_=key), tag("input", name=name, id=key, **attributes), class_="field")


def payment_link(payment: Payment) -> Element:
    """A link to a payment's own page, by the first part of its reference."""
    return tag("a", tag("code", payment.reference_id[:8]), href=f"/payments/{payment.reference_id}")
