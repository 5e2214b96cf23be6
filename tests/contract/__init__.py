"""The contract of the remote API, and a checker of requests and answers."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import yaml
from openapi_core import Config, OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest, MockResponse

from dollr_async.checking.contract import CONTRACT

if TYPE_CHECKING:
    from collections.abc import Mapping

_HOST = "https://api.heydollr.app"
# The loader in C, where PyYAML has it, is ten times as fast as the one in Python.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_METHODS = ("get", "post", "put", "delete")


class ContractViolationError(AssertionError):
    """The contract does not allow a request or an answer."""


class Contract:
    """The contract, and the requests and answers that it is known to allow."""

    def __init__(self) -> None:
        text = CONTRACT.read_text(encoding="utf-8")
        self.document = yaml.load(text, Loader=_Loader)  # noqa: S506 - both loaders are safe
        self._openapi = OpenAPI.from_dict(self.document, config=Config(spec_validator_cls=None))
        self.operations: dict[str, tuple[str, str]] = {
            operation["operationId"]: (method.upper(), path)
            for path, item in self.document["paths"].items()
            for method, operation in item.items()
            if method in _METHODS
        }
        self._allowed: set[object] = set()

    def check_request(
        self, method: str, path: str, *, query: Mapping[str, str], headers: Mapping[str, str], content: bytes
    ) -> None:
        """Raise ContractViolationError when the contract does not allow the request; `path` is as sent."""
        key = (method, path, tuple(sorted(query.items())), "Authorization" in headers, content)
        if key not in self._allowed:
            request = _request(method, path, query, headers, content)
            try:
                self._openapi.validate_request(request)
            except OpenAPIError as error:
                message = f"{method} {path} {content!r}: {_reasons(error)}"
                raise ContractViolationError(message) from error
            self._allowed.add(key)

    def check_answer(self, method: str, path: str, *, status: int, content: bytes, content_type: str) -> None:
        """Raise ContractViolationError when the contract does not allow the answer to a request."""
        key = (method, path, status, content_type, content)
        if key not in self._allowed:
            request = _request(method, path, {}, {"Authorization": "Bearer any"}, b"")
            answer = MockResponse(content, status, content_type=content_type.partition(";")[0])
            try:
                self._openapi.validate_response(request, answer)
            except OpenAPIError as error:
                message = f"{method} {path} was answered {status} {content!r}: {_reasons(error)}"
                raise ContractViolationError(message) from error
            self._allowed.add(key)


def _request(
    method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], content: bytes
) -> MockRequest:
    content_type = headers.get("Content-Type", "application/json").partition(";")[0]
    return MockRequest(
        _HOST, method.lower(), path, args=dict(query), headers=dict(headers), data=content, content_type=content_type
    )


def _reasons(error: BaseException) -> str:
    reasons = [str(error)]
    cause: BaseException | None = error.__cause__
    while cause is not None:
        problems = getattr(cause, "schema_errors", ())
        reasons += [f"{'.'.join(map(str, problem.path))}: {problem.message}" for problem in problems] or [str(cause)]
        cause = cause.__cause__
    return " | ".join(reasons)


@cache
def the_contract() -> Contract:
    """Return the contract; reading it takes a second, so it is read once."""
    return Contract()
