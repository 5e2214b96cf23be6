"""Any script of faults, and any interleaving of collects, watches, cancellations and crashes, on a virtual clock.

In every case: a reference has at most one movement, no movement has a reference that the caller does not know, every
movement that landed is found, and nothing is reported as failed that is not failed in the ledger.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID, uuid4

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from dollr_async import (
    CollectError,
    ConfigurationError,
    DollrError,
    NotFoundError,
    OutcomeUnknownError,
    Payer,
    PaymentFailedError,
    ReferenceUsedError,
    StatusChange,
)
from dollr_async.journal import MemoryJournal
from dollr_async.sandbox import Fault, Sandbox
from tests.conftest import virtual_loop
from tests.proof.crashing_process import CrashedError, Process, ReferenceLog
from tests.proof.faulty_sandbox import OPERATIONS
from tests.proof.routes import collect_terms

if TYPE_CHECKING:
    from collections.abc import Coroutine

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


class PaymentTerms(NamedTuple):
    """The terms of a payment, kept so that it can be collected again."""

    route: str
    phone: str
    is_journaled: bool


class AnyScript(RuleBasedStateMachine):
    """What may happen, in any order, and what must hold after each step."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = virtual_loop()
        self.sandbox = Sandbox()
        self.journal = MemoryJournal()
        self.terms: dict[str, PaymentTerms] = {}
        self.known: set[str] = set()
        self.not_run: set[str] = set()
        self.used: set[str] = set()
        self.loop.run_until_complete(self.sandbox.start())
        self.process = self.loop.run_until_complete(self._start())
        self.reference_log = ReferenceLog(self.known)
        self.reference_log.attach()

    async def _start(self) -> Process:
        return Process(self.sandbox, self.journal)

    # What may happen

    @rule(
        operation=st.sampled_from(["collect", "get_collection_status", *OPERATIONS]),
        fault=st.sampled_from(_FAULTS),
        times=st.integers(1, 4),
    )
    def an_operation_will_fail(self, operation: str, fault: Fault | str | int, times: int) -> None:
        self.sandbox.fail(operation, fault, times=times)

    @rule(
        route=st.sampled_from(_ROUTES),
        phone=st.sampled_from(sorted(_PHONES.values())),
        how=st.sampled_from(["journal", "given reference", "own reference"]),
        faults=st.lists(st.sampled_from(_FAULTS), max_size=3),
        check_faults=st.lists(st.sampled_from(_FAULTS), max_size=3),
        seconds=st.sampled_from(_PAUSES),
    )
    def a_caller_collects(
        self,
        route: str,
        phone: str,
        how: str,
        faults: list[Fault | str | int],
        check_faults: list[Fault | str | int],
        seconds: float,
    ) -> None:
        for fault in faults:
            self.sandbox.fail("collect", fault)
        for fault in check_faults:
            self.sandbox.fail("get_collection_status", fault)
        terms, reference_id = PaymentTerms(route, phone, how == "journal"), None
        if how != "own reference":
            reference_id = str(uuid4())
            self.terms[reference_id] = terms
            self.known.add(reference_id)
        self._begin(self._collect(terms, reference_id), reference_id)
        self._pass(seconds)

    @precondition(lambda self: any(terms.is_journaled for terms in self.terms.values()))
    @rule(data=st.data(), seconds=st.sampled_from(_PAUSES))
    def a_caller_collects_again(self, data: st.DataObject, seconds: float) -> None:
        journaled = [reference_id for reference_id, terms in self.terms.items() if terms.is_journaled]
        reference_id = data.draw(st.sampled_from(journaled))
        self.not_run.discard(reference_id)
        self._begin(self._collect(self.terms[reference_id], reference_id), reference_id)
        self._pass(seconds)

    @precondition(lambda self: self.terms)
    @rule(data=st.data())
    def a_caller_watches(self, data: st.DataObject) -> None:
        reference_id = data.draw(st.sampled_from(list(self.terms)))
        self._begin(self._watch(reference_id), None)

    @precondition(lambda self: self.terms)
    @rule(is_journaled=st.booleans(), pauses=st.sampled_from(_PAUSES))
    def a_caller_watches_all(self, is_journaled: bool, pauses: float) -> None:  # noqa: FBT001 - hypothesis passes it by name
        self._begin(self._watch_many(list(self.terms), is_journaled=is_journaled, pauses=pauses), None)

    @rule(
        control=st.sampled_from(
            ["drop_realtime", "refuse_realtime", "refuse_joins", "silence_realtime", "expire_realtime_keys"]
        )
    )
    def push_fails(self, control: str) -> None:
        self.loop.run_until_complete(self._call_control(control))

    @rule()
    def push_works_again(self) -> None:
        self.loop.run_until_complete(self._call_control("restore_realtime"))

    async def _call_control(self, control: str) -> None:
        # The control may set a timer, which needs the running loop.
        getattr(self.sandbox, control)()

    @precondition(lambda self: any(not task.done() for task in self.process.tasks))
    @rule(data=st.data())
    def a_caller_is_cancelled(self, data: st.DataObject) -> None:
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
    def the_process_crashes_and_starts_again(self) -> None:
        for task, reference_id in self.process.tasks.items():
            if not task.done():
                self.not_run.discard(reference_id or "")
        self.loop.run_until_complete(self.process.crash())
        self.process = self.loop.run_until_complete(self._start())

    # What has to hold

    @invariant()
    def each_movement_has_a_known_reference_of_its_own(self) -> None:
        references = [entry.reference_id for entry in self.sandbox.ledger]
        assert len(references) == len(set(references))
        assert set(references) <= self.known

    @invariant()
    def a_payment_reported_as_not_run_has_not_run(self) -> None:
        assert not self.not_run & {entry.reference_id for entry in self.sandbox.ledger}

    @invariant()
    def a_reference_reported_as_used_is_used(self) -> None:
        assert self.used <= {entry.reference_id for entry in self.sandbox.ledger}

    @invariant()
    def no_task_ended_with_an_unexpected_error(self) -> None:
        for task in self.process.tasks:
            if task.done() and not task.cancelled():
                task.result()

    def teardown(self) -> None:
        """End the faults, let all tasks end, and assert that each movement is found with its status."""
        try:
            self.sandbox.clear_faults()
            self.loop.run_until_complete(self._reconcile())
        finally:
            self.reference_log.detach()
            self.loop.run_until_complete(self.process.crash())
            self.loop.run_until_complete(self.sandbox.close())
            self.loop.close()

    async def _reconcile(self) -> None:
        if self.process.tasks:
            _, running = await asyncio.wait(self.process.tasks, timeout=10_000.0)
            assert not running
        self.no_task_ended_with_an_unexpected_error()
        await self.process.crash()
        self.process = await self._start()
        await asyncio.sleep(self.journal.lease + 1.0)
        found: dict[str, str] = {}
        async for payment in self.process.journaled.unfinished():
            if payment.executed:
                found[str(payment.reference_id)] = await self._end_of(str(payment.reference_id))
        for entry in self.sandbox.ledger:
            if (journaled := await self.journal.read(UUID(entry.reference_id))) is not None:
                assert journaled.outcome == entry.status, "a movement whose outcome the journal does not know"
            assert found.get(entry.reference_id, entry.status) == entry.status
            assert await self._end_of(entry.reference_id) == entry.status
        self.each_movement_has_a_known_reference_of_its_own()
        self.a_payment_reported_as_not_run_has_not_run()

    # How it happens

    def _begin(self, work: Coroutine[Any, Any, None], reference_id: str | None) -> None:
        async def begin() -> None:
            self.process.tasks[asyncio.create_task(work)] = reference_id
            await asyncio.sleep(0)

        self.loop.run_until_complete(begin())

    def _pass(self, seconds: float) -> None:
        self.loop.run_until_complete(asyncio.sleep(seconds))

    def _status_of(self, reference_id: str) -> str | None:
        return next((entry.status for entry in self.sandbox.ledger if entry.reference_id == reference_id), None)

    async def _collect(self, terms: PaymentTerms, reference_id: str | None) -> None:
        dollr = self.process.journaled if terms.is_journaled else self.process.plain
        payer = Payer(fullname="Amara Kamara", phone=terms.phone, country_code="LR")
        try:
            collection = await dollr.collect(
                **{**collect_terms(terms.route, {}), "payer": payer}, reference_id=reference_id
            )
        except CollectError as error:
            # Another caller that waits for this reference resumes it now, and may move the money.
            if not self._another_caller_waits(reference_id):
                self.not_run.add(str(error.reference_id))
        except OutcomeUnknownError as error:
            self.known.add(str(error.reference_id))
        except ReferenceUsedError as error:
            self.used.add(str(error.reference_id))
        except CrashedError:
            return
        else:
            self.known.add(str(collection.reference_id))
            status = self._status_of(str(collection.reference_id))
            assert status is not None
            assert collection.status != "FAILED" or status == "FAILED"
            self.not_run.discard(str(collection.reference_id))

    def _another_caller_waits(self, reference_id: str | None) -> bool:
        me, tasks = asyncio.current_task(), self.process.tasks.items()
        return any(name == reference_id and task is not me and not task.done() for task, name in tasks)

    async def _watch(self, reference_id: str) -> None:
        dollr = self.process.journaled if self.terms[reference_id].is_journaled else self.process.plain
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
            assert not left, "a payment that reached no final status and was not given up"

    async def _end_of(self, reference_id: str) -> str:
        try:
            return str((await self.process.journaled.wait(reference_id, raise_on_action=False)).status)
        except PaymentFailedError:
            return "FAILED"
        except NotFoundError:
            assert self._status_of(reference_id) is None
            return "not there"


AnyScript.TestCase.settings = settings(max_examples=_EXAMPLES, stateful_step_count=25)


TestAnyScript = AnyScript.TestCase
