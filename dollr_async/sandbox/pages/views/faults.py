"""`/faults`: a switch for each operation that makes its next requests go wrong."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dollr_async.sandbox.api.operations import OPERATIONS
from dollr_async.sandbox.pages.actions import LONGEST_LATENCY
from dollr_async.sandbox.pages.answers import PageAnswer, PageContext, PageError, PageRequest, see
from dollr_async.sandbox.pages.html import Element, Node, tag
from dollr_async.sandbox.pages.layout import button, choice, console_page, form, live, table, text_field

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dollr_async.sandbox.faults import PlannedFault

FAULT_MEANINGS = {
    "lose_answer": "the work is done, the answer is lost",
    "drop": "the connection drops, nothing is done",
    "hang": "no answer ever comes, nothing is done",
    "hang_after": "the work is done, no answer ever comes",
    "server_error": "500, nothing is done",
    "server_error_after": "the work is done, then 500",
    "rate_limited": "429, nothing is done",
    "cut_body": "the work is done, half of the answer arrives",
    "garbage": "the work is done, a proxy's HTML arrives",
    "broken_json": "the work is done, half of the JSON arrives",
    "redirect": "307, nothing is done",
    "forbidden": "403, nothing is done",
    "forbidden_page": "403 as a proxy's HTML, nothing is done",
    "in_progress": "the work is done, then 409",
    "twice": "the request is delivered twice",
}
"""What each plain word does, for people."""

_TIMES = (("1", "the next request"), ("3", "the next 3"), ("10", "the next 10"), ("always", "every one"))
_CHANCES = (("1", "always"), ("0.5", "1 in 2"), ("0.1", "1 in 10"))
_OFTEN = (
    "*",
    "collect",
    "get_collection_status",
    "client_obtain_token",
    "create_checkout_session",
    "create_payment_account",
    "create_checkout_source",
)


def faults(context: PageContext, request: PageRequest) -> PageAnswer:
    """List the operations, each with what is planned for it and its switch."""
    fault, times = request.query.get("fault", "lose_answer"), request.query.get("times", "1")
    chance = request.query.get("chance", "1")
    words = ((word, f"{word}: {meaning}") for word, meaning in FAULT_MEANINGS.items())
    what = tag(
        "div",
        choice("Fault", "fault", words, fault, "fault"),
        choice("For", "times", _TIMES, times, "times"),
        choice("How often", "chance", _CHANCES, chance, "chance"),
        class_="row card",
    )
    often = list(_OFTEN)
    rest = [one.id for one in OPERATIONS if one.id not in often]
    switches = form(
        "/faults",
        what,
        live("often", _switches(context, often, "Operations that matter most")),
        tag(
            "details",
            tag("summary", f"The other {len(rest)} operations"),
            live("rest", _switches(context, rest, "The other operations")),
            id="other-operations",
        ),
    )
    lead = "Choose what goes wrong, then switch it on for an operation. Your program should charge once all the same."
    return console_page(
        "Faults",
        tag("p", lead, class_="lead"),
        live("planned", _planned(context)),
        switches,
        _delay(context),
        here="/faults",
    )


def switch(context: PageContext, request: PageRequest) -> PageAnswer:
    """Switch a fault on or off, clear all, or set the delay of answers."""
    sent = request.form
    try:
        if "on" in sent:
            times = None if sent.get("times") == "always" else int(sent.get("times", "1"))
            context.controls.fail(sent["on"], sent.get("fault", ""), times, chance=float(sent.get("chance", "1")))
        elif "off" in sent:
            context.controls.clear_faults(None if sent["off"] == "all" else sent["off"])
        else:
            context.controls.set_latency(seconds_in(sent.get("latency", ""), LONGEST_LATENCY))
    except ValueError as error:
        raise PageError(422, f"{error}") from error
    kept = "&".join(
        f"{name}={sent[name]}" for name in ("fault", "times", "chance") if sent.get(name, "").isidentifier()
    )
    return see(f"/faults?{kept}" if kept else "/faults")


def seconds_in(text: str, most: float) -> float:
    """Read a number of seconds from a form; a ValueError that shows the right form."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= most:
        message = f"{text[:20]!r} is not a number of seconds: give one from 0 to {most:g}."
        raise ValueError(message)
    return seconds


def _planned(context: PageContext) -> Node:
    count = sum(len(faults) for faults in context.plan.planned().values())
    if not count:
        return tag("p", "Nothing goes wrong now.", role="status", class_="small")
    words = "1 fault is planned." if count == 1 else f"{count} faults are planned."
    return tag(
        "div", tag("p", words, role="status"), form("/faults", button("Clear all", "all", name="off")), class_="row"
    )


def _switches(context: PageContext, operations: Iterable[str], caption: str) -> Element:
    planned = context.plan.planned()
    rows = (_row(operation, planned.get(operation, ())) for operation in operations)
    return table(("Operation", "Planned", "Switch"), rows, caption=caption)


def _row(operation: str, planned: tuple[PlannedFault, ...]) -> tuple[Node, ...]:
    name = "any operation" if operation == "*" else operation
    shown = [tag("span", _words(one), class_="badge bad") for one in planned]
    on = tag("button", "Switch on", name="on", value=operation, aria_label=f"Switch on for {name}", class_="small")
    off = None
    if planned:
        off = tag("button", "Clear", name="off", value=operation, aria_label=f"Clear {name}", class_="small")
    return (tag("code", name), shown or tag("small", "none"), (on, off))


def _words(planned: PlannedFault) -> str:
    left = "always" if planned.left is None else f"{planned.left} left"
    chance = "" if planned.chance >= 1 else f", chance {planned.chance:g}"
    return f"{planned.word}: {left}{chance}"


def _delay(context: PageContext) -> Element:
    now = context.server.latencies.get("*", 0.0)
    field = text_field("Seconds", "latency", "latency", value=f"{now:g}", inputmode="decimal", required=True)
    words = "Each answer of an operation that has no delay of its own takes this long."
    delay = form("/faults", field, button("Set the delay"), class_="row")
    return tag("section", tag("h2", "Slow answers"), tag("p", words), delay, class_="card")
