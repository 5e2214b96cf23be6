"""Following an invoice or an order from its id alone, through everything that may go wrong with a poll."""

from __future__ import annotations

import asyncio
from datetime import UTC
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from dollr_async import (
    AuthenticationError,
    ConfigurationError,
    DecodeError,
    DollrClient,
    DollrError,
    InvalidInputError,
    NewCounterparty,
    NewInvoice,
    NewParty,
    NotFoundError,
    PermissionDeniedError,
    PollPolicy,
    PollTimeoutError,
    SourceType,
)
from dollr_async.sandbox import Fault, Sandbox
from tests.support.collections import collect
from tests.support.documents import a_document, a_state

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from dollr_async import KnownSource, SourceChange, SourceWatch

_EVEN = PollPolicy(interval=2.0, max_interval=2.0, jitter=0.0)
_STATUS = "get_payment_source_status"


@pytest.fixture
async def even(sandbox: Sandbox) -> AsyncIterator[DollrClient]:
    """Return a client that polls every two seconds exactly."""
    async with DollrClient(**sandbox.settings, polling=_EVEN) as dollr:
        yield dollr


@pytest.fixture
async def invoice(sandbox: Sandbox, even: DollrClient) -> KnownSource:
    """Return a published invoice that nobody has paid."""
    source = await a_document(even)
    sandbox.requests.clear()
    return source


def _polls(sandbox: Sandbox) -> list[float]:
    return [request.second for request in sandbox.requests_to(_STATUS)]


async def _all(watch: SourceWatch) -> list[str]:
    return [change.status async for change in watch]


# Polls that go wrong


@pytest.mark.parametrize(
    "fault",
    ["drop", "hang", "lose_answer", "cut_body", "garbage", 404, 408, 500, 503, "redirect", "rate_limited"],
)
async def test_a_poll_that_fails_is_repeated(
    sandbox: Sandbox, even: DollrClient, invoice: KnownSource, fault: str | int
) -> None:
    sandbox.pay("INVOICE", invoice.source_id)
    sandbox.advance(60)
    sandbox.fail(_STATUS, fault, times=2)
    assert await _all(even.watch_source("INVOICE", invoice.source_id)) == ["PAID"]


async def test_the_retry_after_of_a_429_is_respected(sandbox: Sandbox, even: DollrClient, invoice: KnownSource) -> None:
    sandbox.fail(_STATUS, Fault.rate_limited(30))
    watch = even.watch_source("INVOICE", invoice.source_id)
    assert (await anext(watch)).status == "ACTIVE"
    first, second = _polls(sandbox)
    assert second - first >= 30.0


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (401, AuthenticationError),
        ("forbidden", PermissionDeniedError),
        (Fault.answer(200, {"status": "PAID"}), DecodeError),
    ],
)
async def test_a_poll_that_is_refused_ends_the_watch(
    sandbox: Sandbox, even: DollrClient, invoice: KnownSource, fault: Fault | str | int, error: type[DollrError]
) -> None:
    sandbox.fail(_STATUS, fault, times=None)
    with pytest.raises(error):
        await anext(even.watch_source("INVOICE", invoice.source_id))


async def test_not_found_means_not_yet_for_as_long_as_the_policy_says(sandbox: Sandbox, even: DollrClient) -> None:
    policy = PollPolicy(interval=2.0, max_interval=2.0, jitter=0.0, not_found_grace=9.0)
    with pytest.raises(NotFoundError):
        await anext(even.watch_source("ORDER", 499_999, policy=policy))
    assert _polls(sandbox) == [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]


async def test_a_document_that_is_not_found_for_a_moment_is_still_followed(
    sandbox: Sandbox, even: DollrClient, invoice: KnownSource
) -> None:
    watch = even.watch_source("INVOICE", invoice.source_id)
    await anext(watch)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(watch), 100)
    sandbox.fail(_STATUS, 404, times=10)
    sandbox.pay("INVOICE", invoice.source_id)
    assert await _all(watch) == ["PAID"]


async def test_a_closed_client_ends_the_watch(even: DollrClient, invoice: KnownSource) -> None:
    watch = even.watch_source("INVOICE", invoice.source_id)
    await even.close()
    with pytest.raises(ConfigurationError, match="closed"):
        await anext(watch)


# Timeouts


async def test_a_timeout_has_the_last_state(sandbox: Sandbox, even: DollrClient, invoice: KnownSource) -> None:
    watch = even.watch_source("INVOICE", invoice.source_id, policy=PollPolicy(timeout=20.0))
    await anext(watch)
    with pytest.raises(PollTimeoutError, match=r"has not failed: follow it again with dollr\.watch_source") as caught:
        await anext(watch)
    error = caught.value
    assert (error.reference_id, error.elapsed) == (None, 20.0)
    assert error.last is not None
    assert error.last.status == "ACTIVE"


