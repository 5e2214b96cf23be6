"""A fork server: for each job it forks a process, which collects and is killed before one of its steps.

A step is what a task does between two awaits. All that leaves a process (the bytes it sends, the changes it gives to
the journal) leaves it inside a step. So to kill a process before each step in turn is to kill it at every await. Forks
of one process that has imported everything are much faster than fresh processes.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import traceback
from collections.abc import Coroutine, Generator
from typing import TYPE_CHECKING, Any
from uuid import UUID

import attrs
import cattrs.preconf.json

import dollr_async.journal.journaled_run
import dollr_async.journal.sqlite.database  # noqa: F401 - both load late; here they load once, and not in every fork
from dollr_async import DollrClient, PollPolicy, RetryPolicy
from dollr_async.journal import SQLiteJournal
from dollr_async.sandbox.sandbox import Settings
from tests.proof.routes import collect_terms

if TYPE_CHECKING:
    from types import FrameType

    from dollr_async.journal import Entry

POLLING = PollPolicy(interval=0.005, max_interval=0.02, not_found_grace=0.04, timeout=20.0)
RETRY = RetryPolicy(base_delay=0.002, max_delay=0.01, recovery=20.0)

json = cattrs.preconf.json.make_converter()


@attrs.frozen(kw_only=True)
class Job:
    """What one process has to do: collect on a route, and die before step `kill_at` (0 is never).

    Steps count from `begin`: "start", or "send", which is when the execution is about to be stored in the journal.
    With `crash` it dies at a named place instead: "before the send" of the execution, or "after the landing" of it.
    """

    settings: Settings
    journal: str
    route: str
    known: dict[str, int]
    reference_id: str
    begin: str = "start"
    kill_at: int = 0
    crash: str = ""


@attrs.define(kw_only=True)
class Report:
    """What one process reports: its journal's entry at its start, how it ended, and how many steps it made.

    `end` is the status of the payment, or the name of the error.
    """

    steps: int = 0
    site: str = ""
    killed: bool = False
    is_listed: bool = False
    executed: bool = False
    outcome: str | None = None
    end: str = ""
    error: str = ""


class Countdown:
    """Counts the steps of all tasks, and kills this process before one of them."""

    def __init__(self, job: Job, report: Report, pipe: int) -> None:
        self._job, self._report, self._pipe = job, report, pipe
        self._is_counting = False

    def begin(self, moment: str) -> None:
        """Begin to count, if this is the moment to begin at."""
        self._is_counting = self._is_counting or moment == self._job.begin

    def crash(self, place: str) -> None:
        """Die, if this is the place to die at."""
        if place == self._job.crash:
            self._die(place)

    def step(self, coroutine: object) -> None:
        """Count a step that is about to be made."""
        if not self._is_counting:
            return
        self._report.steps += 1
        if self._report.steps == self._job.kill_at:
            self._die(site_of(coroutine))

    def _die(self, site: str) -> None:
        self._report.site, self._report.killed = site, True
        os.write(self._pipe, json.dumps(self._report).encode())
        os.kill(os.getpid(), signal.SIGKILL)


class Counted(Coroutine[Any, Any, Any]):
    """A coroutine whose steps are counted, each before it is made."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], countdown: Countdown) -> None:
        self._coroutine, self._countdown = coroutine, countdown

    def send(self, value: object) -> object:
        """Make a step."""
        self._countdown.step(self._coroutine)
        return self._coroutine.send(value)

    def throw(self, *error: Any) -> object:  # noqa: ANN401 - passed on as it is
        """Make a step with an error."""
        self._countdown.step(self._coroutine)
        return self._coroutine.throw(*error)

    def close(self) -> None:
        """Close the coroutine."""
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        """Await the coroutine."""
        return self._coroutine.__await__()


POSTGRES_LEASE = 0.3
"""Seconds of a lease in PostgreSQL, where nobody sees that a process was killed before its lease runs out."""


