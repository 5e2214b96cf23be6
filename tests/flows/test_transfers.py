"""Transfers: the exact requests, how long a session lives, and what stops one before money moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from dollr_async import CollectError, DollrClient, InvalidInputError, InvalidRequestError, PaymentFailedError
from dollr_async.sandbox import Fault, Sandbox
from tests.conftest import check_requests
from tests.support.collections import REFERENCE, operations, sent
from tests.support.payments import USD_WALLET, a_counterparty, transfer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.contract import Contract


@pytest.fixture(autouse=True)
async def counterparty(sandbox: Sandbox, dollr: DollrClient) -> None:
    """Create a counterparty to send money to."""
    await a_counterparty(dollr)
    sandbox.requests.clear()


def _from_now(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


# What is refused before the first byte


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"expires_at": datetime(2020, 1, 1, tzinfo=UTC)}, "2020-01-01.* is in the past: give a time in the future"),
        ({"expires_at": datetime(2099, 1, 1)}, "aware"),  # noqa: DTZ001 - a naive time is the point
        ({"expires_at": "2099-01-01T00:00:00Z"}, "aware"),
        ({"from_wallet_id": "main"}, "not an id"),
        ({"from_wallet_id": 0}, "not an id"),
        ({"to_counterparty_id": None}, "not an id"),
        ({"amount": Decimal("1.001")}, "smallest unit"),
        ({"currency": "US"}, "three letters"),
    ],
)
async def test_what_is_refused_sends_nothing(
    sandbox: Sandbox, dollr: DollrClient, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InvalidInputError, match=sentence):
        await transfer(dollr, **changes)
    assert sandbox.requests == []


# The requests


async def test_a_transfer_is_a_session_and_its_execution(sandbox: Sandbox, dollr: DollrClient) -> None:
    ends_at = datetime(2099, 7, 31, 14, 0, tzinfo=timezone(timedelta(hours=2)))
    payment = await transfer(dollr, from_wallet_id="4", expires_at=ends_at, reference_id=REFERENCE)
    assert sorted(operations(sandbox)) == ["create_transfer_session", "get_transfer_status", "transfer"]
    assert sent(sandbox, "create_transfer_session") == [
        {
            "from_wallet_id": USD_WALLET,
            "to_counterparty_id": 200_001,
            "amount": Decimal("3.50"),
            "currency": "USD",
            "expires_at": "2099-07-31T12:00:00Z",
        }
    ]
    assert sent(sandbox, "transfer") == [{"session_id": "500001", "reference_id": REFERENCE}]
    assert (payment.session_id, payment.counterparty_id, payment.party_id) == (500_001, 200_001, None)
    assert payment.payment_account_id is None


async def test_a_session_lives_15_minutes_by_default(sandbox: Sandbox, dollr: DollrClient) -> None:
    before = datetime.now(UTC)
    await transfer(dollr)
    (body,) = sent(sandbox, "create_transfer_session")
    assert isinstance(body, dict)
    ends_at = datetime.fromisoformat(body["expires_at"])
    assert before <= ends_at - timedelta(minutes=15) <= datetime.now(UTC)


async def test_the_money_leaves_the_wallet_without_fees(sandbox: Sandbox, dollr: DollrClient) -> None:
    before = sandbox.balances["USD"]
    execution = await (await transfer(dollr)).wait()
    assert execution.payer_amount == execution.payee_amount == Decimal("3.50")
    assert sandbox.balances["USD"] == before - Decimal("3.50")


# What the API refuses


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"from_wallet_id": 99}, "Wallet 99 not found"),
        ({"to_counterparty_id": 299_999}, "Counterparty 299999 not found"),
        ({"currency": "LRD"}, "holds USD, not LRD"),
    ],
)
async def test_what_the_session_refuses_moves_nothing(
    sandbox: Sandbox, dollr: DollrClient, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(CollectError, match=words) as caught:
        await transfer(dollr, **changes)
    assert (caught.value.step, type(caught.value.__cause__)) == ("session", InvalidRequestError)
    assert caught.value.progress.counterparty_id == changes.get("to_counterparty_id", 200_001)
    assert sandbox.ledger == ()


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (lambda sandbox: sandbox.set_balance("USD", Decimal("3.49")), "Insufficient balance"),
        (lambda sandbox: sandbox.set_wallet_status("USD", "RESTRICTED"), "Wallet is RESTRICTED"),
    ],
    ids=["low balance", "restricted wallet"],
)
async def test_a_wallet_that_cannot_pay_fails_the_transfer(
    sandbox: Sandbox, dollr: DollrClient, prepare: Callable[[Sandbox], None], words: str
) -> None:
    prepare(sandbox)
    payment = await transfer(dollr)
    with pytest.raises(PaymentFailedError, match=words):
        await payment.wait()
    assert len(sent(sandbox, "transfer")) == 1


# The caller's time


@pytest.mark.parametrize(("fault", "sends"), [(Fault.latency(12.0), 1), (Fault.drop(), 2)], ids=["too late", "lost"])
async def test_no_session_is_made_beyond_the_callers_time(
    sandbox: Sandbox, dollr: DollrClient, fault: Fault, sends: int
) -> None:
    sandbox.fail("transfer", fault)
    with pytest.raises(CollectError, match=r"before any money moved: expires_at .* is in the past") as caught:
        await transfer(dollr, expires_at=_from_now(10.0))
    assert caught.value.step == "session"
    assert (len(sent(sandbox, "create_transfer_session")), len(sent(sandbox, "transfer"))) == (1, sends)
    assert sandbox.ledger == ()


async def test_what_landed_within_the_callers_time_is_adopted_after_it(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.fail("transfer", "lose_answer")
    sandbox.fail("get_transfer_status", 503, times=8)
    payment = await transfer(dollr, expires_at=_from_now(10.0))
    assert [entry.reference_id for entry in sandbox.ledger] == [str(payment.reference_id)]
    assert len(sent(sandbox, "transfer")) == 1


async def test_a_session_of_the_default_length_is_replaced_when_it_has_expired(contract: Contract) -> None:
    async with Sandbox() as sandbox, DollrClient(**sandbox.settings) as dollr:
        await a_counterparty(dollr)
        now = datetime.now(UTC)
        session = {
            "id": 599_999,
            "from_wallet_id": USD_WALLET,
            "to_counterparty_id": 200_001,
            "amount": 3.5,
            "currency": "USD",
            "status": "ACTIVE",
            "created_at": now.isoformat(),
            "expires_at": (now + timedelta(seconds=5)).isoformat(),
        }
        # A session shorter than what was asked for, which the API has forgotten by the time it is executed.
        sandbox.fail("create_transfer_session", Fault.answer(200, {**session, "updated_at": now.isoformat()}))
        sandbox.fail("transfer", Fault.latency(6.0))
        payment = await transfer(dollr)
        bodies = [body for body in sent(sandbox, "transfer") if isinstance(body, dict)]
        assert [body["session_id"] for body in bodies] == ["599999", "500001"]
        assert {body["reference_id"] for body in bodies} == {str(payment.reference_id)}
        assert (payment.session_id, len(sandbox.ledger)) == (500_001, 1)
        check_requests(sandbox, contract)
