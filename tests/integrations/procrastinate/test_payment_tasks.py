"""Payments as jobs: from the order in the caller's transaction to the outcome, and what goes wrong between."""

from __future__ import annotations

import asyncio
import logging
import uuid
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from procrastinate import App
from procrastinate.testing import InMemoryConnector

from dollr_async import (
    ConfigurationError,
    DollrClient,
    InvalidInputError,
    KnownSource,
    LineItem,
    MobileMoney,
    PollPolicy,
    SourceType,
)
from dollr_async.integrations.procrastinate import PaymentTasks
from dollr_async.integrations.procrastinate.terms import decoded, encoded
from dollr_async.journal import PostgresJournal
from dollr_async.sandbox import AfterSeconds, Sandbox
from tests.support.collections import ITEM, PAYER, collect
from tests.support.postgres import CONNINFO
from tests.support.procrastinate import connect, deliver, new_app, queue_schema, rows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from dollr_async import Outcome

pytestmark = pytest.mark.real_time

_TERMS: dict[str, Any] = {"payer": PAYER, "items": [ITEM], "currency": "USD", "direct": True}
_POLICY = PollPolicy(interval=0.2, max_interval=0.4, not_found_grace=2.0)


class Setting:
    """An app, its tasks, and what they work on."""

    def __init__(self, schema: str, sandbox: Sandbox, journal: PostgresJournal) -> None:
        self.schema, self.sandbox, self.journal = schema, sandbox, journal
        self.app = new_app(schema)
        self.failures = 0
        self.clients: list[DollrClient] = []
        self.tasks = PaymentTasks(self.make_client, self.on_outcome)
        self.tasks.register(self.app)

    def make_client(self) -> DollrClient:
        client = DollrClient(**self.sandbox.settings, journal=self.journal, polling=_POLICY)
        self.clients.append(client)
        return client

    async def on_outcome(self, outcome: Outcome, connection: psycopg.AsyncConnection[Any]) -> None:
        await deliver(outcome, connection)
        if self.failures:
            self.failures -= 1
            raise RuntimeError("the shop is closed")

    async def work(self, *, until: Callable[[], bool] | int = 1) -> None:
        """Run a worker until so many outcomes are delivered, or until something else is so."""
        is_done = until if callable(until) else lambda: len(self.delivered()) >= until
        running = {"concurrency": 5, "fetch_job_polling_interval": 0.1, "install_signal_handlers": False}
        worker = asyncio.create_task(self.app.run_worker_async(**running))  # type: ignore[arg-type]  # one dict of each
        try:
            async with asyncio.timeout(20.0):
                while not is_done():  # noqa: ASYNC110 - another process's table has no event
                    await asyncio.sleep(0.1)
        finally:
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)

    async def sweep(self) -> None:
        """Defer a sweep now, as cron does."""
        await self.app.tasks["dollr:sweep"].defer_async(timestamp=0)

    def delivered(self) -> list[tuple[Any, ...]]:
        return rows(self.schema, "SELECT reference_id, status FROM deliveries ORDER BY reference_id")

    def jobs(self) -> list[tuple[Any, ...]]:
        return rows(self.schema, "SELECT task_name, status::text FROM procrastinate_jobs ORDER BY id")


@pytest.fixture
def schema() -> Iterator[str]:
    with queue_schema() as name:
        yield name


@pytest.fixture
async def setting(schema: str) -> AsyncIterator[Setting]:
    async with Sandbox() as sandbox, PostgresJournal(CONNINFO, schema=schema) as journal:
        sandbox.set_settlement(AfterSeconds(processing=0.2, final=0.6))
        setting = Setting(schema, sandbox, journal)
        async with setting.app.open_async():
            yield setting
        for client in setting.clients:
            await client.close()


@asynccontextmanager
async def transaction(schema: str) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    options = f"-c search_path={schema}"
    async with await psycopg.AsyncConnection.connect(CONNINFO, options=options) as connection:
        yield connection


async def test_an_order_and_its_collection_commit_together_and_the_outcome_is_delivered(setting: Setting) -> None:
    async with transaction(setting.schema) as connection:
        reference = await setting.tasks.collect(connection, **_TERMS)
        assert setting.jobs() == []  # nobody else sees it yet

    await setting.work()

    assert setting.delivered() == [(str(reference), "COMPLETED")]
    assert len(setting.sandbox.ledger) == 1


async def test_a_transaction_that_is_rolled_back_leaves_no_job(setting: Setting) -> None:
    async with transaction(setting.schema) as connection:
        await setting.tasks.collect(connection, **_TERMS)
        await connection.rollback()

    assert setting.jobs() == []


async def test_a_second_job_for_one_payment_is_left_out_and_does_not_end_the_transaction(setting: Setting) -> None:
    reference = uuid.uuid4()
    await setting.tasks.follow(reference)

    async with transaction(setting.schema) as connection:
        await setting.tasks.follow(reference, connection=connection)
        await connection.execute("INSERT INTO deliveries VALUES ('an order', 'OPEN')")

    assert setting.jobs() == [("dollr:check", "todo")]
    assert setting.delivered() == [("an order", "OPEN")]


