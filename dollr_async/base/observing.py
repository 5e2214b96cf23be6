"""What an observer gets: typed events without personal data.

An event has ids, words of the API and of this library, numbers, and names of error classes. It never has a text of
yours, or the text of an error.
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable
from uuid import UUID  # noqa: TC003 - msgspec reads the annotations where events are decoded

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The base of all events. All times are in seconds; `error` is the name of an error's class, or None."""

    def to_json(self) -> dict[str, Any]:
        """Return a plain dict for `json.dumps` or for a log record, with the name of the event as `event`."""
        return {"event": type(self).__name__, **msgspec.to_builtins(self)}


class OperationBegan(Event, frozen=True, kw_only=True, gc=False):
    """A call began that sends more than one request.

    Attributes:
        operation: collect, payout, transfer, refund, hosted_checkout or wait.
        operation_id: the same in the `OperationEnded` of this call, and in no other.
        reference_id: the payment's key; None for the wait for a document.
        kind: the direction of the money, such as COLLECTION; None for a document.
    """

    operation: str
    operation_id: str
    reference_id: UUID | None = None
    kind: str | None = None


class OperationEnded(Event, frozen=True, kw_only=True, gc=False):
    """A call ended, in the task in which it began. It has the attributes of `OperationBegan`, and these.

    Attributes:
        seconds: how long it took.
        status: the status of the payment or document, where there is one; UNKNOWN for a word that is not known here.
        error: what it raised. It is None when `wait()` found FAILED, since that is an answer of the API.
    """

    operation: str
    operation_id: str
    reference_id: UUID | None = None
    kind: str | None = None
    seconds: float
    status: str | None = None
    error: str | None = None


class StepEnded(Event, frozen=True, kw_only=True, gc=False):
    """A step of a payment was done, or failed.

    Attributes:
        reference_id: the payment's key.
        step: the name of the step, as in `CollectError.step`, such as party, publish or execution.
        id: what the step made or read: the API's id, the operator's method, or the reference.
        seconds: how long it took, with all its retries.
        error: why it failed, or None.
    """

    reference_id: UUID
    step: str
    id: int | str | None = None
    seconds: float
    error: str | None = None


class RequestEnded(Event, frozen=True, kw_only=True, gc=False):
    """One request was answered, or failed. A retry is an event of its own; token requests are `TokenFetched`.

    Attributes:
        method: the HTTP method.
        route: the path below `/v1/` with `{id}` for each id, number and reference, and without the query.
        status: the HTTP status of the answer, or None.
        attempt: 1 for the first send, 2 for the next.
        seconds: from the send to the end of the answer.
        error: why there was no answer, or None.
    """

    method: str
    route: str
    status: int | None = None
    attempt: int
    seconds: float
    error: str | None = None


class StatusChecked(Event, frozen=True, kw_only=True, gc=False):
    """The status of a payment or a document was checked, to follow it.

    The checks after a lost answer are not such events. They are `RequestEnded` events between `DoubtBegan` and
    `DoubtEnded`.

    Attributes:
        reference_id: the payment's key, or None for a document.
        kind: the direction of the money, or None for a document.
        source_type: INVOICE or ORDER for a document, else None.
        source_id: the document's id, else None.
        status: what the API said, or None; UNKNOWN for a word that is not known here.
        is_final: whether that status never changes again.
        seconds: how long the check took.
        delay: how much later than due it began. It grows when too many checks are due or the event loop is busy.
        error: why there was no status, or None.
    """

    reference_id: UUID | None = None
    kind: str | None = None
    source_type: str | None = None
    source_id: int | None = None
    status: str | None = None
    is_final: bool = False
    seconds: float
    delay: float = 0.0
    error: str | None = None


class DoubtBegan(Event, frozen=True, kw_only=True, gc=False):
    """No usable answer to an execution arrived, so it may have run. Its status is checked from now on.

    Attributes:
        reference_id: the payment's key.
        error: what happened instead of an answer. None when a run resumes a payment that was already in doubt.
    """

    reference_id: UUID
    error: str | None = None


class DoubtEnded(Event, frozen=True, kw_only=True, gc=False):
    """The doubt about an execution ended.

    Attributes:
        reference_id: the payment's key.
        outcome: ADOPTED (the execution ran, and is this payment's), NOT_RUN, or UNKNOWN. After UNKNOWN the call has
            ended, and you have to follow the payment later.
        seconds: how long the doubt lasted.
    """

    reference_id: UUID
    outcome: str
    seconds: float


class TokenFetched(Event, frozen=True, kw_only=True, gc=False):
    """A token was fetched from the API, or the fetch failed. Reading a token from a shared store is not an event.

    Attributes:
        seconds: how long it took, with all its retries.
        error: why there is none, or None.
    """

    seconds: float
    error: str | None = None


class BudgetWaited(Event, frozen=True, kw_only=True, gc=False):
    """Polls were reserved from the budget that processes share (`DollrClient(poll_budget=...)`).

    Attributes:
        polls: how many.
        seconds: how long the first of them has to wait; 0 when it may begin now.
        error: why the budget cannot be used, or None.
    """

    polls: int
    seconds: float
    error: str | None = None


class JournalWritten(Event, frozen=True, kw_only=True, gc=False):
    """The journal stored something about a payment, or failed to.

    Attributes:
        reference_id: the payment's key.
        action: claim (a run takes the payment), write (what a run did), settle (a status that was seen), handled (the
            outcome was handled), or close (a person's decision).
        seconds: how long it took.
        error: why it failed, or None.
    """

    reference_id: UUID
    action: str
    seconds: float
    error: str | None = None


@runtime_checkable
class Observer(Protocol):
    """What a program passes as `DollrClient(observer=...)`."""

    def observe(self, event: Event) -> None:
        """Take an event. It is called in the event loop, in the task that caused the event, so it must be quick.

        An error that it raises is logged once, and stops no payment.
        """
        ...
