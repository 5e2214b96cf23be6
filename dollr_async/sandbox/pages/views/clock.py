"""`/clock`: the sandbox's time, and what ends with it: tokens and sessions."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from dollr_async.sandbox.pages.actions import LONGEST_SKIP, LONGEST_TOKEN, skip_time
from dollr_async.sandbox.pages.answers import PageAnswer, PageContext, PageError, PageRequest, see
from dollr_async.sandbox.pages.html import Element, Node, tag
from dollr_async.sandbox.pages.layout import badge, button, clock_time, console_page, form, live, table, text_field
from dollr_async.sandbox.pages.views.faults import seconds_in

if TYPE_CHECKING:
    from dollr_async.sandbox.world.records import Session

_SKIPS = (("10", "10 s"), ("60", "1 min"), ("600", "10 min"), ("3600", "1 h"), ("86400", "1 day"))
_SHOWN = 50


def clock(context: PageContext, _: PageRequest) -> PageAnswer:
    """Show the time, the valid tokens and the latest sessions."""
    skips = form("/clock", (button(words, value, name="seconds") for value, words in _SKIPS), class_="row")
    other = form(
        "/clock",
        text_field("Seconds", "seconds", "seconds", inputmode="decimal", required=True, placeholder="90"),
        button("Skip"),
        class_="row",
    )
    lead = "Payments settle, and tokens, sessions and pages expire, by this clock. It only moves forward."
    return console_page(
        "Clock",
        tag("section", live("time", _time(context)), tag("p", lead), tag("h2", "Skip"), skips, other, class_="card"),
        tag("section", tag("h2", "Tokens"), live("tokens", _tokens(context)), _lifetime(context)),
        tag("section", tag("h2", "Sessions"), live("sessions", _sessions(context))),
        here="/clock",
    )


def set_clock(context: PageContext, request: PageRequest) -> PageAnswer:
    """Skip seconds, revoke the tokens, or set how long later ones live."""
    sent = request.form
    try:
        if sent.get("do") == "revoke":
            context.controls.revoke_tokens()
        elif "lifetime" in sent:
            context.controls.set_token_lifetime(seconds_in(sent["lifetime"], LONGEST_TOKEN))
        else:
            skip_time(context, seconds_in(sent.get("seconds", ""), LONGEST_SKIP))
    except ValueError as error:
        raise PageError(422, f"{error}") from error
    return see("/clock")


def _time(context: PageContext) -> Element:
    now = context.world.clock.now()
    events = context.world.events
    coming = "Nothing is scheduled."
    if events:
        after = max(events[0][0] - context.world.clock.seconds(), 0)
        coming = f"Something changes by itself in {after:,.1f} s."
    time = tag("p", tag("time", f"{now:%d %B %Y, %H:%M:%S}", datetime=now.isoformat()), " UTC", class_="time")
    return tag("div", time, tag("p", coming, class_="small"))


def _tokens(context: PageContext) -> Node:
    tokens = context.world.tokens
    now = context.world.clock.seconds()
    words = tag("p", f"{tokens.issued} issued, {len(tokens.valid())} valid.", role="status")
    if not tokens.valid():
        return words
    rows = (
        (f"number {token.number}", f"{(token.expires_second - now) / 60:,.1f} min")
        for token in islice(reversed(tokens.valid()), _SHOWN)
    )
    return (
        words,
        table(("Token", "Valid for"), rows, caption="Valid tokens"),
        form("/clock", button("Revoke all tokens", "revoke")),
    )


def _lifetime(context: PageContext) -> Element:
    return form(
        "/clock",
        text_field(
            "Minutes that later tokens live",
            "lifetime",
            "lifetime",
            value=f"{context.world.tokens.lifetime:g}",
            inputmode="decimal",
            required=True,
        ),
        button("Set"),
        class_="row",
    )


def _sessions(context: PageContext) -> Node:
    sessions = context.world.sessions
    if not sessions:
        return tag("p", "No sessions yet. A program makes one for each payment, as its last step.", class_="empty")
    rows = (_session(context, session) for session in islice(reversed(sessions.values()), _SHOWN))
    return table(("Session", "For", "Status", "Expires"), rows, caption="Sessions, the latest first")


def _session(context: PageContext, session: Session) -> tuple[Node, ...]:
    what = session.document.number if session.document else session.kind.capitalize()
    expired = session.status == "ACTIVE" and session.expires_at <= context.world.clock.now()
    return (f"{session.id}", what, badge("EXPIRED" if expired else session.status), clock_time(session.expires_at))
