"""What happens to an execution while its process is killed: the events of `python -m tests.proof.kill`."""

from __future__ import annotations

from typing import NamedTuple

from dollr_async.sandbox import Fault
from tests.proof.answers import CONFLICTS, FOREIGN_AFTER

_FOREIGN, _FOREIGN_FAILED = FOREIGN_AFTER.values()
_UNUSED = Fault.answer(404, {"detail": "Execution not found"})
"""What the first status check says, before anything is sent: the reference is not known, or not yet."""


class Event(NamedTuple):
    """What happens to an execution: faults of the sandbox, another run, or a first crash.

    `begin` is where the count of steps begins. `end` is how a run ends that is not killed, `ends` how the one after it
    may. `sends` is how often the API may receive an execution that has landed.
    """

    faults: tuple[tuple[str, Fault | str], ...] = ()
    crash: str = ""
    begin: str = "send"
    has_another_run: bool = False
    end: str = "COMPLETED"
    ends: tuple[str, ...] = ("COMPLETED",)
    sends: int = 1


EVENTS = {
    "": Event(begin="start"),
    "answer lost after the work": Event((("collect", "lose_answer"),)),
    "dropped before the work": Event((("collect", "drop"),)),
    "crashed before the send": Event(crash="before the send", begin="start"),
    "crashed after the landing": Event(crash="after the landing", begin="start"),
    "conflict after the work": Event((("collect", CONFLICTS["in progress, after the work"]),)),
    "conflict before the work": Event((("collect", CONFLICTS["in progress"]),), end="CollectError"),
    "session refused after the work": Event((("collect", CONFLICTS["session expired, after the work"]),)),
    "delivered twice": Event((("collect", "twice"),), sends=2),
    "answered about another payment": Event(
        (
            ("collect", _FOREIGN),
            ("get_collection_status", _UNUSED),
            ("get_collection_status", _FOREIGN_FAILED),
            ("get_collection_status", _FOREIGN),
        )
    ),
    # Where the process was killed before it could store the conflict, what is found counts as its own.
    "another run": Event(
        (("get_collection_status", _UNUSED),),
        has_another_run=True,
        end="ReferenceUsedError",
        ends=("ReferenceUsedError", "COMPLETED"),
        sends=2,
    ),
}
