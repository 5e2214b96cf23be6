"""What an HTTP answer means: pure functions of its status, headers and body."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, NamedTuple

from dollr_async.codec import decode_loosely
from dollr_async.errors import STATUS_ERRORS, APIStatusError, FieldProblem, ServerError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dollr_async.clock import Clock

_BODY_SHOWN = 2_000
_DETAIL_SHOWN = 500
_UNAUTHENTICATED = ("not authenticated", "could not validate credentials")


class RawAnswer(NamedTuple):
    """An HTTP answer: its status, its headers (case does not matter) and its whole body."""

    status: int
    headers: Mapping[str, str]
    content: bytes


def error_of(answer: RawAnswer, method: str, path: str, clock: Clock) -> APIStatusError | None:
    """Return the error that an answer stands for, or None for any 2xx."""
    status = answer.status
    if 200 <= status < 300:  # noqa: PLR2004 - the HTTP class of success
        return None
    cls = STATUS_ERRORS.get(status, ServerError if status >= 500 else APIStatusError)  # noqa: PLR2004 - as above
    detail, fields = _detail(answer.content)
    return cls(
        status=status,
        detail=detail,
        method=method,
        path=f"/v1/{path}",
        retry_after=retry_after(answer.headers, clock),
        body=answer.content[:_BODY_SHOWN].decode(errors="replace"),
        fields=fields,
    )


def is_unauthenticated(answer: RawAnswer) -> bool:
    """Whether the token was refused: 401, or a 403 that says so in the words of a missing header."""
    if answer.status == 401:  # noqa: PLR2004 - the HTTP code itself
        return True
    if answer.status != 403:  # noqa: PLR2004 - the HTTP code itself
        return False
    return _detail(answer.content)[0].strip().lower().startswith(_UNAUTHENTICATED)


def retry_after(headers: Mapping[str, str], clock: Clock) -> float | None:
    """Return the seconds to wait that `Retry-After` gives, as seconds or as an HTTP date; None without one."""
    value = headers.get("Retry-After", "").strip()
    if not value:
        return None
    try:
        if value.replace(".", "", 1).isdecimal():
            return float(value)
        return max((parsedate_to_datetime(value) - clock.now()).total_seconds(), 0.0)
    except (ValueError, TypeError, OverflowError):
        return None


def _detail(content: bytes) -> tuple[str, tuple[FieldProblem, ...]]:
    body = decode_loosely(content)
    detail = body.get("detail") if isinstance(body, dict) else None
    if isinstance(detail, str):
        return detail[:_DETAIL_SHOWN], ()
    if not isinstance(detail, list):
        return "", ()
    fields = tuple(_problem(entry) for entry in detail)
    return "; ".join(f"{field.path}: {field.message}" if field.path else field.message for field in fields)[
        :_DETAIL_SHOWN
    ], fields


def _problem(entry: object) -> FieldProblem:
    if not isinstance(entry, dict):
        return FieldProblem(path="", message=str(entry), type="")
    where = entry.get("loc")
    path = ".".join(str(part) for part in where) if isinstance(where, list) else ""
    return FieldProblem(path=path, message=str(entry.get("msg", "")), type=str(entry.get("type", "")))
