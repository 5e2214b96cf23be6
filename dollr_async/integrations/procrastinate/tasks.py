"""The three tasks: check a payment, sweep what has no job, and collect."""

from __future__ import annotations

import logging
import uuid
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from dollr_async.base import fields
from dollr_async.base.enums import ExecutionKind
from dollr_async.base.errors import (
    AlreadyHandledError,
    APIStatusError,
    AuthenticationError,
    CollectError,
    ConfigurationError,
    DecodeError,
    DollrError,
    JournalError,
    NotFoundError,
    OutcomeUnknownError,
    RateLimitError,
    TransportError,
)
from dollr_async.base.extras import extra
from dollr_async.integrations.procrastinate.clients import LoopClients
from dollr_async.integrations.procrastinate.django_project import alias_of, deliver_with_django
from dollr_async.integrations.procrastinate.jobs import (
    CHECK,
    COLLECT,
    SWEEP,
    defer,
    defer_check,
    psycopg_connector,
    transaction,
)
from dollr_async.integrations.procrastinate.sweep import restore_jobs, tidy_jobs
from dollr_async.integrations.procrastinate.terms import decoded, encoded

with extra("procrastinate"):
    from procrastinate import BaseRetryStrategy, RetryDecision

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from procrastinate import App
    from procrastinate.jobs import Job
    from psycopg import AsyncConnection

    from dollr_async.client import DollrClient
    from dollr_async.flows.outcome import Outcome

logger = logging.getLogger("dollr_async.integrations.procrastinate")

_EXPECTED = 600.0
"""Seconds in which a payment normally ends. After that the pause between checks grows with its age."""

_CANNOT_ASK = 10.0
_LONGEST_PAUSE = 3600.0
_LONGEST_BACKOFF = 300.0
_COLLECT_ATTEMPTS = 10
_PASSING = frozenset({401, 408, 429})
_SERVER_ERROR = 500


