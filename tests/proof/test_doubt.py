"""When a process dies while an execution is in doubt, the next process checks for it and does not resend it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from dollr_async import CollectError, DollrClient
from dollr_async.journal import MemoryJournal
from tests.support.collections import collect

if TYPE_CHECKING:
    from dollr_async.sandbox import Sandbox


@pytest.mark.parametrize("fault", ["lose_answer", "server_error_after", "422_after", "hang_after"])
async def test_a_run_that_dies_during_its_status_checks_leaves_them_to_the_next(sandbox: Sandbox, fault: str) -> None:
    journal = MemoryJournal()
    sandbox.fail("collect", fault)
    sandbox.fail("get_collection_status", "hang", times=None)
    async with DollrClient(**sandbox.settings, journal=journal) as first:
        running = asyncio.create_task(collect(first))
        await asyncio.sleep(45.0)
        running.cancel()
        await asyncio.wait([running])
        (unfinished,) = [payment async for payment in first.unfinished()]
    sandbox.clear_faults()
    assert unfinished.executed
    async with DollrClient(**sandbox.settings, journal=journal) as second:
        await collect(second, reference_id=unfinished.reference_id)
    assert len(sandbox.requests_to("collect")) == 1
    assert [entry.reference_id for entry in sandbox.ledger] == [str(unfinished.reference_id)]


async def test_a_refused_payment_whose_next_attempt_dies_is_in_doubt_like_any_other(sandbox: Sandbox) -> None:
    journal = MemoryJournal()
    async with DollrClient(**sandbox.settings, journal=journal) as first:
        sandbox.fail("collect", 422)
        with pytest.raises(CollectError) as refused:
            await collect(first)
        assert [payment async for payment in first.unfinished()] == []
        sandbox.fail("collect", "hang_after")
        running = asyncio.create_task(collect(first, reference_id=refused.value.reference_id))
        await asyncio.sleep(15.0)
        running.cancel()
        await asyncio.wait([running])
        (unfinished,) = [payment async for payment in first.unfinished()]
    assert unfinished.executed
    async with DollrClient(**sandbox.settings, journal=journal) as second:
        await collect(second, reference_id=unfinished.reference_id)
    assert len(sandbox.requests_to("collect")) == 2
    assert [entry.reference_id for entry in sandbox.ledger] == [str(unfinished.reference_id)]
