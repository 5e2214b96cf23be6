"""`BlockingDollr`: threads, timeouts, Ctrl-C, forks, and the ends of the client and of the program."""

from __future__ import annotations

import asyncio
import contextvars
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from dollr_async import ConfigurationError, DollrClient, InvalidInputError, LineItem, NotFoundError, Payer, PollPolicy
from dollr_async.blocking import BlockingDollr
from tests.support.sandbox_thread import sandbox_thread

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from dollr_async import Collection
    from dollr_async.sandbox import Sandbox

PAYER = Payer(fullname="Amara Kamara", phone="231771234567", country_code="LR")
IMPATIENT = PollPolicy(not_found_grace=0.0)
ITEMS = [LineItem(name="Session", amount=Decimal("250.00"))]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with sandbox_thread() as sandbox:
        yield sandbox


@pytest.fixture
def blocking(sandbox: Sandbox) -> Iterator[BlockingDollr]:
    with BlockingDollr(lambda: DollrClient(**sandbox.settings)) as blocking:
        yield blocking


async def collected(dollr: DollrClient) -> Collection:
    return await dollr.collect(payer=PAYER, items=ITEMS, currency="USD")


async def hang(_: DollrClient) -> None:
    await asyncio.Event().wait()


def test_a_payment_is_collected_and_followed(blocking: BlockingDollr) -> None:
    collection = blocking.run(collected)
    statuses = [change.status for change in blocking.iterate(lambda dollr: dollr.watch(collection.reference_id))]
    assert statuses[-1] == "COMPLETED"
    assert blocking.run(lambda _: collection.receipt()) is not None


def test_a_hundred_calls_of_fifty_threads_fetch_one_token(sandbox: Sandbox) -> None:
    before = sandbox.tokens_issued
    with BlockingDollr(lambda: DollrClient(**sandbox.settings)) as blocking, ThreadPoolExecutor(50) as threads:
        found = list(threads.map(lambda _: blocking.run(lambda dollr: dollr.fees.tiers()), range(100)))
    assert len(found) == 100
    assert sandbox.tokens_issued == before + 1


def test_an_error_is_raised_as_it_is(blocking: BlockingDollr) -> None:
    with pytest.raises(NotFoundError):
        blocking.run(lambda dollr: dollr.invoices.retrieve(999_999))
    with pytest.raises(NotFoundError):
        list(blocking.iterate(lambda dollr: dollr.watch_source("INVOICE", 999_999, policy=IMPATIENT)))


def test_a_call_that_raises_before_it_returns_something_to_await(blocking: BlockingDollr) -> None:
    with pytest.raises(InvalidInputError, match="uuid4"):
        blocking.run(lambda dollr: dollr.check("not-a-uuid"))
    wrong: Any = lambda dollr: dollr.watch(uuid4())  # noqa: E731 - as a user would write it
    with pytest.raises(InvalidInputError, match=r"something to await, not a Watch: for an iterator use iterate\(\)"):
        blocking.run(wrong)


def test_a_timeout_is_the_builtin_one_and_the_call_is_cancelled(blocking: BlockingDollr) -> None:
    cancelled = threading.Event()

    async def wait(_: DollrClient) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    began = time.monotonic()
    with pytest.raises(TimeoutError, match=r"no result within 0\.2 s: the call was cancelled"):
        blocking.run(wait, timeout=0.2)
    assert time.monotonic() - began < 1.0
    assert cancelled.wait(1.0)
    assert blocking.run(lambda dollr: dollr.fees.tiers())


def test_a_timeout_in_the_midst_of_a_payment_names_its_reference(sandbox: Sandbox, blocking: BlockingDollr) -> None:
    sandbox.fail("executions.collection", "hang")
    with pytest.raises(TimeoutError) as caught:
        blocking.run(collected, timeout=1.0)
    sandbox.clear_faults()
    assert any("reference" in note for note in caught.value.__notes__)


def test_a_timeout_error_of_the_call_itself_is_passed_on(blocking: BlockingDollr) -> None:
    async def fail(_: DollrClient) -> None:
        raise TimeoutError("of the call")

    with pytest.raises(TimeoutError, match="of the call"):
        blocking.run(fail, timeout=5.0)


def test_a_result_that_comes_during_the_cancellation_is_not_lost(blocking: BlockingDollr) -> None:
    async def finish_anyway(_: DollrClient) -> int:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return 7
        return 0

    assert blocking.run(finish_anyway, timeout=0.1) == 7


def test_the_thread_of_the_loop_may_not_wait_for_itself(blocking: BlockingDollr) -> None:
    async def nested(_: DollrClient) -> None:
        blocking.run(hang)

    async def close(_: DollrClient) -> None:
        blocking.close()

    for wrong in (nested, close):
        with pytest.raises(ConfigurationError, match="await the client directly"):
            blocking.run(wrong, timeout=5.0)


def test_a_use_after_close_is_an_error(sandbox: Sandbox) -> None:
    blocking = BlockingDollr(lambda: DollrClient(**sandbox.settings))
    blocking.run(lambda dollr: dollr.fees.tiers())
    blocking.close()
    blocking.close()
    with pytest.raises(ConfigurationError, match="is closed: make a new one"):
        blocking.run(lambda dollr: dollr.fees.tiers())
    with pytest.raises(ConfigurationError, match="is closed: make a new one"):
        next(blocking.iterate(lambda dollr: dollr.watch(uuid4())))
    BlockingDollr(DollrClient).close()  # it never started


