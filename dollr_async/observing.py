"""Typed events of a client, for metrics, traces and logs.

Pass any object with a method `observe(event)` as `DollrClient(observer=...)`. Events have no personal data.
"""

from dollr_async.base.observing import (
    BudgetWaited,
    DoubtBegan,
    DoubtEnded,
    Event,
    JournalWritten,
    Observer,
    OperationBegan,
    OperationEnded,
    RequestEnded,
    StatusChecked,
    StepEnded,
    TokenFetched,
)

__all__ = [
    "BudgetWaited",
    "DoubtBegan",
    "DoubtEnded",
    "Event",
    "JournalWritten",
    "Observer",
    "OperationBegan",
    "OperationEnded",
    "RequestEnded",
    "StatusChecked",
    "StepEnded",
    "TokenFetched",
]
