"""An HTTP answer, and what it means: its error, its `Retry-After`, and whether the token was refused."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urljoin, urlsplit

from dollr_async.base.answered import FieldProblem, kept_headers
from dollr_async.base.errors import (
    APIStatusError,
    AuthenticationError,
    ConflictError,
    DecodeError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
)
from dollr_async.wire.codec import decode_loosely
from dollr_async.wire.redaction import hide

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from dollr_async.base.clock import Clock

# Plain numbers: reading an enum member takes 0.28 µs in Python 3.11, and each answer would need two of them.
_FIRST_SUCCESS, _FIRST_REDIRECT = 200, 300
_BODY_SHOWN = 2_000
_DETAIL_SHOWN = 500
_CONTENT_TYPE_SHOWN = 60
_LONGEST_RETRY_AFTER = 366.0 * 24.0 * 3600.0
_UNAUTHENTICATED = ("not authenticated", "could not validate credentials")

STATUS_ERRORS: dict[int, type[APIStatusError]] = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    422: InvalidRequestError,
    429: RateLimitError,
}
"""The error class of each HTTP status that has its own; the others are `ServerError` (5xx) or `APIStatusError`."""


class RawAnswer(NamedTuple):
    """An HTTP answer: its status, its headers (in any case) and its whole body."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def is_success(self) -> bool:
        """Whether the status is any 2xx."""
        return _FIRST_SUCCESS <= self.status < _FIRST_REDIRECT


def error_of(
    answer: RawAnswer,
    method: str,
    path: str,
    clock: Clock,
    *,
    secrets: Collection[str] = (),
    personal: Collection[str] = (),
    address: str = "",
) -> APIStatusError:
    """Return the error for an answer that is not a success.

    `secrets` are those of the request. They are hidden where the answer repeats them, as an echo of the input does.
    `address` is where the request went, without its query; it is shown where it may be a wrong one.
    `personal` are the phones and names in it. They are hidden in the error's own text, which is printed and logged.
    """
    status = answer.status
    cls = STATUS_ERRORS.get(status, ServerError if status >= HTTPStatus.INTERNAL_SERVER_ERROR else APIStatusError)
    detail, fields = _detail(answer.content, secrets)
    return cls(
        status=status,
        detail=detail[:_DETAIL_SHOWN],
        method=method,
        path=f"/v1/{path}",
        retry_after=retry_after(answer.headers, clock),
        body=hide(answer.content.decode(errors="replace"), secrets, limit=_BODY_SHOWN),
        fields=fields,
        headers={name: hide(value, secrets) for name, value in kept_headers(answer.headers.items()).items()},
        shown=hide(_reason(hide(detail, personal, limit=_DETAIL_SHOWN), answer, address), (*secrets, *personal)),
    )


def _reason(detail: str, answer: RawAnswer, address: str) -> str:
    """Return the reason, with the address of the request where it may be a wrong one."""
    is_redirect = _FIRST_REDIRECT <= answer.status < HTTPStatus.BAD_REQUEST
    if not address or (not is_redirect and _is_usual(address)):
        return detail
    where = f"the request went to {address}"
    leads_to = _location(answer, address) if is_redirect else ""
    if leads_to:
        where += f", which redirects to {leads_to}: set base_url to the API's own address"
    return f"{detail} ({where})" if detail else where


def _location(answer: RawAnswer, address: str) -> str:
    """Return where a redirect leads: an address without credentials, query and fragment, or nothing."""
    location = answer.headers.get("Location", "")
    try:
        parts = urlsplit(urljoin(address, location)) if location else None
    except ValueError:
        return ""
    if parts is None:
        return ""
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _is_usual(address: str) -> bool:
    """Whether the API's paths begin right after the host, as they do at its own address."""
    return address.partition("://")[2].partition("/")[2].startswith("v1/") and "/v1/v1/" not in address


def unreadable(error: DecodeError, answer: RawAnswer, method: str, path: str) -> DecodeError:
    """Return the error of a success answer that could not be read, with the call, the status and the content type."""
    content_type = answer.headers.get("Content-Type", "").partition(";")[0].strip()[:_CONTENT_TYPE_SHOWN]
    kind = f"with {content_type or 'no content type'}" if answer.content.strip() else "with an empty body"
    message = f"{method} /v1/{path} was answered {answer.status} {kind}: {error}"
    if not answer.content.strip() or not content_type.endswith("json"):
        message += "; check that base_url is the API's own address, and that no proxy answers in its place"
    return DecodeError(message, path=error.path, status=error.status, reference_id=error.reference_id)


def is_unauthenticated(answer: RawAnswer) -> bool:
    """Whether the token was refused: a 401, or a 403 with the text that the API uses for a missing token."""
    if answer.status == HTTPStatus.UNAUTHORIZED:
        return True
    if answer.status != HTTPStatus.FORBIDDEN:
        return False
    return _detail(answer.content)[0].strip().lower().startswith(_UNAUTHENTICATED)


def retry_after(headers: Mapping[str, str], clock: Clock) -> float | None:
    """Return the seconds to wait by `Retry-After`, which is in seconds or an HTTP date; None if it is missing.

    A date is compared with the answer's own `Date`, since the server's clock may be wrong.
    """
    value = headers.get("Retry-After", "").strip()
    if value.replace(".", "", 1).isdecimal():
        return min(float(value), _LONGEST_RETRY_AFTER)  # hundreds of digits are infinite as a float
    until = _moment(value)
    if until is None:
        return None
    seconds = (until - (_moment(headers.get("Date", "")) or clock.now())).total_seconds()
    return min(max(seconds, 0.0), _LONGEST_RETRY_AFTER)


def _moment(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
        # The older forms of an HTTP date have no time zone; all of them are UTC.
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC)  # fails where the time zone leads out of the years 1 to 9999
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _detail(content: bytes, secrets: Collection[str] = ()) -> tuple[str, tuple[FieldProblem, ...]]:
    body = decode_loosely(content)
    detail = body.get("detail") if isinstance(body, dict) else None
    if not isinstance(detail, list):
        return (hide(detail, secrets, limit=_DETAIL_SHOWN) if isinstance(detail, str) else ""), ()
    fields = tuple(_problem(entry, secrets) for entry in detail)
    return "; ".join(f"{field.path}: {field.message}" if field.path else field.message for field in fields), fields


def _problem(entry: object, secrets: Collection[str]) -> FieldProblem:
    found = entry if isinstance(entry, dict) else {"msg": entry}
    where = found.get("loc")
    path = ".".join(_plain(part) for part in where) if isinstance(where, list) else ""
    path, message, kind = (
        hide(text, secrets, limit=_BODY_SHOWN) for text in (path, _plain(found.get("msg")), _plain(found.get("type")))
    )
    return FieldProblem(path=path, message=message, type=kind)


def _plain(value: object) -> str:
    return str(value) if isinstance(value, str | int | Decimal) else ""
