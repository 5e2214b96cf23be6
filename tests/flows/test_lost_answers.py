"""An execution whose answer is lost, end to end: whatever happens, one reference is charged once or not at all."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

import aiohttp
import attrs
import pytest

from dollr_async import (
    AuthenticationError,
    Card,
    CollectError,
    ConfigurationError,
    ConnectError,
    DecodeError,
    DollrClient,
    InvalidRequestError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RateLimitError,
    RequestTimeoutError,
    RetryPolicy,
    ServerError,
    TransportError,
)
from dollr_async.sandbox import Fault, Quirks, Sandbox
from tests.conftest import check_requests
from tests.flows import api_refusals
from tests.flows.api_refusals import CONFLICT_SECONDS
from tests.support.collections import REFERENCE, collect, sent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

    from tests.contract import Contract
    from tests.flows.api_refusals import ApiRefusal

_HTML = b"<html>502</html>"
_NO_SHAPE = {"status": "PENDING"}

# Each send's fault, by whether the work was done before the answer was lost.
_LANDED: dict[str, Fault | str | int] = {
    "lost answer": "lose_answer",
    "cut body": "cut_body",
    "garbage": "garbage",
    "broken JSON": "broken_json",
    "2xx without status": Fault.answer(201, {"id": 1}, after_work=True),
    "2xx with an unreadable status": Fault.answer(200, {"status": 7}, after_work=True),
    "timeout": "hang_after",
    "500": "500_after",
    "502": "502_after",
    "503": "503_after",
    "408": "408_after",
    "redirect": "307_after",
    "moved": "301_after",
}
_NOT_LANDED: dict[str, Fault | str | int] = {
    "drop": "drop",
    "timeout": "hang",
    "500": 500,
    "503": 503,
    "408": 408,
    "redirect": "redirect",
    "garbage": Fault.answer(200, _HTML),
    "empty 2xx": Fault.answer(204),
}
_CHECKS: dict[str, Fault | str | int] = {
    "drop": "drop",
    "hang": "hang",
    "500": 500,
    "503": 503,
    "408": 408,
    "redirect": "redirect",
    "429": "rate_limited",
    "429 with Retry-After": Fault.rate_limited(9),
    "garbage": "garbage",
    "cut body": "cut_body",
    "404": 404,
    "403": "forbidden",
    "422": 422,
}


def _checks(sandbox: Sandbox) -> int:
    return len(sandbox.requests_to("get_collection_status"))


def _now() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize("fault", _LANDED.values(), ids=_LANDED)
async def test_a_lost_answer_is_adopted_not_resent(
    sandbox: Sandbox, dollr: DollrClient, fault: Fault | str | int
) -> None:
    sandbox.fail("collect", fault)
    collection = await collect(dollr)
    assert (len(sent(sandbox, "collect")), _checks(sandbox)) == (1, 1)
    assert [entry.reference_id for entry in sandbox.ledger] == [str(collection.reference_id)]


@pytest.mark.parametrize("fault", _NOT_LANDED.values(), ids=_NOT_LANDED)
async def test_what_did_not_land_is_resent_after_the_not_found_grace_with_the_same_body(
    sandbox: Sandbox, dollr: DollrClient, fault: Fault | str | int
) -> None:
    sandbox.fail("collect", fault)
    collection = await collect(dollr)
    first, second = sandbox.requests_to("collect")
    assert first.content == second.content
    assert str(collection.reference_id) in first.content.decode()
    lost_at = first.second + (30.0 if first.fault == "hang" else 0.0)
    assert second.second - lost_at >= 30.0
    assert _checks(sandbox) > 3
    assert len(sandbox.ledger) == 1


@pytest.mark.parametrize("refusal", api_refusals.ALL.values(), ids=api_refusals.ALL)
async def test_a_refusal_is_believed_once_the_status_checks_that_its_kind_asks_for_say_not_found(
    sandbox: Sandbox, dollr: DollrClient, refusal: ApiRefusal
) -> None:
    sandbox.fail("collect", refusal.fault)
    with pytest.raises(CollectError, match="no money moved") as caught:
        await collect(dollr)
    assert caught.value.step == "execution"
    assert getattr(caught.value.__cause__, "status", None) == refusal.fault.status
    refusal.check_requests(sandbox)
    assert sandbox.ledger == ()


@pytest.mark.parametrize("refusal", api_refusals.ALL.values(), ids=api_refusals.ALL)
async def test_a_refusal_of_what_landed_all_the_same_is_adopted(
    sandbox: Sandbox, dollr: DollrClient, refusal: ApiRefusal
) -> None:
    sandbox.fail("collect", refusal.landed)
    collection = await collect(dollr)
    assert collection.status == "PENDING"
    assert (len(sent(sandbox, "collect")), _checks(sandbox), len(sandbox.ledger)) == (1, 1, 1)
    assert (await collection.wait()).status == "COMPLETED", "its own document is PAID"


@pytest.mark.parametrize("refusal", api_refusals.ONE_OF_EACH.values(), ids=api_refusals.ONE_OF_EACH)
async def test_a_refusal_that_nobody_can_check_is_unknown_not_failed(
    sandbox: Sandbox, dollr: DollrClient, refusal: ApiRefusal
) -> None:
    sandbox.fail("collect", refusal.landed)
    sandbox.fail("get_collection_status", 500, times=None)
    with pytest.raises(OutcomeUnknownError) as caught:
        await collect(dollr)
    assert getattr(caught.value.__cause__, "status", None) == refusal.fault.status
    assert (len(sent(sandbox, "collect")), len(sandbox.ledger)) == (1, 1)


@pytest.mark.parametrize("refusal", api_refusals.BELIEVED_AT_ONCE.values(), ids=api_refusals.BELIEVED_AT_ONCE)
async def test_a_refusal_stays_the_reason_when_a_status_check_failed_meanwhile(
    sandbox: Sandbox, dollr: DollrClient, refusal: ApiRefusal
) -> None:
    sandbox.fail("collect", refusal.fault)
    sandbox.fail("get_collection_status", 500, times=2)
    with pytest.raises(CollectError) as caught:
        await collect(dollr)
    assert getattr(caught.value.__cause__, "status", None) == refusal.fault.status
    assert (_checks(sandbox), sandbox.ledger) == (3, ())


@pytest.mark.parametrize("refusal", api_refusals.BELIEVED_LATER.values(), ids=api_refusals.BELIEVED_LATER)
async def test_status_checks_without_an_answer_do_not_count_for_a_refusal_by_text(
    sandbox: Sandbox, dollr: DollrClient, refusal: ApiRefusal
) -> None:
    sandbox.fail("collect", refusal.fault)
    sandbox.fail("get_collection_status", 500, times=10)
    with pytest.raises(CollectError) as caught:
        await collect(dollr)
    assert getattr(caught.value.__cause__, "status", None) == refusal.fault.status
    answers = [request.fault for request in sandbox.requests_to("get_collection_status")]
    assert answers == ["answer 500"] * 10 + [None] * 4


async def test_a_2xx_with_a_status_has_landed_whatever_else_is_missing(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.fail("collect", Fault.answer(200, _NO_SHAPE, after_work=True))
    with pytest.raises(DecodeError, match="a required field is missing") as caught:
        await collect(dollr)
    assert str(caught.value.reference_id) == sandbox.ledger[0].reference_id
    assert caught.value.status == "PENDING"
    assert (len(sent(sandbox, "collect")), _checks(sandbox)) == (1, 0)


async def test_a_status_check_with_a_status_has_found_it_whatever_else_is_missing(
    sandbox: Sandbox, dollr: DollrClient
) -> None:
    sandbox.fail("collect", "lose_answer")
    sandbox.fail("get_collection_status", Fault.answer(200, _NO_SHAPE))
    with pytest.raises(DecodeError) as caught:
        await collect(dollr)
    assert str(caught.value.reference_id) == sandbox.ledger[0].reference_id
    assert len(sent(sandbox, "collect")) == 1


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        ("stay_pending", "PENDING"),
        ("complete_at_once", "COMPLETED"),
        ("fail_at_once", "FAILED"),
    ],
)
async def test_any_status_that_is_found_means_landed(
    sandbox: Sandbox, dollr: DollrClient, outcome: str, status: str
) -> None:
    sandbox.set_outcome(outcome)
    sandbox.fail("collect", "lose_answer")
    collection = await collect(dollr)
    assert collection.status == status
    assert len(sent(sandbox, "collect")) == 1


async def test_a_card_found_processing_brings_its_client_secret(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.fail("collect", "lose_answer")
    collection = await collect(dollr, pay_with=Card("Amara 3ds"))
    assert collection.status == "PROCESSING"
    assert collection.requires_action
    assert collection.client_secret


@pytest.mark.parametrize("word", ["ON_HOLD", "processing"])
async def test_an_unknown_status_word_means_landed(sandbox: Sandbox, dollr: DollrClient, word: str) -> None:
    answer = {
        "reference_id": REFERENCE,
        "status": word,
        "payer_amount": 1,
        "payer_currency": "USD",
        "payee_amount": 1,
        "payee_currency": "USD",
        "operation_type": "COLLECTION",
    }
    sandbox.fail("collect", "drop")
    sandbox.fail("get_collection_status", Fault.latency(0.0))  # the reference is checked before its first use
    sandbox.fail("get_collection_status", Fault.answer(200, answer))
    collection = await collect(dollr, reference_id=REFERENCE)
    assert collection.status.upper() == word.upper()
    assert not collection.status.is_final
    assert len(sent(sandbox, "collect")) == 1


async def test_a_401_is_refreshed_and_resent_without_a_status_check(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.fail("collect", 401)
    await collect(dollr)
    first, second = sandbox.requests_to("collect")
    assert first.content == second.content
    assert (sandbox.tokens_issued, _checks(sandbox), len(sandbox.ledger)) == (2, 0, 1)


async def test_a_401_that_stays_is_not_run(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.fail("collect", 401, times=None)
    with pytest.raises(CollectError) as caught:
        await collect(dollr)
    assert isinstance(caught.value.__cause__, AuthenticationError)
    assert (caught.value.step, len(sent(sandbox, "collect")), sandbox.ledger) == ("execution", 2, ())


@pytest.mark.parametrize(("asked", "least"), [(None, 0.2), (7, 7.0)])
async def test_a_429_waits_and_resends_without_a_status_check(
    sandbox: Sandbox, dollr: DollrClient, asked: float | None, least: float
) -> None:
    sandbox.fail("collect", Fault.rate_limited(asked))
    await collect(dollr)
    first, second = sandbox.requests_to("collect")
    assert first.content == second.content
    assert second.second - first.second >= least
    assert (_checks(sandbox), len(sandbox.ledger)) == (0, 1)


async def test_a_429_that_asks_for_too_long_or_too_often_is_not_run(sandbox: Sandbox, dollr: DollrClient) -> None:
    for fault, sends in ((Fault.rate_limited(61), 1), (Fault.rate_limited(), 4)):
        sandbox.requests.clear()
        sandbox.fail("collect", fault, times=sends)
        with pytest.raises(CollectError) as caught:
            await collect(dollr)
        assert isinstance(caught.value.__cause__, RateLimitError)
        assert (len(sent(sandbox, "collect")), _checks(sandbox)) == (sends, 1)
    assert sandbox.ledger == ()


async def test_an_execution_without_a_token_is_not_run(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.fail("collect", 401)
    sandbox.fail("client_obtain_token", Fault.latency(0.0))
    sandbox.fail("client_obtain_token", 503, times=None)
    with pytest.raises(CollectError) as caught:
        await collect(dollr)
    assert isinstance(caught.value.__cause__, ServerError)
    assert (len(sent(sandbox, "collect")), _checks(sandbox)) == (1, 0)


# Status checks that go wrong


@pytest.mark.parametrize("check", _CHECKS.values(), ids=_CHECKS)
@pytest.mark.parametrize("times", [1, 3])
async def test_a_status_check_that_fails_is_repeated_and_nothing_is_resent(
    sandbox: Sandbox, dollr: DollrClient, check: Fault | str | int, times: int
) -> None:
    sandbox.fail("collect", "lose_answer")
    sandbox.fail("get_collection_status", check, times=times)
    collection = await collect(dollr)
    assert [entry.reference_id for entry in sandbox.ledger] == [str(collection.reference_id)]
    assert (len(sent(sandbox, "collect")), _checks(sandbox)) == (1, times + 1)


@pytest.mark.parametrize("check", [check for check in _CHECKS.values() if check != 404])
@pytest.mark.parametrize("send", ["lose_answer", "drop"])
async def test_nothing_is_resent_while_the_status_cannot_be_checked(
    sandbox: Sandbox, dollr: DollrClient, send: str, check: Fault | str | int
) -> None:
    sandbox.fail("collect", send)
    sandbox.fail("get_collection_status", check, times=None)
    began = _now()
    with pytest.raises(OutcomeUnknownError):
        await collect(dollr)
    assert len(sent(sandbox, "collect")) == 1
    assert 120.0 <= _now() - began <= 120.0 + 31.0
    assert _checks(sandbox) <= 80  # aiohttp repeats a GET once after a drop


@pytest.mark.parametrize(("asked", "least"), [(9, 9.0), (300, 60.0)])
async def test_a_status_check_waits_as_long_as_the_api_asks_up_to_the_policys_limit(
    sandbox: Sandbox, dollr: DollrClient, asked: int, least: float
) -> None:
    sandbox.fail("collect", "lose_answer")
    sandbox.fail("get_collection_status", Fault.rate_limited(asked))
    await collect(dollr)
    first, second = sandbox.requests_to("get_collection_status")
    assert least <= second.second - first.second < least + 1.0


async def test_a_wait_that_the_api_asked_for_is_waited_once(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.fail("collect", "lose_answer")
    sandbox.fail("get_collection_status", Fault.rate_limited(20))
    sandbox.fail("get_collection_status", 404)
    await collect(dollr)
    _, second, third = sandbox.requests_to("get_collection_status")
    assert third.second - second.second < 10.0


async def test_unknown_says_how_to_resume_and_has_every_id(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.fail("collect", "lose_answer")
    sandbox.fail("get_collection_status", 500, times=None)
    with pytest.raises(OutcomeUnknownError) as caught:
        await collect(dollr)
    error = caught.value
    (entry,) = sandbox.ledger
    assert str(error.reference_id) == entry.reference_id
    assert f"dollr.wait('{entry.reference_id}')" in str(error)
    assert isinstance(error.__cause__, ServerError)
    progress = error.progress
    assert (progress.session_id, progress.source_id) == (entry.session_id, entry.source_id)
    assert progress.payment_account_id == entry.payment_account_id
    assert (progress.source_type, progress.reference_id) == ("INVOICE", error.reference_id)
    assert None not in (progress.party_id, progress.counterparty_id, progress.source_number)


async def test_what_it_says_of_resuming_works(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.fail("collect", "lose_answer")
    sandbox.fail("get_collection_status", 500, times=None)
    with pytest.raises(OutcomeUnknownError) as caught:
        await collect(dollr)
    sandbox.clear_faults()
    execution = await dollr.wait(caught.value.reference_id)
    assert execution.status == "COMPLETED"


# Doubt is sticky


@pytest.mark.parametrize("first", [fault for fault in _NOT_LANDED.values() if fault != "hang"])
@pytest.mark.parametrize("refusal", [403, 404, 422])
async def test_a_refused_resend_confirms_nothing(
    sandbox: Sandbox, dollr: DollrClient, first: Fault | str | int, refusal: int
) -> None:
    sandbox.fail("collect", first)
    sandbox.fail("collect", refusal, times=None)
    with pytest.raises(OutcomeUnknownError) as caught:
        await collect(dollr)
    assert getattr(caught.value.__cause__, "status", None) == refusal
    assert len(sent(sandbox, "collect")) == 2


async def test_doubt_is_not_lifted_by_a_429_or_a_401(sandbox: Sandbox, dollr: DollrClient) -> None:
    for refusal in (Fault.rate_limited(), Fault.answer(401, {"detail": "no"})):
        sandbox.clear_faults()
        sandbox.fail("collect", 500)
        sandbox.fail("collect", refusal, times=None)
        with pytest.raises(OutcomeUnknownError):
            await collect(dollr)


async def test_a_resend_that_landed_while_refused_is_found_later() -> None:
    quirks = Quirks(status_lag=45.0, repeated_reference="refused")
    async with Sandbox(quirks=quirks) as sandbox, DollrClient(**sandbox.settings) as dollr:
        sandbox.fail("collect", "lose_answer")
        collection = await collect(dollr)
        assert [entry.sends for entry in sandbox.ledger] == [2]
        assert str(collection.reference_id) == sandbox.ledger[0].reference_id


async def test_a_status_that_lags_beyond_the_not_found_grace_does_not_charge_twice() -> None:
    async with Sandbox(quirks=Quirks(status_lag=45.0)) as sandbox, DollrClient(**sandbox.settings) as dollr:
        sandbox.fail("collect", "lose_answer")
        await collect(dollr)
        first, second = sandbox.requests_to("collect")
        assert first.content == second.content
        assert len(sandbox.ledger) == 1


async def test_a_resend_whose_answer_is_lost_too_is_checked_at_once(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.fail("collect", "drop")
    sandbox.fail("collect", "lose_answer")
    await collect(dollr)
    resent = sandbox.requests_to("collect")[1]
    assert _now() == pytest.approx(resent.second, abs=0.01)
    assert len(sandbox.ledger) == 1


async def test_sends_are_bounded_by_the_policy(sandbox: Sandbox) -> None:
    retry = RetryPolicy(attempts=2, recovery=200.0)
    async with DollrClient(**sandbox.settings, retry=retry) as dollr:
        sandbox.fail("collect", "drop", times=None)
        with pytest.raises(OutcomeUnknownError):
            await collect(dollr)
    assert len(sent(sandbox, "collect")) == 2


async def test_recovery_ends_when_the_client_is_closed(sandbox: Sandbox) -> None:
    sandbox.fail("collect", "lose_answer")
    sandbox.fail("get_collection_status", 500, times=None)
    async with DollrClient(**sandbox.settings) as dollr:
        task = asyncio.create_task(collect(dollr))
        await asyncio.sleep(20)
    with pytest.raises(OutcomeUnknownError) as caught:
        await task
    assert isinstance(caught.value.__cause__, ConfigurationError)


async def test_a_resend_on_a_closed_client_leaves_the_outcome_unknown(sandbox: Sandbox) -> None:
    sandbox.fail("collect", "drop")
    async with DollrClient(**sandbox.settings) as dollr:
        # The status checks before the resend all say 404; the client is closed in the pause before the next one.
        task = asyncio.create_task(collect(dollr))
        await asyncio.sleep(10)
    with pytest.raises(OutcomeUnknownError):
        await task


async def test_a_client_that_is_closed_before_the_execution_sends_nothing(sandbox: Sandbox) -> None:
    sandbox.set_latency(1.0, "create_checkout_session")
    sandbox.fail("collect", Fault.rate_limited(20))
    async with DollrClient(**sandbox.settings) as dollr:
        task = asyncio.create_task(collect(dollr))
        await asyncio.sleep(10)
    with pytest.raises(ConfigurationError):
        await task
    assert sandbox.ledger == ()


# No connection at all


class _Cut(aiohttp.TCPConnector):
    """A connector of the caller's session that makes no connection for the next so many executions."""

    def __init__(self) -> None:
        super().__init__()
        self.skip = 0
        self.times = 0

    async def connect(self, req: ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout) -> Connection:  # noqa: ASYNC109 - the signature of aiohttp
        if req.url.path == "/v1/executions/collection":
            self.skip -= 1
            if self.skip < 0 and self.times > 0:
                self.times -= 1
                raise aiohttp.ConnectionTimeoutError
        return await super().connect(req, traces=traces, timeout=timeout)


