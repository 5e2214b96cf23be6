"""A slow journal loses no reference, and the errors of a user's own journal come out as `JournalError`."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest

from dollr_async import DollrClient, InvalidInputError, JournalError, OutcomeUnknownError, RetryPolicy
from dollr_async.journal import MemoryJournal
from dollr_async.sandbox import Fault
from tests.support.collections import REFERENCE, collect, operations

if TYPE_CHECKING:
    from uuid import UUID

    from dollr_async.journal import Claim, Entry
    from dollr_async.sandbox import Sandbox

_SLOW = 0.3


class _Slow(MemoryJournal):
    async def claim(self, entry: Entry) -> Claim:
        await asyncio.sleep(_SLOW)
        return await super().claim(entry)

    async def write(self, entry: Entry, number: int) -> None:
        await asyncio.sleep(_SLOW)
        await super().write(entry, number)

    async def release(self, reference_id: UUID, number: int) -> None:
        await super().release(reference_id, number)
        await asyncio.sleep(_SLOW)


class _SlowToRelease(MemoryJournal):
    async def release(self, reference_id: UUID, number: int) -> None:
        await asyncio.sleep(_SLOW)
        await super().release(reference_id, number)


async def test_cancelled_at_any_moment_the_reference_is_known_and_the_lease_is_free(sandbox: Sandbox) -> None:
    journal = _Slow()
    async with DollrClient(**sandbox.settings, journal=journal) as dollr:
        began = asyncio.get_running_loop().time()
        await collect(dollr)
        whole = asyncio.get_running_loop().time() - began
        moments = [whole * share / 40 for share in range(1, 40)]
        for moment in moments:
            task = asyncio.create_task(collect(dollr))
            await asyncio.sleep(moment)
            task.cancel()
            with pytest.raises(asyncio.CancelledError) as cancelled:
                await task
            noted = " ".join(getattr(cancelled.value, "__notes__", []))
            assert "dollr.watch('" in noted, f"cancelled after {moment:.2f} of {whole:.2f} seconds"
        unfinished = await journal.unfinished()
        assert len(unfinished) == len(await journal.unfinished(with_live=True))
    in_the_journal = {str(entry.reference_id) for entry in unfinished}
    assert {entry.reference_id for entry in sandbox.ledger} <= in_the_journal


class _Foreign(MemoryJournal):
    """Raises the error of a database driver in one of its methods."""

    def __init__(self, method: str, *, times: int = 1, after: int = 0) -> None:
        super().__init__()
        self._method, self._left, self._after = method, times, after

    def _fail(self, method: str) -> None:
        if method == self._method and self._left:
            if self._after:
                self._after -= 1
                return
            self._left -= 1
            raise RuntimeError("the pool is closed")

    async def claim(self, entry: Entry) -> Claim:
        self._fail("claim")
        return await super().claim(entry)

    async def write(self, entry: Entry, number: int) -> None:
        self._fail("write" if entry.status is None else "landed")
        await super().write(entry, number)

    async def settle(self, reference_id: UUID, status: str, outcome: str | None) -> None:
        self._fail("settle")
        await super().settle(reference_id, status, outcome)


@pytest.mark.parametrize("method", ["claim", "write"])
async def test_a_foreign_error_before_the_money_is_a_journal_error(sandbox: Sandbox, method: str) -> None:
    async with DollrClient(**sandbox.settings, journal=_Foreign(method)) as dollr:
        with pytest.raises(JournalError, match=r"RuntimeError.*the pool is closed"):
            await collect(dollr)
    assert sandbox.ledger == ()


@pytest.mark.parametrize("method", ["landed", "settle"])
async def test_a_foreign_error_after_the_money_lets_the_payment_go_on(
    sandbox: Sandbox, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with DollrClient(**sandbox.settings, journal=_Foreign(method)) as dollr:
        collection = await collect(dollr)
        assert (await collection.wait()).status == "COMPLETED"
    assert [record.levelno for record in caplog.records if record.name == "dollr_async.journal"] == [logging.ERROR]
    assert len(sandbox.ledger) == 1


@pytest.mark.parametrize("settings", [{"journal": "payments.db"}, {"retry": None}, {"polling": {}}])
def test_a_setting_of_the_wrong_type_is_refused(settings: dict[str, object]) -> None:
    name = next(iter(settings))
    with pytest.raises(InvalidInputError, match=f"{name} must"):
        DollrClient("id", "secret", **settings)  # type: ignore[arg-type] # what a caller without type checks might write


async def test_a_read_is_sent_as_often_as_the_policy_allows(sandbox: Sandbox) -> None:
    sandbox.fail("predictions.mmo_provider_info", 503, times=None)
    async with DollrClient(**sandbox.settings, retry=RetryPolicy(attempts=3)) as dollr:
        with pytest.raises(Exception, match="operator"):
            await collect(dollr)
    assert operations(sandbox).count("predict_mmo_provider_info") == 3


async def test_a_resumed_payment_that_was_only_limited_keeps_its_session(sandbox: Sandbox) -> None:
    async with DollrClient(**sandbox.settings, journal=MemoryJournal()) as dollr:
        sandbox.fail("executions.collection", 429, times=4)
        with pytest.raises(Exception, match="429"):
            await collect(dollr, reference_id=REFERENCE)
        assert (await (await collect(dollr, reference_id=REFERENCE)).wait()).status == "COMPLETED"
    assert operations(sandbox).count("create_checkout_session") == 1
    assert len(sandbox.ledger) == 1


async def test_when_the_status_of_a_finished_payment_cannot_be_checked_its_last_status_is_reported(
    sandbox: Sandbox,
) -> None:
    async with DollrClient(**sandbox.settings, journal=MemoryJournal()) as dollr:
        await (await collect(dollr, reference_id=REFERENCE)).wait()
        sandbox.fail("status.collection", 503, times=None)
        with pytest.raises(OutcomeUnknownError, match="was last seen as COMPLETED"):
            await collect(dollr, reference_id=REFERENCE)
    assert len(sandbox.ledger) == 1


@pytest.mark.parametrize("steps", range(0, 60, 7))
async def test_a_caller_that_is_cancelled_at_every_await_leaves_no_lease_behind(sandbox: Sandbox, steps: int) -> None:
    # An anyio scope cancels a task again at every await, those of a `finally` too.
    journal = _SlowToRelease()
    async with DollrClient(**sandbox.settings, journal=journal) as dollr:
        task = asyncio.create_task(collect(dollr, reference_id=REFERENCE))
        for _ in range(steps):
            await asyncio.sleep(0)
        while not task.done():
            task.cancel()
            await asyncio.sleep(0)
    # Closing the client waits for the release.
    assert await journal.unfinished(with_live=True) == await journal.unfinished()


async def test_a_second_click_does_not_wait_out_the_lease_of_the_first(sandbox: Sandbox) -> None:
    async with DollrClient(**sandbox.settings, journal=_SlowToRelease()) as dollr:
        sandbox.fail("create_counterparty", Fault.latency(5.0))
        task = asyncio.create_task(collect(dollr, reference_id=REFERENCE))
        await asyncio.sleep(2.0)
        while not task.done():
            task.cancel()
            await asyncio.sleep(0)
        began = asyncio.get_running_loop().time()
        await collect(dollr, reference_id=REFERENCE)
        assert asyncio.get_running_loop().time() - began < 1.0
