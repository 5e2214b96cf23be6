"""What every flow of money does: it makes a session and sends its execution; a subclass adds the steps before them."""

from __future__ import annotations

import logging
import math
from abc import ABC, abstractmethod
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from dollr_async.base.enums import ExecutionKind
from dollr_async.base.errors import (
    DecodeError,
    NotFoundError,
    ReferenceUsedError,
)
from dollr_async.base.progress import resume_call
from dollr_async.flows.contested import check_money
from dollr_async.flows.steps import known, made_id, side_by_side
from dollr_async.resources.executions import about
from dollr_async.wire.retry import RetryPolicy

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable
    from datetime import datetime
    from uuid import UUID

    from dollr_async.base.clock import Clock
    from dollr_async.base.progress import Progress
    from dollr_async.flows.attempt import Attempt
    from dollr_async.flows.contested import Money
    from dollr_async.flows.steps import Steps
    from dollr_async.resources.executions import Execution
    from dollr_async.resources.groups import Groups
    from dollr_async.resources.sessions import CheckoutSession, PayoutSession, RefundSession, TransferSession

    AnySession = CheckoutSession | PayoutSession | TransferSession | RefundSession

logger = logging.getLogger("dollr_async.collect")

ONCE = RetryPolicy(attempts=1)
"""For the execution and the status checks after it: recovery decides whether they are repeated, not the HTTP caller."""


class Flow(ABC):
    """What every flow does; a subclass makes the session, sends the execution, and adds the steps before them."""

    kind: ClassVar[ExecutionKind]
    first_step: str = "session"
    """The step beside which a caller's reference is checked; a failure of that check is reported as this step's."""

    def __init__(self, api: Groups, steps: Steps, clock: Clock, *, is_own_reference: bool) -> None:
        """Keep what the flow needs; its reference is the one of its steps."""
        self._api = api
        self._steps = steps
        self._clock = clock
        self._session_ends: datetime | None = None
        self._currency: str | None = None
        self.is_own_reference = is_own_reference
        self.session_expires_at = math.inf
        self.is_contested = False

    @property
    def progress(self) -> Progress:
        """Every id made so far."""
        return self._steps.progress

    @property
    def reference_id(self) -> UUID:
        """The payment's key."""
        return self._steps.progress.reference_id

    @property
    def _session_id(self) -> int:
        return self._steps.progress.session_id or 0

    @property
    def _account_id(self) -> int:
        return self._steps.progress.payment_account_id or 0

    async def prepare(self) -> None:
        """Make everything that the execution needs.

        Raises:
            StepFailed: a step failed; the branches beside it have ended.
            ReferenceUsedError: the caller's reference names a payment already; nothing was published.
        """
        await side_by_side(self._prepare)

    async def _prepare(self, branches: asyncio.TaskGroup) -> None:
        unused = self._unused(branches)
        await self.renew()
        await unused

    @abstractmethod
    async def renew(self) -> None:
        """Make a session, the first or one that replaces an expired one."""

    @abstractmethod
    async def _execute(self) -> Execution:
        """Execute the session once, under the payment's reference."""

    @abstractmethod
    def _money(self) -> Money:
        """Return what this payment was asked to move."""

    async def send(self) -> Execution:
        """Execute the session once, under the payment's reference.

        Raises:
            DecodeError: the answer is about another payment, which leaves this one in doubt.
        """
        return about(await self._execute(), self.reference_id)

    def _unused(self, branches: asyncio.TaskGroup) -> Awaitable[None]:
        """Begin to make sure that a caller's reference names no payment yet (docs/design.md, rule 7)."""
        return known(None) if self.is_own_reference else branches.create_task(self._check_reference())

    async def _check_reference(self) -> None:
        await self._steps.step(
            self.first_step, self._check_unused, shows=lambda _: "reference unused", is_read=True, is_kept=False
        )

    async def _check_unused(self) -> None:
        reference_id = self.reference_id
        found: Execution | None = None
        try:
            found = await self._api.status.of(self.kind, reference_id)
        except NotFoundError:
            return
        except DecodeError as error:
            if error.status is None:
                raise
        raise self._used(found, self.kind)

    def _used(self, found: Execution | None, kind: ExecutionKind) -> ReferenceUsedError:
        reference_id = self.reference_id
        message = (
            f"reference {reference_id} already names a {kind.lower()}: follow it with "
            f"{resume_call('watch', reference_id, kind)}, and do not pay again before you know how it ended"
        )
        return ReferenceUsedError(message, reference_id=reference_id, execution=found)

    async def _open(self, making: Callable[[], Awaitable[AnySession]]) -> None:
        """Take the step that makes a session, the first or one that replaces an expired one."""
        session = await self._steps.step(
            "session", making, makes=lambda session: {"session_id": session.id}, shows=made_id
        )
        # Counted from the answer: a session that is thought expired while it is not could be executed twice.
        life = session_life(session.expires_at, session.created_at)
        self.session_expires_at = self._clock.monotonic() + life
        self._session_ends = None if math.isinf(life) else self._clock.now() + timedelta(seconds=life)

    def restore(self) -> None:
        """Resume the execution that an earlier run began: the same session, the same body."""
        run = self._steps.run
        self._currency = run.payer_currency
        self._session_ends = run.session_expires_at
        if run.session_expires_at is not None:
            left = (run.session_expires_at - self._clock.now()).total_seconds()
            self.session_expires_at = self._clock.monotonic() + left

    async def before_send(self, attempt: Attempt) -> None:
        """Store durably that an execution is about to be sent (docs/design.md, rule 1)."""
        await self._steps.run.before_send(
            self._steps.progress, attempt, session_expires_at=self._session_ends, payer_currency=self._currency
        )

    async def after_send(self, attempt: Attempt) -> None:
        """Record how a send ended."""
        await self._steps.run.after_send(attempt)

    async def check(self) -> Execution:
        """Check the status of the reference once."""
        return await self._api.status.of(self.kind, self.reference_id, retry=ONCE)

    async def check_other_kinds(self) -> None:
        """Check once whether the reference names an execution of another kind.

        Raises:
            ReferenceUsedError: it does.
        """
        for kind in ExecutionKind:
            if kind == self.kind:
                continue
            with suppress(NotFoundError):
                found = await self._api.status.of(kind, self.reference_id, retry=ONCE)
                await self._steps.run.refused()
                raise self._used(found, kind)

    async def check_is_ours(self, execution: Execution, *, grace: float) -> None:
        """Refuse an execution that was found after a refusal and is another run's (docs/design.md, rule 2).

        Raises:
            ReferenceUsedError: it moves other money.
        """
        del grace
        check_money(execution, self._money(), self.reference_id)


def session_life(expires_at: datetime, created_at: datetime | None) -> float:
    """Return how long a session lives in seconds, by the API's own two times; without bound when they say nothing."""
    if created_at is None:
        return math.inf
    life = (expires_at - created_at).total_seconds()
    return life if life > 0 else math.inf
