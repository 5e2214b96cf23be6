"""Kill -9 at every await: `python -m tests.proof.kill` kills a collection before each of its steps, on every route.

A process collects with a journal, and is killed; another one is started with the same reference and the same journal.
Whatever the step, the sandbox's ledger has to have one movement in the end, under that reference, and the second
process has to end in COMPLETED. A case is a route times what happens to its execution: nothing, an answer that is lost
after or before the work, or a first crash, so that the process that recovers is the one that is killed at every step.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self
from uuid import uuid4

import attrs

from dollr_async import DollrClient
from dollr_async.sandbox import AfterSeconds, Sandbox
from tests.proof.routes import ROUTES, prepare
from tests.proof.zygote import Job, Told, json, start

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable, Sequence

_MAKES_DOCUMENT = {"create_invoice", "create_order", "create_checkout_source"}
_BEYOND = 3
"""How many runs in a row must outlive their last step before all steps are taken to be known."""
_MEMORY = Path("/dev/shm")  # noqa: S108 - a directory of our own is made in it
# What a process has written outlives its kill in memory too, and needs no disk.
_PLACE = _MEMORY if _MEMORY.is_dir() else None


class Event(NamedTuple):
    """What befalls an execution: a fault of the sandbox, or a first crash; and from where on steps are counted."""

    fault: str | None = None
    crash: str = ""
    begin: str = "start"


EVENTS = {
    "": Event(),
    "answer lost after the work": Event(fault="lose_answer", begin="send"),
    "dropped before the work": Event(fault="drop", begin="send"),
    "crashed before the send": Event(crash="before the send"),
    "crashed after the landing": Event(crash="after the landing"),
}


@attrs.define
class Case:
    """One route with one event, and what came of killing it at its steps."""

    route: str
    event: str
    steps: int = 0
    kills: int = 0
    sites: set[str] = attrs.field(factory=set)
    violations: list[str] = attrs.field(factory=list)
    seconds: float = 0.0

    @property
    def name(self) -> str:
        """What is killed."""
        return f"{self.route}, {self.event}" if self.event else self.route


class Line:
    """The line to one zygote."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def on(cls, channel: socket.socket) -> Self:
        """Speak on a socket."""
        return cls(*await asyncio.open_connection(sock=channel))

    async def run(self, job: Job) -> Told:
        """Have a process do a job, and return what it told once it is dead."""
        self._writer.write(f"{json.dumps(job)}\n".encode())
        return json.loads((await self._reader.readline()).decode(), Told)

    async def close(self) -> None:
        """Let the zygote end."""
        self._writer.close()
        await self._writer.wait_closed()


class Killer:
    """Kills one case at its steps, against a sandbox of its own."""

    def __init__(self, case: Case, sandbox: Sandbox, line: Line, directory: Path) -> None:
        self._case, self._sandbox, self._line, self._directory = case, sandbox, line, directory
        self._event = EVENTS[case.event]
        self._references: set[str] = set()

    async def kill(self, sample: int | None) -> None:
        """Kill at every step, or at so many, spread evenly; the last step is known when several runs outlive it."""
        began = time.monotonic()
        first = await self._killed_at(0)
        self._case.steps = first.steps
        if sample is not None and sample < first.steps:
            # Half a stride on, so that neither end is favoured.
            for number in range(sample):
                await self._killed_at(1 + int((number + 0.5) * first.steps / sample))
        else:
            survivors = 0
            for step in count(1):
                survivors = 0 if (await self._killed_at(step)).killed else survivors + 1
                if survivors == _BEYOND:
                    break
                self._case.steps = max(self._case.steps, step - survivors)
        self._case.seconds = time.monotonic() - began

    async def _killed_at(self, step: int) -> Told:
        """Collect, be killed before this step (0: at none), and collect again."""
        event, reference_id = self._event, str(uuid4())
        self._references.add(reference_id)
        async with DollrClient(**self._sandbox.settings) as dollr:
            known = await prepare(dollr, self._case.route)
        journal = str(self._directory / reference_id)
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
            await self._line.run(attrs.evolve(job, kill_at=0, crash=event.crash))
        if event.fault:
            self._sandbox.fail("collect", event.fault)
        told = await self._line.run(job)
        self._sandbox.clear_faults()
        landed = self._has_landed(reference_id)
        second = await self._line.run(attrs.evolve(job, kill_at=0))
        if told.killed:
            self._case.kills += 1
            self._case.sites.add(told.site)
        wrong = list(self._wrong(reference_id, told, second, landed=landed))
        self._case.violations += [f"{self._case.name}, killed before step {step} ({told.site}): {it}" for it in wrong]
        if not wrong:
            for file in self._directory.glob(f"{reference_id}*"):
                file.unlink()
        return told

    def _has_landed(self, reference_id: str) -> bool:
        return any(entry.reference_id == reference_id for entry in self._sandbox.ledger)

    def _wrong(self, reference_id: str, told: Told, second: Told, *, landed: bool) -> Iterable[str]:
        """Say what must not be, after a kill and a restart."""
        if not told.killed and told.status != "COMPLETED":
            yield f"the run that was not killed ended {told}"
        if second.status != "COMPLETED":
            yield f"the second run ended {second}"
        entries = [entry for entry in self._sandbox.ledger if entry.reference_id == reference_id]
        if [entry.status for entry in entries] != ["COMPLETED"]:
            yield f"the ledger has {entries}"
        if any(entry.sends != 1 for entry in entries):
            yield f"a landed execution was sent again: {entries}"
        if strangers := {entry.reference_id for entry in self._sandbox.ledger} - self._references:
            yield f"the ledger has references that nobody knows: {strangers}"
        if landed and second.outcome is None and not (second.is_listed and second.executed):
            yield f"it had landed, and the journal did not list it as executed: {second}"
        made = sum(
            request.operation in _MAKES_DOCUMENT and request.status is not None and request.status < 300
            for request in self._sandbox.requests
        )
        if made != (0 if self._case.route == "known source" else 1):
            yield f"{made} documents were made"


