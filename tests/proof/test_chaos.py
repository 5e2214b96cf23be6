"""What `python -m tests.proof.chaos` does with thousands of payments, with a hundred of them in virtual time."""

from __future__ import annotations

from dollr_async import PollPolicy, RetryPolicy
from dollr_async.journal import MemoryJournal
from dollr_async.sandbox import Sandbox
from tests.proof.chaos import Patience, chaos
from tests.proof.world import Near, make_faulty

_ORDINARY = Patience(retry=RetryPolicy(), polling=PollPolicy(), timeout=30.0, caller=60.0)


async def test_whatever_fails_everybody_is_charged_once_and_told_so() -> None:
    unknown = 0
    for seed in (1, 2):
        async with Sandbox(seed=seed) as sandbox:
            make_faulty(sandbox, seed, late=45.0)
            figures = await chaos(
                Near(sandbox), MemoryJournal(), how_many=50, at_once=10, seed=seed, patience=_ORDINARY
            )
        assert figures.wrong == 0, figures.examples
        assert figures.faults > figures.collections
        assert figures.charged > 0
        assert figures.reconciled == figures.unknown
        unknown += figures.unknown
    # Real sockets are faster or slower than the virtual time around them: how many, and for which seed, differs.
    assert unknown > 0
