"""Chaos: `python -m tests.proof.chaos` collects thousands of payments while every operation fails at random.

Each operation fails at its own rate, between 5 and 50 %, in several ways: answers lost before and after the work,
requests that hang, are late or are limited, proxies' HTML, broken JSON, redirects and refusals. Executions arrive
twice, meet conflicts and are answered about another payment; statuses lag behind, and say SUCCESSFUL. Callers lose
patience and try again: with the same reference, with two runs of it at once, or, where an error says that no money
moved, with a new reference for the same order. Then the faults end, and a new client resumes what the journal lists as
unfinished. Last, the sandbox's ledger, kept in another process, is compared with what was reported to the callers.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import sys
import time
from collections import Counter
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from dollr_async import (
    CollectError,
    DollrClient,
    DollrError,
    NotFoundError,
    Payer,
    PaymentFailedError,
    PollTimeoutError,
    ReferenceUsedError,
)
from dollr_async.journal.entry import REFUSED
from tests.proof.chaos_journals import cut_journal, file_journal
from tests.proof.faulty_sandbox import RemoteSandbox, fork_faulty_sandbox
from tests.proof.figures import SHORT, Figures
from tests.proof.orders import JOURNAL, Orders
from tests.proof.routes import collect_terms

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from dollr_async import Execution, UnfinishedPayment
    from dollr_async.journal import Journal
    from tests.proof.faulty_sandbox import FaultySandbox
    from tests.proof.figures import Patience

ROUTES = ("invoice", "order", "direct invoice", "direct order", "quoted", "card")
_DECLINED = Payer(fullname="Binta Diallo", phone="231770000002", country_code="LR")
_COMPLETED, _FAILED, _NOT_RUN, _UNKNOWN = "COMPLETED", "FAILED", "not run", "unknown"
_PLAIN = "plain"
_TWO_RUNS = 0.3
_FOLLOWED = 10
"""The share of attempts with two runs of one reference at once."""
_DELAYS = (0.0, 0.03, 0.2, 1.0)
"""How much later than the first run a second one begins at most, as parts of a caller's patience."""


