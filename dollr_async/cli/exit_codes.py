"""The exit codes of the command, and which error means which.

- 0: done
- 1: it failed: the payment is FAILED, the credentials are refused, the reference is unknown
- 2: nothing was tried: bad usage, no credentials, a journal that cannot be opened, a connection that never was
- 3: not known yet: the payment is PENDING, its status could not be checked, or the reference names another payment

Of several payments the greatest counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dollr_async.base.enums import ExecutionStatus, OutcomeStatus
from dollr_async.base.errors import (
    ActionRequiredError,
    APIStatusError,
    AuthenticationError,
    CollectError,
    ConfigurationError,
    ConnectError,
    DecodeError,
    InvalidInputError,
    InvalidRequestError,
    JournalError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    PollTimeoutError,
    ReferenceUsedError,
    TransportError,
)

if TYPE_CHECKING:
    from dollr_async.base.errors import DollrError
    from dollr_async.base.progress import Progress

DONE, FAILED, NOTHING_TRIED, NOT_KNOWN = 0, 1, 2, 3


class CannotOpenError(JournalError):
    """A journal cannot be read at all, so nothing was tried."""


_UNTRIED = (InvalidInputError, ConfigurationError, CannotOpenError, ConnectError)
_UNKNOWN = (
    ActionRequiredError,
    DecodeError,
    OutcomeUnknownError,
    PollTimeoutError,
    ReferenceUsedError,
    TransportError,
)
_REFUSALS = (AuthenticationError, InvalidRequestError, NotFoundError, PermissionDeniedError)
_BAD_REQUEST = 400

NOT_BEGUN = "NOT_BEGUN"
"""What is shown of a payment whose execution was never begun: no money moved, and nothing is open at the API."""

_OF_STATUS = {
    ExecutionStatus.COMPLETED.value: DONE,
    ExecutionStatus.FAILED.value: FAILED,
    OutcomeStatus.NOT_RUN.value: FAILED,
    NOT_BEGUN: DONE,
}


def code_of_error(error: DollrError) -> int:
    """Return the exit code for an error."""
    if isinstance(error, CollectError):
        # No money moved. Nothing was tried if the first request found no connection.
        is_untried = isinstance(error.__cause__, ConnectError) and not _has_begun(error.progress)
        return NOTHING_TRIED if is_untried else FAILED
    if isinstance(error, _UNTRIED):
        return NOTHING_TRIED
    if isinstance(error, APIStatusError):
        # Any other status, such as 408, 409 or one of a proxy's own, says nothing about a payment.
        return FAILED if isinstance(error, _REFUSALS) or error.status == _BAD_REQUEST else NOT_KNOWN
    return NOT_KNOWN if isinstance(error, _UNKNOWN) else FAILED


def code_of_status(status: str) -> int:
    """Return the exit code for a payment's status."""
    return _OF_STATUS.get(str(status), NOT_KNOWN)


def _has_begun(progress: Progress) -> bool:
    made = progress.to_json()
    del made["reference_id"]
    return any(value is not None for value in made.values())
