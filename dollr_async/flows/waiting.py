"""Waiting for the end of a payment: the COMPLETED execution, or an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dollr_async.base.enums import ExecutionStatus
from dollr_async.base.errors import ActionRequiredError, PaymentFailedError
from dollr_async.base.progress import resume_call

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from dollr_async.following.watch import Watch
    from dollr_async.resources.executions import Execution


async def final_execution(
    watch: Watch,
    *,
    raise_on_action: bool,
    client_secret: str | None = None,
    check_is_ours: Callable[[Execution], Awaitable[None]] | None = None,
) -> Execution:
    """Follow a payment to its final status, and return its COMPLETED execution, once it is surely this payment's.

    It raises what `_completed` and `check_is_ours` raise.
    """
    with watch.reported_wait() as operation:
        execution = await _completed(watch, raise_on_action=raise_on_action, client_secret=client_secret)
        operation.status = execution.status
        if check_is_ours is not None:
            await check_is_ours(execution)
        return execution


async def _completed(watch: Watch, *, raise_on_action: bool, client_secret: str | None) -> Execution:
    """Follow a payment to its final status and return the COMPLETED execution.

    Raises:
        PaymentFailedError: it ended in FAILED.
        ActionRequiredError: its payer has to confirm a card, unless `raise_on_action` is False.
        PollTimeoutError: it was not final in time; it has not failed.
    """
    async for change in watch:
        execution = change.execution
        if change.status == ExecutionStatus.FAILED:
            words = "; ".join(word for word in (execution.gateway_message, execution.wallet_message) if word)
            message = f"payment {change.reference_id} failed: {words or 'the API gave no reason'}"
            raise PaymentFailedError(message, reference_id=change.reference_id, execution=execution)
        if change.is_final:
            return execution
        if raise_on_action and change.requires_action:
            following = resume_call("wait", change.reference_id, more=", raise_on_action=False")
            message = (
                f"payment {change.reference_id} waits for its payer: confirm the card in the browser with this error's "
                f"client_secret, then follow the payment again with {following}"
            )
            raise ActionRequiredError(
                message,
                reference_id=change.reference_id,
                execution=execution,
                client_secret=execution.client_secret or client_secret,
            )
    raise AssertionError  # pragma: no cover - a watch ends with a final change or an error