def test_close_ends_those_who_wait(sandbox: Sandbox) -> None:
    blocking = BlockingDollr(lambda: DollrClient(**sandbox.settings))
    blocking.run(lambda dollr: dollr.fees.tiers())
    with ThreadPoolExecutor(5) as threads:
        waiting = [threads.submit(blocking.run, hang) for _ in range(5)]
        time.sleep(0.2)
        began = time.monotonic()
        blocking.close()
        errors = [future.exception(5.0) for future in waiting]
    assert time.monotonic() - began < 2.0
    assert all(
        isinstance(error, ConfigurationError) and "was closed before the call ended" in str(error) for error in errors
    )


def test_a_client_that_cannot_be_made_is_an_error_for_all_and_tried_again(sandbox: Sandbox) -> None:
    settings: list[dict[str, Any]] = [{}]
    with BlockingDollr(lambda: DollrClient(**settings[0])) as blocking, ThreadPoolExecutor(10) as threads:
        waiting = [threads.submit(blocking.run, hang) for _ in range(10)]
        assert all(isinstance(future.exception(5.0), ConfigurationError) for future in waiting)
        settings[0] = dict(sandbox.settings)
        assert blocking.run(lambda dollr: dollr.fees.tiers())
    wrong: Any = 7
    with pytest.raises(InvalidInputError, match="must be a function"):
        BlockingDollr(wrong)


def test_leaving_an_iterator_early_closes_it(blocking: BlockingDollr) -> None:
    closed = threading.Event()

    async def numbers(_: DollrClient) -> AsyncIterator[int]:
        try:
            for number in range(10):
                yield number
        finally:
            closed.set()

    iterator = blocking.iterate(numbers)
    assert [next(iterator), next(iterator)] == [0, 1]
    iterator.close()  # type: ignore[attr-defined]  # it is a generator
    assert closed.wait(1.0)
    assert list(blocking.iterate(numbers)) == list(range(10))


def test_context_variables_of_the_caller_are_seen(blocking: BlockingDollr) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="")
    variable.set("mine")

    async def read(_: DollrClient) -> str:
        return variable.get()

    assert blocking.run(read) == "mine"


PROGRAM = """
import asyncio, os, sys, time, signal
from dollr_async import DollrClient
from dollr_async.blocking import BlockingDollr

made = []
def make():
    made.append(os.getpid())
    return DollrClient("sandbox-client", "sandbox-secret", base_url={url!r})
blocking = BlockingDollr(make)
async def hang(_):
    await asyncio.Event().wait()
assert blocking.run(lambda dollr: dollr.fees.tiers())
"""


def run_program(sandbox: Sandbox, body: str, *, expect: int = 0) -> tuple[str, float]:
    """Run a program in which every warning is an error; return what it printed and the seconds that it took."""
    program = PROGRAM.format(url=sandbox.url) + body
    began = time.monotonic()
    ended = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    # Under -X dev asyncio tells which step of a task took long, which on a busy machine any may do.
    errors = [line for line in ended.stderr.splitlines() if not line.startswith("Executing <")]
    assert (ended.returncode, errors) == (expect, [])
    return ended.stdout, time.monotonic() - began


def test_a_program_that_never_closes_it_ends_within_two_seconds(sandbox: Sandbox) -> None:
    printed, _ = run_program(sandbox, "print(time.time())")
    assert time.time() - float(printed) < 2.0
    hanging = """
import threading, contextlib
def wait():
    with contextlib.suppress(Exception):
        blocking.run(hang)
threading.Thread(target=wait, daemon=True).start()
time.sleep(0.2)
print(time.time())
"""
    printed, _ = run_program(sandbox, hanging)
    assert time.time() - float(printed) < 2.5


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_after_a_fork_the_child_makes_its_own_client_and_the_parents_goes_on(sandbox: Sandbox) -> None:
    before = sandbox.tokens_issued
    body = """
child = os.fork() if sys.version_info < (3, 12) else __import__("warnings").simplefilter("ignore") or os.fork()
assert blocking.run(lambda dollr: dollr.fees.tiers())
if child:
    assert os.waitpid(child, 0)[1] == 0
    assert blocking.run(lambda dollr: dollr.fees.tiers())
    assert made == [os.getpid()]
    print("parent")
else:
    assert len(made) == 2 and made[1] == os.getpid()
"""
    printed, _ = run_program(sandbox, body)
    assert printed == "parent\n"
    assert sandbox.tokens_issued == before + 2


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is another event there")
def test_ctrl_c_ends_the_wait_and_cancels_the_call(sandbox: Sandbox) -> None:
    body = """
import threading
cancelled = threading.Event()
async def wait(_):
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError as error:
        error.add_note("the reference is known")
        cancelled.set()
        raise
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
began = time.monotonic()
try:
    blocking.run(wait)
except KeyboardInterrupt as error:
    print(cancelled.wait(1), error.__notes__, time.monotonic() - began < 1)
assert blocking.run(lambda dollr: dollr.fees.tiers())
"""
    printed, _ = run_program(sandbox, body)
    assert printed == "True ['the reference is known'] True\n"
    run_program(sandbox, "import threading\nthreading.Timer(0.3, os._exit, (7,)).start()\nblocking.run(hang)", expect=7)


def test_sigint_is_handled_as_python_does(blocking: BlockingDollr) -> None:
    blocking.run(lambda dollr: dollr.fees.tiers())
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
