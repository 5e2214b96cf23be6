"""From a request for a page to its answer: the routes, the forms, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

import attrs
from aiohttp import web

from dollr_async.sandbox.arithmetic import in_own_context
from dollr_async.sandbox.origins import foreign_origin
from dollr_async.sandbox.pages.answers import (
    STATIC_PATH,
    PageAnswer,
    PageContext,
    PageError,
    PageRequest,
    View,
    static_files,
)
from dollr_async.sandbox.pages.changes import stream_changes
from dollr_async.sandbox.pages.control.routes import CONTROL_PATH, answer_control
from dollr_async.sandbox.pages.html import tag
from dollr_async.sandbox.pages.layout import console_page
from dollr_async.sandbox.pages.views import checkout, clock, faults, handset, overview, payment, requests
from dollr_async.sandbox.world.settlement import settle_due

if TYPE_CHECKING:
    from collections.abc import Mapping

_EVENTS_PATH = "/events"
_FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 20
_READS = frozenset({"GET", "HEAD"})


@attrs.frozen
class _Page:
    """The views of one path; `post` is what its forms do."""

    path: str
    get: View
    post: View | None = None


_PAGES = (
    _Page("/", overview.overview),
    _Page("/checkouts", overview.overview, overview.start_checkout),
    _Page("/handset", handset.phones, handset.answer_every),
    _Page("/handset/{phone}", handset.handset, handset.answer),
    _Page("/pay/{token}", checkout.checkout, checkout.pay),
    _Page("/pay/{token}/receipt", checkout.receipt, checkout.receipt),
    _Page("/payments/{reference}", payment.payment_story, payment.act),
    _Page("/requests", requests.requests),
    _Page("/requests/{number}", requests.one_request),
    _Page("/faults", faults.faults, faults.switch),
    _Page("/clock", clock.clock, clock.set_clock),
)


class Site:
    """All pages of one sandbox."""

    def __init__(self, context: PageContext) -> None:
        """Show and change this sandbox."""
        self._context = context
        self._static = static_files()

    async def respond(self, request: web.BaseRequest) -> web.StreamResponse | None:
        """Answer a request for a page, or None for every other path."""
        path = request.rel_url.raw_path
        if path == _EVENTS_PATH and request.method == "GET":
            return await stream_changes(self._context, request)
        if path.startswith(STATIC_PATH):
            return _response(self._static.get(path.removeprefix(STATIC_PATH)) or _plain(404))
        if path == "/favicon.ico":
            return _response(self._static["icon.svg"])
        if path == CONTROL_PATH or path.startswith(f"{CONTROL_PATH}/"):
            return _response(await self._control(request, path))
        for page in _PAGES:
            values = _values(page.path, path)
            if values is not None:
                return _response(await self._answer(page, values, request))
        return None

    async def _control(self, request: web.BaseRequest, path: str) -> PageAnswer:
        content = await request.read()
        refusal = foreign_origin(request.headers)
        return answer_control(self._context, _read(request, path, {}, content), refusal)

    async def _answer(self, page: _Page, values: Mapping[str, str], request: web.BaseRequest) -> PageAnswer:
        content = await request.read()
        read = _read(request, page.path, values, content)
        try:
            view = _view(page, request)
            if view is page.post:
                read = attrs.evolve(read, form=_form(read))
            return self._show(view, read)
        except PageError as error:
            return _error_page(error)

    @in_own_context
    def _show(self, view: View, request: PageRequest) -> PageAnswer:
        settle_due(self._context.world)
        answer = view(self._context, request)
        if request.method not in _READS:
            self._context.server.changes.note()
        return answer


def _view(page: _Page, request: web.BaseRequest) -> View:
    """What a request asks of a page; whatever changes something must come from the sandbox's own pages."""
    if request.method in _READS:
        return page.get
    refusal = foreign_origin(request.headers)
    if refusal is not None:
        raise PageError(403, refusal)
    if request.method != "POST" or page.post is None:
        raise PageError(405, f"{request.method} is not possible on this page.")
    return page.post


def _values(pattern: str, path: str) -> dict[str, str] | None:
    """The values of a path's placeholders, or None when the path does not fit."""
    expected, parts = pattern.split("/"), path.split("/")
    if len(expected) != len(parts):
        return None
    pairs = list(zip(expected, parts, strict=True))
    if any(part != wanted and not wanted.startswith("{") for wanted, part in pairs):
        return None
    values = {wanted.strip("{}"): unquote(part) for wanted, part in pairs if wanted.startswith("{")}
    return values if all(values.values()) or pattern == "/pay/{token}" else None


def _read(request: web.BaseRequest, path: str, values: Mapping[str, str], content: bytes) -> PageRequest:
    return PageRequest(
        method=request.method,
        path=path,
        values=values,
        query=dict(request.rel_url.query),
        content_type=request.content_type,
        content=content,
    )


def _form(request: PageRequest) -> dict[str, str]:
    """The fields of a form; an empty body is a form without fields."""
    if not request.content:
        return {}
    if request.content_type != _FORM:
        raise PageError(415, f"These pages take a form ({_FORM}).")
    try:
        return dict(parse_qsl(request.content.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        raise PageError(422, "This form cannot be read: it is not UTF-8, or has too many fields.") from None


def _error_page(error: PageError) -> PageAnswer:
    title = "Page not found" if error.status == 404 else "This did not work"  # noqa: PLR2004 - HTTP's own number
    words = tag("p", error.sentence, role="alert", class_="lead")
    back = tag("p", tag("a", "All payments", href="/"))
    return console_page(title, words, back, here="", status=error.status)


def _plain(status: int) -> PageAnswer:
    return PageAnswer(status, {"Content-Type": "text/plain; charset=utf-8"}, b"Not found")


def _response(answer: PageAnswer) -> web.Response:
    return web.Response(status=answer.status, headers=answer.headers, body=answer.body)
