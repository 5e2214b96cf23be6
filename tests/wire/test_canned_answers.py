"""Canned answers, in documented and in other forms: what the client makes of each."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from dollr_async import (
    AuthenticationError,
    ConnectError,
    DecodeError,
    DollrClient,
    DollrError,
    InvalidRequestError,
    NewParty,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    RequestTimeoutError,
    RetryPolicy,
    ServerError,
    TransportError,
)
from tests.support.aioresponses_shim import CannedAnswers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.contract import Contract

Odd: TypeAlias = Any
"""A type that is declared too narrowly for a test."""

_BASE = "https://api.heydollr.app/v1"
_TOKEN = f"{_BASE}/jwt/client/obtain/token"
_PARTIES = f"{_BASE}/parties/list"
_PARTY = f"{_BASE}/parties/retrieve/5"
_EXECUTION = re.compile(rf"{re.escape(_BASE)}/status/collection/.*")
_REFERENCE = "7bdf1a9c-8c70-4a7e-9d6e-2f5d2f1d2f11"


@pytest.fixture
def canned() -> Iterator[CannedAnswers]:
    with CannedAnswers() as canned:
        canned.post(_TOKEN, payload={"access_token": "a.b.c", "expires_in": 60})
        yield canned


@pytest.fixture
async def dollr(canned: CannedAnswers) -> AsyncIterator[DollrClient]:
    async with DollrClient("client", "secret", retry=RetryPolicy(attempts=1)) as dollr:
        yield dollr


async def test_a_client_uses_the_public_address_by_default(canned: CannedAnswers, dollr: DollrClient) -> None:
    canned.get(_PARTIES, payload=[])
    assert await dollr.parties.list() == ()
    assert [str(url) for _, url in canned.requests] == [_TOKEN, _PARTIES]


async def test_the_environment_has_the_credentials_and_the_address(
    canned: CannedAnswers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOLLR_CLIENT_ID", "from-outside")
    monkeypatch.setenv("DOLLR_CLIENT_SECRET", "secret-from-outside")
    monkeypatch.setenv("DOLLR_BASE_URL", "https://gateway.example/dollr/")
    elsewhere = "https://gateway.example/dollr/v1"
    canned.post(f"{elsewhere}/jwt/client/obtain/token", payload={"access_token": "a", "expires_in": 60})
    canned.get(f"{elsewhere}/parties/list", payload=[])
    async with DollrClient() as dollr:
        await dollr.parties.list()
    (asked, *_), *_ = canned.requests.values()
    assert asked.kwargs["data"] == b'{"client_id":"from-outside","client_secret":"secret-from-outside"}'


def _party(**changes: object) -> dict[str, object]:
    times = {"created_at": "2026-07-31T12:00:00Z", "updated_at": "2026-07-31T12:00:00"}
    return {"id": 5, "fullname": "Amara Kamara", "phone": None, **times, **changes}


@pytest.mark.parametrize("status", [200, 201, 202, 206, 226, 299])
async def test_any_2xx_is_success(canned: CannedAnswers, dollr: DollrClient, status: int) -> None:
    canned.get(_PARTY, status=status, payload=_party())
    party = await dollr.parties.retrieve(5)
    assert (party.id, party.phone, party.updated_at) == (5, None, datetime(2026, 7, 31, 12, tzinfo=UTC))


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "text/plain", "text/html", ""])
async def test_the_content_type_does_not_matter(canned: CannedAnswers, dollr: DollrClient, kind: str) -> None:
    canned.get(_PARTY, payload=_party(), content_type=kind)
    assert (await dollr.parties.retrieve(5)).fullname == "Amara Kamara"


@pytest.mark.parametrize(
    ("status", "body", "error", "shown"),
    [
        (401, {"detail": "Could not validate credentials"}, AuthenticationError, "401: Could not validate credentials"),
        (403, {"detail": "Merchant is not verified"}, PermissionDeniedError, "403: Merchant is not verified"),
        (404, {"detail": "Party not found"}, NotFoundError, "404: Party not found"),
        (
            422,
            {"detail": [{"loc": ["path", "id"], "msg": "Input should be a valid integer", "type": "int_parsing"}]},
            InvalidRequestError,
            "422: path.id: Input should be a valid integer",
        ),
        (422, {"detail": "The invoice is not publishable"}, InvalidRequestError, "422: The invoice is not publishable"),
        (429, {}, RateLimitError, "429: no reason given"),
        (500, {"detail": "Internal Server Error"}, ServerError, "500: Internal Server Error"),
        (502, "<html>Bad gateway</html>", ServerError, "502: no reason given"),
    ],
)
async def test_a_refusal_shows_the_reason_of_the_api(
    canned: CannedAnswers,
    dollr: DollrClient,
    status: int,
    body: Odd,
    error: type[DollrError],
    shown: str,
) -> None:
    canned.post(_TOKEN, payload={"access_token": "d.e.f", "expires_in": 60})
    written: dict[str, Any] = {"body": body} if isinstance(body, str) else {"payload": body}
    canned.get(_PARTY, status=status, repeat=True, **written)
    with pytest.raises(error) as caught:
        await dollr.parties.retrieve(5)
    assert str(caught.value) == f"GET /v1/parties/retrieve/5 was answered {shown}"


@pytest.mark.parametrize(
    ("foreign", "error"),
    [
        (TimeoutError(), RequestTimeoutError),
        (ConnectionResetError(), TransportError),
        (OSError("odd"), TransportError),
        (None, TransportError),
    ],
)
async def test_an_error_of_aiohttp_becomes_one_of_ours(
    canned: CannedAnswers, dollr: DollrClient, foreign: Exception | None, error: type[TransportError]
) -> None:
    if foreign is not None:
        canned.post(f"{_BASE}/parties/create", exception=foreign)
    with pytest.raises(error) as caught:
        await dollr.parties.create(NewParty(fullname="Amara Kamara", phone="231771234567"))
    assert type(caught.value) is error
    assert not isinstance(caught.value, ConnectError)


def _execution(**changes: object) -> dict[str, object]:
    return {
        "reference_id": _REFERENCE,
        "status": "PROCESSING",
        "payer_amount": 250.1,
        "payer_currency": "USD",
        "payee_amount": "243.85",
        "payee_currency": "USD",
        "operation_type": "COLLECTION",
        **changes,
    }


def test_the_sample_of_an_execution_is_one_by_the_contract(contract: Contract) -> None:
    contract.check_answer(
        "GET",
        f"/v1/status/collection/{_REFERENCE}",
        status=200,
        content=json.dumps(_execution(payee_amount=243.85)).encode(),
        content_type="application/json",
    )


@pytest.mark.parametrize(
    ("changes", "name", "value"),
    [
        ({}, "payer_amount", Decimal("250.1")),
        ({}, "payee_amount", Decimal("243.85")),
        ({"status": "completed"}, "status", "COMPLETED"),
        ({"status": "On hold"}, "status", "On hold"),
        ({"requires_action": None}, "requires_action", None),
        ({"payment_intent_id": 77}, "extra", {"payment_intent_id": 77}),
    ],
)
async def test_an_execution_is_read(
    canned: CannedAnswers, dollr: DollrClient, changes: dict[str, object], name: str, value: object
) -> None:
    canned.get(_EXECUTION, payload=_execution(**changes))
    assert getattr(await dollr.status.collection(_REFERENCE), name) == value


async def test_a_missing_field_is_named(canned: CannedAnswers, dollr: DollrClient) -> None:
    sample = _execution()
    del sample["payer_amount"]
    canned.get(_EXECUTION, payload={"data": sample})
    with pytest.raises(DecodeError, match="a required field is missing at payer_amount") as caught:
        await dollr.status.collection(_REFERENCE)
    assert caught.value.path == "payer_amount"
