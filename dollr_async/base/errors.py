"""Every error this library raises, as one tree under `DollrError`.

Nothing secret is ever part of a message, a `repr` or an attribute shown by one: messages carry methods, paths,
status codes and references. All errors can be pickled, so they may cross a process boundary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from dollr_async.base.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from dollr_async.base.progress import ExecutionFacts, Progress, SourceFacts


def _rebuild(cls: type[DollrError], args: tuple[object, ...], state: dict[str, object]) -> DollrError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class DollrError(Exception):
    """The base of every error of this library; `except DollrError` catches them all.

    `nothing_sent` is True when the request that failed surely never left: there was no connection or no token for it.
    """

    nothing_sent: bool = False

    def __reduce__(self) -> tuple[Callable[..., DollrError], tuple[object, ...]]:
        """Rebuild from the attributes, since most of these take keywords."""
        return _rebuild, (type(self), self.args, self.__dict__)


class ConfigurationError(DollrError):
    """The client cannot work as it was set up.

    A missing credential, a `base_url` without https, a closed client, or use from another event loop. Nothing was sent.
    """


class InvalidInputError(DollrError, ValueError):
    """An argument was refused before anything was sent; the message shows the right form."""


class TransportError(DollrError):
    """No usable answer came back: the connection was dropped or the answer was cut off.

    Itself it is ambiguous: the request may have been carried out. See `ConnectError` for the case in which it surely
    was not.
    """


class ConnectError(TransportError):
    """No connection could be made, so the request surely did not reach the API: safe to repeat."""

    nothing_sent = True


class RequestTimeoutError(TransportError):
    """The time for one request ran out; the request may have reached the API."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class FieldProblem(Record):
    """One field that the API refused.

    `path` is dotted (`body.items.0.amount`), `message` the API's words, `type` its word for the kind of problem.
    """

    path: str
    message: str
    type: str


class APIStatusError(DollrError):
    """The API answered, and the answer is not a success.

    Attributes:
        status: the HTTP status code.
        detail: the API's reason as text; where it sent a list, the entries joined.
        fields: each refused field, where the API named them; else empty.
        method: the HTTP method of the request.
        path: the path of the request, without its query.
        retry_after: seconds that the API asked to wait, or None.
        body: the first 2,000 characters of the answer.
    """

    def __init__(
        self,
        *,
        status: int,
        detail: str,
        method: str,
        path: str,
        retry_after: float | None = None,
        body: str = "",
        fields: tuple[FieldProblem, ...] = (),
    ) -> None:
        """Keep what the answer said."""
        super().__init__(f"{method} {path} was answered {status}: {detail or 'no reason given'}")
        self.status = status
        self.detail = detail
        self.method = method
        self.path = path
        self.retry_after = retry_after
        self.body = body
        self.fields = fields


class AuthenticationError(APIStatusError):
    """401: the credentials, or a token made from them a moment ago, were refused. Check client id and secret."""


class PermissionDeniedError(APIStatusError):
    """403: the merchant may not do this (yet): a verification or a feature gate in the portal is closed."""


class NotFoundError(APIStatusError):
    """404: no such id, number or reference."""


class ConflictError(APIStatusError):
    """409: the state of the thing named does not allow this."""


class InvalidRequestError(APIStatusError):
    """422: a field or a state was refused; `fields` says which, where the API named them."""


class RateLimitError(APIStatusError):
    """429: too many requests; `retry_after` has the seconds to wait, where the API gave them."""


class ServerError(APIStatusError):
    """5xx: a fault at the API or behind it; whether the request was carried out is not known."""


class DecodeError(DollrError):
    """A success answer does not have the documented shape.

    Attributes:
        path: the field that is missing or unreadable (`party.fullname`); empty when the whole body is unreadable.
        status: the status word that the answer carried all the same, or None. An execution answer with a status has
            been accepted: it must not be sent again.
        reference_id: the payment's reference, where there is one.
    """

    def __init__(
        self, message: str, *, path: str = "", status: str | None = None, reference_id: UUID | None = None
    ) -> None:
        """Keep where the answer left its shape."""
        super().__init__(message)
        self.path = path
        self.status = status
        self.reference_id = reference_id


class PaymentError(DollrError):
    """The base of errors that belong to one payment; `reference_id` names it."""

    def __init__(self, message: str, *, reference_id: UUID) -> None:
        """Keep the payment's reference."""
        super().__init__(message)
        self.reference_id = reference_id


class CollectError(PaymentError):
    """A step on the way to the execution failed, and no money was moved under this reference.

    Attributes:
        step: party, counterparty, document, items, publish, checkout, operator, payment_account, session or execution.
        progress: every id made so far, under the names that the handle uses.
        reference_id: the payment's reference.

    `__cause__` is the error that stopped the step.
    """

    def __init__(self, message: str, *, step: str, progress: Progress, reference_id: UUID) -> None:
        """Keep the step and all that exists by now."""
        super().__init__(message, reference_id=reference_id)
        self.step = step
        self.progress = progress


class OutcomeUnknownError(PaymentError):
    """An execution was sent and its fate could not be learned in time: it may or may not have moved money.

    Never begin a new payment for the same thing on this error. Ask again later with `dollr.wait(reference_id)`.
    `progress` has every id made so far; `__cause__` is the last refusal or failure that was met.
    """

    def __init__(self, message: str, *, progress: Progress, reference_id: UUID) -> None:
        """Keep all that exists by now."""
        super().__init__(message, reference_id=reference_id)
        self.progress = progress


class ReferenceUsedError(PaymentError):
    """This reference already names a payment, or names one on other terms; `execution` is what the API knows of it."""

    def __init__(self, message: str, *, reference_id: UUID, execution: ExecutionFacts | None = None) -> None:
        """Keep the payment that has the reference."""
        super().__init__(message, reference_id=reference_id)
        self.execution = execution


class JournalError(DollrError):
    """The durable record could not be made or read; nothing was sent, unless the message says so."""


class PollTimeoutError(DollrError):
    """A payment, or the document that is paid, was still not final when the time given ran out.

    It has not failed: follow it again. `reference_id` is the payment's (None for a document), `last` the last state
    seen (None when none was), `elapsed` the seconds spent.
    """

    def __init__(
        self,
        message: str,
        *,
        reference_id: UUID | None,
        last: ExecutionFacts | SourceFacts | None,
        elapsed: float,
    ) -> None:
        """Keep the last state that was seen."""
        super().__init__(message)
        self.reference_id = reference_id
        self.last = last
        self.elapsed = elapsed


class PaymentFailedError(PaymentError):
    """`wait()` met FAILED: the API says that this payment did not go through. `execution` has its messages."""

    def __init__(self, message: str, *, reference_id: UUID, execution: ExecutionFacts) -> None:
        """Keep the failed execution."""
        super().__init__(message, reference_id=reference_id)
        self.execution = execution


class ActionRequiredError(PaymentError):
    """`wait()` met a card that needs its owner: confirm it in the browser with `client_secret`, then follow on.

    `execution` is the payment as it stands, `client_secret` the browser's value (in no message and no `repr`).
    """

    def __init__(
        self, message: str, *, reference_id: UUID, execution: ExecutionFacts, client_secret: str | None
    ) -> None:
        """Keep what the browser needs."""
        super().__init__(message, reference_id=reference_id)
        self.execution = execution
        self.client_secret = client_secret


STATUS_ERRORS: dict[int, type[APIStatusError]] = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    422: InvalidRequestError,
    429: RateLimitError,
}
"""The class for each status that has one of its own; any other is `ServerError` from 500 up, else `APIStatusError`."""
