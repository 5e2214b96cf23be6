"""A Procrastinate app with its tables, a journal and a table of deliveries, in a schema of a test's own."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg
from procrastinate import App, PsycopgConnector
from psycopg.sql import SQL, Identifier

from tests.support.postgres import CONNINFO, own_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dollr_async import Outcome

_DELIVERIES: LiteralString = "CREATE TABLE deliveries (reference_id TEXT PRIMARY KEY, status TEXT NOT NULL)"


def new_app(schema: str, *, connections: int = 10) -> App:
    """Return an app whose tables are in this schema; it is not open."""
    options = {"options": f"-c search_path={schema}"}
    return App(connector=PsycopgConnector(conninfo=CONNINFO, kwargs=options, min_size=1, max_size=connections))


@contextmanager
def queue_schema() -> Iterator[str]:
    """Make a schema with the tables of Procrastinate and of the deliveries; at the end it is dropped."""
    with own_schema() as schema:
        with connect(schema) as connection:
            connection.execute(SQL("CREATE SCHEMA {}").format(Identifier(schema)))
            connection.execute(_DELIVERIES)
        app = new_app(schema)
        with app.open():
            app.schema_manager.apply_schema()
        yield schema


def connect(schema: str) -> psycopg.Connection[tuple[Any, ...]]:
    """Connect to a schema, in autocommit."""
    return psycopg.connect(CONNINFO, autocommit=True, options=f"-c search_path={schema}")


def rows(schema: str, question: LiteralString) -> list[tuple[Any, ...]]:
    """Return the rows of a query."""
    with connect(schema) as connection:
        return connection.execute(question).fetchall()


async def deliver(outcome: Outcome, connection: psycopg.AsyncConnection[Any]) -> None:
    """Deliver an outcome: one row, whose second insert fails."""
    values = (str(outcome.reference_id), str(outcome.status))
    await connection.execute("INSERT INTO deliveries (reference_id, status) VALUES (%s, %s)", values)
