"""The status checks of payments and documents that are followed, as an observer sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

from dollr_async.base.enums import ExecutionKind
from dollr_async.base.observing import StatusChecked
from dollr_async.base.reporting import known_word

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from dollr_async.base.clock import Clock
    from dollr_async.base.reporting import Notify
    from dollr_async.resources.executions import Execution
    from dollr_async.resources.status import SourceState

T = TypeVar("T")


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
