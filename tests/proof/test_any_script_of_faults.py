"""Any script of faults, and any interleaving of collects, watches, cancellations and crashes, on a virtual clock.

However it goes: at most one movement for a reference, none under a reference that the caller does not know, every one
that landed is found, and nothing is called failed that the ledger does not call so.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID, uuid4

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from dollr_async import (
    CollectError,
    ConfigurationError,
    DollrClient,
    DollrError,
    NotFoundError,
    OutcomeUnknownError,
    Payer,
    PaymentFailedError,
    RealtimeSettings,
    ReferenceUsedError,
    StatusChange,
)
from dollr_async.journal import MemoryJournal
from dollr_async.sandbox import Fault, Sandbox
from tests.conftest import virtual_loop
from tests.proof.routes import terms
from tests.proof.world import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from dollr_async.journal import Claim, Entry

_EXAMPLES = int(os.environ.get("DOLLR_PROOF_EXAMPLES", "50"))
_FAULTS: list[Fault | str | int] = [
    "lose_answer",
    "drop",
    "hang",
    "hang_after",
    "server_error",
    "server_error_after",
    "cut_body",
    "garbage",
    "broken_json",
    "redirect",
    "rate_limited",
    "408_after",
    "422_after",
    401,
    403,
    422,
    Fault.latency(12.0),
    Fault.latency(45.0),
    Fault.latency(100.0),
]
_ROUTES = ["invoice", "order", "direct invoice", "card"]
_PAUSES = [40.0, 0.5, 0.01, 0.0, 5.0, 200.0, 2000.0]
_PHONES = {"approved": "231771234567", "declined": "231770000002", "failed at once": "231770000005"}


class CrashedError(Exception):
    """The process that asks is dead."""


class OneLife(MemoryJournal):
    """A journal as one process sees it: once that is dead, nothing of it arrives any more."""

    def __init__(self, kept: MemoryJournal) -> None:
        super().__init__()
        self._kept_for_ever = kept
        self.is_dead = False

    @property
    def _alive(self) -> MemoryJournal:
        if self.is_dead:
            raise CrashedError
        return self._kept_for_ever

    async def claim(self, entry: Entry) -> Claim:
        return await self._alive.claim(entry)

    async def write(self, entry: Entry, number: int) -> None:
        await self._alive.write(entry, number)

    async def renew(self, reference_id: UUID, number: int) -> None:
        await self._alive.renew(reference_id, number)

    async def release(self, reference_id: UUID, number: int) -> None:
        await self._alive.release(reference_id, number)

    async def settle(self, reference_id: UUID, status: str, outcome: str | None) -> None:
        await self._alive.settle(reference_id, status, outcome)

    async def read(self, reference_id: UUID) -> Entry | None:
        return await self._alive.read(reference_id)

    async def unfinished(self, *, with_live: bool = False) -> list[Entry]:
        return await self._alive.unfinished(with_live=with_live)


class Process:
    """One life of a program: its clients, its view of the journal, and what it has under way."""

    def __init__(self, sandbox: Sandbox, kept: MemoryJournal) -> None:
        self.journal = OneLife(kept)
        realtime = RealtimeSettings(**sandbox.realtime)
        self.journaled = DollrClient(
            **sandbox.settings, journal=self.journal, realtime=realtime, max_polls_per_second=2.0
        )
        self.plain = DollrClient(**sandbox.settings, realtime=realtime)
        self.tasks: dict[asyncio.Task[None], str | None] = {}

    async def crash(self) -> None:
        """End at once: nothing more is written, no lease is given back, all connections are gone."""
        self.journal.is_dead = True
        running = [task for task in self.tasks if not task.done()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self.journaled.close()
        await self.plain.close()


class PaymentTerms(NamedTuple):
    """What a payment was asked with, so that it can be asked for again."""

    route: str
    phone: str
    is_journaled: bool


class AnyScript(RuleBasedStateMachine):
    """What may happen, in any order, and what must hold after each of it."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = virtual_loop()
        self.sandbox = Sandbox()
        self.kept = MemoryJournal()
        self.asked: dict[str, PaymentTerms] = {}
        self.known: set[str] = set()
        self.not_run: set[str] = set()
        self.used: set[str] = set()
        self.loop.run_until_complete(self.sandbox.start())
        self.process = self.loop.run_until_complete(self._start())
        self.listener = Listener(self.known)
        self.listener.listen()

    async def _start(self) -> Process:
        return Process(self.sandbox, self.kept)

    # What may happen

    @rule(
        operation=st.sampled_from(["collect", "get_collection_status", *OPERATIONS]),
        fault=st.sampled_from(_FAULTS),
        times=st.integers(1, 4),
    )
    def something_is_going_to_fail(self, operation: str, fault: Fault | str | int, times: int) -> None:
        self.sandbox.fail(operation, fault, times=times)

    @rule(
        route=st.sampled_from(_ROUTES),
        phone=st.sampled_from(sorted(_PHONES.values())),
        how=st.sampled_from(["journal", "given reference", "own reference"]),
        faults=st.lists(st.sampled_from(_FAULTS), max_size=3),
        looks=st.lists(st.sampled_from(_FAULTS), max_size=3),
        seconds=st.sampled_from(_PAUSES),
    )
    def somebody_collects(
        self,
        route: str,
        phone: str,
        how: str,
        faults: list[Fault | str | int],
        looks: list[Fault | str | int],
        seconds: float,
    ) -> None:
        for fault in faults:
            self.sandbox.fail("collect", fault)
        for fault in looks:
            self.sandbox.fail("get_collection_status", fault)
        asked, reference_id = PaymentTerms(route, phone, how == "journal"), None
        if how != "own reference":
            reference_id = str(uuid4())
            self.asked[reference_id] = asked
            self.known.add(reference_id)
        self._begin(self._collect(asked, reference_id), reference_id)
        self._pass(seconds)

    @precondition(lambda self: any(asked.is_journaled for asked in self.asked.values()))
    @rule(data=st.data(), seconds=st.sampled_from(_PAUSES))
    def somebody_collects_again(self, data: st.DataObject, seconds: float) -> None:
        journaled = [reference_id for reference_id, asked in self.asked.items() if asked.is_journaled]
        reference_id = data.draw(st.sampled_from(journaled))
        self.not_run.discard(reference_id)
        self._begin(self._collect(self.asked[reference_id], reference_id), reference_id)
        self._pass(seconds)

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def somebody_watches(self, data: st.DataObject) -> None:
        reference_id = data.draw(st.sampled_from(list(self.asked)))
        self._begin(self._watch(reference_id), None)

    @precondition(lambda self: self.asked)
    @rule(is_journaled=st.booleans(), pauses=st.sampled_from(_PAUSES))
    def somebody_watches_all(self, is_journaled: bool, pauses: float) -> None:  # noqa: FBT001 - hypothesis gives it by name
        self._begin(self._watch_many(list(self.asked), is_journaled=is_journaled, pauses=pauses), None)

    @rule(
        trouble=st.sampled_from(
            ["drop_realtime", "refuse_realtime", "refuse_joins", "silence_realtime", "expire_realtime_keys"]
        )
    )
    def push_has_trouble(self, trouble: str) -> None:
        self.loop.run_until_complete(self._turn(trouble))

    @rule()
    def push_is_well_again(self) -> None:
        self.loop.run_until_complete(self._turn("restore_realtime"))

    async def _turn(self, control: str) -> None:
        # What the sandbox has to do next about push is a timer of its loop.
        getattr(self.sandbox, control)()

    @precondition(lambda self: any(not task.done() for task in self.process.tasks))
    @rule(data=st.data())
    def somebody_leaves(self, data: st.DataObject) -> None:
        running = [number for number, task in enumerate(self.process.tasks) if not task.done()]
        task = list(self.process.tasks)[data.draw(st.sampled_from(running))]
        self.not_run.discard(self.process.tasks[task] or "")
        task.cancel()
        self._pass(0.0)

    @rule(seconds=st.sampled_from(_PAUSES))
    def time_passes(self, seconds: float) -> None:
        self._pass(seconds)

    @rule()
    def tokens_are_revoked(self) -> None:
        self.sandbox.revoke_tokens()

    @rule()
    def the_process_is_killed_and_started_again(self) -> None:
        for task, reference_id in self.process.tasks.items():
            if not task.done():
                self.not_run.discard(reference_id or "")
        self.loop.run_until_complete(self.process.crash())
        self.process = self.loop.run_until_complete(self._start())

    # What has to hold

    @invariant()
    def no_movement_is_a_strangers(self) -> None:
        references = [entry.reference_id for entry in self.sandbox.ledger]
        assert len(references) == len(set(references))
        assert set(references) <= self.known

    @invariant()
    def what_was_called_not_run_has_not_run(self) -> None:
        assert not self.not_run & {entry.reference_id for entry in self.sandbox.ledger}

    @invariant()
    def what_was_called_used_is_used(self) -> None:
        assert self.used <= {entry.reference_id for entry in self.sandbox.ledger}

    @invariant()
    def nobody_met_what_must_not_be(self) -> None:
        for task in self.process.tasks:
            if task.done() and not task.cancelled():
                task.result()

    def teardown(self) -> None:
        """End the faults and everything under way, and see that each movement is found, and found as it is."""
        try:
            self.sandbox.clear_faults()
            self.loop.run_until_complete(self._reconcile())
        finally:
            self.listener.leave()
            self.loop.run_until_complete(self.process.crash())
            self.loop.run_until_complete(self.sandbox.close())
            self.loop.close()

    async def _reconcile(self) -> None:
        if self.process.tasks:
            _, running = await asyncio.wait(self.process.tasks, timeout=10_000.0)
            assert not running
        self.nobody_met_what_must_not_be()
        await self.process.crash()
        self.process = await self._start()
        await asyncio.sleep(self.kept.lease + 1.0)
        found: dict[str, str] = {}
        async for payment in self.process.journaled.unfinished():
            if payment.executed:
                found[str(payment.reference_id)] = await self._end_of(str(payment.reference_id))
        for entry in self.sandbox.ledger:
            if (kept := await self.kept.read(UUID(entry.reference_id))) is not None:
                assert kept.outcome == entry.status, "a movement that the journal does not know the end of"
            assert found.get(entry.reference_id, entry.status) == entry.status
            assert await self._end_of(entry.reference_id) == entry.status
        self.no_movement_is_a_strangers()
        self.what_was_called_not_run_has_not_run()

    # How they do it

    def _begin(self, work: Coroutine[Any, Any, None], reference_id: str | None) -> None:
        async def begin() -> None:
            self.process.tasks[asyncio.create_task(work)] = reference_id
            await asyncio.sleep(0)

        self.loop.run_until_complete(begin())

    def _pass(self, seconds: float) -> None:
        self.loop.run_until_complete(asyncio.sleep(seconds))

    def _status_of(self, reference_id: str) -> str | None:
        return next((entry.status for entry in self.sandbox.ledger if entry.reference_id == reference_id), None)

    async def _collect(self, asked: PaymentTerms, reference_id: str | None) -> None:
        dollr = self.process.journaled if asked.is_journaled else self.process.plain
        payer = Payer(fullname="Amara Kamara", phone=asked.phone, country_code="LR")
        try:
            collection = await dollr.collect(**{**terms(asked.route, {}), "payer": payer}, reference_id=reference_id)
        except CollectError as error:
            # Another caller who waits for this reference takes it up from here, and may well move the money.
            if not self._somebody_else_waits(reference_id):
                self.not_run.add(str(error.reference_id))
        except OutcomeUnknownError as error:
            self.known.add(str(error.reference_id))
        except ReferenceUsedError as error:
            self.used.add(str(error.reference_id))
        except CrashedError:
            return
        else:
            self.known.add(str(collection.reference_id))
            stands = self._status_of(str(collection.reference_id))
            assert stands is not None
            assert collection.status != "FAILED" or stands == "FAILED"
            self.not_run.discard(str(collection.reference_id))

    def _somebody_else_waits(self, reference_id: str | None) -> bool:
        me, tasks = asyncio.current_task(), self.process.tasks.items()
        return any(name == reference_id and task is not me and not task.done() for task, name in tasks)

    async def _watch(self, reference_id: str) -> None:
        dollr = self.process.journaled if self.asked[reference_id].is_journaled else self.process.plain
        with suppress(DollrError, CrashedError):
            async for change in dollr.watch(reference_id):
                if change.is_final:
                    assert self._status_of(reference_id) == change.status

    async def _watch_many(self, references: list[str], *, is_journaled: bool, pauses: float) -> None:
        dollr = self.process.journaled if is_journaled else self.process.plain
        left = set(references)
        with suppress(ConfigurationError, CrashedError):
            async for news in dollr.watch_many(references):
                if isinstance(news, StatusChange) and news.is_final:
                    assert self._status_of(str(news.reference_id)) == news.status
                if not isinstance(news, StatusChange) or news.is_final:
                    left.remove(str(news.reference_id))
                await asyncio.sleep(min(pauses, 40.0))
            assert not left, "one that was neither seen to its end nor given up"

    async def _end_of(self, reference_id: str) -> str:
        try:
            return str((await self.process.journaled.wait(reference_id, raise_on_action=False)).status)
        except PaymentFailedError:
            return "FAILED"
        except NotFoundError:
            assert self._status_of(reference_id) is None
            return "not there"


class Listener(logging.Handler):
    """Reads in the log which payments are about to be executed, as a caller without a reference would."""

    def __init__(self, known: set[str]) -> None:
        super().__init__()
        self._known = known
        self._logger = logging.getLogger("dollr_async.collect")

    def emit(self, record: logging.LogRecord) -> None:
        """Learn a reference."""
        if found := re.match(r"payment (\S+) is about to be executed", record.getMessage()):
            self._known.add(found[1])

    def listen(self) -> None:
        """Begin."""
        self._logger.addHandler(self)
        self._logger.setLevel(logging.INFO)

    def leave(self) -> None:
        """End."""
        self._logger.removeHandler(self)
        self._logger.setLevel(logging.NOTSET)


AnyScript.TestCase.settings = settings(max_examples=_EXAMPLES, stateful_step_count=25)


TestAnyScript = AnyScript.TestCase
