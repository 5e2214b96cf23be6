"""Kill -9 at every await: `python -m tests.proof.kill` kills a collection before each of its steps, on every route.

A process collects with a journal, and is killed; another one starts with the same reference and the same journal.
Whatever the step, the sandbox's ledger has to have one movement in the end, with that reference, and the second process
has to end in COMPLETED. A case is a route and what happens to its execution: nothing, an answer that is lost after or
before the work, a conflict after or before it, a second delivery, an answer about another payment, another run of the
reference that was quicker, or a first crash. After a first crash it is the process that recovers that is killed at
every step. All statuses lag behind, and say SUCCESSFUL.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack, nullcontext
from itertools import count, cycle
from pathlib import Path
from typing import TYPE_CHECKING, Self
from uuid import uuid4

import attrs

from dollr_async import DollrClient
from dollr_async.sandbox import AfterSeconds, Quirks, Sandbox
from tests.proof.events import EVENTS
from tests.proof.fork_server import POLLING, POSTGRES_LEASE, Job, Report, json, start_fork_server
from tests.proof.routes import ROUTES, collect_terms, prepare
from tests.proof.situations import SITUATIONS, situations_met
from tests.support.postgres import CONNINFO, own_schema

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable, Sequence

_MAKES_DOCUMENT = {"create_invoice", "create_order", "create_checkout_source"}
_QUIRKS = Quirks(
    status_lag=POLLING.not_found_grace / 6,  # as five seconds of the ordinary thirty
    repeated_reference="refused",
    status_words={"COMPLETED": "SUCCESSFUL"},
)
_SURVIVORS_AT_THE_END = 3
"""All steps are done when this many runs in a row end before the step at which they should be killed."""
_MEMORY = Path("/dev/shm")  # noqa: S108 - a private directory is made in it
# What a process has written to a file in memory stays when the process is killed, and needs no disk.
_DIRECTORY = _MEMORY if _MEMORY.is_dir() else None


_NO_ANOTHER_RUN = "known source"
"""The route on which another run pays the same document, so that this one makes no execution."""


@attrs.define
class Case:
    """One route with one event, and the results of killing it at its steps."""

    route: str
    event: str
    steps: int = 0
    kills: int = 0
    sites: set[str] = attrs.field(factory=set)
    violations: list[str] = attrs.field(factory=list)
    met: Counter[str] = attrs.field(factory=Counter)
    seconds: float = 0.0

    @property
    def name(self) -> str:
        """The route, and the event if there is one."""
        return f"{self.route}, {self.event}" if self.event else self.route


class ForkServer:
    """The connection to one fork server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def connect(cls, channel: socket.socket) -> Self:
        """Connect on a socket."""
        return cls(*await asyncio.open_connection(sock=channel))

    async def run(self, job: Job) -> Report:
        """Let a process do a job, and return its report once it has ended."""
        self._writer.write(f"{json.dumps(job)}\n".encode())
        return json.loads((await self._reader.readline()).decode(), Report)

    async def close(self) -> None:
        """End the fork server."""
        self._writer.close()
        await self._writer.wait_closed()


class Killer:
    """Kills one case at its steps, against its own sandbox."""

    def __init__(
        self, case: Case, sandbox: Sandbox, server: ForkServer, directory: Path, postgres: str | None = None
    ) -> None:
        self._case, self._sandbox, self._server, self._directory = case, sandbox, server, directory
        self._postgres = postgres
        self._event = EVENTS[case.event]
        self._references: set[str] = set()

    async def kill(self, sample: int | None) -> None:
        """Kill at every step, or at `sample` steps that are spread evenly."""
        began = time.monotonic()
        first = await self._killed_at(0)
        self._case.steps = first.steps
        if sample is not None and sample < first.steps:
            # Each step is in the middle of its part, so that neither end is favoured.
            for number in range(sample):
                await self._killed_at(1 + int((number + 0.5) * first.steps / sample))
        else:
            survivors = 0
            for step in count(1):
                survivors = 0 if (await self._killed_at(step)).killed else survivors + 1
                if survivors == _SURVIVORS_AT_THE_END:
                    break
                self._case.steps = max(self._case.steps, step - survivors)
        self._case.seconds = time.monotonic() - began

    async def _killed_at(self, step: int) -> Report:
        """Collect, be killed before this step (0 is none), and collect again."""
        event, reference_id = self._event, str(uuid4())
        self._references.add(reference_id)
        async with DollrClient(**self._sandbox.settings) as dollr:
            known = await prepare(dollr, self._case.route)
            if event.has_another_run:
                await dollr.collect(**collect_terms(self._case.route, known), reference_id=reference_id)
        journal = self._postgres or str(self._directory / reference_id)
        job = Job(
            settings=self._sandbox.settings,
            journal=journal,
            route=self._case.route,
            known=known,
            reference_id=reference_id,
            begin=event.begin,
            kill_at=step,
        )
        self._sandbox.requests.clear()
        if event.crash:
            await self._server.run(attrs.evolve(job, kill_at=0, crash=event.crash))
            await self._lease_of_the_dead()
        for operation, fault in event.faults:
            self._sandbox.fail(operation, fault)
        first = await self._server.run(job)
        self._sandbox.clear_faults()
        landed = self._has_landed(reference_id)
        await self._lease_of_the_dead()
        second = await self._server.run(attrs.evolve(job, kill_at=0))
        if first.killed:
            self._case.kills += 1
            self._case.sites.add(first.site)
        self._case.met.update(situations_met(self._sandbox))
        violations = list(self._violations(reference_id, first, second, landed=landed))
        self._case.violations += [
            f"{self._case.name}, killed before step {step} ({first.site}): {it}" for it in violations
        ]
        if not violations:
            for file in self._directory.glob(f"{reference_id}*"):
                file.unlink()
        return first

    async def _lease_of_the_dead(self) -> None:
        if self._postgres:
            await asyncio.sleep(POSTGRES_LEASE)

    def _has_landed(self, reference_id: str) -> bool:
        return any(entry.reference_id == reference_id for entry in self._sandbox.ledger)

    def _violations(self, reference_id: str, first: Report, second: Report, *, landed: bool) -> Iterable[str]:
        """Yield the violations after a kill and a restart."""
        event = self._event
        if not first.killed and first.end != event.end:
            yield f"the run that was not killed ended {first}"
        if second.end not in event.ends:
            yield f"the second run ended {second}"
        entries = [entry for entry in self._sandbox.ledger if entry.reference_id == reference_id]
        if [entry.status for entry in entries] != ["COMPLETED"]:
            yield f"the ledger has {entries}"
        if any(entry.sends > event.sends for entry in entries):
            yield f"a landed execution was resent: {entries}"
        if strangers := {entry.reference_id for entry in self._sandbox.ledger} - self._references:
            yield f"the ledger has unknown references: {strangers}"
        is_known = second.outcome is not None or (second.is_listed and second.executed)
        if landed and not is_known and not event.has_another_run:
            yield f"it had landed, and the journal did not list it as executed: {second}"
        made = sum(
            request.operation in _MAKES_DOCUMENT and request.status is not None and request.status < 300
            for request in self._sandbox.requests
        )
        if made != (0 if self._case.route == "known source" else 1):
            yield f"{made} documents were made"


