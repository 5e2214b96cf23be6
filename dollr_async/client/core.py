"""What all methods of the client share: the settings, opening and closing, and how a payment runs."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Self, TypeVar

from dollr_async.base import fields
from dollr_async.base.clock import LoopClock
from dollr_async.base.enums import ExecutionKind
from dollr_async.base.errors import ConfigurationError, InvalidInputError
from dollr_async.base.progress import Progress
from dollr_async.base.reporting import ObservedOperation, notifier
from dollr_async.client.settings import (
    checked_per_second,
    checked_poll_budget,
    checked_token_store,
    close_with_client,
    credential,
    secret_source,
)
from dollr_async.flows.check_limit import CheckLimit
from dollr_async.flows.runner import reference_noted, run
from dollr_async.flows.steps import Steps
from dollr_async.following.policy import PollPolicy
from dollr_async.following.registry import PollerRegistry
from dollr_async.following.schedule import PollSchedule
from dollr_async.push.settings import RealtimeSettings
from dollr_async.resources.groups import Groups
from dollr_async.wire.caller import HttpCaller
from dollr_async.wire.options import CallOptions, app_name
from dollr_async.wire.retry import RetryPolicy
from dollr_async.wire.session import CLOSED, SessionManager
from dollr_async.wire.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from uuid import UUID

    import aiohttp

    from dollr_async.base.clock import Clock
    from dollr_async.base.fields import Secret
    from dollr_async.base.observing import Observer
    from dollr_async.base.reporting import Notify
    from dollr_async.base.sharing import PollBudget, TokenStore
    from dollr_async.flows.flow import Flow
    from dollr_async.journal.client_journal import ClientJournal, PaymentTerms
    from dollr_async.journal.outcome_reader import OutcomeReader
    from dollr_async.journal.protocol import Journal
    from dollr_async.push.connection import PushConnection
    from dollr_async.resources.executions import Execution

T = TypeVar("T")
P = TypeVar("P", bound="PaymentTerms")
if TYPE_CHECKING:
    MakeFlow = Callable[[Groups, P, Steps, Clock], Flow]
DEFAULT_BASE_URL = "https://api.heydollr.app"
_OPERATIONS = {
    ExecutionKind.COLLECTION: "collect",
    ExecutionKind.PAYOUT: "payout",
    ExecutionKind.TRANSFER: "transfer",
    ExecutionKind.REFUND: "refund",
}
_RETRY = RetryPolicy()
_POLLING = PollPolicy()


class ClientCore(Groups):
    """The settings and the connection of one client. The classes with the public methods build on it."""

    def __init__(
        self,
        client_id: str | None = None,
        client_secret: str | Callable[[], str] | None = None,
        *,
        base_url: str | None = None,
        session: aiohttp.ClientSession | None = None,
        timeout: float = 30.0,
        retry: RetryPolicy = _RETRY,
        polling: PollPolicy = _POLLING,
        journal: Journal | None = None,
        max_polls_per_second: float | None = None,
        realtime: RealtimeSettings | None = None,
        app_info: tuple[str, str | None] | None = None,
        token_store: TokenStore | None = None,
        poll_budget: PollBudget | None = None,
        observer: Observer | None = None,
    ) -> None:
        """Check the settings and build the parts of the client. Nothing is sent."""
        self._retry, self._polling = checked_policies(retry, polling)
        self._client: Self | None = None
        self._outcome_reader: OutcomeReader | None = None
        self._options = CallOptions()
        self._clock = LoopClock()
        self._notify = notifier(observer)
        self._check_limit = CheckLimit(self._clock)
        transport = Transport(
            base_url or os.environ.get("DOLLR_BASE_URL") or DEFAULT_BASE_URL,
            timeout=fields.seconds("timeout", timeout),
            session=session,
            app=app_name(app_info),
        )
        identifier, secret = credential(client_id, "client_id"), secret_source(client_secret)
        self._session = SessionManager(
            transport,
            client_id=identifier,
            client_secret=secret,
            retry=self._retry,
            clock=self._clock,
            token_store=checked_token_store(token_store),
            notify=self._notify,
        )
        super().__init__(HttpCaller(self._session, retry=self._retry, clock=self._clock, notify=self._notify))
        # A function is asked here too, so that one that fails is found at the start. One key serves the client's whole
        # life: with a secret that was rotated meanwhile, the journal compares what it keeps as plain text.
        self._journal = None if journal is None else _client_journal(journal, secret(), self._clock, self._notify)
        schedule = PollSchedule(
            self._clock,
            check_open=self._session.check_open,
            per_second=checked_per_second(max_polls_per_second),
            budget=checked_poll_budget(poll_budget, max_polls_per_second),
            max_retry_after=self._retry.max_retry_after,
            notify=self._notify,
        )
        self._shared = [part for part in (token_store, poll_budget) if part is not None]
        self._realtime = None if realtime is None else self._push_connection(realtime)
        self._registry = PollerRegistry(
            self.status, schedule, policy=self._polling, clock=self._clock, journal=self._journal, push=self._realtime
        )

    async def __aenter__(self) -> Self:
        """Return the client. It opens at its first request."""
        self._session.check_open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the client."""
        await self.close()

    async def close(self) -> None:
        """End the background work and close the connections. You may close twice. Closing a view does nothing.

        Raises:
            ConfigurationError: the client was opened in another event loop that is still running.
        """
        if self._client is not None:
            return
        if self._realtime is not None:
            await self._realtime.close()
        await self._session.close()
        await self._registry.close(ConfigurationError(CLOSED))
        if self._journal is not None:
            await self._journal.close()
        for part in self._shared:
            await close_with_client(part)

    def _push_connection(self, settings: RealtimeSettings) -> PushConnection:
        # A program that uses no push does not import it.
        from dollr_async.push.connection import PushConnection  # noqa: PLC0415 - see above

        return PushConnection(
            _checked(settings, RealtimeSettings, "realtime", "url, anon_key"),
            connect=self._session.websocket,
            keys=self.realtime_keys,
            retry=self._retry,
            clock=self._clock,
        )

    async def _run_payment(self, terms: P, reference_id: UUID, make_flow: MakeFlow[P]) -> tuple[Execution, Flow]:
        """Run a payment until its execution is surely accepted; with a journal, from where the last run stopped."""
        self._session.check_open()
        steps = self._new_steps(reference_id)
        flow = make_flow(self, terms, steps, self._clock)
        run_flow = partial(run, flow, steps, retry=self._retry, grace=self._polling.not_found_grace, clock=self._clock)
        observed = ObservedOperation(self._notify, self._clock, _OPERATIONS[flow.kind], reference_id, flow.kind)
        with observed, reference_noted(flow, reference_id), self._registry.running(reference_id):
            if self._journal is None:
                execution = await run_flow()
            else:
                async with await self._journal.claim(terms, reference_id, flow.kind) as journaled:
                    steps.continue_with(journaled, journaled.progress)
                    execution = await run_flow()
            observed.status = execution.status
            return execution, flow

    def _new_steps(self, reference_id: UUID) -> Steps:
        return Steps(
            Progress(reference_id=reference_id),
            self._clock,
            retry=self._retry,
            check_limit=self._check_limit,
            notify=self._notify,
        )


def checked_policies(retry: RetryPolicy, polling: PollPolicy) -> tuple[RetryPolicy, PollPolicy]:
    """Return two policies that fit together; an `InvalidInputError` says why they do not."""
    _checked(retry, RetryPolicy, "retry")
    _checked(polling, PollPolicy, "polling")
    if retry.recovery <= polling.not_found_grace:
        sentence = (
            f"RetryPolicy.recovery ({retry.recovery:g} s) must be longer than PollPolicy.not_found_grace "
            f"({polling.not_found_grace:g} s): a 404 counts only after that period"
        )
        raise InvalidInputError(sentence)
    return retry, polling


def _client_journal(journal: Journal, client_secret: Secret, clock: Clock, notify: Notify | None) -> ClientJournal:
    # A program that uses no journal does not import it.
    from dollr_async.journal.client_journal import ClientJournal  # noqa: PLC0415 - see above

    return ClientJournal(journal, client_secret.reveal(), clock, notify)


def _checked(value: T, kind: type[T], name: str, parts: str = "") -> T:
    if not isinstance(value, kind):
        sentence = f"{name} must be a {kind.__name__}, as in {name}={kind.__name__}({parts})"
        raise InvalidInputError(sentence)
    return value
