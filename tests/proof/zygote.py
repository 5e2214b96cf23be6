"""Processes that collect and are killed at a step of their own: forked, one after the other, from one that is warm.

A step is what a task does between two awaits. Whatever a process tells the world (the bytes it sends, the changes it
hands to the journal), it does inside a step, so a process killed before each step in turn is killed at every await.
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
import dollr_async.journal.sqlite.database  # noqa: F401 - both load late; here, once and not in every fork
from dollr_async import DollrClient, PollPolicy, RetryPolicy
from dollr_async.journal import SQLiteJournal
from dollr_async.sandbox.sandbox import Settings
from tests.proof.routes import terms

if TYPE_CHECKING:
    from types import FrameType

    from dollr_async.journal import Entry

GRACE = 0.04
POLLING = PollPolicy(interval=0.005, max_interval=0.02, not_found_grace=GRACE, timeout=20.0)
RETRY = RetryPolicy(base_delay=0.002, max_delay=0.01, recovery=20.0)

json = cattrs.preconf.json.make_converter()


@attrs.frozen(kw_only=True)
class Job:
    """What one process has to do: collect on a route, and die before step `kill_at` (0: live).

    Steps count from `begin`: "start", or "send" for the moment at which the execution is about to be made durable.
    `crash` dies at a place with a name instead: "before the send" of the execution, or "after the landing" of it.
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
class Told:
    """What one process told: what its journal knew at its start, how it ended, and how many steps it took."""

    steps: int = 0
    site: str = ""
    killed: bool = False
    is_listed: bool = False
    executed: bool = False
    outcome: str | None = None
    status: str = ""
    source_id: int | None = None
    error: str = ""


class Countdown:
    """Counts the steps of all tasks, and kills this process before one of them."""

    def __init__(self, job: Job, told: Told, pipe: int) -> None:
        self._job, self._told, self._pipe = job, told, pipe
        self._is_counting = False

    def begin(self, moment: str) -> None:
        """Count from here on, if this is the moment to begin at."""
        self._is_counting = self._is_counting or moment == self._job.begin

    def crash(self, place: str) -> None:
        """Die, if this is the place to die at."""
        if place == self._job.crash:
            self._die(place)

    def step(self, coroutine: object) -> None:
        """Count a step that is about to be taken."""
        if not self._is_counting:
            return
        self._told.steps += 1
        if self._told.steps == self._job.kill_at:
            self._die(site_of(coroutine))

    def _die(self, site: str) -> None:
        self._told.site, self._told.killed = site, True
        os.write(self._pipe, json.dumps(self._told).encode())
        os.kill(os.getpid(), signal.SIGKILL)


class Counted(Coroutine[Any, Any, Any]):
    """A coroutine whose every step is counted before it is taken."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], countdown: Countdown) -> None:
        self._coroutine, self._countdown = coroutine, countdown

    def send(self, value: object) -> object:
        """Take a step."""
        self._countdown.step(self._coroutine)
        return self._coroutine.send(value)

    def throw(self, *error: Any) -> object:  # noqa: ANN401 - passed on as it is
        """Take a step with an error."""
        self._countdown.step(self._coroutine)
        return self._coroutine.throw(*error)

    def close(self) -> None:
        """End."""
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        """Be awaited as what is counted."""
        return self._coroutine.__await__()


class CountedJournal(SQLiteJournal):
    """A journal that says where the execution is."""

    countdown: Countdown

    async def write(self, entry: Entry, number: int) -> None:
        """Write; the first write with a send comes before the send, the first with a status after its landing."""
        if entry.sends:
            self.countdown.begin("send")
        if entry.status is not None:
            self.countdown.crash("after the landing")
        await super().write(entry, number)
        if entry.sends:
            self.countdown.crash("before the send")


def site_of(coroutine: object) -> str:
    """Return where in the package a suspended coroutine awaits: the innermost line, as `recovery.py:113`."""
    site = "elsewhere"
    while coroutine is not None:
        frame: FrameType | None = _first(coroutine, "cr_frame", "ag_frame", "gi_frame")
        file = "" if frame is None else frame.f_code.co_filename
        package, _, room = file.rpartition("dollr_async/")
        if frame is not None and package:
            site = f"{room}:{frame.f_lineno}"
        coroutine = _first(coroutine, "cr_await", "ag_await", "gi_yieldfrom")
    return site


def _first(thing: object, *names: str) -> Any:  # noqa: ANN401 - whatever the interpreter has there
    return next((found for name in names if (found := getattr(thing, name, None)) is not None), None)


async def _collect(job: Job, told: Told, countdown: Countdown) -> None:
    loop = asyncio.get_running_loop()
    loop.set_task_factory(
        lambda loop, coroutine, **more: asyncio.Task(Counted(coroutine, countdown), loop=loop, **more)
    )
    await loop.create_task(_run(job, told, countdown))


async def _run(job: Job, told: Told, countdown: Countdown) -> None:
    journal = CountedJournal(job.journal)
    journal.countdown = countdown
    client = DollrClient(**job.settings, journal=journal, polling=POLLING, retry=RETRY, timeout=5.0)
    async with journal, client as dollr:
        async for unfinished in dollr.unfinished():
            told.is_listed, told.executed = True, unfinished.executed
        entry = await journal.read(UUID(job.reference_id))
        told.outcome = None if entry is None else entry.outcome
        countdown.begin("start")
        collection = await dollr.collect(**terms(job.route, job.known), reference_id=job.reference_id)
        execution = await collection.wait()
        told.status, told.source_id = str(execution.status), collection.source_id


def _child(job: Job, pipe: int) -> None:
    told = Told()
    try:
        asyncio.run(_collect(job, told, Countdown(job, told, pipe)))
    except BaseException as error:  # noqa: BLE001 - whatever it was, the parent is told
        told.error = "".join(traceback.format_exception(error))
    os.write(pipe, json.dumps(told).encode())


def serve(channel: socket.socket) -> None:
    """Do one job for each line that comes, in a process of its own, and answer what it told; until nobody asks."""
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


def start() -> socket.socket:
    """Fork a process that does jobs, and return the line to it. Do so before any thread or event loop is there."""
    ours, theirs = socket.socketpair()
    if os.fork() == 0:
        ours.close()
        try:
            serve(theirs)
        finally:
            os._exit(0)
    theirs.close()
    return ours
