"""What is different in a Django project: jobs are deferred, and outcomes handled, on Django's own connection."""

from __future__ import annotations

import sys
from contextlib import suppress
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any

from dollr_async.base.errors import InvalidInputError
from dollr_async.base.extras import extra

with extra("procrastinate"):
    from procrastinate.exceptions import AlreadyEnqueued

if TYPE_CHECKING:
    from collections.abc import Callable

    from procrastinate.tasks import Task

    from dollr_async.flows.outcome import Outcome

_MODULE = "procrastinate.contrib.django.django_connector"


def alias_of(connector: Any) -> str | None:  # noqa: ANN401 - some have attributes of their own
    """Return the database of a connector of Django, or None for any other connector."""
    # Whoever made one has loaded its module. Others need no Django.
    module = sys.modules.get(_MODULE)
    if module is None or not isinstance(connector, module.DjangoConnector):
        return None
    alias: str = connector.alias
    return alias


async def defer_with_django(
    task: Task[Any, Any, Any], alias: str, options: dict[str, Any], arguments: dict[str, Any]
) -> None:
    """Defer a job on Django's connection: in the transaction that is open there, or at once.

    Raises:
        InvalidInputError: a connection was given.
    """
    from asgiref.sync import sync_to_async  # noqa: PLC0415 - only a Django project has it
    from django.db import transaction  # noqa: PLC0415 - as above

    if "connection" in options:
        sentence = (
            "in a Django project the job is deferred on Django's own connection: leave connection out, and open "
            f"transaction.atomic(using={alias!r}) around your change and this call"
        )
        raise InvalidInputError(sentence)

    def defer() -> None:
        # A savepoint, since a job that exists already must not end the caller's transaction.
        with suppress(AlreadyEnqueued), transaction.atomic(using=alias):
            task.configure(**options).defer(**arguments)

    await sync_to_async(defer, thread_sensitive=True)()


async def deliver_with_django(outcome: Outcome, alias: str, on_outcome: Callable[[Outcome, Any], Any]) -> None:
    """Handle an outcome and mark it, in one transaction of Django.

    Raises:
        AlreadyHandledError: another worker has marked it. Nothing was changed.
        Exception: the handler raised it. Nothing was changed.
    """
    from asgiref.sync import async_to_sync, sync_to_async  # noqa: PLC0415 - only a Django project has it
    from django.db import close_old_connections, connections, transaction  # noqa: PLC0415 - as above

    def deliver() -> None:
        close_old_connections()
        try:
            with transaction.atomic(using=alias, durable=True):
                # The mark comes first: it locks the payment, so that no second worker calls the handler meanwhile.
                async_to_sync(outcome.handled)(alias)
                if iscoroutinefunction(on_outcome):
                    async_to_sync(on_outcome)(outcome, connections[alias])
                else:
                    on_outcome(outcome, connections[alias])
        finally:
            close_old_connections()

    await sync_to_async(deliver, thread_sensitive=True)()