async def test_a_payment_that_was_made_elsewhere_is_followed(setting: Setting) -> None:
    async with setting.make_client() as dollr:
        collection = await collect(dollr, direct=True)

    await setting.tasks.follow(collection.reference_id)
    await setting.work()

    assert setting.delivered() == [(str(collection.reference_id), "COMPLETED")]


async def test_a_payment_that_did_not_run_is_delivered_too(setting: Setting) -> None:
    setting.sandbox.fail("collect", 422)

    reference = await setting.tasks.collect(**_TERMS)
    await setting.work()

    assert setting.delivered() == [(str(reference), "NOT_RUN")]


async def test_a_handler_that_raises_is_tried_again_and_seen(
    setting: Setting, caplog: pytest.LogCaptureFixture
) -> None:
    setting.failures = 2

    with caplog.at_level(logging.ERROR, "dollr_async.integrations.procrastinate"):
        reference = await setting.tasks.collect(**_TERMS)
        await setting.work()

    assert setting.delivered() == [(str(reference), "COMPLETED")]
    assert setting.jobs().count(("dollr:check", "failed")) == 2
    seen = [record for record in caplog.records if getattr(record, "reference_id", None) == reference]
    assert [str(reference) in record.getMessage() for record in seen] == [True, True]


async def test_a_sweep_gives_a_payment_without_a_job_one_and_deletes_what_is_finished(setting: Setting) -> None:
    async with setting.make_client() as dollr:
        collection = await collect(dollr, direct=True)
        await (await collect(dollr, direct=True)).wait()  # ended, and not handled

    await setting.sweep()
    await setting.work(until=2)
    await setting.sweep()
    await setting.work(until=lambda: ("dollr:check", "succeeded") not in setting.jobs())

    assert (str(collection.reference_id), "COMPLETED") in setting.delivered()


async def test_a_sweep_runs_the_collection_of_a_dead_worker_again(setting: Setting) -> None:
    reference = await setting.tasks.collect(**_TERMS)
    with connect(setting.schema) as connection:  # fetched by a worker that is gone
        connection.execute("UPDATE procrastinate_jobs SET status = 'doing'")

    await setting.sweep()
    await setting.work()

    assert setting.delivered() == [(str(reference), "COMPLETED")]
    assert len(setting.sandbox.ledger) == 1


async def test_the_sweep_has_no_lock_that_a_dead_worker_could_hold(setting: Setting) -> None:
    await setting.sweep()

    assert rows(setting.schema, "SELECT lock, queueing_lock FROM procrastinate_jobs") == [(None, "dollr:sweep")]


async def test_an_api_that_is_down_fails_no_job(setting: Setting) -> None:
    async with setting.make_client() as dollr:
        collection = await collect(dollr, direct=True)
    setting.sandbox.fail("get_collection_status", 503, times=1)

    await setting.tasks.follow(collection.reference_id)
    await setting.work()

    assert ("dollr:check", "failed") not in setting.jobs()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"note": object()}, "note is a object, which a job cannot hold"),
        ({"due_date": datetime(2027, 1, 1, tzinfo=UTC)}, "due_date is a datetime, which a job cannot hold"),
        ({"currencies": "USD"}, "collect() has no keyword currencies"),
        ({"items": []}, "items must be a list of at least one LineItem"),
        ({"currency": None}, "currency"),
        ({"payer": "231771234567"}, "payer must be Payer("),
    ],
)
async def test_terms_that_a_job_cannot_hold_or_collect_would_refuse_are_refused_at_once(
    setting: Setting, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InvalidInputError) as refused:
        await setting.tasks.collect(**{**_TERMS, **changes})

    assert sentence in str(refused.value)
    assert setting.jobs() == []


def test_terms_come_back_as_they_were() -> None:
    terms = {
        "payer": PAYER,
        "currency": "USD",
        "source": KnownSource(SourceType.ORDER, 310, Decimal("250.10")),
        "pay_with": MobileMoney(phone="231770000001"),
    }

    assert decoded(encoded(terms, uuid.uuid4())) == terms


def test_amounts_stay_exact() -> None:
    items = [LineItem(name="One cent more", amount=Decimal("99999999.10"), qty=3)]

    assert decoded(encoded({**_TERMS, "items": items}, uuid.uuid4()))["items"] == items


async def test_a_connection_that_is_no_transaction_is_refused(setting: Setting) -> None:
    with pytest.raises(InvalidInputError, match=r"a psycopg\.AsyncConnection"):
        await setting.tasks.collect(object(), **_TERMS)  # type: ignore[arg-type]  # that is the point
    async with transaction(setting.schema) as connection:
        await connection.set_autocommit(True)
        with pytest.raises(InvalidInputError, match="autocommit"):
            await setting.tasks.follow(uuid.uuid4(), connection=connection)

    assert setting.jobs() == []


async def test_tasks_need_an_app_on_postgresql() -> None:
    tasks = PaymentTasks(DollrClient, deliver)

    with pytest.raises(ConfigurationError, match="register"):
        await tasks.follow(uuid.uuid4())
    with pytest.raises(ConfigurationError, match="PsycopgConnector"):
        tasks.register(App(connector=InMemoryConnector()))
