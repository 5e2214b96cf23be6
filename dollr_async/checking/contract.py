"""The contract of the API, `openapi.yaml`, and where an answer departs from it; no value of an answer is ever shown."""

from __future__ import annotations

from http import HTTPStatus
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import attrs

from dollr_async.base.errors import ConfigurationError
from dollr_async.checking.schemas import Problem, problems

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from importlib.resources.abc import Traversable

CONTRACT: Traversable = files("dollr_async.checking") / "openapi.yaml"
"""The file with the contract."""

_HOST = "https://api.heydollr.app"
_METHODS = ("get", "post", "put", "delete")
_TYPES = {dict: "object", list: "array", str: "text", bool: "boolean", int: "whole number", float: "number"}
_NEEDS = {"string": "text", "integer": "whole number"}


class Contract:
    """Every operation of the API, and what its answers look like."""

    def __init__(self) -> None:
        """Read the contract, which takes a second.

        Raises:
            ConfigurationError: the extra `check` is not installed.
        """
        try:
            import yaml  # noqa: PLC0415 - only a report needs it, and the extra may be missing
            from openapi_core import Config, OpenAPI  # noqa: PLC0415 - the same
        except ModuleNotFoundError as error:
            sentence = "a report needs the extra check: python3 -m pip install 'dollr-async[cli,check]'"
            raise ConfigurationError(sentence) from error
        # The loader in C, where PyYAML has it, is ten times as fast as the one in Python.
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self.document: dict[str, Any] = yaml.load(CONTRACT.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - both loaders are safe
        config = Config(spec_validator_cls=None)  # pyright: ignore[reportArgumentType] - None skips checking the contract
        self._openapi = OpenAPI.from_dict(self.document, config=config)
        self._operations = {
            operation["operationId"]: (method, path, operation)
            for path, item in self.document["paths"].items()
            for method, operation in item.items()
            if method in _METHODS
        }

    def path_of(self, operation: str) -> str:
        """Return the path of an operation with the names of its variables, such as `/v1/parties/retrieve/{id}`."""
        return str(self._operations[operation][1])

    def problems(self, operation: str, status: int, body: object, content: bytes) -> list[Problem]:
        """Return where an answer departs from the contract; an answer with a success status is held against its 200."""
        found = []
        method, path, described = self._operations[operation]
        if str(status) not in described["responses"]:
            found.append(Problem("", f"the status {status} is not in the contract"))
        is_success = HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES
        checked = HTTPStatus.OK if is_success else status
        if str(checked.real) not in described["responses"]:
            return found
        if not content.strip():
            return [*found, Problem("", "the body is empty")]
        found += _broken_rules(self._errors(method, path, checked.real, content))
        schema = described["responses"]["200"]["content"]["application/json"]["schema"]
        return found + (problems(self.document, schema, body) if is_success else [])

    def _errors(self, method: str, path: str, status: int, content: bytes) -> Iterator[Any]:
        from openapi_core.exceptions import OpenAPIError  # noqa: PLC0415 - see above

        try:
            # The names of the variables stand for their values: an answer does not depend on them.
            self._openapi.validate_response(_Request(method, path), _Answer(content, status))
        except OpenAPIError as error:
            cause: BaseException | None = error
            while cause is not None:
                yield from getattr(cause, "schema_errors", ())
                if cause.__cause__ is None and not hasattr(cause, "schema_errors"):
                    yield cause
                cause = cause.__cause__


@attrs.define
class _Request:
    """A request as openapi-core wants to see it."""

    method: str
    path: str
    host_url: str = _HOST
    content_type: str = "application/json"
    body: bytes | None = None
    parameters: Any = None


@attrs.frozen
class _Answer:
    """An answer as openapi-core wants to see it."""

    data: bytes
    status_code: int
    content_type: str = "application/json"
    headers: dict[str, str] = attrs.field(factory=dict)


def _broken_rules(errors: Iterable[Any]) -> Iterator[Problem]:
    """Yield what the errors of a validator mean, without their own texts, which show what the answer says."""
    for error in errors:
        branches = [branch for branch in getattr(error, "context", None) or () if branch.validator_value != "null"]
        if getattr(error, "validator", "") in {"anyOf", "oneOf"} and branches:
            # A field that may also be null: what is wrong with it is what is wrong in the other branch.
            yield from _broken_rules(branches[:1])
        else:
            yield _broken_rule(error)


def _broken_rule(error: Any) -> Problem:  # noqa: ANN401 - jsonschema's, or any other
    validator = getattr(error, "validator", None)
    if validator is None:
        return Problem("", "the body is not readable JSON")
    place = ".".join("[]" if isinstance(part, int) else str(part) for part in error.absolute_path).replace(".[]", "[]")
    if validator == "required":
        missing = next((str(name) for name in error.validator_value if f"{name!r}" in error.message), "")
        return Problem(f"{place}.{missing}".lstrip("."), "missing")
    if validator == "type":
        wanted = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
        needed = " or ".join(_NEEDS.get(kind, str(kind)) for kind in wanted)
        return Problem(place, f"{_TYPES.get(type(error.instance), 'null')} instead of {needed}")
    if validator == "format":
        return Problem(place, f"not of the format {error.validator_value}")
    return Problem(place, f"breaks the contract's {validator}")
