"""How jobs are deferred: in the caller's transaction or not, and one per payment."""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from dollr_async.base.errors import ConfigurationError, InvalidInputError
from dollr_async.base.extras import extra
from dollr_async.integrations.procrastinate.django_project import alias_of, defer_with_django

with extra("procrastinate"):
    from procrastinate import PsycopgConnector
    from procrastinate.exceptions import AlreadyEnqueued
    from psycopg import AsyncConnection
    from psycopg.pq import TransactionStatus

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from uuid import UUID

    from procrastinate import App
    from procrastinate.tasks import Task

    from dollr_async.base.enums import ExecutionKind

CHECK, SWEEP, COLLECT = "dollr:check", "dollr:sweep", "dollr:collect"


def lock_of(task: str, reference_id: UUID | str) -> str:
    """Return the queueing lock of a payment's jobs of one task."""
    return f"{task}:{reference_id}"


def psycopg_connector(app: App) -> PsycopgConnector:
    """Return the connector of an app whose jobs live in PostgreSQL, by psycopg.

    Raises:
        ConfigurationError: it has another connector.
    """
    connector = app.connector
    if isinstance(connector, PsycopgConnector):
        return connector
    sentence = (
        "PaymentTasks needs App(connector=PsycopgConnector(...)), to the database of the journal, or the app of "
        f"procrastinate.contrib.django, not a {type(connector).__name__}"
    )
    raise ConfigurationError(sentence)


@asynccontextmanager
async def transaction(app: App) -> AsyncIterator[AsyncConnection[Any]]:
    """Begin a transaction on a connection of the app."""
    async with psycopg_connector(app).pool.connection() as connection, connection.transaction():
        yield connection


async def defer(
    app: App,
    name: str,
    reference_id: UUID,
    *,
    connection: AsyncConnection[Any] | None = None,
    delay: float = 0.0,
    **arguments: Any,  # noqa: ANN401 - plain JSON
) -> None:
    """Defer the job of a payment, by the name of its task, unless it has one of this task that waits.

    Raises:
        InvalidInputError: the connection cannot have the job in a transaction of its caller.
    """
    task: Task[Any, Any, Any] = app.tasks[name]
    options: dict[str, Any] = {"queueing_lock": lock_of(name, reference_id)}
    if delay > 0.0:
        options["schedule_in"] = {"microseconds": int(delay * 1e6)}
    if connection is not None:
        options["connection"] = connection
    values = {"reference_id": str(reference_id), **arguments}
    alias = alias_of(app.connector)
    if alias is not None:
        await defer_with_django(task, alias, options, values)
        return
    with suppress(AlreadyEnqueued):
        async with _savepoint(connection):
            await task.configure(**options).defer_async(**values)


async def defer_check(
    app: App,
    reference_id: UUID,
    kind: ExecutionKind,
    began_at: str,
    *,
    failures: int = 0,
    delay: float = 0.0,
    connection: AsyncConnection[Any] | None = None,
) -> None:
    """Defer the next status check of a payment; it raises what `defer` raises."""
    arguments = {"kind": str(kind), "began_at": began_at, "failures": failures}
    await defer(app, CHECK, reference_id, connection=connection, delay=delay, **arguments)


@asynccontextmanager
async def _savepoint(connection: AsyncConnection[Any] | None) -> AsyncIterator[None]:
    """Keep a job that exists already from ending the caller's transaction."""
    if connection is None:
        yield
        return
    if not isinstance(connection, AsyncConnection):
        sentence = (
            "connection must be a psycopg.AsyncConnection that is in a transaction of yours, not a "
            f"{type(connection).__module__}.{type(connection).__qualname__}"
        )
        raise InvalidInputError(sentence)
    if connection.info.transaction_status == TransactionStatus.IDLE:
        if connection.autocommit:
            sentence = (
                "the connection is in autocommit and in no transaction, so your change and the job would not commit "
                "together: put both into `async with connection.transaction():`"
            )
            raise InvalidInputError(sentence)
        # Else the block below would be the whole transaction, and commit the job before the caller's own change.
        await connection.execute("SELECT 1")
    async with connection.transaction():
        yield
