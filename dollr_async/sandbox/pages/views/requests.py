"""`/requests`: what programs sent, with secrets starred, and what they got."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from dollr_async.sandbox.pages.answers import PageAnswer, PageContext, PageError, PageRequest
from dollr_async.sandbox.pages.html import Element, Node, tag
from dollr_async.sandbox.pages.layout import (
    button,
    choice,
    clock_time,
    console_page,
    facts,
    form,
    http_badge,
    lines_to_copy,
    live,
    table,
    text_field,
)
from dollr_async.sandbox.pages.secrets import shown_body, starred_pairs, starred_text
from dollr_async.sandbox.pages.views.payment import what_arrived

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dollr_async.sandbox.recording import RecordedRequest

_SHOWN = 200
_HIDDEN_HEADERS = frozenset({"host", "accept-encoding", "content-length", "connection"})
_ANSWERS = (("", "any answer"), ("2", "2xx"), ("4", "4xx"), ("5", "5xx"), ("none", "no answer"), ("fault", "a fault"))


def requests(context: PageContext, request: PageRequest) -> PageAnswer:
    """List the requests, the latest first."""
    everything = context.server.requests
    found = list(islice(_fitting(everything, request.query), _SHOWN))
    filters = form(
        "/requests",
        choice("Operation", "operation", _operations(everything), request.query.get("operation", ""), "operation"),
        choice("Answer", "answer", _ANSWERS, request.query.get("answer", ""), "answer"),
        text_field(
            "Contains", "text", "text", type="search", value=request.query.get("text"), placeholder="reference, path"
        ),
        button("Filter"),
        method="get",
        class_="row",
    )
    if found:
        listed: Node = _table(found)
    elif everything:
        listed = tag("p", "No request matches. ", tag("a", "Show all", href="/requests"), class_="empty")
    else:
        listed = _empty(context)
    count = tag("p", f"{len(everything)} requests are kept; at most {_SHOWN} are shown.", class_="lead", role="status")
    return console_page("Requests", live("count", count), filters, live("list", listed), here="/requests")


def one_request(context: PageContext, request: PageRequest) -> PageAnswer:
    """Show one request and its answer."""
    number = request.values["number"]
    found = next((one for one in context.server.requests if f"{one.number}" == number), None)
    if found is None:
        raise PageError(404, f"Request {number[:20]!r} was not found: only the latest ones are kept.")
    answer = found.answer
    received: Node = tag("p", "It has no answer of the API: none was made, or none yet.", class_="empty")
    if answer is not None:
        received = (_headers(answer.headers), _body(shown_body(answer.body, answer.content), "the answer"))
    return console_page(
        f"Request {found.number}",
        facts(
            (
                ("Operation", found.operation or "not of the API"),
                ("Sent", tag("code", f"{found.method} {starred_text(found.path)}")),
                ("At", clock_time(found.at)),
                ("Answer", http_badge(found.status)),
                ("What arrived", what_arrived(found)),
                ("Token", "none that is valid" if found.token is None else f"number {found.token}"),
            )
        ),
        tag("section", tag("h2", "The request"), _headers(found.headers), _query(found.query), _sent(found)),
        tag("section", tag("h2", "The API's answer"), received),
        tag("p", tag("a", "All requests", href="/requests")),
        here="/requests",
    )


def _fitting(everything: list[RecordedRequest], query: Mapping[str, str]) -> Iterator[RecordedRequest]:
    operation, answer = query.get("operation", ""), query.get("answer", "")
    text = query.get("text", "").strip().lower()
    for one in reversed(everything):
        if operation not in {"", one.operation or "-"} or not _has_answer(one, answer):
            continue
        if not text or _contains(one, text):
            yield one


def _has_answer(request: RecordedRequest, answer: str) -> bool:
    if answer == "fault":
        return request.fault is not None
    if answer == "none":
        return request.status is None
    return f"{request.status or ''}".startswith(answer)


def _contains(request: RecordedRequest, text: str) -> bool:
    """Whether what the pages show of a request has a text; what is starred cannot be searched for."""
    shown = (request.path, *starred_pairs(request.query).values(), shown_body(request.body, request.content))
    return any(text in part.lower() for part in shown)


def _operations(everything: list[RecordedRequest]) -> list[tuple[str, str]]:
    names = sorted({one.operation or "-" for one in everything})
    return [("", "any operation"), *((name, "not of the API" if name == "-" else name) for name in names)]


def _table(found: list[RecordedRequest]) -> Element:
    rows = (
        (
            tag("a", f"#{one.number}", href=f"/requests/{one.number}"),
            clock_time(one.at),
            tag("code", f"{one.method} {starred_text(one.path)}"),
            http_badge(one.status),
            what_arrived(one),
        )
        for one in found
    )
    return table(("Request", "At", "Sent", "Answer", "What arrived"), rows, caption="Requests, the latest first")


def _headers(headers: Mapping[str, str]) -> Element | None:
    shown = {name: value for name, value in starred_pairs(headers).items() if name.lower() not in _HIDDEN_HEADERS}
    return facts((name, tag("code", value)) for name, value in shown.items()) if shown else None


def _query(query: Mapping[str, str]) -> Node:
    if not query:
        return None
    return (tag("h3", "Parameters"), facts((name, tag("code", value)) for name, value in starred_pairs(query).items()))


def _sent(request: RecordedRequest) -> Node:
    return _body(shown_body(request.body, request.content), "the body") if request.content else None


def _body(text: str, name: str) -> Element:
    return lines_to_copy(*text.split("\n"), name=name)


def _empty(context: PageContext) -> Element:
    return tag(
        "section",
        tag("h2", "No requests yet"),
        tag("p", "Point your program at this sandbox, and run it. Each request appears here at once:"),
        lines_to_copy(f"export DOLLR_BASE_URL={context.world.url}", name="the address"),
        class_="card empty-state",
    )
