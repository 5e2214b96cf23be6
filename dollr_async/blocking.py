"""`BlockingDollr`, for code that cannot await: one thread with one event loop and one client, for all other threads."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import os
import threading
import weakref
from collections.abc import AsyncGenerator
from concurrent.futures import Future, wait
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeVar

from dollr_async.base.errors import ConfigurationError, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterator
    from types import TracebackType

    from dollr_async.client import DollrClient

T = TypeVar("T")

_END = object()
_CANCELLED_WITHIN = 1.0
_EXIT_WITHIN = 2.0
_CLOSED = "this BlockingDollr is closed: make a new one"


class BlockingDollr:
    """A client for code that cannot await, such as a Celery task, a synchronous view or a script.

    Make one for the whole process. Any thread may use it, and all share one client: one token, one pool of connections.
    The thread, its event loop and the client are made at the first use. A process that is forked later makes its own.
    Close it with `with` or `close()`. Otherwise it ends when the program exits, within two seconds.
    """

    def __init__(self, make_client: Callable[[], DollrClient]) -> None:
        """Take the function that makes the client, such as `DollrClient` itself; nothing is started yet.

        `make_client` is called in the thread of the loop. Make the client's journal and token store in it too.

        Raises:
            InvalidInputError: `make_client` is not a function.
        """
        if not callable(make_client):
            raise InvalidInputError("make_client must be a function that returns a client, as in lambda: DollrClient()")
        self._make_client = make_client
        self._lock = threading.Lock()
        self._worker: _Worker | None = None
        self._is_closed = False
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=partial(_forget_worker, weakref.ref(self)))

    def __enter__(self) -> Self:
        """Return it. It starts at its first use."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def run(self, call: Callable[[DollrClient], Awaitable[T]], timeout: float | None = None) -> T:
        """Call a function with the client, await what it returns, and return the result: `run(lambda d: d.ready())`.

        Args:
            call: the function. It is called in the thread of the loop.
            timeout: seconds to wait for the result; None is no limit. A call that takes longer is cancelled. A request
                that was sent by then may have been carried out. So follow a payment by its reference. Where this
                library made the reference, a note of the error has it.

        Raises:
            TimeoutError: the builtin one; the time ran out.
            InvalidInputError: the function returned nothing that can be awaited.
            ConfigurationError: it is closed, or this is the thread of the loop, where you can await.
            Exception: whatever the call raises.
        """
        while True:
            try:
                return self._running().run(call, timeout)
            except _EndedError:
                continue  # it ended in this moment; a closed one is refused above

    def iterate(self, call: Callable[[DollrClient], AsyncIterable[T]]) -> Iterator[T]:
        """Iterate over what a function returns, as in `for change in blocking.iterate(lambda d: d.watch(reference))`.

        It raises what the asynchronous iterator raises, and what `run` raises.
        """
        worker = self._running()
        iterator = worker.run(partial(_begin, call), None)
        try:
            while (item := worker.run(partial(_next, iterator), None)) is not _END:
                yield item
        finally:
            if isinstance(iterator, AsyncGenerator):
                with suppress(ConfigurationError):  # it was closed, and the iterator with it
                    worker.run(lambda _: iterator.aclose(), None)

    def close(self) -> None:
        """Close the client and end the thread. You may close twice.

        A call that still runs raises a `ConfigurationError`.
        """
        worker = self._worker
        if worker is not None:
            worker.check_thread()
        with self._lock:
            self._is_closed = True
            worker, self._worker = self._worker, None
        if worker is not None:
            worker.end(None)

    def _running(self) -> _Worker:
        with self._lock:
            if self._is_closed:
                raise ConfigurationError(_CLOSED)
            if self._worker is None or self._worker.has_ended:
                self._worker = _Worker(self._make_client)
                # Also at the exit of the program.
                weakref.finalize(self, self._worker.end, _EXIT_WITHIN)
            return self._worker


def _forget_worker(reference: weakref.ref[BlockingDollr]) -> None:
    """In a forked child there is no such thread, and the sockets are the parent's: nothing of it is touched."""
    blocking = reference()
    if blocking is not None:
        blocking._lock = threading.Lock()  # noqa: SLF001 - another thread may have held it at the fork
        blocking._worker = None  # noqa: SLF001 - as above


async def _next(iterator: AsyncIterator[Any], _: DollrClient) -> Any:  # noqa: ANN401 - an item of any iterator
    return await anext(iterator, _END)


async def _begin(call: Callable[[DollrClient], AsyncIterable[Any]], client: DollrClient) -> AsyncIterator[Any]:
    return aiter(call(client))


class _EndedError(ConfigurationError):
    """The thread has ended."""


