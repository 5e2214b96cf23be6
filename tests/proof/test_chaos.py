"""Some payments, in virtual time, of what `python -m tests.proof.chaos` does with thousands."""

from __future__ import annotations

import attrs
import pytest

from dollr_async import PollPolicy, RetryPolicy
from dollr_async.journal import MemoryJournal
from dollr_async.observing import BudgetWaited, Event
from dollr_async.sandbox import Sandbox
from tests.proof.chaos import chaos
from tests.proof.faulty_sandbox import QUIRKS, LocalSandbox, lagging, make_faulty
from tests.proof.figures import Patience
from tests.support.observing import Recorder

_ORDINARY = Patience(retry=RetryPolicy(), polling=PollPolicy(), timeout=30.0, caller=60.0)


_REST = pytest.param(2, marks=pytest.mark.full(reason="it is the same with other faults"))


@pytest.mark.parametrize("seed", [1, _REST])
async def test_whatever_fails_each_order_is_paid_once_and_reported_as_it_is(seed: int) -> None:
    async with Sandbox(seed=seed, quirks=QUIRKS) as sandbox, lagging(sandbox, 5.0, seed):
        make_faulty(sandbox, seed, late=45.0)
        figures = await chaos(
            LocalSandbox(sandbox), MemoryJournal(), payments=60, at_once=10, seed=seed, patience=_ORDINARY
        )
    assert figures.violations == 0, figures.examples
    assert figures.faults > figures.collections
    assert figures.charged > 0
    assert figures.unknown > 0
    assert figures.reconciled == figures.unknown
    # Real sockets do not keep virtual time, so what is met with which seed differs from run to run.
    assert len(figures.never_met) <= len(figures.met) // 3, figures.met


async def test_no_event_of_an_observer_says_who_pays_what_for() -> None:
    seen = Recorder()
    async with Sandbox(seed=3, quirks=QUIRKS) as sandbox, lagging(sandbox, 5.0, 3):
        make_faulty(sandbox, 3, late=45.0)
        patience = attrs.evolve(_ORDINARY, observer=seen)
        await chaos(LocalSandbox(sandbox), MemoryJournal(), payments=24, at_once=8, seed=3, patience=patience)
        bodies = [request.answer.body for request in sandbox.requests if request.answer is not None]
        tokens = {str(body["access_token"]) for body in bodies if isinstance(body, dict) and "access_token" in body}
        secrets = {sandbox.client_id, sandbox.client_secret, *tokens}
    assert {type(event) for event in seen.events} == set(Event.__subclasses__()) - {BudgetWaited}
    written = seen.written()
    personal = ("Amara", "Kamara", "Binta", "Diallo", "771234567", "770000002", "Strategy", "Notes", "pm_card_visa")
    assert [word for word in (*personal, *secrets) if word in written] == []