class Callers:
    """All callers, and what was last reported to each."""

    def __init__(self, sandbox: FaultySandbox, journal: Journal, patience: Patience, seed: int) -> None:
        self._sandbox, self._journal, self._patience = sandbox, journal, patience
        self._random = random.Random(seed)  # noqa: S311 - repeatable, no secret
        self._orders: Orders[UUID] = Orders()
        self._reported: dict[UUID, str] = {}
        self._clients: dict[str, DollrClient] = {}
        self.figures = Figures()

    async def collect(self, payments: int, at_once: int) -> None:
        """Collect this many payments, `at_once` at the same time."""
        self.figures.collections = payments
        numbers = iter(range(payments))
        async with AsyncExitStack() as stack:
            for name, journal in ((JOURNAL, self._journal), (_PLAIN, None)):
                self._clients[name] = await stack.enter_async_context(self._patience.client(self._sandbox, journal))
            callers = await stack.enter_async_context(asyncio.TaskGroup())
            for _ in range(at_once):
                callers.create_task(self._collect_in_sequence(numbers))

    async def _collect_in_sequence(self, numbers: Iterator[int]) -> None:
        for number in numbers:
            await self._collect_one(number)

    async def _collect_one(self, number: int) -> None:
        terms = collect_terms(ROUTES[number % len(ROUTES)], {})
        if self._random.random() < 0.1:
            terms["payer"] = _DECLINED
        reference_id = uuid4()
        self._orders.add(reference_id)
        for _ in range(self._random.choice((1, 5, 20))):
            reported = self._reported[reference_id] = await self._attempt(terms, reference_id)
            if reported != _NOT_RUN:
                break
            if self._random.random() < 0.5:
                old, reference_id = reference_id, uuid4()
                self._orders.start_anew(old, reference_id)
                self._reported[reference_id] = _NOT_RUN
                self.figures.met["orders paid anew"] += 1

    async def _attempt(self, terms: dict[str, Any], reference_id: UUID) -> str:
        """Try once to collect, with one run or two, and return what was reported of the reference."""
        names = self._random.choices((JOURNAL, _PLAIN), (3, 1), k=1 + (self._random.random() < _TWO_RUNS))
        delay = self._patience.caller * self._random.choice(_DELAYS) * self._random.random()
        runs = [self._run(name, terms, reference_id, delay * number) for number, name in enumerate(names)]
        ends = set(await asyncio.gather(*runs))
        if ends >= {_COMPLETED, _FAILED}:
            self._violated(f"{reference_id} was reported as COMPLETED, and as FAILED")
        reported = next(word for word in (_COMPLETED, _FAILED, _UNKNOWN, _NOT_RUN) if word in ends)
        self.figures.unknown += reported == _UNKNOWN
        if reported == _NOT_RUN:
            assert self._orders.is_not_run(reference_id)
            await self._check(reference_id, None, _NOT_RUN)
        return reported

    async def _run(self, name: str, terms: dict[str, Any], reference_id: UUID, delay: float) -> str:
        """Run one collection, and return what was reported to its caller."""
        patience = self._patience.caller * self._random.random() if self._random.random() < 0.1 else None
        await asyncio.sleep(delay)
        self.figures.met["runs beside another"] += self._orders.begin(reference_id, name)
        reported = _UNKNOWN
        try:
            async with asyncio.timeout(patience):
                collection = await self._clients[name].collect(**terms, reference_id=reference_id)
            reported = str((await collection.wait()).status)
        except PaymentFailedError:
            await self._check(reference_id, "FAILED", _FAILED)
            reported = _FAILED
        except CollectError:
            reported = _NOT_RUN
        except ReferenceUsedError:
            self._found_used(reference_id)
        except (TimeoutError, DollrError):
            pass  # no patience left, an unknown outcome, or a failed watch: none says that the payment has not run
        self._orders.end(reference_id, name, is_not_run=reported == _NOT_RUN)
        return reported

    def _found_used(self, reference_id: UUID) -> None:
        self.figures.met["payments of another run"] += 1
        if self._orders.has_one_owner(reference_id):
            self._violated(f"{reference_id} is this run's own payment, and was reported as another run's")

    async def _check(self, reference_id: UUID, expected: str | None, reported: str) -> None:
        """Compare a failure with the ledger at the moment at which it is reported."""
        status = await self._sandbox.status_of(str(reference_id))
        if status != expected:
            self._violated(f"{reference_id} was reported as {reported}, and has the status {status}")

    def _violated(self, violation: str) -> None:
        self.figures.falsely_failed += 1
        self.figures.examples.append(violation)

    async def reconcile(self) -> None:
        """Resume, in a new client, all payments that the journal lists as unfinished, and follow the others."""
        await asyncio.sleep(self._patience.timeout + self._patience.caller)  # what callers gave up may still arrive
        async with self._patience.client(self._sandbox, self._journal) as dollr, asyncio.TaskGroup() as waiting:
            async for payment in dollr.unfinished():
                if payment.executed:
                    waiting.create_task(self._resume(payment))
        async with self._patience.client(self._sandbox) as dollr, asyncio.TaskGroup() as waiting:
            for reference_id, reported in self._reported.items():
                if reported == _UNKNOWN:
                    waiting.create_task(self._follow(dollr, reference_id))

    async def _resume(self, payment: UnfinishedPayment) -> None:
        self.figures.resumed += 1
        try:
            reported = await _end_of(payment.wait)
        except ReferenceUsedError:
            self._found_used(payment.reference_id)
            return  # it is followed, as the error says
        self._reconciled(payment.reference_id, reported)

    async def _follow(self, dollr: DollrClient, reference_id: UUID) -> None:
        if self._orders.has_journal_only(reference_id):
            self._reconciled(reference_id, await self._written(reference_id))
        else:
            self._reconciled(reference_id, await _end_of(lambda: dollr.wait(reference_id)))

    async def _written(self, reference_id: UUID) -> str:
        """Return the journal's outcome of a payment that is not unfinished, or was never executed."""
        entry = await self._journal.read(reference_id)
        if entry is None or not entry.executed or entry.outcome == REFUSED:
            return _NOT_RUN
        return entry.outcome or _UNKNOWN

    def _reconciled(self, reference_id: UUID, reported: str) -> None:
        before, self._reported[reference_id] = self._reported[reference_id], reported
        self.figures.reconciled += before == _UNKNOWN and reported != _UNKNOWN
        if before not in (_UNKNOWN, reported):
            self._violated(f"{reference_id} was reported as {before}, and then as {reported}")

    async def judge(self) -> Figures:
        """Compare the ledger with what was last reported to each caller."""
        figures, ledger = self.figures, await self._sandbox.ledger()
        statuses = {UUID(reference_id): status for reference_id, status in ledger}
        strangers = [f"unknown reference {it}" for it in statuses.keys() - self._reported.keys()]
        payable, paid = await self._documents()
        twice = [f"{number} documents were paid for {it}" for it, number in paid.items() if number > 1]
        orders = self._orders.paid_more_than_once(statuses)
        figures.references = len(self._reported)
        figures.spare_documents = payable.total() - len(payable)
        figures.charged_twice = len(ledger) - len(statuses) + len(strangers) + len(twice) + len(orders)
        lost: list[str] = []
        falsely_failed: list[str] = []
        for reference_id, reported in self._reported.items():
            status = statuses.get(reference_id, _NOT_RUN)
            if reported == status:
                continue
            violation = f"{reference_id} was reported as {reported}, and is {status}"
            (falsely_failed if reported in (_FAILED, _NOT_RUN) else lost).append(violation)
        figures.lost, figures.falsely_failed = len(lost), figures.falsely_failed + len(falsely_failed)
        figures.examples += [*strangers, *twice, *orders, *lost, *falsely_failed]
        ends = Counter(self._reported.values())
        figures.charged, figures.declined, figures.not_run = ends[_COMPLETED], ends[_FAILED], ends[_NOT_RUN]
        figures.requests, figures.faults, met = await self._sandbox.counts()
        figures.met.update(met)
        return figures

    async def _documents(self) -> tuple[Counter[str], Counter[str]]:
        """Count, for each payment, its published documents, and those of them that were paid."""
        payable: Counter[str] = Counter()
        paid: Counter[str] = Counter()
        async with self._patience.client(self._sandbox) as dollr:
            invoices, orders = await dollr.invoices.list(), await dollr.orders.list()
        found = [(it.reference_id, it.status) for it in invoices] + [(it.reference_id, it.status) for it in orders]
        for reference_id, status in found:
            payable[str(reference_id)] += status not in ("IDLE", "CANCELED")
            paid[str(reference_id)] += status in ("PROCESSING", "PAID")
        return +payable, paid


