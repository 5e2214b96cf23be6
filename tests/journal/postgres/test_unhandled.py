"""Outcomes that are not handled, found without a lease."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from dollr_async import ConfigurationError, DollrClient
from dollr_async.journal import MemoryJournal, PostgresJournal
from tests.support.collections import collect
from tests.support.postgres import CONNINFO, own_schema

if TYPE_CHECKING:
    from dollr_async.sandbox import Sandbox

pytestmark = pytest.mark.real_time


async def test_pages_of_outcomes_have_each_that_is_not_handled_once_and_end(sandbox: Sandbox) -> None:
    with own_schema() as schema:
        async with (
            PostgresJournal(CONNINFO, schema=schema) as journal,
            DollrClient(**sandbox.settings, journal=journal) as dollr,
        ):
            payments = [await collect(dollr, direct=True) for _ in range(5)]
            for payment in payments[:4]:
                sandbox.settle(payment.reference_id)
                await dollr.check(payment.reference_id)
            handled = await dollr.outcome(payments[0].reference_id)
            assert handled is not None
            await handled.handled()

            first = await journal.unhandled_page(None, limit=2)
            second = await journal.unhandled_page(first[-1], limit=2)

            ended = [entry.entry.reference_id for entry in (*first, *second)]
            assert ended == [payment.reference_id for payment in payments[1:4]]
            assert await journal.unhandled_page(second[-1], limit=2) == []
            assert [payment.reference_id async for payment in dollr.unhandled()] == ended
            assert await dollr.outcome(payments[0].reference_id) is None  # handled
            assert await dollr.outcome(payments[4].reference_id) is None  # open
            assert await dollr.outcome(uuid.uuid4()) is None


async def test_a_journal_that_cannot_search_says_which_one_can(sandbox: Sandbox) -> None:
    async with DollrClient(**sandbox.settings, journal=MemoryJournal()) as dollr:
        with pytest.raises(ConfigurationError, match="use a PostgresJournal"):
            await dollr.outcome(uuid.uuid4())
