"""Chaos at size: `python -m tests.proof.chaos` collects thousands of payments while every operation fails at random.

Each operation fails at a rate of its own, between 5 and 50 %, in several ways: answers lost before and after the work,
requests that hang, come late or are limited, proxies' HTML, broken JSON, redirects and refusals. Callers lose patience
and try again under the same reference, or give up. When it is over the faults end, and a new client takes up what the
journal says is unfinished. Then the sandbox's ledger, kept in another process, is held against what callers were told.
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
from tests.proof.routes import terms
from tests.proof.world import Far, start

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dollr_async import UnfinishedPayment
    from dollr_async.journal import Journal
    from tests.proof.world import World

ROUTES = ("invoice", "order", "direct invoice", "direct order", "quoted", "card")
_DECLINED = Payer(fullname="Binta Diallo", phone="231770000002", country_code="LR")
_COMPLETED, _FAILED, _NOT_RUN, _UNKNOWN = "COMPLETED", "FAILED", "not run", "unknown"


@attrs.define
class Figures:
    """What came of it all; every number behind `wrong` has to be 0.

    A spare document is the one-call checkout's, whose first request came later than its caller could wait for: it is
    published, and nobody is charged for it.
    """

    collections: int = 0
    charged: int = 0
    declined: int = 0
    not_run: int = 0
    unknown: int = 0
    reconciled: int = 0
    taken_up: int = 0
    faults: int = 0
    requests: int = 0
    spare_documents: int = 0
    doubled: int = 0
    lost: int = 0
    called_failed: int = 0
    examples: list[str] = attrs.field(factory=list)

    @property
    def wrong(self) -> int:
        """How many must not be: charged twice, landed and forgotten, called failed when they are not, left unknown."""
        return self.doubled + self.lost + self.called_failed + (self.unknown - self.reconciled)


@attrs.frozen(kw_only=True)
class Patience:
    """The policies of a client, and the seconds after which some callers lose patience."""

    retry: RetryPolicy
    polling: PollPolicy
    timeout: float
    caller: float

    def client(self, world: World, journal: Journal) -> DollrClient:
        """Return a client of the world."""
        return DollrClient(
            **world.settings, journal=journal, retry=self.retry, polling=self.polling, timeout=self.timeout
        )


SHORT = Patience(
    retry=RetryPolicy(base_delay=0.05, max_delay=0.4, recovery=2.0),
    polling=PollPolicy(interval=0.1, max_interval=0.5, not_found_grace=0.6, timeout=5.0),
    timeout=1.0,
    caller=1.5,
)
"""For real time."""


class Callers:
    """Everybody who collects, and what each was told last."""

    def __init__(self, world: World, journal: Journal, patience: Patience, seed: int) -> None:
        self._world, self._journal, self._patience = world, journal, patience
        self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self._told: dict[str, str] = {}
        self.figures = Figures()

    async def collect(self, how_many: int, at_once: int) -> None:
        """Collect so many payments, so many at once."""
        self.figures.collections = how_many
        turns = iter(range(how_many))
        async with self._patience.client(self._world, self._journal) as dollr, asyncio.TaskGroup() as callers:
            for _ in range(at_once):
                callers.create_task(self._one_after_the_other(dollr, turns))

    async def _one_after_the_other(self, dollr: DollrClient, turns: Any) -> None:  # noqa: ANN401 - an iterator
        for turn in turns:
            await self._one(dollr, turn)

    async def _one(self, dollr: DollrClient, turn: int) -> None:
        reference_id = uuid4()
        asked = terms(ROUTES[turn % len(ROUTES)], {})
        if self._random.random() < 0.1:
            asked["payer"] = _DECLINED
        for _ in range(self._random.choice((1, 5, 20))):
            patience = self._patience.caller * self._random.random() if self._random.random() < 0.1 else None
            told = await self._told_of(dollr, asked, reference_id, patience)
            self._told[str(reference_id)] = told
            if told != _NOT_RUN:
                break

    async def _told_of(
        self, dollr: DollrClient, asked: dict[str, Any], reference_id: UUID, patience: float | None
    ) -> str:
        try:
            async with asyncio.timeout(patience):
                collection = await dollr.collect(**asked, reference_id=reference_id)
            return str((await collection.wait()).status)
        except PaymentFailedError as error:
            await self._check(reference_id, "FAILED", error)
            return _FAILED
        except CollectError as error:
            await self._check(reference_id, None, error)
            return _NOT_RUN
        except (TimeoutError, DollrError):
            # The caller lost patience, or the outcome is unknown, or it cannot be followed: all say nothing against it.
            self.figures.unknown += 1
            return _UNKNOWN

    async def _check(self, reference_id: UUID, said: str | None, error: DollrError) -> None:
        """Hold a bad end against the ledger at the moment at which the caller is told."""
        stands = await self._world.status_of(str(reference_id))
        if stands != said:
            self.figures.called_failed += 1
            self.figures.examples.append(f"stands at {stands}, and yet: {error}")

    async def reconcile(self) -> None:
        """Take up, in a new client, all that the journal says is unfinished."""
        async with self._patience.client(self._world, self._journal) as dollr, asyncio.TaskGroup() as looking:
            async for payment in dollr.unfinished():
                if payment.executed:
                    looking.create_task(self._settle(payment))
        for reference_id, told in self._told.items():
            if told == _UNKNOWN:
                self._end(reference_id, await self._written(reference_id))

    async def _settle(self, payment: UnfinishedPayment) -> None:
        self.figures.taken_up += 1
        try:
            told = str((await payment.wait()).status)
        except PaymentFailedError:
            told = _FAILED
        except NotFoundError:
            told = _NOT_RUN  # a send was begun, and never came: not across the grace either
        self._end(str(payment.reference_id), told)

    async def _written(self, reference_id: str) -> str:
        """Return the end of a payment that is no longer unfinished, or was never executed."""
        entry = await self._journal.read(UUID(reference_id))
        if entry is None or not entry.executed or entry.outcome == REFUSED:
            return _NOT_RUN
        return entry.outcome or _UNKNOWN

    def _end(self, reference_id: str, told: str) -> None:
        before, self._told[reference_id] = self._told[reference_id], told
        self.figures.reconciled += before == _UNKNOWN and told != _UNKNOWN
        if before not in (_UNKNOWN, told):
            self.figures.called_failed += 1
            self.figures.examples.append(f"{reference_id} was told {before}, and then {told}")

    async def judge(self) -> Figures:
        """Hold the ledger against what everybody was told last."""
        figures, ledger = self.figures, await self._world.ledger()
        statuses = {reference_id: status for reference_id, status, _ in ledger}
        strangers = [f"unknown reference {it}" for it in statuses.keys() - self._told.keys()]
        payable, paid = await self._documents()
        twice = [f"{number} documents were paid for {it}" for it, number in paid.items() if number > 1]
        figures.spare_documents = payable.total() - len(payable)
        figures.doubled = len(ledger) - len(statuses) + len(strangers) + len(twice)
        lost: list[str] = []
        called_failed: list[str] = []
        for reference_id, told in self._told.items():
            stands = statuses.get(reference_id, _NOT_RUN)
            if told == stands:
                continue
            wrong = f"{reference_id} was told {told}, and is {stands}"
            (called_failed if told in (_FAILED, _NOT_RUN) else lost).append(wrong)
        figures.lost, figures.called_failed = len(lost), figures.called_failed + len(called_failed)
        figures.examples += [*strangers, *twice, *lost, *called_failed]
        ends = Counter(self._told.values())
        figures.charged, figures.declined, figures.not_run = ends[_COMPLETED], ends[_FAILED], ends[_NOT_RUN]
        figures.requests, figures.faults = await self._world.seen()
        return figures

    async def _documents(self) -> tuple[Counter[str], Counter[str]]:
        """Count the documents of each payment that were published, and those of them that were paid."""
        payable: Counter[str] = Counter()
        paid: Counter[str] = Counter()
        async with self._patience.client(self._world, self._journal) as dollr:
            invoices, orders = await dollr.invoices.list(), await dollr.orders.list()
        found = [(it.reference_id, it.status) for it in invoices] + [(it.reference_id, it.status) for it in orders]
        for reference_id, status in found:
            payable[str(reference_id)] += status not in ("IDLE", "CANCELED")
            paid[str(reference_id)] += status in ("PROCESSING", "PAID")
        return +payable, paid


async def chaos(
    world: World, journal: Journal, *, how_many: int, at_once: int, seed: int, patience: Patience = SHORT
) -> Figures:
    """Collect under faults, reconcile without, and return the figures."""
    callers = Callers(world, journal, patience, seed)
    await callers.collect(how_many, at_once)
    await world.calm()
    await callers.reconcile()
    return await callers.judge()


def main(argv: Sequence[str] | None = None) -> int:
    """Run it, print the figures, and return 1 when anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--collections", type=int, default=5000, help="how many payments")
    parser.add_argument("--at-once", type=int, default=200, help="how many of them at once")
    parser.add_argument("--seed", type=int, default=1, help="what decides the rates, and who loses patience")
    options = parser.parse_args(argv)
    channel = start(options.seed)  # before there is any loop or thread

    async def run() -> Figures:
        with tempfile.TemporaryDirectory(prefix="chaos-") as directory:
            async with Far.on(channel) as world, SQLiteJournal(f"{directory}/payments.db") as journal:
                return await chaos(
                    world, journal, how_many=options.collections, at_once=options.at_once, seed=options.seed
                )

    began = time.monotonic()
    figures = asyncio.run(run())
    for name, value in attrs.asdict(figures, filter=lambda field, _: field.name != "examples").items():
        print(f"{name.replace('_', ' '):15} {value:8}")  # noqa: T201 - what the program is for
    print(f"{'seconds':15} {time.monotonic() - began:8.0f}")  # noqa: T201 - the same
    print(*figures.examples[:20], sep="\n")  # noqa: T201 - the same
    return 1 if figures.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
