"""Every error that this library raises, as one tree under `DollrError`.

No message and no `repr` shows a secret: messages have methods, paths, status codes and references. All errors can be
pickled, so they can be passed to another process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dollr_async.base.answered import NO_HEADERS, FieldProblem, request_id_of
from dollr_async.base.secret import optional_secret, revealed
from dollr_async.base.support import support_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID

    from dollr_async.base.progress import ExecutionFacts, Progress, SourceFacts


def _rebuild(cls: type[DollrError], args: tuple[object, ...], state: dict[str, object]) -> DollrError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class DollrError(Exception):
    """The base of every error of this library; `except DollrError` catches them all.

    `nothing_sent` is True when the failed request was certainly not sent: there was no connection or no token.
    `headers` are those of the API's answer, by lower-case names and without cookies. They are empty if there was no
    answer.
    """

    nothing_sent: bool = False
    headers: Mapping[str, str] = NO_HEADERS

    @property
    def request_id(self) -> str | None:
        """The id of the request at the API, from `x-request-id`, `x-cloud-trace-context` or `cf-ray`, or None."""
        return request_id_of(self.headers)

    def support(self) -> str:
        """Return a block of text to send to the API's support, about this error and its causes.

        It has the request, its status and ids, the payment's reference and ids, and versions. It has no secret and no
        personal data. It leaves out the API's own texts too, since they may repeat a phone or a name.
        """
        return support_text(self)

    def __reduce__(self) -> tuple[Callable[..., DollrError], tuple[object, ...]]:
        """Pickle by the attributes, since most of the constructors take keywords."""
        return _rebuild, (type(self), self.args, self.__dict__)


class ConfigurationError(DollrError):
    """The client cannot be used as it was set up. Nothing was sent.

    A credential is missing, the `base_url` is not https, the client is closed, or it is used in another event loop.
    """


class InvalidInputError(DollrError, ValueError):
    """An argument was refused before anything was sent; the message shows the right form."""


class TransportError(DollrError):
    """No usable answer arrived: the connection was dropped, or the answer was cut off.

    The request may have been carried out. With the subclass `ConnectError` it certainly was not. `is_unreachable` is
    True when the last try made no connection. An earlier try, by aiohttp or by your session, may have been sent.
    """

    is_unreachable: bool = False


class ConnectError(TransportError):
    """No connection could be made, so the request did not reach the API: it is safe to retry."""

    nothing_sent = True
    is_unreachable = True


class RequestTimeoutError(TransportError):
    """The time for one request ran out; the request may have reached the API."""


class APIStatusError(DollrError):
    """The API answered with a status that is not a success.

    Attributes:
        status: the HTTP status code.
        detail: the API's reason as text; if it sent a list, the entries joined. It may repeat the payer's phone or
            name, which the error's own text never does.
        fields: each refused field, if the API named them; else empty.
        method: the HTTP method of the request.
        path: the path of the request, without its query.
        retry_after: the seconds that the API asks to wait, or None.
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
        shown: str | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> None:
        """Make the message from the request and the API's reason; `shown` is the reason without personal data."""
        super().__init__(
            f"{method} {path} was answered {status}: {(detail if shown is None else shown) or 'no reason given'}"
        )
        self.status = status
        self.detail = detail
        self.method = method
        self.path = path
        self.retry_after = retry_after
        self.body = body
        self.fields = fields
        self.headers = dict(headers)


class AuthenticationError(APIStatusError):
    """401: the API refused the credentials, or a token just fetched with them. Check the client id and secret."""


class PermissionDeniedError(APIStatusError):
    """403: the merchant may not do this. A verification or a feature may be missing: see the portal."""


class NotFoundError(APIStatusError):
    """404: no such id, number or reference."""


class ConflictError(APIStatusError):
    """409: the request conflicts with the current state, such as that of a document."""


class InvalidRequestError(APIStatusError):
    """422: the API refused a field, or the state does not allow this. `fields` has the fields that the API named."""


class RateLimitError(APIStatusError):
    """429: too many requests; `retry_after` has the seconds to wait, if the API gave them."""


class ServerError(APIStatusError):
    """5xx: the API failed. The request may have been carried out."""