async def test_a_timeout_before_any_answer_has_no_last_state(
    sandbox: Sandbox, even: DollrClient, invoice: KnownSource
) -> None:
    sandbox.fail(_STATUS, 500, times=None)
    watch = even.watch_source("ORDER", invoice.source_id, policy=PollPolicy(timeout=20.0))
    with pytest.raises(PollTimeoutError, match="ORDER 300001 is still not known to the API after 20 seconds") as caught:
        await anext(watch)
    assert caught.value.last is None


async def test_the_clients_policy_is_the_default(sandbox: Sandbox, invoice: KnownSource) -> None:
    polling = PollPolicy(interval=7.0, max_interval=7.0, jitter=0.0, timeout=30.0)
    async with DollrClient(**sandbox.settings, polling=polling) as dollr:
        watch = dollr.watch_source("INVOICE", invoice.source_id)
        await anext(watch)
        with pytest.raises(PollTimeoutError):
            await anext(watch)
    assert [later - earlier for earlier, later in pairwise(_polls(sandbox))] == [7.0] * 4


async def test_an_old_document_is_polled_rarely(sandbox: Sandbox, even: DollrClient, invoice: KnownSource) -> None:
    policy = PollPolicy(interval=2.0, max_interval=30.0, jitter=0.0, backoff=2.0, timeout=300.0)
    with pytest.raises(PollTimeoutError):
        await _all(even.watch_source("INVOICE", invoice.source_id, policy=policy))
    gaps = [later - earlier for earlier, later in pairwise(_polls(sandbox))]
    assert gaps == sorted(gaps)
    assert (gaps[0], gaps[-1]) == (2.0, 30.0)


# What is yielded


async def test_the_present_state_comes_at_once_and_the_final_one_last(
    sandbox: Sandbox, even: DollrClient, invoice: KnownSource
) -> None:
    watch = even.watch_source("invoice", str(invoice.source_id))
    first = await anext(watch)
    assert _polls(sandbox) == [0.0]
    assert (first.status, first.previous, first.is_final, first.at.tzinfo) == ("ACTIVE", None, False, UTC)
    assert (first.source_type, first.source_id) == (SourceType.INVOICE, 300_001)
    sandbox.pay("INVOICE", invoice.source_id)
    rest = [change async for change in watch]
    assert [(change.previous, change.status) for change in rest] == [("ACTIVE", "PROCESSING"), ("PROCESSING", "PAID")]
    assert rest[-1].is_final
    with pytest.raises(StopAsyncIteration):
        await anext(watch)


async def test_an_unknown_status_keeps_its_text_and_is_not_final(
    sandbox: Sandbox, even: DollrClient, invoice: KnownSource
) -> None:
    for word in ("Partly paid", "REFUNDED", "paid"):
        sandbox.fail(_STATUS, a_state(status=word))
    changes = [change async for change in even.watch_source("INVOICE", invoice.source_id)]
    assert [change.status for change in changes] == ["Partly paid", "REFUNDED", "PAID"]
    assert [change.is_final for change in changes] == [False, False, True]


async def test_a_slow_reader_may_miss_a_state_in_between_but_never_the_last(
    sandbox: Sandbox, even: DollrClient, invoice: KnownSource
) -> None:
    seen = []
    async for change in even.watch_source("INVOICE", invoice.source_id):
        seen.append(change.status)
        if change.status == "ACTIVE":
            sandbox.pay("INVOICE", invoice.source_id)
            await asyncio.sleep(60)
    assert seen == ["ACTIVE", "PAID"]


# Shared polls


async def test_the_shortest_interval_counts_for_all(sandbox: Sandbox, even: DollrClient, invoice: KnownSource) -> None:
    rare = PollPolicy(interval=60.0, max_interval=60.0, jitter=0.0)
    watches = [even.watch_source("INVOICE", invoice.source_id, policy=rare) for _ in range(5)]
    watches.append(even.watch_source("INVOICE", invoice.source_id))
    await asyncio.gather(*(anext(watch) for watch in watches))
    assert len(_polls(sandbox)) == 1
    sandbox.pay("INVOICE", invoice.source_id)
    began = asyncio.get_running_loop().time()
    assert await asyncio.gather(*(_all(watch) for watch in watches)) == [["PROCESSING", "PAID"]] * 6
    assert asyncio.get_running_loop().time() - began == 4.0
    assert len(_polls(sandbox)) == 3


