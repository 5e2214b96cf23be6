"""One thread that does one thing after the other, until the very end of the program."""

from __future__ import annotations

import threading
import weakref
from concurrent.futures import Executor, Future
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")
Queue = SimpleQueue[tuple[Future[Any], "Callable[[], Any]"] | None]


class OneThread(Executor):
    """An executor with one thread, which starts at the first use and ends by `shutdown`, or with this object.

    Python's own pools refuse work as soon as the program ends. Then the client of `run()` is still to be closed.
    """

    def __init__(self, name: str) -> None:
        """Name the thread; nothing is started yet."""
        self._name = name
        self._queue: Queue = SimpleQueue()
        self._thread: threading.Thread | None = None
        weakref.finalize(self, self._queue.put, None)

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Let the thread call a function."""
        future: Future[T] = Future()
        self._queue.put((future, partial(fn, *args, **kwargs)))
        if self._thread is None:
            self._thread = threading.Thread(target=_work, args=(self._queue,), name=self._name, daemon=True)
            self._thread.start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - of the base class
        """End the thread when it has done what was submitted."""
        self._queue.put(None)
        if wait and self._thread is not None:
            self._thread.join()


def _work(queue: Queue) -> None:
    while (item := queue.get()) is not None:
        future, call = item
        if future.set_running_or_notify_cancel():
            try:
                result = call()
            except BaseException as error:  # noqa: BLE001 - whoever waits raises it
                future.set_exception(error)
            else:
                future.set_result(result)
                del result
        del item, future, call
