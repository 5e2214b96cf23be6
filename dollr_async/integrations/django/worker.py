"""The worker behind the commands: hands each outcome to the receivers of `payment_settled`, in one transaction."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import attrs
from asgiref.sync import async_to_sync, sync_to_async
from django.db import transaction

from dollr_async.base.errors import AlreadyHandledError, ConfigurationError
from dollr_async.integrations.django.app_settings import journal_alias
from dollr_async.integrations.django.callers import close_connections, close_old_connections
from dollr_async.integrations.django.clients import dollr
from dollr_async.integrations.django.models import Payment
from dollr_async.integrations.django.signals import payment_settled

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from dollr_async import Outcome

logger = logging.getLogger("dollr_async.integrations.django")


@attrs.define
class Report:
    """What a worker has done."""

    handled: int = 0
    failed: int = 0
    """How many outcomes a receiver raised for; they are handed out again."""


async def work(
    *, idle: float | None, lease: float, stop: asyncio.Event, on_handled: Callable[[Outcome], None]
) -> Report:
    """Hand out outcomes until `stop` is set, or until the work is over as `idle` says. See `DollrClient.outcomes`.

    Raises:
        ConfigurationError: the settings have no journal, or lack something.
        JournalError: the journal could not be read at the start.
        AuthenticationError: the credentials were refused.
    """
    alias = journal_alias()
    if alias is None:
        raise ConfigurationError(
            "the setting JOURNAL of DOLLR is None, so there are no payments to follow: name the alias of a database"
        )
    report = Report()
    outcomes = aiter(dollr().outcomes(idle=idle, lease=lease))
    stopping = asyncio.create_task(stop.wait())
    try:
        while not stop.is_set():
            following = asyncio.create_task(_next(outcomes))
            await asyncio.wait({following, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not following.done():
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)
                break
            outcome = following.result()
            if outcome is None:
                break
            await _handle_logged(outcome, alias, report, on_handled)
    finally:
        stopping.cancel()
        await asyncio.gather(stopping, return_exceptions=True)
        await sync_to_async(close_connections, thread_sensitive=True)()
    return report


async def _next(outcomes: AsyncIterator[Outcome]) -> Outcome | None:
    return await anext(outcomes, None)


async def _handle_logged(outcome: Outcome, alias: str, report: Report, on_handled: Callable[[Outcome], None]) -> None:
    about = {"reference_id": outcome.reference_id}
    try:
        await sync_to_async(handle, thread_sensitive=True)(outcome, alias)
    except AlreadyHandledError:
        logger.info("payment %s: another worker has handled its outcome", outcome.reference_id, extra=about)
    except Exception:
        # Whatever a receiver or its database raises: this payment comes again, and the others go on.
        report.failed += 1
        words = "payment %s: its outcome was not handled, and everything was rolled back; it is handed out again"
        logger.exception(words, outcome.reference_id, extra=about)
    else:
        report.handled += 1
        on_handled(outcome)


def handle(outcome: Outcome, alias: str) -> None:
    """Mark an outcome and send `payment_settled`, in one transaction of this thread.

    Raises:
        AlreadyHandledError: another worker has marked it; no receiver was called.
        Exception: a receiver raised it; nothing was marked.
    """
    close_old_connections()
    try:
        with transaction.atomic(using=alias, durable=True):
            # The mark comes first: it locks the payment, so that no second worker calls the receivers meanwhile.
            async_to_sync(outcome.handled)(alias)
            payment_settled.send(sender=Payment, outcome=outcome)
    finally:
        close_old_connections()
