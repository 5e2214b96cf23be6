"""The status checks of payments and documents that are followed: what one found, and what an observer sees of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

import attrs

from dollr_async.base.enums import ExecutionKind
from dollr_async.base.observing import StatusChecked
from dollr_async.base.record import JsonRecord
from dollr_async.base.reporting import known_word
from dollr_async.resources.executions import Execution

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from dollr_async.base.clock import Clock
    from dollr_async.base.reporting import Notify
    from dollr_async.resources.status import SourceState

T = TypeVar("T")


@attrs.frozen(kw_only=True, eq=False, repr=False)
class StatusCheck(JsonRecord):
    """What one status check of a payment found.

    `execution` is None while the API does not know the payment yet. `next_in` is the seconds until the next check is
    due, and None when the status is final.
    """

    execution: Execution | None
    is_final: bool
    next_in: float | None


async def reported_check(
    fetch: Awaitable[T], key: tuple[Any, ...], notify: Notify, clock: Clock, *, delay: float = 0.0
) -> T:
    """Await a status check of what `key` names, and report it; `delay` is how much later than due it begins.

    It raises what the check raises.
    """
    began = clock.monotonic()
    kind, identifier = key
    if isinstance(kind, ExecutionKind):
        about: dict[str, Any] = {"kind": str(kind), "reference_id": identifier}
    else:
        about = {"source_type": str(kind), "source_id": identifier}
    try:
        state = await fetch
    except Exception as error:
        notify(StatusChecked(**about, seconds=clock.monotonic() - began, delay=delay, error=type(error).__name__))
        raise
    seconds, status = clock.monotonic() - began, cast("Execution | SourceState", state).status
    notify(StatusChecked(**about, status=known_word(status), is_final=status.is_final, seconds=seconds, delay=delay))
    return state
