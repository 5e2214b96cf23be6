"""From a request to its answer: check the token, read the fields, call the handler, write JSON.

Nothing here waits, so each request is answered in one step.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

import attrs
import msgspec

from dollr_async.sandbox.api.router import Match, Router
from dollr_async.sandbox.arithmetic import in_own_context
from dollr_async.sandbox.refusals import Refusal
from dollr_async.sandbox.requests.reading import problem, read
from dollr_async.sandbox.world.settlement import settle_due

if TYPE_CHECKING:
    from dollr_async.sandbox.api.operations import Operation
    from dollr_async.sandbox.world.world import World

_decoder = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")

JSON_TYPE = "application/json"
JSON_HEADERS = {"Content-Type": JSON_TYPE}


@attrs.frozen
class ApiAnswer:
    """A status, headers and the bytes of a body."""

    status: int
    headers: dict[str, str]
    body: bytes = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class ApiRequest:
    """The parts of a request that decide the answer; `authorization` and `content_type` are headers."""

    match: Match
    query: Mapping[str, str]
    authorization: str | None = attrs.field(repr=False)
    content_type: str
    content: bytes = attrs.field(repr=False)


class Api:
    """The API's operations on one world."""

    def __init__(self, world: World) -> None:
        """Answer with the records of this world."""
        self._world = world
        self._router = Router()

    def match(self, method: str, raw_path: str) -> Match:
        """Find the operation of a method and a path."""
        return self._router.match(method, raw_path)

    @in_own_context
    def answer(self, request: ApiRequest) -> ApiAnswer:
        """Carry out a request and return its answer."""
        settle_due(self._world)
        try:
            return self._success(request)
        except Refusal as refusal:
            return _refused(refusal, request.match.allowed)

    def _success(self, request: ApiRequest) -> ApiAnswer:
        operation = request.match.operation
        if operation is None:
            raise Refusal(405, "Method Not Allowed") if request.match.allowed else Refusal(404, "Not Found")
        if not operation.public:
            self._authenticate(request.authorization)
        result = operation.handler(self._world, **_arguments(operation, request))
        if result is None:
            return ApiAnswer(204, {}, b"")
        status = self._world.quirks.created_status if operation.creates else 200
        if isinstance(result, bytes):
            return ApiAnswer(status, JSON_HEADERS, result)
        return ApiAnswer(status, JSON_HEADERS, _encoder.encode(self._world.quirks.apply(result)))

    def _authenticate(self, authorization: str | None) -> None:
        if authorization is None and self._world.quirks.no_token_status == 403:  # noqa: PLR2004 - HTTP's own number
            raise Refusal(403, "Not authenticated")
        if self._world.tokens.find(authorization) is None:
            raise Refusal(401, "Could not validate credentials")


def _refused(refusal: Refusal, allowed: tuple[str, ...]) -> ApiAnswer:
    headers = dict(JSON_HEADERS)
    if refusal.status == 401:  # noqa: PLR2004 - HTTP's own number
        headers["WWW-Authenticate"] = "Bearer"
    elif refusal.status == 405:  # noqa: PLR2004 - HTTP's own number
        headers["Allow"] = ", ".join(allowed)
    return ApiAnswer(refusal.status, headers, _encoder.encode({"detail": refusal.detail}))


def _arguments(operation: Operation, request: ApiRequest) -> dict[str, object]:
    """Read path, query and body of a request, or refuse it with every problem found."""
    arguments: dict[str, object] = {}
    problems: list[object] = []
    if operation.path_shape is not None:
        arguments["path"] = read(operation.path_shape, request.match.values, ("path",), problems)
    if operation.query is not None:
        arguments["query"] = read(operation.query, request.query, ("query",), problems)
    if operation.body is not None:
        raw = _json_object(request, problems)
        arguments["body"] = None if raw is None else read(operation.body, raw, ("body",), problems)
    if problems:
        raise Refusal(422, problems)
    return arguments


def _json_object(request: ApiRequest, problems: list[object]) -> Mapping[str, object] | None:
    if not request.content:
        problems.append(problem(("body",), "missing", "Field required"))
        return None
    if request.content_type != JSON_TYPE and not request.content_type.endswith("+json"):
        problems.append(problem(("body",), "model_attributes_type", "Input should be a valid dictionary or object"))
        return None
    try:
        raw: object = _decoder.decode(request.content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        problems.append(problem(("body", 0), "json_invalid", f"JSON decode error: {error}"))
        return None
    if not isinstance(raw, dict):
        problems.append(problem(("body",), "model_attributes_type", "Input should be a valid dictionary or object"))
        return None
    return raw