class PaymentTasks:
    """Follows payments, and collects, by jobs of Procrastinate in the database of the journal.

    One status check is one short job, and at most one job of a payment waits. The journal knows what is open and what
    is not handled. A sweep runs by cron, and gives each such payment a job that has none.

    Args:
        make_client: makes the client, with a `PostgresJournal` in the same database. It is called once in each worker,
            at its first job. The client is closed when the worker's event loop ends; the journal is yours to close. In
            a Django project give `dollr` of `dollr_async.integrations.django`.
        on_outcome: is awaited with the `Outcome` and the connection of the transaction that marks it as handled. Do
            your work for it on that connection, and do not call `handled()`. When it raises, the transaction is rolled
            back, the job fails, and another one tries again: after 1, 2, 4 seconds, and so on up to 5 minutes. In a
            Django project the connection is Django's, the transaction is open on it, and a plain function will do.
        queue: the queue of all three tasks.
        sweep_cron: when the sweep runs. A sixth field counts seconds.

    Raises:
        ConfigurationError: Procrastinate is not installed.
    """

    def __init__(
        self,
        make_client: Callable[[], DollrClient],
        on_outcome: Callable[[Outcome, Any], Awaitable[None] | None],
        *,
        queue: str = "dollr",
        sweep_cron: str = "* * * * *",
    ) -> None:
        """Make nothing yet."""
        self._clients = LoopClients(make_client)
        self._on_outcome: Callable[[Outcome, Any], Any] = on_outcome
        self._queue = queue
        self._sweep_cron = sweep_cron
        self._app: App | None = None
        self._alias: str | None = None
        """The database of a Django project, whose own connection handles the outcomes."""

    def register(self, app: App) -> None:
        """Add the tasks `dollr:check`, `dollr:sweep` and `dollr:collect` to an app.

        Raises:
            ConfigurationError: the app's connector is neither a `PsycopgConnector` nor that of a Django project, or the
                tasks were registered before.
        """
        if self._app is not None:
            raise ConfigurationError("these PaymentTasks are registered already: make new ones for another app")
        self._alias = alias_of(app.connector)
        if self._alias is None:
            psycopg_connector(app)
        self._app = app
        retry = _CollectRetry()
        app.task(name=CHECK, queue=self._queue)(self._check)
        app.task(name=COLLECT, queue=self._queue, retry=retry)(self._collect)
        # Never with `lock`: a worker that dies in a sweep would stop all sweeps.
        sweep = app.task(name=SWEEP, queue=self._queue, queueing_lock=SWEEP)(self._sweep)
        app.periodic(cron=self._sweep_cron)(sweep)

    async def follow(
        self,
        reference_id: uuid.UUID | str,
        kind: ExecutionKind | str = ExecutionKind.COLLECTION,
        connection: AsyncConnection[Any] | None = None,
    ) -> None:
        """Defer a job that checks a payment until it ends and handles its outcome. The payment must be in the journal.

        Args:
            reference_id: the payment's key.
            kind: the direction of the money.
            connection: yours, in an open transaction. Then the job commits or rolls back with it.

        Raises:
            InvalidInputError: the reference is not a version-4 UUID, the kind is unknown, or the connection is not in a
                transaction of yours.
            ConfigurationError: `register` was not called.
        """
        reference, kind = fields.reference(reference_id), fields.enum_member(ExecutionKind, kind)
        await defer_check(self._registered(), reference, kind, _now(), connection=connection)

    async def collect(
        self,
        connection: AsyncConnection[Any] | None = None,
        reference_id: uuid.UUID | str | None = None,
        **terms: Any,  # noqa: ANN401 - those of DollrClient.collect, each checked
    ) -> uuid.UUID:
        """Defer a job that collects, and return the reference before anything is sent. More jobs follow the payment.

        The job has the terms, with the payer's name and phone, until it is done. Then the next sweep deletes it.

        Args:
            connection: yours, in an open transaction. Then your order and the job commit or roll back together.
            reference_id: the payment's key, a version-4 UUID; by default a new one.
            **terms: the keywords of `DollrClient.collect`, as plain JSON or the classes that it takes.

        Raises:
            InvalidInputError: `collect` would refuse the terms, a value cannot be held by a job, or the connection is
                not in a transaction of yours. Nothing was deferred.
            ConfigurationError: `register` was not called.
        """
        reference = uuid.uuid4() if reference_id is None else fields.reference(reference_id)
        values = encoded(terms, reference)
        await defer(self._registered(), COLLECT, reference, connection=connection, terms=values)
        return reference

    def _registered(self) -> App:
        if self._app is None:
            raise ConfigurationError("call register(app) first, with the Procrastinate app of your workers")
        return self._app

    async def _check(self, reference_id: str, kind: str, began_at: str, failures: int = 0) -> None:
        reference, direction = uuid.UUID(reference_id), ExecutionKind(kind)
        check_again = partial(defer_check, self._registered(), reference, direction, began_at)
        try:
            pause = await self._check_once(reference, direction, began_at)
        except Exception:
            delay = min(2.0 ** min(failures, 10), _LONGEST_BACKOFF)
            about = {"reference_id": reference}
            logger.exception("payment %s: its job failed, the next try is in %g s", reference, delay, extra=about)
            await check_again(failures=failures + 1, delay=delay)
            raise
        if pause is not None:
            await check_again(delay=pause)

    async def _check_once(self, reference: uuid.UUID, kind: ExecutionKind, began_at: str) -> float | None:
        """Return the seconds until the next check is due, or None when none is."""
        client = self._clients.current()
        if await self._deliver(client, reference):
            return None
        age = max((datetime.now(UTC) - datetime.fromisoformat(began_at)).total_seconds(), 0.0)
        try:
            check = await client.check(reference, kind, age=age)
        except (AuthenticationError, ConfigurationError):
            raise
        except NotFoundError:
            about = {"reference_id": reference}
            logger.warning("payment %s is unknown to the API after %g s", reference, age, extra=about)
            return _pause(_CANNOT_ASK, age)
        except DollrError as error:
            # It says nothing about the payment.
            wished = error.retry_after if isinstance(error, RateLimitError) else None
            return min(max(wished or 0.0, _pause(_CANNOT_ASK, age)), _LONGEST_PAUSE)
        if check.is_final:
            await self._deliver(client, reference)
            return None
        return _pause(check.next_in or 0.0, age)

    async def _deliver(self, client: DollrClient, reference: uuid.UUID) -> bool:
        outcome = await client.outcome(reference)
        if outcome is None:
            return False
        try:
            if self._alias is not None:
                await deliver_with_django(outcome, self._alias, self._on_outcome)
            else:
                async with transaction(self._registered()) as connection:
                    await self._on_outcome(outcome, connection)
                    await outcome.handled(connection)
        except AlreadyHandledError:
            logger.debug(
                "payment %s: another worker has handled its outcome", reference, extra={"reference_id": reference}
            )
        return True

    async def _collect(self, reference_id: str, terms: dict[str, Any]) -> None:
        reference, client = uuid.UUID(reference_id), self._clients.current()
        about = {"reference_id": reference}
        try:
            await client.collect(reference_id=reference, **decoded(terms))
        except (OutcomeUnknownError, DecodeError) as error:
            logger.warning("payment %s is followed, since its outcome is unknown: %s", reference, error, extra=about)
        except DollrError:
            logger.exception("payment %s was not collected", reference, extra=about)
            if await client.outcome(reference) is None:
                raise
            # It surely did not run, which its check hands out.
        await defer_check(self._registered(), reference, ExecutionKind.COLLECTION, _now())

    async def _sweep(self, timestamp: int) -> None:  # noqa: ARG002 - each periodic task of Procrastinate takes it
        app = self._registered()
        await tidy_jobs(app)
        await restore_jobs(app, self._clients.current())


class _CollectRetry(BaseRetryStrategy):
    """Runs a collection again that may succeed later, with growing pauses: the reference keeps it from paying twice."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """Return when to run the job again, or None to let it fail."""
        if job.attempts >= _COLLECT_ATTEMPTS or not _may_pass(exception):
            return None
        return RetryDecision(retry_in={"seconds": min(2**job.attempts, 60)})


def _may_pass(error: BaseException | None) -> bool:
    if isinstance(error, CollectError):
        error = error.__cause__
    if isinstance(error, APIStatusError):
        return error.status in _PASSING or error.status >= _SERVER_ERROR
    return isinstance(error, TransportError | JournalError)


def _pause(next_in: float, age: float) -> float:
    return min(max(next_in, (age - _EXPECTED) / 10.0), _LONGEST_PAUSE)


def _now() -> str:
    return datetime.now(UTC).isoformat()