def counted_journal(place: str, countdown: Countdown) -> Any:  # noqa: ANN401 - a journal of either kind
    """Return the journal at a place; it reports how far the execution is."""
    if place.startswith("postgresql:"):
        conninfo, _, schema = place.partition("?schema=")
        return _counted(_postgres_journal(), countdown)(conninfo, lease=POSTGRES_LEASE, schema=schema)
    return _counted(SQLiteJournal, countdown)(place)


def _postgres_journal() -> Any:  # noqa: ANN401 - the class
    from dollr_async.journal import PostgresJournal  # noqa: PLC0415 - SQLite needs no psycopg

    return PostgresJournal


def _counted(kind: Any, countdown: Countdown) -> Any:  # noqa: ANN401 - a class of either kind
    class Counted(kind):  # type: ignore[misc] # of either kind
        async def write(self, entry: Entry, number: int) -> None:
            """Write. The first write with a send is before the send, the first with a status after it has landed."""
            if entry.sends:
                countdown.begin("send")
            if entry.status is not None:
                countdown.crash("after the landing")
            await super().write(entry, number)
            if entry.sends:
                countdown.crash("before the send")

    return Counted


def site_of(coroutine: object) -> str:
    """Return where in the package a suspended coroutine awaits: the innermost line, like `flows/recovery.py:113`."""
    site = "elsewhere"
    while coroutine is not None:
        frame: FrameType | None = _first(coroutine, "cr_frame", "ag_frame", "gi_frame")
        file = "" if frame is None else frame.f_code.co_filename
        package, _, module = file.rpartition("dollr_async/")
        if frame is not None and package:
            site = f"{module}:{frame.f_lineno}"
        coroutine = _first(coroutine, "cr_await", "ag_await", "gi_yieldfrom")
    return site


def _first(thing: object, *names: str) -> Any:  # noqa: ANN401 - whatever the interpreter has there
    return next((found for name in names if (found := getattr(thing, name, None)) is not None), None)


async def _collect(job: Job, report: Report, countdown: Countdown) -> None:
    loop = asyncio.get_running_loop()
    loop.set_task_factory(
        lambda loop, coroutine, **more: asyncio.Task(Counted(coroutine, countdown), loop=loop, **more)
    )
    await loop.create_task(_run(job, report, countdown))


async def _run(job: Job, report: Report, countdown: Countdown) -> None:
    journal = counted_journal(job.journal, countdown)
    client = DollrClient(**job.settings, journal=journal, polling=POLLING, retry=RETRY, timeout=5.0)
    async with journal, client as dollr:
        async for unfinished in dollr.unfinished():
            report.is_listed, report.executed = True, unfinished.executed
        entry = await journal.read(UUID(job.reference_id))
        report.outcome = None if entry is None else entry.outcome
        countdown.begin("start")
        collection = await dollr.collect(**collect_terms(job.route, job.known), reference_id=job.reference_id)
        report.end = str((await collection.wait()).status)


def _child(job: Job, pipe: int) -> None:
    report = Report()
    try:
        asyncio.run(_collect(job, report, Countdown(job, report, pipe)))
    except BaseException as error:  # noqa: BLE001 - the parent has to know of any error
        report.end, report.error = type(error).__name__, "".join(traceback.format_exception(error))
    os.write(pipe, json.dumps(report).encode())


def serve(channel: socket.socket) -> None:
    """Do one job for each line that arrives, each in its own process, and answer with its report."""
    with channel, channel.makefile("rw") as lines:
        for line in lines:
            job = json.loads(line, Job)
            reading, writing = os.pipe()
            pid = os.fork()
            if pid == 0:
                os.close(reading)
                _child(job, writing)
                os._exit(0)
            os.close(writing)
            with os.fdopen(reading) as pipe:
                answer = pipe.read()
            os.waitpid(pid, 0)
            lines.write(f"{answer}\n")
            lines.flush()


def start_fork_server() -> socket.socket:
    """Fork a fork server, and return the socket to it. Call this before any thread or event loop exists."""
    ours, theirs = socket.socketpair()
    if os.fork() == 0:
        ours.close()
        try:
            serve(theirs)
        finally:
            os._exit(0)
    theirs.close()
    return ours