async def run(
    cases: Sequence[Case], channels: Sequence[socket.socket], *, sample: int | None = None, is_postgres: bool = False
) -> None:
    """Kill all cases, as many at the same time as there are fork servers."""
    waiting = list(reversed(cases))

    async def work(channel: socket.socket, directory: Path) -> None:
        server = await ForkServer.connect(channel)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(server.close)
            while waiting:
                case = waiting.pop()
                # A schema for each case, since each sandbox numbers its documents anew.
                with own_schema() if is_postgres else nullcontext() as schema:
                    async with Sandbox(settlement=AfterSeconds(0.0, 0.0), quirks=_QUIRKS) as sandbox:
                        url = None if schema is None else f"{CONNINFO}?schema={schema}"
                        await Killer(case, sandbox, server, directory, url).kill(sample)
                _print(case)

    with tempfile.TemporaryDirectory(prefix="kill-", dir=_DIRECTORY) as directory:
        async with asyncio.TaskGroup() as workers:
            for channel in channels:
                workers.create_task(work(channel, Path(directory)))


def all_cases(routes: Iterable[str] = ROUTES, events: Iterable[str] = EVENTS) -> list[Case]:
    """Return every route with every event."""
    return [
        Case(route, name)
        for name in events
        for route in routes
        if not EVENTS[name].has_another_run or route != _NO_ANOTHER_RUN
    ]


def a_few_cases() -> list[Case]:
    """Return each event once, each on another route."""
    return [Case(route, event) for route, event in zip(cycle(ROUTES), EVENTS, strict=False)]


def _print(case: Case) -> None:
    numbers = f"{case.steps:5} steps {case.kills:5} kills {len(case.sites):4} sites {len(case.violations):3} violations"
    print(f"{case.name:45} {numbers} {case.seconds:6.1f} s", flush=True)  # noqa: T201 - what the program is for


def main(argv: Sequence[str] | None = None) -> int:
    """Kill, print the figures, and return 1 when there is a violation."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--route", action="append", choices=list(ROUTES), help="only this route; may be repeated")
    parser.add_argument("--event", action="append", choices=list(EVENTS), help="only this event; may be repeated")
    parser.add_argument("--sample", type=int, help="kill at this many steps of each case, not at all of them")
    parser.add_argument("--workers", type=int, default=2, help="how many cases are killed at the same time")
    parser.add_argument("--journal", choices=["sqlite", "postgres"], default="sqlite", help="the kind of journal")
    parser.add_argument("--quick", action="store_true", help="each event on one route, at three steps of each")
    options = parser.parse_args(argv)
    cases = a_few_cases() if options.quick else all_cases(options.route or ROUTES, options.event or EVENTS)
    channels = [
        start_fork_server() for _ in range(min(options.workers, len(cases)))
    ]  # before any loop or thread exists
    began = time.monotonic()
    sample = options.sample or (3 if options.quick else None)
    asyncio.run(run(cases, channels, sample=sample, is_postgres=options.journal == "postgres"))
    violations = [violation for case in cases for violation in case.violations]
    sites = {site for case in cases for site in case.sites}
    kills = sum(case.kills for case in cases)
    seconds = time.monotonic() - began
    met = sum((case.met for case in cases), Counter[str]())
    never_met = [situation for situation in SITUATIONS if not met[situation]]
    print(*(f"{situation:45} {met[situation]:6}" for situation in SITUATIONS), sep="\n")  # noqa: T201 - the result
    print(f"{kills} kills at {len(sites)} sites in {seconds:.0f} s: {len(violations)} violations")  # noqa: T201 - the result
    print("\n".join(violations), end="\n" if violations else "")  # noqa: T201 - the result
    is_whole = not (options.route or options.event)
    return 1 if violations or (is_whole and never_met) else 0


if __name__ == "__main__":
    sys.exit(main())