async def test_an_invoice_and_an_order_with_the_same_id_are_two(sandbox: Sandbox, even: DollrClient) -> None:
    invoice = await a_document(even)
    watch: AsyncIterator[SourceChange] = even.watch_source("INVOICE", invoice.source_id)
    assert (await anext(watch)).status == "ACTIVE"
    order = even.watch_source("ORDER", invoice.source_id, policy=PollPolicy(not_found_grace=0.0))
    with pytest.raises(NotFoundError):
        await anext(order)


async def test_a_cancelled_reader_does_not_disturb_the_others(
    sandbox: Sandbox, even: DollrClient, invoice: KnownSource
) -> None:
    first, second = (
        asyncio.ensure_future(_all(even.watch_source("INVOICE", invoice.source_id))),
        asyncio.ensure_future(_all(even.watch_source("INVOICE", invoice.source_id))),
    )
    await asyncio.sleep(3)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    sandbox.pay("INVOICE", invoice.source_id)
    assert (await second)[-1] == "PAID"


async def test_nothing_is_polled_while_nobody_waits(sandbox: Sandbox, even: DollrClient, invoice: KnownSource) -> None:
    watch = even.watch_source("INVOICE", invoice.source_id)
    async for _ in watch:
        break
    await asyncio.sleep(120)
    assert len(_polls(sandbox)) == 1
    sandbox.pay("INVOICE", invoice.source_id)
    assert (await _all(watch))[-1] == "PAID"


# The document of a payment, and drafts


async def test_a_document_is_followed_until_it_is_paid(sandbox: Sandbox, even: DollrClient) -> None:
    collection = await collect(even)
    watch = even.watch_source("invoice", str(collection.source_id))
    changes = [change async for change in watch]
    assert [(change.status, change.previous) for change in changes] == [("PROCESSING", None), ("PAID", "PROCESSING")]
    assert [change.is_final for change in changes] == [False, True]
    assert {(change.source_type, change.source_id) for change in changes} == {("INVOICE", collection.source_id)}
    assert changes[-1].source.paid_at is not None
    assert _polls(sandbox) == [0.0, 2.0, 4.0]


async def test_a_failed_payment_does_not_end_its_document(sandbox: Sandbox, even: DollrClient) -> None:
    sandbox.set_outcome("decline")
    collection = await collect(even)
    watch = even.watch_source("INVOICE", collection.source_id or 0, policy=PollPolicy(timeout=20.0))
    assert [(await anext(watch)).status, (await anext(watch)).status] == ["PROCESSING", "ACTIVE"]
    with pytest.raises(PollTimeoutError, match="has not failed") as caught:
        await anext(watch)
    assert caught.value.reference_id is None
    assert f"dollr.watch_source('INVOICE', {collection.source_id})" in str(caught.value)


async def test_a_canceled_document_ends_a_watch(even: DollrClient) -> None:
    invoice = await _draft(even)
    watch = even.watch_source("INVOICE", invoice)
    assert (await anext(watch)).status == "IDLE"
    await even.invoices.cancel(invoice)
    assert await _all(watch) == ["CANCELED"]


async def _draft(dollr: DollrClient) -> int:
    party = await dollr.parties.create(NewParty(fullname="Amara", phone="231771234567"))
    counterparty = await dollr.counterparties.create(NewCounterparty(party_id=party.id))
    return (await dollr.invoices.create(NewInvoice(counterparty_id=counterparty.id, currency="USD"))).id


async def test_watches_of_one_document_share_their_polls(sandbox: Sandbox, even: DollrClient) -> None:
    collection = await collect(even)
    watches = [even.watch_source("INVOICE", collection.source_id or 0) for _ in range(10)]
    assert {statuses[-1] for statuses in await asyncio.gather(*(_all(watch) for watch in watches))} == {"PAID"}
    assert len(_polls(sandbox)) == 3


@pytest.mark.parametrize(("source_type", "source_id"), [("SUBSCRIPTION", 1), ("BILL", 1), ("INVOICE", 0)])
async def test_a_wrong_document_is_refused(
    sandbox: Sandbox, even: DollrClient, source_type: str, source_id: int
) -> None:
    with pytest.raises(InvalidInputError):
        even.watch_source(source_type, source_id)
    assert sandbox.requests == []


async def test_a_document_that_is_unknown_beyond_the_grace_ends_a_watch(sandbox: Sandbox, even: DollrClient) -> None:
    with pytest.raises(NotFoundError):
        await anext(even.watch_source("ORDER", 17))
    assert len(sandbox.requests) == 18
