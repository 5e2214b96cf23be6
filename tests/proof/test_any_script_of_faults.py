"""Any script of faults, and any interleaving of collects, watches, cancellations and crashes, on a virtual clock.

In every case: a reference has at most one movement, and so has an order, which a caller pays anew when an error says
that no money moved. No movement has a reference that the caller does not know, every movement that landed is found, and
nothing is reported as failed or as not run that is neither in the ledger. Runs of one reference meet, with and without
a journal, and executions arrive twice. What was met is counted: a situation that did not occur fails the proof.
"""

from __future__ import annotations

import os
from itertools import product

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.proof.answers import FOREIGN
from tests.proof.any_script import MET, AnyScript
from tests.proof.orders import JOURNAL
from tests.proof.scripts import RUNS, SCRIPTS, SUCCESSFUL, Caller
from tests.proof.situations import SITUATIONS

_REST = pytest.param("plain", marks=pytest.mark.full(reason="it is the same without a journal"))
_EXAMPLES = int(os.environ.get("DOLLR_PROOF_EXAMPLES", "10"))
_ENOUGH = 200
"""With so many examples every situation has to be met."""


@pytest.mark.parametrize("run", [JOURNAL, _REST])
def test_whatever_an_execution_meets_its_order_is_paid_once(run: str) -> None:
    MET.clear()
    machine = AnyScript()
    try:
        machine.the_api_has_its_ways(lag=5.0, words=SUCCESSFUL, repeated="refused")
        for faults in SCRIPTS:
            machine.callers_collect([Caller(run=run, faults=faults)])
            machine.all_callers_end()
            assert machine.sends_of_the_latest <= _sends_allowed(faults), f"a landed execution was resent: {faults}"
        for fault in FOREIGN:  # the first check, before anything is sent, is answered in time
            machine.callers_collect([Caller(run=run, faults=["lose_answer"], check_faults=["in time", fault])])
            machine.all_callers_end()
        for other, gap in product(RUNS, (0.0, 0.5, 4.0)):
            machine.two_runs_of_one_payment_meet("direct invoice", run, other, amount="", gap=gap, seconds=0.0)
            machine.all_callers_end()
    finally:
        machine.teardown()
    _check_met()


def test_whatever_happens_in_any_order_each_order_is_paid_once() -> None:
    MET.clear()
    run_state_machine_as_test(AnyScript, settings=settings(max_examples=_EXAMPLES, stateful_step_count=25))
    if _EXAMPLES >= _ENOUGH:
        _check_met()


def _sends_allowed(faults: list[str]) -> int:
    """Return how often one execution may arrive: what is late may do so after it was sent again."""
    return 2 if any(fault == "twice" or fault.endswith("late") for fault in faults) else 1


def _check_met() -> None:
    print(*(f"{name:45} {number:6}" for name, number in sorted(MET.items())), sep="\n")  # noqa: T201 - shown with -s
    for situation in (*SITUATIONS, "runs beside another", "payments that were not run", "orders paid anew"):
        assert MET[situation], f"never met: {situation}"
