"""The figures of a chaos, and the times within which its clients and callers lose patience."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import attrs

from dollr_async import DollrClient, PollPolicy, RetryPolicy
from dollr_async.observing import Observer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dollr_async.journal import Journal
    from tests.proof.faulty_sandbox import FaultySandbox


@attrs.define
class Figures:
    """The results; every number that counts as a violation has to be 0, and every situation has to be met.

    A spare document comes from a one-call checkout whose first request arrived after its caller had given up, or from
    the second of two runs: it is published, and nobody is charged for it.
    """

    collections: int = 0
    references: int = 0
    charged: int = 0
    declined: int = 0
    not_run: int = 0
    unknown: int = 0
    reconciled: int = 0
    resumed: int = 0
    faults: int = 0
    requests: int = 0
    spare_documents: int = 0
    charged_twice: int = 0
    lost: int = 0
    falsely_failed: int = 0
    met: Counter[str] = attrs.field(factory=Counter)
    examples: list[str] = attrs.field(factory=list)

    @property
    def violations(self) -> int:
        """How many were charged twice, landed and were lost, were reported as failed and are not, or stayed unknown."""
        return self.charged_twice + self.lost + self.falsely_failed + (self.unknown - self.reconciled)

    @property
    def never_met(self) -> list[str]:
        """The situations that did not occur, so that nothing is proved about them."""
        return [situation for situation, times in self.met.items() if not times]

    def lines(self) -> Iterator[str]:
        """Return the numbers, one in each line."""
        for name, value in attrs.asdict(self, filter=lambda _, value: isinstance(value, int)).items():
            yield f"{name.replace('_', ' '):45} {value:8}"
        for name, value in self.met.items():
            yield f"{name:45} {value:8}"


@attrs.frozen(kw_only=True)
class Patience:
    """A client's policies and observer, and the seconds within which an impatient caller gives up."""

    retry: RetryPolicy
    polling: PollPolicy
    timeout: float
    caller: float
    observer: Observer | None = None

    def client(self, sandbox: FaultySandbox, journal: Journal | None = None) -> DollrClient:
        """Return a client of the sandbox."""
        return DollrClient(
            **sandbox.settings,
            journal=journal,
            retry=self.retry,
            polling=self.polling,
            timeout=self.timeout,
            observer=self.observer,
        )


SHORT = Patience(
    retry=RetryPolicy(base_delay=0.05, max_delay=0.4, recovery=2.0),
    polling=PollPolicy(interval=0.1, max_interval=0.5, not_found_grace=0.6, timeout=5.0),
    timeout=1.0,
    caller=1.5,
)
"""Short times, since they pass in real time: a fiftieth of the ordinary `not_found_grace`, and of the statuses' lag."""
