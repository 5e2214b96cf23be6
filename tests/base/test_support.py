"""`support()`: what the API's support needs to find a request, and nothing of a person."""

from __future__ import annotations

import copy
import pickle
from decimal import Decimal
from uuid import UUID

import pytest

from dollr_async import (
    APIStatusError,
    CollectError,
    ConnectError,
    DollrError,
    Execution,
    ExecutionKind,
    ExecutionStatus,
    FieldProblem,
    InvalidInputError,
    InvalidRequestError,
    OutcomeUnknownError,
    PaymentFailedError,
    PollTimeoutError,
    Progress,
    ServerError,
)
from dollr_async.wire.answers import error_of
from tests.support.fakes import FakeClock, raw

REFERENCE = UUID("7bdf1a9c-8c70-4a7e-9d6e-2f5d2f1d2f11")
PROGRESS = Progress(reference_id=REFERENCE, source_type="INVOICE", source_id=300_001, party_id=100_001)
PERSON = ("Amara Kamara", "231771234567", "amara@example.org")
SECRETS = ("s3cr3t-token", "pi_1_secret_2")
HEADERS = {
    "X-Request-Id": "req-77",
    "CF-Ray": "8a1-LHR",
    "Date": "Wed, 01 Jul 2026 09:00:00 GMT",
    "Set-Cookie": f"session={SECRETS[0]}",
    "X-Echo": f"Bearer {SECRETS[0]}",
    "Content-Type": "application/json",
}


def refused() -> APIStatusError:
    detail = f'[{{"loc": ["body", "phone"], "msg": "{PERSON[1]} of {PERSON[0]}", "type": "value_error"}}]'
    answer = raw(422, f'{{"detail": {detail}}}'.encode(), **HEADERS)
    return error_of(answer, "POST", "counterparties/create", FakeClock(), secrets=SECRETS, personal=PERSON)


def collect_error() -> CollectError:
    error = CollectError(f"stopped: {PERSON}", step="counterparty", progress=PROGRESS, reference_id=REFERENCE)
    error.__cause__ = refused()
    return error


def without_first_lines(text: str) -> list[str]:
    versions, written, *rest = text.splitlines()
    assert versions.startswith("dollr-async 0.1.0, Python 3.")
    assert written.startswith("written at: 20")
    return rest


def test_it_has_the_chain_of_errors_with_ids_and_without_the_apis_own_words() -> None:
    assert without_first_lines(collect_error().support()) == [
        "error: CollectError",
        f"  payment: {REFERENCE}",
        "  step: counterparty",
        "  source_type: INVOICE",
        "  source_id: 300001",
        "  party_id: 100001",
        "caused by: InvalidRequestError",
        "  request: POST /v1/counterparties/create",
        "  status: 422",
        "  x-request-id: req-77",
        "  cf-ray: 8a1-LHR",
        "  date: Wed, 01 Jul 2026 09:00:00 GMT",
        "  refused: body.phone (value_error)",
    ]


def executed(status: ExecutionStatus) -> Execution:
    return Execution(
        reference_id=str(REFERENCE),
        status=status,
        payer_amount=Decimal(10),
        payer_currency="USD",
        payee_amount=Decimal(10),
        payee_currency="USD",
        operation_type=ExecutionKind.COLLECTION,
        gateway_message=f"{PERSON[0]} declined",
        client_secret=SECRETS[1],
    )


ERRORS = [
    refused(),
    collect_error(),
    InvalidInputError(f"phone {PERSON[1]!r} is not a phone"),
    OutcomeUnknownError(f"unknown {PERSON}", progress=PROGRESS, reference_id=REFERENCE),
    PaymentFailedError(f"{PERSON[0]} declined", reference_id=REFERENCE, execution=executed(ExecutionStatus.FAILED)),
    PollTimeoutError(PERSON[0], reference_id=REFERENCE, last=executed(ExecutionStatus.PENDING), elapsed=600.0),
    InvalidRequestError(
        status=422,
        detail=PERSON[0],
        method="POST",
        path="/v1/parties/create",
        body=f"{PERSON}",
        fields=(FieldProblem(path=f"body.{PERSON[2]}", message=PERSON[1], type=PERSON[0]),),
    ),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_nothing_in_it_says_who_somebody_is_or_is_secret(error: DollrError) -> None:
    text = error.support()
    assert [word for word in (*PERSON, *PERSON[0].split(), *SECRETS) if word in text] == []
    assert type(error).__name__ in text


def test_the_state_of_a_payment_and_the_time_waited_are_in_it() -> None:
    assert without_first_lines(ERRORS[5].support())[1:] == [
        f"  payment: {REFERENCE}",
        "  seconds waited: 600.0",
        "  state: PENDING",
    ]


def test_a_header_cannot_add_lines() -> None:
    headers = {"x-request-id": "a\nerror: forged\x00" + "x" * 500}
    error = ServerError(status=500, detail="", method="GET", path="/v1/fees/tiers", headers=headers)
    assert max(map(len, error.support().splitlines())) < 230
    assert "\nerror: forged" not in error.support()


def test_a_chain_without_end_ends() -> None:
    one, two = ConnectError("one"), ConnectError("two")
    one.__cause__, two.__cause__ = two, one
    assert one.support().count("ConnectError") == 8


def test_headers_have_lower_case_names_no_cookie_and_no_secret_and_survive_a_pickle() -> None:
    error = refused()
    assert error.headers == {
        "x-request-id": "req-77",
        "cf-ray": "8a1-LHR",
        "date": "Wed, 01 Jul 2026 09:00:00 GMT",
        "x-echo": "Bearer ***",
        "content-type": "application/json",
    }
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):  # noqa: S301 - made in this line
        assert again.headers == error.headers
        assert again.request_id == "req-77"


@pytest.mark.parametrize(
    ("headers", "request_id"),
    [
        ({"X-Request-ID": "one", "cf-ray": "two"}, "one"),
        ({"x-request-id": "", "X-Cloud-Trace-Context": "two/3;o=1", "CF-RAY": "three"}, "two/3;o=1"),
        ({"cf-ray": "three"}, "three"),
        ({"server": "nginx"}, None),
        ({}, None),
    ],
)
def test_the_request_id_is_that_of_the_api_or_of_what_stands_before_it(
    headers: dict[str, str], request_id: str | None
) -> None:
    assert error_of(raw(500, b"", **headers), "GET", "fees/tiers", FakeClock()).request_id == request_id


def test_without_an_answer_there_are_no_headers() -> None:
    error = ConnectError("no connection")
    assert (dict(error.headers), error.request_id) == ({}, None)
