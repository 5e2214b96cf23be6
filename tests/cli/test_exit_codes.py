"""Which error has which exit code: 1 is only for what is sure."""

from __future__ import annotations

from uuid import uuid4

import pytest

from dollr_async import (
    AuthenticationError,
    ConflictError,
    ConnectError,
    DecodeError,
    DollrError,
    InvalidInputError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ReferenceUsedError,
    RequestTimeoutError,
    ServerError,
    TransportError,
)
from dollr_async.base.errors import APIStatusError
from dollr_async.cli.exit_codes import FAILED, NOT_KNOWN, NOTHING_TRIED, code_of_error


def answered(kind: type[APIStatusError], status: int) -> APIStatusError:
    return kind(status=status, detail="", method="GET", path="status/collection/x")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (answered(AuthenticationError, 401), FAILED),
        (answered(PermissionDeniedError, 403), FAILED),
        (answered(NotFoundError, 404), FAILED),
        (answered(InvalidRequestError, 422), FAILED),
        (answered(APIStatusError, 400), FAILED),
        (answered(APIStatusError, 302), NOT_KNOWN),
        (answered(APIStatusError, 408), NOT_KNOWN),
        (answered(ConflictError, 409), NOT_KNOWN),
        (answered(APIStatusError, 499), NOT_KNOWN),
        (answered(RateLimitError, 429), NOT_KNOWN),
        (answered(ServerError, 503), NOT_KNOWN),
        (ReferenceUsedError("used", reference_id=uuid4()), NOT_KNOWN),
        (DecodeError("unreadable"), NOT_KNOWN),
        (TransportError("cut"), NOT_KNOWN),
        (RequestTimeoutError("late"), NOT_KNOWN),
        (ConnectError("refused"), NOTHING_TRIED),
        (InvalidInputError("wrong"), NOTHING_TRIED),
    ],
    ids=lambda value: f"{type(value).__name__}-{getattr(value, 'status', '')}" if isinstance(value, DollrError) else "",
)
def test_an_error_has_its_exit_code(error: DollrError, code: int) -> None:
    assert code_of_error(error) == code