class DecodeError(DollrError):
    """A success answer does not have the documented shape.

    Attributes:
        path: the field that is missing or unreadable (`party.fullname`); empty when the whole body is unreadable.
        status: the status word in the answer, or None. An execution whose answer has a status was accepted: do not send
            it again.
        reference_id: the payment's reference, if there is one.
    """

    def __init__(
        self, message: str, *, path: str = "", status: str | None = None, reference_id: UUID | None = None
    ) -> None:
        """Keep the field, and the status and the reference that could be read."""
        super().__init__(message)
        self.path = path
        self.status = status
        self.reference_id = reference_id


class PaymentError(DollrError):
    """The base of errors of one payment; `reference_id` names it."""

    def __init__(self, message: str, *, reference_id: UUID) -> None:
        """Keep the payment's reference."""
        super().__init__(message)
        self.reference_id = reference_id


class CollectError(PaymentError):
    """A step of a payment failed, and no money was moved under this reference.

    Attributes:
        step: party, counterparty, document, items, publish, checkout, operator, payment_account, session or execution.
        progress: every id made so far, under the names that the payment's handle uses.
        reference_id: the payment's reference.

    `__cause__` is the error that made the step fail.
    """

    def __init__(self, message: str, *, step: str, progress: Progress, reference_id: UUID) -> None:
        """Keep the step and every id made so far."""
        super().__init__(message, reference_id=reference_id)
        self.step = step
        self.progress = progress


class OutcomeUnknownError(PaymentError):
    """An execution was sent and its outcome is not known: it may or may not have moved money.

    Do not start a new payment for the same thing after this error. Check later with `dollr.wait(reference_id)`.
    `progress` has every id made so far; `__cause__` is the last refusal or failure.
    """

    def __init__(self, message: str, *, progress: Progress, reference_id: UUID) -> None:
        """Keep every id made so far."""
        super().__init__(message, reference_id=reference_id)
        self.progress = progress


class ReferenceUsedError(PaymentError):
    """The reference already names a payment, with these or different terms. `execution` is its state, if known."""

    def __init__(self, message: str, *, reference_id: UUID, execution: ExecutionFacts | None = None) -> None:
        """Keep the payment that has the reference."""
        super().__init__(message, reference_id=reference_id)
        self.execution = execution


class JournalError(DollrError):
    """The journal could not be written or read. Nothing was sent, unless the message says so."""


class AlreadyHandledError(JournalError):
    """The outcome of this payment was handled already, or the payment was tried again since.

    Roll your own transaction back: the worker that marked it first has done the work. Nothing was changed in the
    journal.
    """


class PollTimeoutError(DollrError):
    """A payment, or a document that is to be paid, was still not final when the time ran out.

    It has not failed: follow it again. `reference_id` is the payment's, or None for a document. `last` is the last
    known state, or None. `elapsed` is the seconds spent.
    """

    def __init__(
        self,
        message: str,
        *,
        reference_id: UUID | None,
        last: ExecutionFacts | SourceFacts | None,
        elapsed: float,
    ) -> None:
        """Keep the last known state."""
        super().__init__(message)
        self.reference_id = reference_id
        self.last = last
        self.elapsed = elapsed


class PaymentFailedError(PaymentError):
    """`wait()` found FAILED: this payment did not succeed. `reason` says why, `execution` is its final state."""

    def __init__(self, message: str, *, reference_id: UUID, execution: ExecutionFacts) -> None:
        """Keep the failed execution."""
        super().__init__(message, reference_id=reference_id)
        self.execution = execution

    @property
    def reason(self) -> str | None:
        """Why it failed: the gateway's message, else the wallet's, else None."""
        return self.execution.reason


class ActionRequiredError(PaymentError):
    """`wait()` found a card payment that its payer must confirm (3-D Secure).

    Confirm it in the browser with `client_secret`, then follow the payment again. `execution` is its current state. No
    message and no `repr` shows `client_secret`.
    """

    def __init__(
        self, message: str, *, reference_id: UUID, execution: ExecutionFacts, client_secret: str | None
    ) -> None:
        """Keep the execution, and the secret that the browser needs."""
        super().__init__(message, reference_id=reference_id)
        self.execution = execution
        self._client_secret = optional_secret(client_secret)

    @property
    def client_secret(self) -> str | None:
        """What the browser needs to confirm the card."""
        return revealed(self._client_secret)
