"""Which transaction of the caller an outcome is marked in."""

from __future__ import annotations

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.connection import ConnectionProxy

from dollr_async.base.errors import InvalidInputError
from dollr_async.integrations.django.callers import OpenTransaction, transaction_of, transaction_of_the_caller


async def marking_transaction(alias: str, connection: object) -> OpenTransaction | None:
    """Return the transaction in which the mark is made, or None when it is made at once.

    `alias` is the journal's database. `connection` is what the caller gave: an alias, a connection of Django, or None.

    Raises:
        InvalidInputError: it is neither, it is of another database, or no transaction is open on it.
    """
    if connection is None:
        return await transaction_of_the_caller(alias)
    given = _alias_of(connection)
    if given != alias:
        sentence = (
            f"the connection is of the database {given!r}, and the journal is in {alias!r}: the mark commits together "
            "only with changes in the journal's own database"
        )
        raise InvalidInputError(sentence)
    if isinstance(connection, BaseDatabaseWrapper):
        found = transaction_of(connection)
    else:
        found = await transaction_of_the_caller(alias)
    if found is None:
        sentence = (
            f"no transaction is open on the database {alias!r} here: mark inside 'with transaction.atomic(using=...)', "
            "or call handled() without a connection, which marks at once"
        )
        raise InvalidInputError(sentence)
    return found


def _alias_of(connection: object) -> str:
    if isinstance(connection, str) and connection in connections:
        return connection
    if isinstance(connection, (BaseDatabaseWrapper, ConnectionProxy)):
        alias: str = connection.alias
        return alias
    sentence = (
        f"handled() takes an alias such as 'default', or a connection of Django, not {connection!r}: so that the mark "
        "commits together with your changes"
    )
    raise InvalidInputError(sentence)
