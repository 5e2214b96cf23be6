"""The instructions of this library's work and of the floor's: `python -m benchmarks.instructions`.

Instructions do not depend on what else the machine does, so two runs differ by far less than times do. valgrind counts
them (`apt-get install valgrind`): its counters are set to zero before a block of equal work and read after it. The
floor is the same work by hand, with aiohttp and orjson. Payments that stay open are followed for some seconds, and the
stub server counts the polls. It returns 1 when a ratio is above its limit.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.following.many_open_payments import WAYS
from benchmarks.harness.gauges import ask_stub
from benchmarks.harness.processes import stub_server
from benchmarks.harness.tables import table
from benchmarks.journal.handling import reference
from benchmarks.rivals.floor import open_calls
from benchmarks.rivals.ours import Ours
from benchmarks.rivals.registry import FLOOR, RIVALS
from dollr_async import DollrClient
from dollr_async.journal import SQLiteJournal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    _Works = dict[str, Callable[[], Awaitable[None]]]

OURS = "ours"
_WARM_UPS = 10
_CALLS_AT_ONCE = 64
"""As many as a client has in flight."""

_OPEN, _INTERVAL, _SECONDS = 50, 1.0, 10.0
"""Payments that stay open, the seconds between two polls of one, and for how long they are counted."""

_SETTLES_LATER = 1 << 47
"""A moment that does not come."""


class Kind(NamedTuple):
    """One kind of work: how often it is done, and its ratio. `times` is 0 where the stub server counts.

    `last` is what the ratio was when it was last measured. The check fails when it is above `limit`.
    """

    shown: str
    times: int
    last: float
    limit: float


KINDS = {
    "status": Kind("a status check", 300, 1.09, 1.11),
    "party": Kind("a party, by POST", 300, 1.1, 1.12),
    "direct": Kind("a collection by one checkout", 60, 1.45, 1.49),
    "document_first": Kind("a collection, step by step", 60, 1.35, 1.38),
    "journaled": Kind("the same with a journal in SQLite", 60, 3.18, 3.3),
    "followed": Kind("a payment of watch_many(), to its end", 300, 1.29, 1.33),
    "watched": Kind("a poll of watch(), one a second", 0, 1.22, 1.25),
}


async def _works(
    rival: str, url: str, directory: str, stack: AsyncExitStack
) -> dict[str, Callable[[], Awaitable[None]]]:
    """Return what to do for each kind of work; a payment that is followed to its end is done many at a time."""
    open_rival = await stack.enter_async_context(RIVALS[rival].open(url, 1))
    works = {kind: getattr(open_rival, kind) for kind in ("status", "party", "direct", "document_first")}
    references = [reference(number) for number in range(KINDS["followed"].times)]
    if rival == FLOOR:
        call = await stack.enter_async_context(open_calls(url))
        limit = asyncio.Semaphore(_CALLS_AT_ONCE)

        async def check(number: int) -> None:
            async with limit:
                await call("GET", f"status/collection/{references[number]}")

        async def follow() -> None:
            await asyncio.gather(*map(check, range(len(references))))

        return {
            **works,
            "journaled": open_rival.document_first,
            "followed": follow,
            "watched": _watching("by-hand", url, stack),
        }
    journal = await stack.enter_async_context(SQLiteJournal(Path(directory, "payments.db")))
    journaling = await stack.enter_async_context(DollrClient("client", "secret", base_url=url, journal=journal))
    dollr = await stack.enter_async_context(DollrClient("client", "secret", base_url=url))

    async def watch_many() -> None:
        async for _ in dollr.watch_many(references):
            pass

    return {
        **works,
        "journaled": Ours(journaling).document_first,
        "followed": watch_many,
        "watched": _watching("watch", url, stack),
    }


def _watching(way: str, url: str, stack: AsyncExitStack) -> Callable[[], Awaitable[None]]:
    """Return what follows payments that stay open, with a task for each, and ends after some seconds."""
    references = [reference(number, _SETTLES_LATER) for number in range(_OPEN)]
    following: list[asyncio.Task[None]] = []

    async def stop() -> None:
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)

    async def watch() -> None:
        if not following:
            following.append(asyncio.create_task(WAYS[way](url, references, _INTERVAL)))
        await asyncio.sleep(_SECONDS)

    stack.push_async_callback(stop)
    return watch


async def work(rival: str, url: str, directory: str) -> None:
    """Do each kind of work when the parent says so, and say when it is done."""
    async with AsyncExitStack() as stack:
        works = await _works(rival, url, directory, stack)
        for kind, do in works.items():
            times = KINDS[kind].times if kind not in {"followed", "watched"} else 1
            for _ in range(min(times, _WARM_UPS)):
                await do()
            gc.collect()
            for sign in ("begin", "end"):
                print(f"{kind} {sign}", flush=True)
                sys.stdin.readline()
                if sign == "begin":
                    for _ in range(times):
                        await do()


class Counted:
    """A process under valgrind that does one rival's work."""

    def __init__(self, rival: str, url: str, directory: str) -> None:
        """Start it; nothing is counted yet."""
        self._url, self._out = url, Path(directory, f"{rival}.out")
        options = ["--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={self._out}", "--quiet"]
        command = ["valgrind", *options, sys.executable, "-m", __spec__.name, "--rival", rival, "--stub", url]
        self._process = subprocess.Popen(
            [*command, "--directory", directory],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": "0"},
        )

    def count(self) -> dict[str, int]:
        """Let it do each kind of work, and return the instructions of one piece of each."""
        found, asked = {}, 0
        for line in self._process.stdout or ():
            kind, sign = line.split()
            if sign == "begin":
                asked = self._asked()
                self._control("--instr=on")
                self._control("--zero")
            else:
                self._control(f"--dump={kind}")
                # One of the requests asked for the count itself.
                found[kind] = self._dumped() // (KINDS[kind].times or self._asked() - asked - 1)
                self._control("--instr=off")
            self._go_on()
        if self._process.wait():
            sys.exit(f"the work under valgrind ended with {self._process.returncode}")
        return found

    def _asked(self) -> int:
        return int(asyncio.run(ask_stub(self._url, "count")))

    def _control(self, word: str) -> None:
        command = ["callgrind_control", word, str(self._process.pid)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _dumped(self) -> int:
        newest = max(self._out.parent.glob(f"{self._out.name}.*"), key=lambda file: int(file.suffix[1:]))
        totals = re.search(r"^(?:totals|summary): (\d+)", newest.read_text(), re.MULTILINE)
        if totals is None:
            sys.exit(f"callgrind has written no total into {newest}")
        return int(totals[1])

    def _go_on(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.write("\n")
            self._process.stdin.flush()


def main() -> int:
    """Count both, show the ratios, and say whether one is above its limit."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rival", help="used by the program itself, for what it counts")
    parser.add_argument("--stub", help="as above")
    parser.add_argument("--directory", help="as above")
    options = parser.parse_args()
    if options.rival:
        asyncio.run(work(options.rival, options.stub, options.directory))
        return 0
    if shutil.which("valgrind") is None:
        print("valgrind is not installed, so no instructions are counted", file=sys.stderr)
        return 0
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory())
        # A stub for each, since it counts the polls.
        urls = [stack.enter_context(stub_server(0.0, "--settling")) for _ in range(2)]
        both = [Counted(rival, url, directory) for rival, url in zip((FLOOR, OURS), urls, strict=True)]
        with ThreadPoolExecutor() as threads:
            floor, ours = threads.map(Counted.count, both)
    rows, above = [], []
    for name, kind in KINDS.items():
        ratio = ours[name] / floor[name]
        rows.append(
            [kind.shown, f"{floor[name]:,}", f"{ours[name]:,}", f"{ratio:.3f}", f"{kind.last}", f"{kind.limit}"]
        )
        if ratio > kind.limit:
            above.append(kind.shown)
    print(table(["instructions of", "by hand", "dollr_async", "ratio", "last", "limit"], rows))
    if above:
        print(f"above its limit: {', '.join(above)}", file=sys.stderr)
    return bool(above)


if __name__ == "__main__":
    sys.exit(main())