async def run(cases: Sequence[Case], channels: Sequence[socket.socket], *, sample: int | None = None) -> None:
    """Kill all cases, as many side by side as there are zygotes."""
    waiting = list(reversed(cases))

    async def work(channel: socket.socket, directory: Path) -> None:
        line = await Line.on(channel)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(line.close)
            while waiting:
                case = waiting.pop()
                async with Sandbox(settlement=AfterSeconds(0.0, 0.0)) as sandbox:
                    await Killer(case, sandbox, line, directory).kill(sample)
                _print(case)

    with tempfile.TemporaryDirectory(prefix="kill-", dir=_PLACE) as directory:
        async with asyncio.TaskGroup() as workers:
            for channel in channels:
                workers.create_task(work(channel, Path(directory)))


def all_cases(routes: Iterable[str] = ROUTES, events: Iterable[str] = EVENTS) -> list[Case]:
    """Return every route with every event."""
    return [Case(route, event) for event in events for route in routes]


def a_few_cases() -> list[Case]:
    """Return each event once, on a route of its own."""
    return [Case(route, event) for route, event in zip(ROUTES, EVENTS, strict=False)]


def _print(case: Case) -> None:
    numbers = f"{case.steps:5} steps {case.kills:5} kills {len(case.sites):4} sites {len(case.violations):3} wrong"
    print(f"{case.name:45} {numbers} {case.seconds:6.1f} s", flush=True)  # noqa: T201 - what the program is for


def main(argv: Sequence[str] | None = None) -> int:
    """Kill, print the figures, and return 1 when anything was doubled, lost or wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--route", action="append", choices=list(ROUTES), help="only this route; may be repeated")
    parser.add_argument("--event", action="append", choices=list(EVENTS), help="only this event; may be repeated")
    parser.add_argument("--sample", type=int, help="kill at so many steps of each case instead of at all")
    parser.add_argument("--workers", type=int, default=2, help="how many cases are killed side by side")
    parser.add_argument("--quick", action="store_true", help="each event on one route, at three steps of each")
    options = parser.parse_args(argv)
    cases = a_few_cases() if options.quick else all_cases(options.route or ROUTES, options.event or EVENTS)
    channels = [start() for _ in range(min(options.workers, len(cases)))]  # before there is any loop or thread
    began = time.monotonic()
    asyncio.run(run(cases, channels, sample=3 if options.quick else options.sample))
    violations = [violation for case in cases for violation in case.violations]
    sites = {site for case in cases for site in case.sites}
    kills = sum(case.kills for case in cases)
    seconds = time.monotonic() - began
    print(f"{kills} kills at {len(sites)} sites in {seconds:.0f} s: {len(violations)} wrong")  # noqa: T201 - the result
    print("\n".join(violations), end="\n" if violations else "")  # noqa: T201 - the result
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
