"""The operations of `/__control`, and how a request for one is read."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from importlib.resources import files
from typing import TYPE_CHECKING
from urllib.parse import unquote

import attrs
import msgspec

from dollr_async.sandbox.arithmetic import in_own_context
from dollr_async.sandbox.pages.answers import SAFE_HEADERS, PageAnswer, PageContext, PageError, PageRequest
from dollr_async.sandbox.pages.control import bodies, handlers
from dollr_async.sandbox.requests.reading import problem, read
from dollr_async.sandbox.world.settlement import settle_due

if TYPE_CHECKING:
    from collections.abc import Mapping

_decoder = msgspec.json.Decoder(float_hook=Decimal)

CONTROL_PATH = "/__control"
_JSON = "application/json"
_HEADERS = {"Content-Type": _JSON, **SAFE_HEADERS}
_READS = frozenset({"GET", "HEAD"})
_Shape = type[attrs.AttrsInstance]
_DESCRIPTION = (files("dollr_async.sandbox.pages.control") / "openapi.json").read_bytes()


@attrs.frozen
class Route:
    """One operation: its handler gets the context, and `path`, `query` and `body` where their classes are named."""

    method: str
    path: str
    handler: Callable[..., object]
    body: _Shape | None = None
    query: _Shape | None = None
    values: _Shape | None = None


def _of_payment(word: str, handler: Callable[..., object], body: _Shape | None = None) -> Route:
    return Route("POST", f"/payments/{{reference}}/{word}", handler, body, values=bodies.ReferencePath)


ROUTES = (
    Route("GET", "", handlers.state),
    Route("GET", "/payments", handlers.payments, query=bodies.PaymentFilter),
    Route("GET", "/payments/{reference}", handlers.one_payment, values=bodies.ReferencePath),
    _of_payment("approve", handlers.approve),
    _of_payment("decline", handlers.decline, bodies.Decline),
    _of_payment("ring", handlers.ring),
    _of_payment("confirm", handlers.confirm),
    Route("GET", "/requests", handlers.requests, query=bodies.RequestFilter),
    Route("DELETE", "/requests", handlers.forget_requests),
    Route("GET", "/faults", handlers.faults),
    Route("POST", "/faults", handlers.fail, bodies.NewFault),
    Route("DELETE", "/faults", handlers.clear_faults, query=bodies.OperationFilter),
    Route("PUT", "/latency", handlers.latency, bodies.Latency),
    Route("GET", "/clock", handlers.clock),
    Route("POST", "/clock", handlers.skip, bodies.Skip),
    Route("GET", "/phones", handlers.phones),
    Route("PUT", "/phones", handlers.every_phone, bodies.ByHand),
    Route("PUT", "/phones/{phone}", handlers.one_phone, bodies.ByHand, values=bodies.PhonePath),
    Route("GET", "/tokens", handlers.tokens),
    Route("PUT", "/tokens", handlers.token_lifetime, bodies.TokenLifetime),
    Route("DELETE", "/tokens", handlers.revoke_tokens),
    Route("GET", "/sessions", handlers.sessions, query=bodies.SessionFilter),
    Route("POST", "/checkouts", handlers.new_checkout),
)
"""Every operation of `/__control`, without the prefix; `/openapi.json` describes them."""


@in_own_context
def answer_control(context: PageContext, request: PageRequest, refusal: str | None) -> PageAnswer:
    """Answer one request; `refusal` says why a page of another origin may not do it."""
    if refusal is not None:
        return _json(403, {"detail": refusal})
    try:
        if request.path == f"{CONTROL_PATH}/openapi.json" and request.method in _READS:
            return PageAnswer(200, _HEADERS, _DESCRIPTION)
        return _carried_out(context, request)
    except PageError as error:
        return _json(error.status, {"detail": error.sentence})


def _carried_out(context: PageContext, request: PageRequest) -> PageAnswer:
    found = {route.method: (route, values) for route in ROUTES if (values := _values(route, request.path)) is not None}
    if not found:
        return _json(404, {"detail": f"Nothing is here. {CONTROL_PATH}/openapi.json lists what there is."})
    method = "GET" if request.method == "HEAD" else request.method
    if method not in found:
        answer = _json(405, {"detail": f"{request.method} is not possible here."})
        return attrs.evolve(answer, headers={**answer.headers, "Allow": ", ".join(found)})
    route, values = found[method]
    problems: list[object] = []
    arguments = _arguments(route, values, request, problems)
    if problems:
        return _json(422, {"detail": problems})
    settle_due(context.world)
    result = route.handler(context, **arguments)
    if method not in _READS:
        context.server.changes.note()
    return PageAnswer(204, SAFE_HEADERS, b"") if result is None else _json(200, result)


def _values(route: Route, path: str) -> dict[str, str] | None:
    expected, parts = f"{CONTROL_PATH}{route.path}".split("/"), path.split("/")
    if len(expected) != len(parts):
        return None
    pairs = list(zip(expected, parts, strict=True))
    if any(part != wanted and not (wanted.startswith("{") and part) for wanted, part in pairs):
        return None
    return {wanted.strip("{}"): unquote(part) for wanted, part in pairs if wanted.startswith("{")}


def _arguments(
    route: Route, values: Mapping[str, str], request: PageRequest, problems: list[object]
) -> dict[str, object]:
    arguments: dict[str, object] = {}
    if route.values is not None:
        arguments["path"] = read(route.values, values, ("path",), problems)
    if route.query is not None:
        arguments["query"] = read(route.query, request.query, ("query",), problems)
    if route.body is not None:
        raw = _object(request, problems)
        arguments["body"] = None if raw is None else read(route.body, raw, ("body",), problems)
    return arguments


def _object(request: PageRequest, problems: list[object]) -> Mapping[str, object] | None:
    """The body as an object; an empty one is an object without fields."""
    if not request.content:
        return {}
    if request.content_type != _JSON:
        raise PageError(415, f"The body must be {_JSON}.")
    try:
        parsed: object = _decoder.decode(request.content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        problems.append(problem(("body", 0), "json_invalid", f"JSON decode error: {error}"))
        return None
    if not isinstance(parsed, dict):
        problems.append(problem(("body",), "model_attributes_type", "Input should be a valid dictionary or object"))
        return None
    return parsed


def _json(status: int, value: object) -> PageAnswer:
    return PageAnswer(status, _HEADERS, msgspec.json.encode(value))
