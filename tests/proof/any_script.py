"""The state machine of `test_any_script_of_faults.py`: what may happen, in any order, and what must hold after it."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import attrs
import hypothesis.strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from dollr_async import DollrClient
from dollr_async.journal import MemoryJournal
from dollr_async.sandbox import Quirks, Sandbox
from tests.conftest import virtual_loop
from tests.proof import scripts
from tests.proof.callers import Callers, PaymentTerms
from tests.proof.crashing_process import Process, ReferenceLog
from tests.proof.faulty_sandbox import OPERATIONS
from tests.proof.orders import JOURNAL, Orders
from tests.proof.routes import prepare
from tests.proof.situations import situations_met

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from tests.proof.scripts import Caller

_APPROVED = "231771234567"
_DOCUMENTS = 2
"""How many documents exist already, for those that pay a known source."""

MET: Counter[str] = Counter()
"""What the machines have met so far."""


class AnyScript(RuleBasedStateMachine):
    """What may happen, in any order, and what must hold after each step."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = virtual_loop()
        self.sandbox = Sandbox()
        self.journal = MemoryJournal()
        self.orders: Orders[str] = Orders()
        self.callers = Callers(self.sandbox, self.orders, MET)
        self.loop.run_until_complete(self._open())
        self.reference_log = ReferenceLog(self.callers.known)
        self.reference_log.attach()

    async def _open(self) -> None:
        await self.sandbox.start()
        async with DollrClient(**self.sandbox.settings) as dollr:
            self.documents = [await prepare(dollr, "known source") for _ in range(_DOCUMENTS)]
        self.process = self._new_process()

    def _new_process(self) -> Process:
        return Process(self.sandbox, self.journal)

    # What may happen

    @initialize(lag=scripts.LAGS, words=scripts.WORDS, repeated=st.sampled_from(["refused", "same_answer"]))
    def the_api_has_its_ways(self, lag: float, words: dict[str, str], repeated: Any) -> None:  # noqa: ANN401 - a literal
        self.sandbox._world.quirks = Quirks(status_lag=lag, status_words=words, repeated_reference=repeated)

    @rule(lag=scripts.LAGS)
    def statuses_lag_behind(self, lag: float) -> None:
        self.sandbox._world.quirks = attrs.evolve(self.sandbox._world.quirks, status_lag=lag)

    @rule(
        operation=st.sampled_from(["get_collection_status", *OPERATIONS]),
        fault=scripts.FAULTS,
        times=st.integers(1, 4),
    )
    def an_operation_will_fail(self, operation: str, fault: str, times: int) -> None:
        self.sandbox.fail(operation, scripts.NAMED[fault], times=times)

    @rule(faults=scripts.SEND_FAULTS)
    def executions_will_fail(self, faults: list[str]) -> None:
        self._fail("collect", faults)

    def _fail(self, operation: str, faults: list[str]) -> None:
        for fault in faults:
            self.sandbox.fail(operation, scripts.NAMED[fault])

    @rule(seconds=st.sampled_from([0.5, 0.0, 0.1]))
    def answers_take_their_time(self, seconds: float) -> None:
        self.sandbox.set_latency(seconds)

    @rule(callers=scripts.CALLERS)
    def callers_collect(self, callers: list[Caller]) -> None:
        for caller in callers:
            self._collect(caller)

    def _collect(self, caller: Caller) -> None:
        self._fail("collect", caller.faults)
        self._fail("get_collection_status", caller.check_faults)
        if caller.run == "own reference":
            terms = self._new_terms(caller.route, caller.phone)
            self._begin(self.callers.collect_without(self.process, "plain", terms))
            self._pass(caller.seconds)
            return
        reference_id = self._add(caller.route, caller.phone)
        self._begin(self.callers.collect(self.process, caller.run, reference_id, waits=caller.waits))
        self._pass(caller.seconds)
        if caller.is_crashed:
            self.the_process_crashes_and_starts_again()
            if caller.run == JOURNAL:
                self._fail("collect", caller.again)
                self._begin(self.callers.collect(self.process, JOURNAL, reference_id, waits=caller.waits))
                self._pass(caller.seconds)

    def _new_terms(self, route: str, phone: str) -> PaymentTerms:
        route = route if self.documents or route != "known source" else "invoice"
        return PaymentTerms(route, phone, self.documents.pop() if route == "known source" else {})

    def _add(self, route: str, phone: str) -> str:
        reference_id = str(uuid4())
        self.callers.add(self._new_terms(route, phone), reference_id)
        return reference_id

    @rule(
        route=scripts.ROUTES,
        first=st.sampled_from(scripts.RUNS),
        second=st.sampled_from(["plain", *scripts.RUNS]),
        amount=scripts.AMOUNTS,
        gap=scripts.GAPS,
        seconds=scripts.PAUSES,
    )
    def two_runs_of_one_payment_meet(
        self, route: str, first: str, second: str, amount: str, gap: float, seconds: float
    ) -> None:
        reference_id = self._add(route, _APPROVED)
        self._begin(self.callers.collect(self.process, first, reference_id, waits=True))
        self._pass(gap)
        self._begin(self.callers.collect(self.process, second, reference_id, amount=amount, waits=True))
        self._pass(seconds)

    @precondition(lambda self: self.callers.terms)
    @rule(
        data=st.data(),
        run=st.sampled_from(scripts.RUNS),
        amount=scripts.AMOUNTS,
        is_last=st.booleans(),
        waits=st.booleans(),
        seconds=scripts.PAUSES,
    )
    def a_caller_collects_again(
        self,
        data: st.DataObject,
        run: str,
        amount: str,
        is_last: bool,  # noqa: FBT001 - hypothesis passes it by name
        waits: bool,  # noqa: FBT001 - hypothesis passes it by name
        seconds: float,
    ) -> None:
        current = [name for name in self.callers.terms if self.orders.is_current(name)]
        reference_id = current[-1] if is_last else data.draw(st.sampled_from(current))
        self._begin(self.callers.collect(self.process, run, reference_id, amount=amount, waits=waits))
        self._pass(seconds)

    @precondition(lambda self: self.orders.ready)
    @rule(data=st.data(), run=st.sampled_from(scripts.RUNS), seconds=scripts.PAUSES)
    def a_caller_pays_an_order_anew(self, data: st.DataObject, run: str, seconds: float) -> None:
        old, new = data.draw(st.sampled_from(self.orders.ready)), str(uuid4())
        self.callers.start_anew(old, new)
        self._begin(self.callers.collect(self.process, run, new))
        self._pass(seconds)

    @precondition(lambda self: self.callers.terms)
    @rule(data=st.data(), run=st.sampled_from(scripts.RUNS))
    def a_caller_watches(self, data: st.DataObject, run: str) -> None:
        reference_id = data.draw(st.sampled_from(list(self.callers.terms)))
        self._begin(self.callers.watch(self.process.clients[run], reference_id))

    @precondition(lambda self: self.callers.terms)
    @rule(run=st.sampled_from(scripts.RUNS), pauses=scripts.PAUSES)
    def a_caller_watches_all(self, run: str, pauses: float) -> None:
        self._begin(self.callers.watch_many(self.process.clients[run], list(self.callers.terms), pauses=pauses))

    @rule(
        control=st.sampled_from(
            [
                "drop_realtime",
                "refuse_realtime",
                "refuse_joins",
                "silence_realtime",
                "expire_realtime_keys",
                "restore_realtime",
            ]
        )
    )
    def push_fails_or_works_again(self, control: str) -> None:
        self.loop.run_until_complete(self._call_control(control))

    async def _call_control(self, control: str) -> None:
        # The control may set a timer, which needs the running loop.
        getattr(self.sandbox, control)()

    @precondition(lambda self: any(not task.done() for task in self.process.tasks))
    @rule(data=st.data())
    def a_caller_is_cancelled(self, data: st.DataObject) -> None:
        running = [number for number, task in enumerate(self.process.tasks) if not task.done()]
        self.process.tasks[data.draw(st.sampled_from(running))].cancel()
        self._pass(0.0)

    @rule(seconds=scripts.PAUSES)
    def time_passes(self, seconds: float) -> None:
        self._pass(seconds)

    @rule()
    def tokens_are_revoked(self) -> None:
        self.sandbox.revoke_tokens()

    @rule()
    def the_process_crashes_and_starts_again(self) -> None:
        self.loop.run_until_complete(self.process.crash())
        self.process = self._new_process()

    # What has to hold

    @invariant()
    def each_movement_has_a_known_reference_of_its_own(self) -> None:
        # By their sessions, since the sandbox keeps its payments by their references.
        sessions = [payment.session.id for payment in self.sandbox._world.payments.values()]
        assert len(sessions) == len(set(sessions))
        assert self.callers.moved <= self.callers.known

    @invariant()
    def an_order_is_paid_once(self) -> None:
        assert not self.orders.paid_more_than_once(self.callers.moved)

    @invariant()
    def a_payment_reported_as_not_run_has_not_run(self) -> None:
        assert not self.orders.not_run & self.callers.moved

    @invariant()
    def a_reference_reported_as_used_is_used(self) -> None:
        assert self.callers.used <= self.callers.moved

    @invariant()
    def no_task_ended_with_an_unexpected_error(self) -> None:
        for task in self.process.tasks:
            if task.done() and not task.cancelled():
                task.result()

    def all_callers_end(self) -> None:
        """Let all callers end, and check all that has to hold."""
        self.loop.run_until_complete(self._end_callers())
        self.sandbox.clear_faults()
        self.check()

    @property
    def sends_of_the_latest(self) -> int:
        """How often the API received the latest execution, from its landing on."""
        payment = self.sandbox._world.payments.get(next(reversed(self.callers.terms)))
        return 0 if payment is None else payment.sends

    async def _end_callers(self) -> None:
        if self.process.tasks:
            _, running = await asyncio.wait(self.process.tasks, timeout=10_000.0)
            assert not running

    def check(self) -> None:
        """Check all that has to hold after each step."""
        self.each_movement_has_a_known_reference_of_its_own()
        self.an_order_is_paid_once()
        self.a_payment_reported_as_not_run_has_not_run()
        self.a_reference_reported_as_used_is_used()
        self.no_task_ended_with_an_unexpected_error()

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
            MET.update(situations_met(self.sandbox))

    async def _reconcile(self) -> None:
        await self._end_callers()
        self.no_task_ended_with_an_unexpected_error()
        await self.process.crash()
        self.process = self._new_process()
        await asyncio.sleep(self.journal.lease + 1.0)
        await self.callers.reconcile(self.process)
        self.check()

    # How it happens

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        async def begin() -> None:
            self.process.tasks.append(asyncio.create_task(work))
            await asyncio.sleep(0)

        self.loop.run_until_complete(begin())

    def _pass(self, seconds: float) -> None:
        self.loop.run_until_complete(asyncio.sleep(seconds))
