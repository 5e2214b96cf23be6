"""The errors: their tree, what each one shows, what none shows, and that all can be copied and pickled."""

from __future__ import annotations

import copy
import inspect
import pickle
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

import attrs
import pytest

import dollr_async
from dollr_async.base import errors
from dollr_async.base.answered import FieldProblem
from dollr_async.base.errors import (
    ActionRequiredError,
    AlreadyHandledError,
    APIStatusError,
    AuthenticationError,
    CollectError,
    ConfigurationError,
    ConflictError,
    ConnectError,
    DecodeError,
    DollrError,
    InvalidInputError,
    InvalidRequestError,
    JournalError,
    NotFoundError,
    OutcomeUnknownError,
    PaymentError,
    PaymentFailedError,
    PermissionDeniedError,
    PollTimeoutError,
    RateLimitError,
    ReferenceUsedError,
    RequestTimeoutError,
    ServerError,
    TransportError,
)
from dollr_async.base.progress import Progress
from dollr_async.wire.answers import error_of
from tests.support.fakes import FakeClock, raw

if TYPE_CHECKING:
    from collections.abc import Callable

_REFERENCE = UUID("7bdf1a9c-8c70-4a7e-9d6e-2f5d2f1d2f11")
_PROGRESS = Progress(reference_id=_REFERENCE, party_id=5)
_BROWSER_SECRET = "pi_1_secret_2"

# docs/design.md has the tree
_PARENTS: dict[type[DollrError], type[Exception]] = {
    ConfigurationError: DollrError,
    InvalidInputError: DollrError,
    TransportError: DollrError,
    ConnectError: TransportError,
    RequestTimeoutError: TransportError,
    APIStatusError: DollrError,
    AuthenticationError: APIStatusError,
    PermissionDeniedError: APIStatusError,
    NotFoundError: APIStatusError,
    ConflictError: APIStatusError,
    InvalidRequestError: APIStatusError,
    RateLimitError: APIStatusError,
    ServerError: APIStatusError,
    DecodeError: DollrError,
    PaymentError: DollrError,
    CollectError: PaymentError,
    OutcomeUnknownError: PaymentError,
    ReferenceUsedError: PaymentError,
    JournalError: DollrError,
    AlreadyHandledError: JournalError,
    PollTimeoutError: DollrError,
    PaymentFailedError: PaymentError,
    ActionRequiredError: PaymentError,
}


@attrs.frozen(kw_only=True)
class _Facts:
    status: str = "PENDING"
    payer_amount: Decimal = Decimal("250.00")
    payer_currency: str = "USD"
    gateway_message: str | None = None
    wallet_message: str | None = None
    reason: str | None = None
    requires_action: bool | None = None


_EACH: list[DollrError] = [
    DollrError("m"),
    ConfigurationError("m"),
    InvalidInputError("m"),
    TransportError("m"),
    ConnectError("m"),
    RequestTimeoutError("m"),
    *(
        cls(
            status=418,
            detail="d",
            method="GET",
            path="/v1/x",
            retry_after=2.0,
            body="b",
            fields=(FieldProblem(path="a.0", message="m", type="t"),),
        )
        for cls in _PARENTS
        if issubclass(cls, APIStatusError)
    ),
    DecodeError("m", path="a.b", status="PENDING", reference_id=_REFERENCE),
    PaymentError("m", reference_id=_REFERENCE),
    CollectError("m", step="party", progress=_PROGRESS, reference_id=_REFERENCE),
    OutcomeUnknownError("m", progress=_PROGRESS, reference_id=_REFERENCE),
    ReferenceUsedError("m", reference_id=_REFERENCE, execution=_Facts()),
    JournalError("m"),
    AlreadyHandledError("m"),
    PollTimeoutError("m", reference_id=_REFERENCE, last=_Facts(), elapsed=600.0),
    PaymentFailedError("m", reference_id=_REFERENCE, execution=_Facts(status="FAILED")),
    ActionRequiredError("m", reference_id=_REFERENCE, execution=_Facts(), client_secret=_BROWSER_SECRET),
]


def _errors() -> set[type[DollrError]]:
    return {found for found in vars(errors).values() if inspect.isclass(found) and issubclass(found, DollrError)}


def test_the_tree_is_the_documented_one() -> None:
    assert _errors() == {*_PARENTS, DollrError}
    assert {cls: cls.__bases__[0] for cls in _PARENTS} == _PARENTS
    assert DollrError.__bases__ == (Exception,)
    assert issubclass(InvalidInputError, ValueError)


def test_every_error_is_public_except_the_base_of_payment_errors() -> None:
    public = {found for name in dollr_async.__all__ if inspect.isclass(found := getattr(dollr_async, name))}
    assert _errors() - public == {PaymentError}


def test_there_is_an_example_of_each() -> None:
    assert {type(error) for error in _EACH} == _errors()


@pytest.mark.parametrize("error", _EACH, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize(
    "transfer",
    [
        copy.copy,
        copy.deepcopy,
        *(
            lambda error, protocol=protocol: pickle.loads(pickle.dumps(error, protocol))  # noqa: S301 - our own bytes
            for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
        ),
    ],
)
def test_an_error_can_be_copied_and_pickled(error: DollrError, transfer: Callable[[DollrError], DollrError]) -> None:
    error.add_note("a note")
    arrived = transfer(error)
    assert type(arrived) is type(error)
    assert (str(arrived), arrived.args) == (str(error), error.args)
    assert vars(arrived) == vars(error)
    assert arrived.nothing_sent is error.nothing_sent


@pytest.mark.parametrize("error", _EACH, ids=lambda error: type(error).__name__)
def test_only_a_failed_connection_means_that_nothing_was_sent(error: DollrError) -> None:
    assert error.nothing_sent is isinstance(error, ConnectError)


def test_the_browsers_secret_is_in_no_message_and_no_repr() -> None:
    error = _EACH[-1]
    assert isinstance(error, ActionRequiredError)
    assert error.client_secret == _BROWSER_SECRET
    assert _BROWSER_SECRET not in f"{error} {error!r} {error.args}"


# From an answer to its error

_OWN = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    422: InvalidRequestError,
    429: RateLimitError,
}


@pytest.mark.parametrize("status", [*range(300, 309), *range(400, 432), 451, 499, *range(500, 512), 520, 599, 600, 999])
def test_each_status_becomes_its_error_class(status: int) -> None:
    error = error_of(raw(status), "GET", "x", FakeClock())
    assert type(error) is _OWN.get(status, ServerError if status >= 500 else APIStatusError)
    assert error.status == status


def test_an_error_shows_the_request_and_the_answer() -> None:
    error = error_of(raw(404, {"detail": "Party not found"}), "GET", "parties/retrieve/9", FakeClock())
    assert str(error) == "GET /v1/parties/retrieve/9 was answered 404: Party not found"
    assert (error.method, error.path, error.detail) == ("GET", "/v1/parties/retrieve/9", "Party not found")
    assert error.body == '{"detail": "Party not found"}'
    assert (error.fields, error.retry_after) == ((), None)
