"""The parts of a script of faults, for hypothesis: what fails, and what one caller does and meets."""

from __future__ import annotations

from typing import NamedTuple

import hypothesis.strategies as st

from dollr_async.sandbox import Fault
from tests.proof.answers import CONFLICTS, CONFLICTS_AFTER, CONFLICTS_BEFORE, FOREIGN, REFUSALS
from tests.proof.orders import JOURNAL

_ORDINARY: dict[str, Fault | str | int] = {
    **{
        word: word
        for word in (
            "lose_answer",
            "drop",
            "hang",
            "hang_after",
            "server_error",
            "server_error_after",
            "cut_body",
            "garbage",
            "broken_json",
            "redirect",
            "rate_limited",
            "408_after",
            "422_after",
            "401",
            "403",
            "422",
        )
    },
    **{f"{seconds} s late": Fault.latency(seconds) for seconds in (12, 45, 100)},
}
NAMED: dict[str, Fault | str | int] = {
    **_ORDINARY,
    **REFUSALS,
    **CONFLICTS,
    **FOREIGN,
    "twice": "twice",
    "in time": Fault.latency(0.0),
}
"""Every fault by its name, as a script that fails is written out."""

FAULTS = st.sampled_from(sorted(_ORDINARY))
"""What may happen to any request."""

_DOUBTS = ["100 s late", "45 s late", "lose_answer", "hang_after", "server_error_after", *FOREIGN]
_REFUSED = [*REFUSALS, *CONFLICTS_BEFORE]
_PHONES = {"approved": "231771234567", "declined": "231770000002", "failed at once": "231770000005"}

ROUTES = st.sampled_from(["invoice", "order", "direct invoice", "card", "known source"])
PHONES = st.sampled_from(sorted(_PHONES.values()))
RUNS = [JOURNAL, "plain", "another"]
"""The clients of a process: one with a journal, and two without."""

PAUSES = st.sampled_from([40.0, 0.5, 0.01, 0.0, 5.0, 200.0, 2000.0])
GAPS = st.sampled_from([0.5, 0.0, 2.0, 4.0])
LAGS = st.sampled_from([5.0, 0.0, 0.5, 2.0])
AMOUNTS = st.sampled_from(["", "", "249.00"])
SUCCESSFUL = {"COMPLETED": "SUCCESSFUL"}
WORDS = st.sampled_from([SUCCESSFUL, {**SUCCESSFUL, "PROCESSING": "HELD"}, {}])

SCRIPTS = [
    # What may still land, or has landed, seems to be refused when it is sent again.
    *([doubt, refused] for doubt in _DOUBTS for refused in _REFUSED),
    # What has landed seems to be refused.
    *([conflict] for conflict in CONFLICTS_AFTER),
    *([fault] for fault in ["twice", *FOREIGN]),
    *([refused] for refused in _REFUSED),
    *([fault] for fault in _ORDINARY),
    # The most sends of one request, and a token that is refused again.
    ["rate_limited"] * 4,
    ["401"] * 2,
]
"""What the sends of one execution may meet, one after the other."""

_ANY = st.lists(st.sampled_from([*_ORDINARY, *FOREIGN]), max_size=3)
_COMMON = [["twice"], *([conflict] for conflict in CONFLICTS_AFTER)]
SEND_FAULTS = st.one_of(st.sampled_from(SCRIPTS), st.sampled_from(_COMMON), _ANY)
_NONE: list[str] = []
CHECK_FAULTS = st.one_of(st.just(_NONE), _ANY)


class Caller(NamedTuple):
    """One caller: how it collects, which faults it meets, and what happens `seconds` later.

    After a crash it collects again under the same reference, where it has a journal, and meets `again`.
    """

    run: str
    faults: list[str]
    check_faults: list[str] = _NONE
    route: str = "direct invoice"
    phone: str = _PHONES["approved"]
    waits: bool = False
    seconds: float = 0.0
    is_crashed: bool = False
    again: list[str] = _NONE


CALLERS = st.lists(
    st.builds(
        Caller,
        route=ROUTES,
        phone=PHONES,
        run=st.sampled_from([*RUNS, "own reference"]),
        faults=SEND_FAULTS,
        check_faults=CHECK_FAULTS,
        waits=st.booleans(),
        seconds=PAUSES,
        is_crashed=st.booleans(),
        again=st.sampled_from([[], *([refused] for refused in _REFUSED)]),
    ),
    min_size=1,
    max_size=4,
)
