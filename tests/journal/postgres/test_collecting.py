"""Clients that share a journal in PostgreSQL: one reference is one charge, and each outcome is handled once."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from psycopg import AsyncConnection

from dollr_async import DollrClient
from dollr_async.journal import PostgresJournal
from tests.journal.postgres.store import query
from tests.support.collections import collect
from tests.support.postgres import CONNINFO

if TYPE_CHECKING:
    from uuid import UUID

    from dollr_async.sandbox import Sandbox

pytestmark = pytest.mark.real_time(reason="a server in another process knows no virtual clock")


async def test_one_reference_at_many_clients_is_one_charge_and_one_invoice(schema: str, sandbox: Sandbox) -> None:
    reference_id = uuid4()
    async with AsyncExitStack() as stack:
        journals = [await stack.enter_async_context(PostgresJournal(CONNINFO, schema=schema)) for _ in range(3)]
        clients = [
            await stack.enter_async_context(DollrClient(**sandbox.settings, journal=journal)) for journal in journals
        ]
        tasks = [collect(client, reference_id=reference_id) for client in clients * 5]
        collections = await asyncio.gather(*tasks)
    assert {collection.reference_id for collection in collections} == {reference_id}
    assert len(sandbox.requests_to("publish_invoice")) == len(sandbox.requests_to("executions_collection")) == 1


async def test_each_outcome_takes_effect_once_with_the_callers_connection(schema: str, sandbox: Sandbox) -> None:
    handled: list[UUID] = []

    async def work() -> None:
        async with (
            PostgresJournal(CONNINFO, schema=schema) as journal,
            DollrClient(**sandbox.settings, journal=journal) as dollr,
        ):
            async for outcome in dollr.outcomes(idle=0):
                async with await AsyncConnection.connect(CONNINFO) as connection:
                    await outcome.handled(connection)
                    handled.append(outcome.reference_id)

    async with (
        PostgresJournal(CONNINFO, schema=schema) as journal,
        DollrClient(**sandbox.settings, journal=journal) as dollr,
    ):
        collections = await asyncio.gather(*(collect(dollr) for _ in range(12)))
    sandbox.advance(600)
    await asyncio.gather(*(work() for _ in range(3)))
    assert sorted(handled) == sorted(collection.reference_id for collection in collections)
    assert query(schema, "SELECT count(*) FROM {payments} WHERE handled_at IS NULL") == [(0,)]
