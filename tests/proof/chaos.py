"""Chaos: `python -m tests.proof.chaos` collects thousands of payments while every operation fails at random.

Each operation fails at its own rate, between 5 and 50 %, in several ways: answers lost before and after the work,
requests that hang, are late or are limited, proxies' HTML, broken JSON, redirects and refusals. Callers lose patience
and try again with the same reference, or give up. Then the faults end, and a new client resumes what the journal lists
as unfinished. Last, the sandbox's ledger, kept in another process, is compared with what was reported to the callers.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import attrs

from dollr_async import (
    CollectError,
    DollrClient,
    DollrError,
    NotFoundError,
    Payer,
    PaymentFailedError,
    PollPolicy,
    RetryPolicy,
)
from dollr_async.journal import SQLiteJournal
from dollr_async.journal.journaled_run import REFUSED
from tests.proof.faulty_sandbox import RemoteSandbox, fork_faulty_sandbox
from tests.proof.routes import collect_terms

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dollr_async import UnfinishedPayment
    from dollr_async.journal import Journal
    from tests.proof.faulty_sandbox import FaultySandbox

ROUTES = ("invoice", "order", "direct invoice", "direct order", "quoted", "card")
_DECLINED = Payer(fullname="Binta Diallo", phone="231770000002", country_code="LR")
_COMPLETED, _FAILED, _NOT_RUN, _UNKNOWN = "COMPLETED", "FAILED", "not run", "unknown"


@attrs.define
class Figures:
    """The results; every number that counts as a violation has to be 0.

    A spare document comes from a one-call checkout whose first request arrived after its caller had given up: it is
    published, and nobody is charged for it.
    """

    collections: int = 0
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
    examples: list[str] = attrs.field(factory=list)

    @property
    def violations(self) -> int:
        """How many were charged twice, landed and were lost, were reported as failed and are not, or stayed unknown."""
        return self.charged_twice + self.lost + self.falsely_failed + (self.unknown - self.reconciled)


@attrs.frozen(kw_only=True)
class Patience:
    """A client's policies, and the seconds within which an impatient caller gives up."""

    retry: RetryPolicy
    polling: PollPolicy
    timeout: float
    caller: float

    def client(self, sandbox: FaultySandbox, journal: Journal) -> DollrClient:
        """Return a client of the sandbox."""
        return DollrClient(
            **sandbox.settings, journal=journal, retry=self.retry, polling=self.polling, timeout=self.timeout
        )


SHORT = Patience(
    retry=RetryPolicy(base_delay=0.05, max_delay=0.4, recovery=2.0),
    polling=PollPolicy(interval=0.1, max_interval=0.5, not_found_grace=0.6, timeout=5.0),
    timeout=1.0,
    caller=1.5,
)
"""Short times, since they pass in real time."""