class _Line(NamedTuple):
    dollr: DollrClient
    cut: _Cut


@pytest.fixture
async def line(sandbox: Sandbox) -> AsyncIterator[_Line]:
    cut = _Cut()
    async with (
        aiohttp.ClientSession(connector=cut) as session,
        DollrClient(**sandbox.settings, session=session) as dollr,
    ):
        yield _Line(dollr, cut)


async def test_a_request_that_never_left_is_resent_without_a_status_check(sandbox: Sandbox, line: _Line) -> None:
    line.cut.times = 3
    await collect(line.dollr)
    assert (_checks(sandbox), len(sent(sandbox, "collect")), len(sandbox.ledger)) == (0, 1, 1)


async def test_requests_that_never_leave_are_not_run(sandbox: Sandbox, line: _Line) -> None:
    line.cut.times = 4
    with pytest.raises(CollectError) as caught:
        await collect(line.dollr)
    assert isinstance(caught.value.__cause__, ConnectError)
    assert (_checks(sandbox), sandbox.ledger) == (0, ())


async def test_a_resend_that_never_leaves_does_not_lift_the_doubt(sandbox: Sandbox, line: _Line) -> None:
    line.cut.skip, line.cut.times = 1, 100
    sandbox.fail("collect", "drop")
    with pytest.raises(OutcomeUnknownError):
        await collect(line.dollr)
    assert len(sent(sandbox, "collect")) == 1