async def _end_of(wait: Callable[[], Awaitable[Execution]]) -> str:
    """Await the end of a payment, and return it; one that is not known in time is followed again."""
    for _ in range(_FOLLOWED):
        with contextlib.suppress(PollTimeoutError):
            try:
                return str((await wait()).status)
            except PaymentFailedError:
                return _FAILED
            except NotFoundError:
                return _NOT_RUN  # a send was begun and never arrived, not within `not_found_grace` either
    return _UNKNOWN


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
    """Run it, print the figures, and return 1 when there is a violation or a situation was never met."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--collections", type=int, default=5000, help="how many payments")
    parser.add_argument("--at-once", type=int, default=200, help="how many of them at the same time")
    parser.add_argument(
        "--seed", type=int, default=1, help="decides the rates of the faults, and which callers lose patience"
    )
    parser.add_argument("--journal", choices=["sqlite", "postgres"], default="sqlite", help="the kind of journal")
    options = parser.parse_args(argv)
    channel = fork_faulty_sandbox(options.seed)  # before any loop or thread exists

    async def run() -> Figures:
        opened = cut_journal() if options.journal == "postgres" else file_journal()
        async with RemoteSandbox.connect(channel) as sandbox, opened as journal:
            return await chaos(
                sandbox, journal, payments=options.collections, at_once=options.at_once, seed=options.seed
            )

    began = time.monotonic()
    figures = asyncio.run(run())
    print(*figures.lines(), f"{'seconds':45} {time.monotonic() - began:8.0f}", sep="\n")  # noqa: T201 - what it is for
    for problem in [*figures.examples[:20], *(f"never met: {situation}" for situation in figures.never_met)]:
        print(problem)  # noqa: T201 - the same
    return 1 if figures.violations or figures.never_met else 0


if __name__ == "__main__":
    sys.exit(main())