class _Call:
    """One call that a thread waits for, and the task that does it."""

    def __init__(self, function: Callable[[DollrClient], Awaitable[Any]]) -> None:
        self.function = function
        self.context = contextvars.copy_context()  # of the thread that waits, so that its traces and logs go on
        self.outcome: Future[Any] = Future()
        self.task: asyncio.Task[None] | None = None

    def cancel(self) -> None:
        if self.task is not None:
            self.task.cancel()

    def cancelled(self) -> BaseException | None:
        """Return the cancellation that ended the call, if one did."""
        error = self.outcome.exception() if self.outcome.done() else None
        return error if isinstance(error, asyncio.CancelledError) else None


class _Worker:
    """One thread, its loop and its client."""

    def __init__(self, make_client: Callable[[], DollrClient]) -> None:
        self.has_ended = False
        self._make_client = make_client
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._client: asyncio.Future[DollrClient] = self._loop.create_future()
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        # A thread that is no daemon would keep the program from its exit.
        self._thread = threading.Thread(target=self._serve, name="dollr-blocking", daemon=True)
        self._thread.start()

    def check_thread(self) -> None:
        """Refuse to wait in the thread that has to do the work."""
        if threading.current_thread() is self._thread:
            raise ConfigurationError("this is the thread of BlockingDollr's own event loop: await the client directly")

    def run(self, function: Callable[[DollrClient], Awaitable[T]], timeout: float | None) -> T:
        """Call a function in the loop, and wait for what it returns."""
        self.check_thread()
        call = _Call(function)
        with self._lock:
            if self.has_ended or self._process != os.getpid():
                raise _EndedError(_CLOSED)
            self._loop.call_soon_threadsafe(self._begin, call)
        try:
            wait((call.outcome,), timeout)
        except BaseException as interrupt:  # Ctrl-C, most likely
            self._cancel(call, interrupt)
            raise
        if not call.outcome.done():
            late = TimeoutError(f"no result within {timeout:g} s: the call was cancelled")
            self._cancel(call, late)
            if not call.outcome.done() or call.cancelled():
                raise late
        result: T = call.outcome.result()
        return result

    def end(self, timeout: float | None) -> None:
        """End the thread, and wait for it."""
        if self._process == os.getpid():
            with suppress(RuntimeError):  # the loop is closed already
                self._loop.call_soon_threadsafe(self._stop.set)
            if threading.current_thread() is not self._thread:
                self._thread.join(timeout)

    def _cancel(self, call: _Call, error: BaseException) -> None:
        """Cancel a call and wait a little for its end; the notes of its cancellation go to `error`."""
        with suppress(RuntimeError):  # as above
            self._loop.call_soon_threadsafe(call.cancel)
        wait((call.outcome,), _CANCELLED_WITHIN)
        for note in getattr(call.cancelled(), "__notes__", ()):
            error.add_note(note)

    def _serve(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._main())

    async def _main(self) -> None:
        try:
            client = self._make_client()
        except BaseException as error:  # noqa: BLE001 - those who wait raise it
            self._client.set_exception(error)
            self._client.exception()  # the loop would log it where every call was cancelled before
            await self._end_calls()
            return
        self._client.set_result(client)
        try:
            await self._stop.wait()
        finally:
            await self._end_calls(cancel=True)
            await client.close()

    async def _end_calls(self, *, cancel: bool = False) -> None:
        with self._lock:
            self.has_ended = True
        await asyncio.sleep(0)  # those that were handed over until now begin
        for task in self._tasks if cancel else ():
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self, call: _Call) -> None:
        call.task = self._loop.create_task(self._carry_out(call), context=call.context)
        self._tasks.add(call.task)
        call.task.add_done_callback(self._tasks.discard)

    async def _carry_out(self, call: _Call) -> None:
        try:
            result = await _awaitable(call.function(await asyncio.shield(self._client)))
        except asyncio.CancelledError as error:
            call.outcome.set_exception(_closed(error) if self.has_ended else error)
        except BaseException as error:  # noqa: BLE001 - the thread that waits raises it
            call.outcome.set_exception(error)
        else:
            call.outcome.set_result(result)


def _awaitable(returned: Awaitable[Any]) -> Awaitable[Any]:
    if not inspect.isawaitable(returned):
        kind = type(returned).__name__
        raise InvalidInputError(
            f"the function must return something to await, not a {kind}: for an iterator use iterate()"
        )
    return returned


def _closed(cancelled: asyncio.CancelledError) -> ConfigurationError:
    error = ConfigurationError("this BlockingDollr was closed before the call ended: the call was cancelled")
    for note in getattr(cancelled, "__notes__", ()):
        error.add_note(note)
    return error