async def test_middlewares_that_may_have_sent_an_execution_are_named(sandbox: Sandbox) -> None:
    async def cut_off(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        if request.url.path in {"/v1/executions/collection", "/v1/status/collection"}:
            raise aiohttp.ConnectionTimeoutError
        return await handler(request)

    async with (
        aiohttp.ClientSession(middlewares=(cut_off,)) as session,
        DollrClient(**sandbox.settings, session=session) as dollr,
    ):
        with pytest.raises(OutcomeUnknownError) as caught:
            await collect(dollr)
    assert "the middlewares of the session given to DollrClient (cut_off) may retry" in str(caught.value.__cause__)


# Sessions that end (docs/design.md, rule 8)


async def _collected(sandbox: Sandbox, fail: Callable[[Sandbox], None]) -> str:
    async with sandbox, DollrClient(**sandbox.settings) as dollr:
        fail(sandbox)
        collection = await collect(dollr)
        return str(collection.reference_id)


async def test_a_session_that_expired_before_the_first_send_is_replaced() -> None:
    sandbox = Sandbox(session_lifetime=10.0)
    reference_id = await _collected(sandbox, lambda sandbox: sandbox.set_latency(20.0, "create_payment_account"))
    assert len(sent(sandbox, "create_checkout_session")) == 2
    assert [body["reference_id"] for body in _bodies(sandbox)] == [reference_id]
    assert len(sandbox.ledger) == 1


async def test_a_session_replaced_before_the_first_send_is_not_blamed_for_a_refusal() -> None:
    async with Sandbox(session_lifetime=10.0) as sandbox, DollrClient(**sandbox.settings) as dollr:
        sandbox.set_latency(20.0, "create_payment_account")
        sandbox.fail("collect", "forbidden")
        with pytest.raises(CollectError) as caught:
            await collect(dollr)
        assert "another reference_id" not in str(caught.value)
        assert len(sent(sandbox, "create_checkout_session")) == 2


async def test_a_session_that_expired_under_its_only_send_is_replaced_once_the_status_checks_say_not_found() -> None:
    sandbox = Sandbox(session_lifetime=5.0)
    reference_id = await _collected(sandbox, lambda sandbox: sandbox.fail("collect", Fault.latency(6.0)))
    assert [body["reference_id"] for body in _bodies(sandbox)] == [reference_id] * 2
    assert len({body["session_id"] for body in _bodies(sandbox)}) == 2
    # A refusal that speaks of the session is a conflict.
    first, second = sandbox.requests_to("collect")
    assert second.second - first.second == pytest.approx(6.0 + CONFLICT_SECONDS, abs=0.1)
    checks = [request.second for request in sandbox.requests_to("get_collection_status")]
    assert checks[0] - first.second == pytest.approx(6.0, abs=0.1)
    assert checks[-1] == pytest.approx(second.second, abs=0.1)
    assert [len(sandbox.requests_to(f"get_{kind}_status")) for kind in ("payout", "transfer", "refund")] == [1, 1, 1]
    assert [entry.session_id for entry in sandbox.ledger] == [int(str(_bodies(sandbox)[1]["session_id"]))]


async def test_a_session_is_replaced_once_only_and_then_a_new_payment_is_asked_for() -> None:
    async with Sandbox(session_lifetime=5.0) as sandbox, DollrClient(**sandbox.settings) as dollr:
        sandbox.set_latency(6.0, "collect")
        with pytest.raises(CollectError, match="start a new payment under another reference_id") as caught:
            await collect(dollr)
        assert isinstance(caught.value.__cause__, InvalidRequestError)
        assert len(sent(sandbox, "create_checkout_session")) == 2
        assert sandbox.ledger == ()


async def test_a_live_session_is_not_replaced_when_it_is_refused(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.fail("collect", 422)
    with pytest.raises(CollectError):
        await collect(dollr)
    assert len(sent(sandbox, "create_checkout_session")) == 1


async def test_a_lost_send_under_an_expired_session_is_resent_in_a_new_one() -> None:
    sandbox = Sandbox(session_lifetime=5.0)
    reference_id = await _collected(sandbox, lambda sandbox: sandbox.fail("collect", "drop"))
    bodies = _bodies(sandbox)
    assert {body["reference_id"] for body in bodies} == {reference_id}
    assert len({body["session_id"] for body in bodies}) == 2
    first, last = sandbox.requests_to("collect")[0], sandbox.requests_to("collect")[-1]
    assert last.second - first.second >= 5.0 + 30.0
    assert len(sandbox.ledger) == 1


async def test_a_lost_send_under_a_live_session_keeps_that_session(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.fail("collect", "drop", times=2)
    await collect(dollr)
    assert len({str(body["session_id"]) for body in _bodies(sandbox)}) == 1
    assert len(sent(sandbox, "create_checkout_session")) == 1


async def test_a_new_session_that_cannot_be_made_is_a_failed_step() -> None:
    async with Sandbox(session_lifetime=5.0) as sandbox, DollrClient(**sandbox.settings) as dollr:
        sandbox.fail("collect", Fault.latency(6.0))
        sandbox.fail("create_checkout_session", Fault.latency(0.0))
        sandbox.fail("create_checkout_session", 422)
        with pytest.raises(CollectError) as caught:
            await collect(dollr)
        assert caught.value.step == "session"
        assert sandbox.ledger == ()


def _bodies(sandbox: Sandbox) -> list[dict[str, object]]:
    return [body for body in sent(sandbox, "collect") if isinstance(body, dict)]


# Every send times every status check

_SENDS: dict[str, tuple[Fault | str | int, ...]] = {
    **{f"{name}, landed": (fault,) for name, fault in _LANDED.items()},
    **{f"{name}, not landed": (fault,) for name, fault in _NOT_LANDED.items()},
    **{f"{name}, refused": (refusal.fault,) for name, refusal in api_refusals.ONE_OF_EACH.items()},
    **{f"{name}, landed though refused": (refusal.landed,) for name, refusal in api_refusals.ONE_OF_EACH.items()},
    "no status": (Fault.answer(200, _NO_SHAPE, after_work=True),),
    "fine": (Fault.latency(0.0),),
    "401": (401,),
    "429": ("rate_limited",),
    "401 then lost": (401, "lose_answer"),
    "429 then lost": ("rate_limited", "lose_answer"),
    "500 then refused": (500, 422),
    "500 then lost": (500, "lose_answer"),
    "lost then refused": ("lose_answer", 422),
    "dropped throughout": ("drop",) * 4,
    "429 throughout": ("rate_limited",) * 4,
    "429 throughout, landed": (attrs.evolve(Fault.rate_limited(), after_work=True),) * 4,
}
_CHECKS_IN_A_ROW: list[tuple[Fault | str | int, ...]] = [
    *((check,) for check in _CHECKS.values()),
    (404, 500, 404),
    (500,) * 40,
    (404,) * 40,
]


@pytest.mark.parametrize("sends", _SENDS.values(), ids=_SENDS)
async def test_one_reference_is_one_charge_whatever_happens(
    contract: Contract, sends: tuple[Fault | str | int, ...]
) -> None:
    async with Sandbox() as sandbox, DollrClient(**sandbox.settings) as dollr:
        for checks in _CHECKS_IN_A_ROW:
            sandbox.requests.clear()
            before = len(sandbox.ledger)
            for fault in sends:
                sandbox.fail("collect", fault)
            for fault in checks:
                sandbox.fail("get_collection_status", fault)
            end = await _end(collect(dollr))
            charges = [entry.reference_id for entry in sandbox.ledger[before:]]
            contents = {request.content for request in sandbox.requests_to("collect")}
            assert len(contents) == 1
            assert len(charges) <= 1
            assert all(charge in str(contents) for charge in charges)
            assert end not in {"accepted", "accepted unreadably"} or len(charges) == 1
            # An API that errs twice, in a refusal and in every status check that the refusal asks for, is believed.
            believed = [404] * _checks_before_it_is_believed(sends[-1])
            assert end != "not run" or not charges or list(checks[: len(believed)]) == believed
            sandbox.clear_faults()
        check_requests(sandbox, contract)


def _checks_before_it_is_believed(fault: Fault | str | int) -> int:
    for refusal in api_refusals.ALL.values():
        if fault == refusal.landed:
            return refusal.least
    return 1


async def _end(collecting: Awaitable[object]) -> str:
    try:
        await collecting
    except OutcomeUnknownError:
        return "unknown"
    except CollectError:
        return "not run"
    except DecodeError:
        return "accepted unreadably"
    return "accepted"


async def test_unknown_keeps_the_last_failure_as_its_cause(sandbox: Sandbox) -> None:
    retry = RetryPolicy(recovery=40.0)
    wanted: list[tuple[Fault | str | int, type[Exception]]] = [
        ("drop", TransportError),
        ("hang", RequestTimeoutError),
        (503, ServerError),
        ("forbidden", PermissionDeniedError),
    ]
    for check, cause in wanted:
        async with DollrClient(**sandbox.settings, retry=retry) as dollr:
            sandbox.fail("collect", "lose_answer")
            sandbox.fail("get_collection_status", check, times=None)
            with pytest.raises(OutcomeUnknownError) as caught:
                await collect(dollr)
            assert isinstance(caught.value.__cause__, cause)
            assert not isinstance(caught.value.__cause__, NotFoundError)
            sandbox.clear_faults()
