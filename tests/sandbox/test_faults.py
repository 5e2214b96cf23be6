"""Faults: every way in which a call may go wrong, before the work is done or after it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import aiohttp
import pytest

from dollr_async.sandbox import FAULT_WORDS, Fault, FaultKind, Quirks, Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.sandbox.merchant import Merchant, Reply

_FATU = {"fullname": "Fatu Kollie", "phone": "231880001122"}


async def _create(merchant: Merchant) -> Reply | None:
    """Create a party; None when no complete answer arrives within a minute."""
    merchant.checks_answers = False
    try:
        async with asyncio.timeout(60):
            return await merchant.post("parties/create", _FATU)
    except (aiohttp.ClientError, TimeoutError):
        return None


async def _created(merchant: Merchant) -> int:
    return len((await merchant.get("parties/list")).body)


@pytest.mark.parametrize(
    ("fault", "status", "created"),
    [
        ("lose_answer", None, 1),
        ("drop", None, 0),
        ("hang", None, 0),
        ("hang_after", None, 1),
        ("server_error", 500, 0),
        ("server_error_after", 500, 1),
        ("rate_limited", 429, 0),
        ("cut_body", None, 1),
        ("redirect", 307, 0),
        ("forbidden", 403, 0),
        (503, 503, 0),
        ("503", 503, 0),
        ("502_after", 502, 1),
        (408, 408, 0),
        (Fault.server_error(504, after_work=True), 504, 1),
        (Fault.answer(418, {"detail": "tea"}), 418, 0),
        (Fault.latency(59.0), 200, 1),
        (Fault.changed(id=7), 200, 1),
        ("in_progress", 409, 1),
        (Fault.in_progress(after_work=False), 409, 0),
        ("forbidden_page", 403, 0),
        (Fault.page(502, after_work=True), 502, 1),
        ("429_after", 429, 1),
        (499, 499, 0),
        ("499_after", 499, 1),
    ],
)
async def test_a_fault_applies_once_before_or_after_the_work(
    merchant: Merchant, fault: Fault | str | int, status: int | None, created: int
) -> None:
    merchant.sandbox.fail("parties/create", fault)
    reply = await _create(merchant)
    assert (reply.status if reply else None, await _created(merchant)) == (status, created)
    request = merchant.sandbox.requests_to("create_party")[0]
    is_changed = isinstance(fault, Fault) and fault.kind is FaultKind.CHANGE
    assert (request.delivered, request.status) == (status == 200 and not is_changed, 200 if created else None)
    assert request.fault
    again = await _create(merchant)
    assert again is not None
    assert (again.status, await _created(merchant)) == (200, created + 1)


@pytest.mark.parametrize(("fault", "body"), [("garbage", b"<html>"), ("broken_json", b'{"status": "PEN')])
async def test_a_body_may_be_garbage_after_the_work(merchant: Merchant, fault: str, body: bytes) -> None:
    merchant.sandbox.fail("create_party", fault)
    async with merchant.http.post(
        f"{merchant.sandbox.url}/v1/parties/create",
        json=_FATU,
        headers={"Authorization": f"Bearer {merchant.token}"},
    ) as response:
        assert (response.status, (await response.read())[: len(body)]) == (200, body)
    assert await _created(merchant) == 1


async def test_a_cut_body_promises_more_than_it_sends(merchant: Merchant) -> None:
    merchant.sandbox.fail("create_party", Fault.cut_body())
    async with merchant.http.post(
        f"{merchant.sandbox.url}/v1/parties/create",
        json=_FATU,
        headers={"Authorization": f"Bearer {merchant.token}"},
    ) as response:
        assert response.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


async def test_an_answer_without_a_body_can_be_cut_too(merchant: Merchant) -> None:
    merchant.sandbox.fail("fees/tiers", "cut_body", times=None)
    merchant.sandbox.revoke_tokens()
    with pytest.raises(aiohttp.ClientPayloadError):
        await merchant.get("fees/tiers")


@pytest.mark.parametrize(
    ("retry_after", "header"),
    [
        (None, None),
        (3, "3"),
        ("soon", "soon"),
        (datetime(2026, 7, 31, 12, 0, tzinfo=UTC), "Fri, 31 Jul 2026 12:00:00 GMT"),
        (datetime(2026, 7, 31, 14, 0, tzinfo=timezone(timedelta(hours=2))), "Fri, 31 Jul 2026 12:00:00 GMT"),
    ],
)
async def test_a_429_comes_with_and_without_retry_after(
    merchant: Merchant, retry_after: float | datetime | str | None, header: str | None
) -> None:
    merchant.sandbox.fail("fees/tiers", Fault.rate_limited(retry_after))
    reply = await merchant.get("fees/tiers")
    assert (reply.status, reply.body) == (429, {"detail": "Too Many Requests"})
    assert reply.headers.get("Retry-After") == header


@pytest.mark.parametrize("after_work", [False, True])
@pytest.mark.parametrize(
    "make",
    [
        Fault.rate_limited,
        Fault.server_error,
        lambda **terms: Fault.server_error(503, **terms),
        lambda **terms: Fault.answer(409, {"detail": "Conflict"}, **terms),
    ],
)
async def test_any_answer_may_ask_to_wait(merchant: Merchant, make: Callable[..., Fault], *, after_work: bool) -> None:
    merchant.sandbox.fail("parties/create", make(retry_after=30, after_work=after_work))
    reply = await _create(merchant)
    assert reply is not None
    assert (reply.status >= 400, reply.headers.get("Retry-After"), await _created(merchant)) == (True, "30", after_work)


async def test_a_request_may_be_delivered_twice(merchant: Merchant) -> None:
    merchant.sandbox.fail("parties/create", "twice")
    first = await _create(merchant)
    assert first is not None
    assert (first.status, await _created(merchant)) == (200, 2)
    assert [request.delivered for request in merchant.sandbox.requests_to("create_party")] == [True]


@pytest.mark.parametrize("quirks", [Quirks(), Quirks(repeated_reference="refused")])
async def test_an_execution_that_is_delivered_twice_moves_money_once(merchant: Merchant, quirks: Quirks) -> None:
    body = await merchant.collection_body()
    merchant.sandbox.fail("collect", "twice")
    reply = await merchant.post("executions/collection", body)
    assert reply.status == (422 if quirks.repeated_reference == "refused" else 200)
    assert [(entry.reference_id, entry.sends) for entry in merchant.sandbox.ledger] == [(body["reference_id"], 2)]


async def test_an_answer_may_be_about_another_payment(merchant: Merchant) -> None:
    other = "1b671a64-40d5-491e-99b0-da01ff1f3341"
    body = await merchant.collection_body()
    for operation in ("collect", "get_collection_status"):
        merchant.sandbox.fail(operation, Fault.changed(reference_id=other))
    answers = [
        await merchant.create("executions/collection", body),
        (await merchant.status(body["reference_id"])).body,
        (await merchant.status(body["reference_id"])).body,
    ]
    assert [answer["reference_id"] for answer in answers] == [other, other, body["reference_id"]]
    assert {str(answer["payer_amount"]) for answer in answers} == {"257.00"}


async def test_only_a_success_can_be_changed(merchant: Merchant) -> None:
    merchant.sandbox.fail("fees/tiers", Fault.changed(id=7))
    assert [tier["id"] for tier in (await merchant.get("fees/tiers")).body] == [1]
    merchant.sandbox.fail("get_collection_status", Fault.changed(detail="gone"))
    reply = await merchant.status("1b671a64-40d5-491e-99b0-da01ff1f3341")
    assert (reply.status, reply.body) == (404, {"detail": "Execution not found"})


async def test_faults_apply_in_their_order_and_as_often_as_asked(merchant: Merchant) -> None:
    merchant.sandbox.fail("fees/tiers", 500, times=2)
    merchant.sandbox.fail("fees/tiers", 429)
    merchant.sandbox.fail("*", 403, times=1)
    seen = [(await merchant.get("fees/tiers")).status for _ in range(5)]
    assert seen == [500, 500, 429, 403, 200]


async def test_a_permanent_fault_ends_when_it_is_cleared(merchant: Merchant) -> None:
    merchant.sandbox.fail("fees.tiers", 500, times=None)
    merchant.sandbox.fail("*", 403, times=None)
    assert [(await merchant.get("fees/tiers")).status for _ in range(3)] == [500] * 3
    merchant.sandbox.clear_faults("fees/tiers")
    assert [(await merchant.get("fees/tiers")).status for _ in range(3)] == [403] * 3
    merchant.sandbox.clear_faults()
    assert (await merchant.get("fees/tiers")).status == 200


async def test_a_fault_of_one_operation_does_not_affect_the_others(merchant: Merchant) -> None:
    merchant.sandbox.fail("parties/create", 500)
    assert (await merchant.get("parties/list")).status == 200
    async with merchant.http.get(f"{merchant.sandbox.url}/v1/nothing") as response:
        assert response.status == 404


async def test_a_fault_with_a_chance_is_repeatable(http: aiohttp.ClientSession) -> None:
    histories = []
    for seed in (1, 1, 2):
        async with Sandbox(seed=seed) as sandbox:
            sandbox.fail("*", 403, times=None, chance=0.5)
            history = []
            for _ in range(24):
                async with http.get(f"{sandbox.url}/v1/fees/tiers") as response:
                    history.append(response.status)
        histories.append(history)
    assert histories[0] == histories[1] != histories[2]
    assert set(histories[0]) == {401, 403}


async def test_the_token_call_can_fail_too(anonymous: Merchant) -> None:
    anonymous.sandbox.fail("client_obtain_token", 503)
    anonymous.checks_answers = False
    assert (await anonymous.log_in_reply()).status == 503
    assert (await anonymous.log_in_reply()).status == 200


@pytest.mark.parametrize("fault", ["explode", "200", 99, 600, "_after", ""])
async def test_an_unknown_fault_is_refused(sandbox: Sandbox, fault: str | int) -> None:
    with pytest.raises(ValueError, match="is not a fault"):
        sandbox.fail("collect", fault)


async def test_a_fault_needs_an_operation_a_count_and_a_chance(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="is not an operation"):
        sandbox.fail("executions/gift", 500)
    with pytest.raises(ValueError, match="cannot happen 0 times"):
        sandbox.fail("collect", 500, times=0)
    for chance in (0.0, 1.1):
        with pytest.raises(ValueError, match="is not a chance"):
            sandbox.fail("collect", 500, chance=chance)


def test_faults_have_words() -> None:
    assert {fault.word for fault in FAULT_WORDS.values()} >= {"drop", "drop after the work", "hang", "answer 500"}
    assert {fault.kind for fault in FAULT_WORDS.values()} == set(FaultKind) - {FaultKind.LATENCY, FaultKind.CHANGE}


# latency


async def test_latency_is_for_all_or_for_one_operation(merchant: Merchant) -> None:
    loop = asyncio.get_running_loop()
    merchant.sandbox.set_latency(0.5)
    merchant.sandbox.set_latency(2.0, "fees/tiers")
    took = []
    for path in ("parties/list", "fees/tiers"):
        begin = loop.time()
        await merchant.get(path)
        took.append(loop.time() - begin)
    assert took == pytest.approx([0.5, 2.0], abs=0.1)


async def test_slow_work_is_done_even_when_the_client_has_left(merchant: Merchant) -> None:
    merchant.sandbox.set_latency(10.0, "parties/create")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await merchant.post("parties/create", _FATU)
    assert await _created(merchant) == 0
    await asyncio.sleep(10)
    assert await _created(merchant) == 1


async def test_requests_in_flight_are_counted(merchant: Merchant) -> None:
    merchant.sandbox.fail("fees/tiers", "hang", times=2)
    hanging = [asyncio.create_task(merchant.get("fees/tiers")) for _ in range(2)]
    await asyncio.sleep(1)
    assert (merchant.sandbox.in_flight, merchant.sandbox.most_in_flight) == (2, 2)
    for task in hanging:
        task.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)
    await asyncio.sleep(1)
    assert (merchant.sandbox.in_flight, merchant.sandbox.most_in_flight) == (0, 2)