class Callers:
    """All callers, and what was last reported to each."""

    def __init__(self, sandbox: FaultySandbox, journal: Journal, patience: Patience, seed: int) -> None:
        self._sandbox, self._journal, self._patience = sandbox, journal, patience
        self._random = random.Random(seed)  # noqa: S311 - repeatable, no secret
        self._reported: dict[str, str] = {}
        self.figures = Figures()

    async def collect(self, payments: int, at_once: int) -> None:
        """Collect this many payments, `at_once` at the same time."""
        self.figures.collections = payments
        numbers = iter(range(payments))
        async with self._patience.client(self._sandbox, self._journal) as dollr, asyncio.TaskGroup() as callers:
            for _ in range(at_once):
                callers.create_task(self._collect_in_sequence(dollr, numbers))

    async def _collect_in_sequence(self, dollr: DollrClient, numbers: Iterator[int]) -> None:
        for number in numbers:
            await self._collect_one(dollr, number)

    async def _collect_one(self, dollr: DollrClient, number: int) -> None:
        reference_id = uuid4()
        terms = collect_terms(ROUTES[number % len(ROUTES)], {})
        if self._random.random() < 0.1:
            terms["payer"] = _DECLINED
        for _ in range(self._random.choice((1, 5, 20))):
            patience = self._patience.caller * self._random.random() if self._random.random() < 0.1 else None
            reported = await self._attempt(dollr, terms, reference_id, patience)
            self._reported[str(reference_id)] = reported
            if reported != _NOT_RUN:
                break

    async def _attempt(
        self, dollr: DollrClient, terms: dict[str, Any], reference_id: UUID, patience: float | None
    ) -> str:
        """Try once to collect, and return what was reported."""
        try:
            async with asyncio.timeout(patience):
                collection = await dollr.collect(**terms, reference_id=reference_id)
            return str((await collection.wait()).status)
        except PaymentFailedError as error:
            await self._check(reference_id, "FAILED", error)
            return _FAILED
        except CollectError as error:
            await self._check(reference_id, None, error)
            return _NOT_RUN
        except (TimeoutError, DollrError):
            # No patience left, an unknown outcome, or a failed watch: none of these says that the payment has not run.
            self.figures.unknown += 1
            return _UNKNOWN

    async def _check(self, reference_id: UUID, expected: str | None, error: DollrError) -> None:
        """Compare a failure with the ledger at the moment at which it is reported."""
        status = await self._sandbox.status_of(str(reference_id))
        if status != expected:
            self.figures.falsely_failed += 1
            self.figures.examples.append(f"has the status {status}, and yet: {error}")

    async def reconcile(self) -> None:
        """Resume, in a new client, all payments that the journal lists as unfinished."""
        async with self._patience.client(self._sandbox, self._journal) as dollr, asyncio.TaskGroup() as waiting:
            async for payment in dollr.unfinished():
                if payment.executed:
                    waiting.create_task(self._resume(payment))
        for reference_id, reported in self._reported.items():
            if reported == _UNKNOWN:
                self._reconciled(reference_id, await self._written(reference_id))

    async def _resume(self, payment: UnfinishedPayment) -> None:
        self.figures.resumed += 1
        try:
            reported = str((await payment.wait()).status)
        except PaymentFailedError:
            reported = _FAILED
        except NotFoundError:
            reported = _NOT_RUN  # a send was begun and never arrived, not within `not_found_grace` either
        self._reconciled(str(payment.reference_id), reported)

    async def _written(self, reference_id: str) -> str:
        """Return the journal's outcome of a payment that is not unfinished, or was never executed."""
        entry = await self._journal.read(UUID(reference_id))
        if entry is None or not entry.executed or entry.outcome == REFUSED:
            return _NOT_RUN
        return entry.outcome or _UNKNOWN

    def _reconciled(self, reference_id: str, reported: str) -> None:
        before, self._reported[reference_id] = self._reported[reference_id], reported
        self.figures.reconciled += before == _UNKNOWN and reported != _UNKNOWN
        if before not in (_UNKNOWN, reported):
            self.figures.falsely_failed += 1
            self.figures.examples.append(f"{reference_id} was reported as {before}, and then as {reported}")

    async def judge(self) -> Figures:
        """Compare the ledger with what was last reported to each caller."""
        figures, ledger = self.figures, await self._sandbox.ledger()
        statuses = dict(ledger)
        strangers = [f"unknown reference {it}" for it in statuses.keys() - self._reported.keys()]
        payable, paid = await self._documents()
        twice = [f"{number} documents were paid for {it}" for it, number in paid.items() if number > 1]
        figures.spare_documents = payable.total() - len(payable)
        figures.charged_twice = len(ledger) - len(statuses) + len(strangers) + len(twice)
        lost: list[str] = []
        falsely_failed: list[str] = []
        for reference_id, reported in self._reported.items():
            status = statuses.get(reference_id, _NOT_RUN)
            if reported == status:
                continue
            violation = f"{reference_id} was reported as {reported}, and is {status}"
            (falsely_failed if reported in (_FAILED, _NOT_RUN) else lost).append(violation)
        figures.lost, figures.falsely_failed = len(lost), figures.falsely_failed + len(falsely_failed)
        figures.examples += [*strangers, *twice, *lost, *falsely_failed]
        ends = Counter(self._reported.values())
        figures.charged, figures.declined, figures.not_run = ends[_COMPLETED], ends[_FAILED], ends[_NOT_RUN]
        figures.requests, figures.faults = await self._sandbox.counts()
        return figures

    async def _documents(self) -> tuple[Counter[str], Counter[str]]:
        """Count, for each payment, its published documents, and those of them that were paid."""
        payable: Counter[str] = Counter()
        paid: Counter[str] = Counter()
        async with self._patience.client(self._sandbox, self._journal) as dollr:
            invoices, orders = await dollr.invoices.list(), await dollr.orders.list()
        found = [(it.reference_id, it.status) for it in invoices] + [(it.reference_id, it.status) for it in orders]
        for reference_id, status in found:
            payable[str(reference_id)] += status not in ("IDLE", "CANCELED")
            paid[str(reference_id)] += status in ("PROCESSING", "PAID")
        return +payable, paid


async def chaos(
    sandbox: FaultySandbox, journal: Journal, *, payments: int, at_once: int, seed: int, patience: Patience = SHORT
) -> Figures:
    """Collect with faults, reconcile without, and return the figures."""
    callers = Callers(sandbox, journal, patience, seed)
    await callers.collect(payments, at_once)
    await sandbox.end_faults()
    await callers.reconcile()
    return await callers.judge()


def main(argv: Sequence[str] | None = None) -> int:
    """Run it, print the figures, and return 1 when there is a violation."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--collections", type=int, default=5000, help="how many payments")
    parser.add_argument("--at-once", type=int, default=200, help="how many of them at the same time")
    parser.add_argument(
        "--seed", type=int, default=1, help="decides the rates of the faults, and which callers lose patience"
    )
    options = parser.parse_args(argv)
    channel = fork_faulty_sandbox(options.seed)  # before any loop or thread exists

    async def run() -> Figures:
        with tempfile.TemporaryDirectory(prefix="chaos-") as directory:
            async with RemoteSandbox.connect(channel) as sandbox, SQLiteJournal(f"{directory}/payments.db") as journal:
                return await chaos(
                    sandbox, journal, payments=options.collections, at_once=options.at_once, seed=options.seed
                )

    began = time.monotonic()
    figures = asyncio.run(run())
    for name, value in attrs.asdict(figures, filter=lambda field, _: field.name != "examples").items():
        print(f"{name.replace('_', ' '):15} {value:8}")  # noqa: T201 - what the program is for
    print(f"{'seconds':15} {time.monotonic() - began:8.0f}")  # noqa: T201 - the same
    print(*figures.examples[:20], sep="\n")  # noqa: T201 - the same
    return 1 if figures.violations else 0


if __name__ == "__main__":
    sys.exit(main())
