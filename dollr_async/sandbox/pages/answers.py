"""What the pages read from a request, and what they answer with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from importlib.resources import files
from urllib.parse import quote

import attrs

from dollr_async.sandbox.controls import Controls
from dollr_async.sandbox.faults import FaultPlan
from dollr_async.sandbox.pages.html import Element, render
from dollr_async.sandbox.server import Server
from dollr_async.sandbox.world.world import World

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
SAFE_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not `no-referrer`: with it a browser sends `Origin: null` with the pages' own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""The headers of every page: nothing is loaded from elsewhere, no script stands in a page, nobody frames it."""


@attrs.frozen(kw_only=True)
class PageContext:
    """What the pages show and change: the controls do all changes, the rest is read."""

    controls: Controls
    world: World
    plan: FaultPlan
    server: Server
    client_id: str
    client_secret: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class PageRequest:
    """The parts of a request that decide the answer; `values` are those of the path's placeholders."""

    method: str
    path: str
    values: Mapping[str, str]
    query: Mapping[str, str]
    content_type: str
    content: bytes = attrs.field(repr=False)
    form: Mapping[str, str] = attrs.field(factory=dict, repr=False)


@attrs.frozen
class PageAnswer:
    """A status, headers and a body."""

    status: int
    headers: Mapping[str, str]
    body: bytes = attrs.field(repr=False)


View = Callable[[PageContext, PageRequest], PageAnswer]


class PageError(Exception):
    """A page cannot do what it was asked for: the HTTP status, and a sentence that says what to do instead."""

    def __init__(self, status: int, sentence: str) -> None:
        """Keep both."""
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


def page(element: Element, status: int = 200) -> PageAnswer:
    """Answer with a page."""
    body = f"<!doctype html>{render(element)}".encode("utf-8", "replace")
    return PageAnswer(status, {"Content-Type": "text/html; charset=utf-8", **SAFE_HEADERS}, body)


def see(path: str) -> PageAnswer:
    """Send the browser on to a page of this site, after a form was done."""
    return PageAnswer(303, {"Location": quote(path, safe="/?=&#%:+"), **SAFE_HEADERS}, b"")


_STATIC = files("dollr_async.sandbox.pages") / "static"
_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
STATIC_PATH = "/__pages/"


def static_files() -> dict[str, PageAnswer]:
    """The stylesheet, the script and the icon, by their names."""
    named = {name: (_STATIC / name).read_bytes() for name in ("page.css", "page.js", "icon.svg")}
    return {name: _static_answer(name, body) for name, body in named.items()}


def _static_answer(name: str, body: bytes) -> PageAnswer:
    kind = _TYPES[name.rpartition(".")[2]]
    kept = {"Cache-Control": "public, max-age=31536000, immutable"}
    return PageAnswer(200, {"Content-Type": f"{kind}; charset=utf-8", **SAFE_HEADERS, **kept}, body)


def static_address(name: str) -> str:
    """The address of a static file; it changes with the file's content, so that a browser may keep what it has."""
    return f"{STATIC_PATH}{name}?v={sha256((_STATIC / name).read_bytes()).hexdigest()[:10]}"
