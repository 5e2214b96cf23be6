"""`settle_unfinished()`: the journal's open payments reach their ends, and their outcomes are left to others."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import attrs
import pytest

from dollr_async import (
    AuthenticationError,
    ConfigurationError,
    DollrClient,
    InvalidInputError,
    PollPolicy,
    ReferenceUsedError,
    StatusChange,
    WatchFailure,
)
from dollr_async.journal import MemoryJournal
from dollr_async.testing.outcome_journal_contract import executed
from tests.support.collections import ITEM, PAYER, collect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from dollr_async.sandbox import Sandbox

_POLICY = PollPolicy(interval=1.0, max_interval=2.0, jitter=0.0, timeout=60.0, not_found_grace=10.0)


@pytest.fixture
def journal() -> MemoryJournal:
    return MemoryJournal()


@pytest.fixture
async def dollr(sandbox: Sandbox, journal: MemoryJournal) -> AsyncIterator[DollrClient]:
    async with DollrClient(**sandbox.settings, polling=_POLICY, journal=journal) as dollr:
        yield dollr


async def one_pass(dollr: DollrClient) -> list[StatusChange | WatchFailure]:
    told: list[StatusChange | WatchFailure] = []
    await dollr.settle_unfinished(told.append, once=True)
    return told


async def test_one_pass_leaves_a_pending_payment_open_and_settles_an_ended_one(
    sandbox: Sandbox, dollr: DollrClient, journal: MemoryJournal
) -> None:
    collection = await collect(dollr)
    assert await one_pass(dollr) == []
    assert [entry.reference_id for entry in await journal.unfinished()] == [collection.reference_id]
    sandbox.advance(60)
    (change,) = await one_pass(dollr)
    assert isinstance(change, StatusChange)
    assert (change.reference_id, str(change.status)) == (collection.reference_id, "COMPLETED")
    assert not await journal.unfinished()
    assert await one_pass(dollr) == []


async def test_the_outcome_is_left_to_the_program_that_handles_it(
    sandbox: Sandbox, dollr: DollrClient, journal: MemoryJournal
) -> None:
    collection = await collect(dollr)
    sandbox.advance(60)
    await one_pass(dollr)
    outcomes = [outcome async for outcome in dollr.outcomes(idle=0)]
    assert [outcome.reference_id for outcome in outcomes] == [collection.reference_id]


async def test_it_follows_until_it_is_cancelled_and_gives_back_what_it_follows(
    sandbox: Sandbox, dollr: DollrClient, journal: MemoryJournal
) -> None:
    told: list[StatusChange | WatchFailure] = []
    first = await collect(dollr)
    working = asyncio.create_task(dollr.settle_unfinished(told.append))
    await asyncio.sleep(10)
    second = await collect(dollr)
    await asyncio.sleep(10)
    assert [change.reference_id for change in told] == [first.reference_id, second.reference_id]
    sandbox.set_outcome("stay_pending")
    third = await collect(dollr)
    await asyncio.sleep(5)
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working
    await asyncio.sleep(1)
    (followed,) = await journal.follow("another", limit=9, lease=15.0)
    assert followed.entry.reference_id == third.reference_id


async def test_bad_credentials_end_it(sandbox: Sandbox, journal: MemoryJournal) -> None:
    await executed(journal)
    async with DollrClient("wrong", "wrong", base_url=sandbox.url, journal=journal) as dollr:
        with pytest.raises(AuthenticationError):
            await dollr.settle_unfinished(lambda _: None)


async def test_what_another_run_may_have_paid_is_told_as_a_failure(
    sandbox: Sandbox, dollr: DollrClient, journal: MemoryJournal
) -> None:
    collection = await collect(dollr)
    other = await dollr.hosted_checkout(payer=PAYER, items=[ITEM], currency="USD")
    entry = await journal.read(collection.reference_id)
    assert entry is not None
    contested = attrs.evolve(entry, is_contested=True, source_id=other.source_id)
    journal._replace(journal._stored[entry.reference_id], contested)
    sandbox.advance(60)
    (failure,) = await one_pass(dollr)
    assert isinstance(failure, WatchFailure)
    assert isinstance(failure.error, ReferenceUsedError)


async def test_it_needs_a_journal_and_a_sensible_number(sandbox: Sandbox, dollr: DollrClient) -> None:
    async with DollrClient(**sandbox.settings) as without:
        with pytest.raises(ConfigurationError, match="without a journal"):
            await without.settle_unfinished(lambda _: None)
    with pytest.raises(InvalidInputError, match="at_once"):
        await dollr.settle_unfinished(lambda _: None, at_once=0)
