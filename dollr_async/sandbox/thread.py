"""A sandbox in a thread of its own, for tests and programs without an event loop, or with a short-lived one."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from copy import copy
from functools import partial, wraps
from typing import TYPE_CHECKING, Self, TypedDict, TypeVar, Unpack

from dollr_async.sandbox.controls import Controls
from dollr_async.sandbox.push.controls import RealtimeControls
from dollr_async.sandbox.sandbox import RealtimeKeywords, Sandbox, Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from dollr_async.sandbox.outcomes import Outcome, Settlement
    from dollr_async.sandbox.quirks import Quirks
    from dollr_async.sandbox.recording import RecordedRequest

T = TypeVar("T")


class SandboxKeywords(TypedDict, total=False):
    """The keywords of `Sandbox`."""

    host: str
    port: int
    client_id: str
    client_secret: str
    token_lifetime: float
    session_lifetime: float
    realtime_key_lifetime: float
    settlement: Settlement | None
    outcome: str | Outcome
    confirm_cards_after: float | None
    latency: float
    quirks: Quirks | None
    keep_requests: int | None
    seed: int


class SandboxThread(Controls):
    """A `Sandbox` in a thread of its own, so that any code can use it: sync or async, with one event loop or many.

    >>> with SandboxThread(outcome="decline") as sandbox:
    ...     shop = Shop(DollrClient(**sandbox.settings))

    It takes the keywords of `Sandbox`, and has the same controls. Each control runs in the thread of the sandbox while
    the caller waits, which takes well under a millisecond. `requests` and `ledger` are snapshots: what happens later
    does not change them. `start()` and `close()` do the same as `with`. After `close` it can be started again.
    """

    def __init__(self, **keywords: Unpack[SandboxKeywords]) -> None:
        """Set the sandbox up; `start` makes it listen. See `Sandbox` for the keywords and for what they refuse."""
        self._sandbox = sandbox = Sandbox(**keywords)
        super().__init__(sandbox._world, sandbox._plan, sandbox._server)  # noqa: SLF001 - it is this sandbox, elsewhere
        self.client_id = sandbox.client_id
        """The client id that the sandbox accepts."""
        self.client_secret = sandbox.client_secret
        """The client secret that the sandbox accepts."""
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()

    def __repr__(self) -> str:
        """Show where it listens, and never the secret."""
        return repr(self._sandbox).replace("Sandbox", type(self).__name__, 1)

    def start(self) -> Self:
        """Listen on the loopback port, and return this object.

        Raises:
            RuntimeError: it is already running.
            OSError: the port is in use.
        """
        if self._thread is not None:
            message = f"This sandbox is already running at {self.url}. Close it first, or make another one."
            raise RuntimeError(message)
        started: Future[asyncio.AbstractEventLoop] = Future()
        # A daemon: a program that forgets to close the sandbox can still end.
        thread = threading.Thread(target=self._serve, args=(started,), name="dollr-sandbox", daemon=True)
        thread.start()
        try:
            self._loop = started.result()
        except BaseException:
            thread.join()
            raise
        self._thread = thread
        return self

    def close(self) -> None:
        """Stop: end hanging requests, drop connections, and end the thread. Its state stays readable.

        Closing twice does no harm.
        """
        thread, loop = self._thread, self._loop
        if thread is None or loop is None:
            return
        self._thread = self._loop = None
        loop.call_soon_threadsafe(self._stopping.set)
        thread.join()

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    @property
    def url(self) -> str:
        """The base URL, such as `http://127.0.0.1:49152`; a RuntimeError before the first `start`."""
        return self._sandbox.url

    @property
    def settings(self) -> Settings:
        """The keywords that a client needs; see `Sandbox.settings` for how to make its tests quick."""
        return self._sandbox.settings

    @property
    def realtime(self) -> RealtimeKeywords:
        """The keywords that a client's push channel needs: `url` and `anon_key`."""
        return self._sandbox.realtime

    @property
    def requests(self) -> tuple[RecordedRequest, ...]:
        """Every request received so far, in order, each with its answer: a snapshot. `reset` forgets them."""
        return self._run(lambda: tuple(map(copy, self._sandbox.requests)))

    def requests_to(self, operation: str) -> list[RecordedRequest]:
        """The requests to one operation so far, named as in `fail`: a snapshot."""
        return self._run(lambda: list(map(copy, self._sandbox.requests_to(operation))))

    def _serve(self, started: Future[asyncio.AbstractEventLoop]) -> None:
        # A plain loop, whatever loop the program's policy makes: a test's may have a virtual clock.
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(self._listen(started))

    async def _listen(self, started: Future[asyncio.AbstractEventLoop]) -> None:
        self._stopping = asyncio.Event()
        try:
            await self._sandbox.start()
        except BaseException as error:  # noqa: BLE001 - `start` raises it, in the thread of its caller
            started.set_exception(error)
            return
        started.set_result(asyncio.get_running_loop())
        await self._stopping.wait()
        await self._sandbox.close()

    def _run(self, control: Callable[[], T]) -> T:
        """Run a control in the thread of the sandbox, or here while there is none; return or raise what it does."""
        thread, loop = self._thread, self._loop
        # A function that the sandbox calls (`shape_rows`) is in that thread already.
        if loop is None or thread is threading.current_thread():
            return control()

        async def run() -> T:
            return control()

        return asyncio.run_coroutine_threadsafe(run(), loop).result()


def _in_its_thread(control: Callable[..., T]) -> Callable[..., T]:
    @wraps(control)
    def run(self: SandboxThread, *args: object, **kwargs: object) -> T:
        return self._run(partial(control, self._sandbox, *args, **kwargs))

    return run


def _delegate_controls() -> None:
    """Make each control of `Controls` run in the thread; a new control needs nothing here."""
    for name, control in {**vars(RealtimeControls), **vars(Controls)}.items():
        if name.startswith("_") or name in vars(SandboxThread):
            continue
        if isinstance(control, property) and control.fget is not None:
            setattr(SandboxThread, name, property(_in_its_thread(control.fget), doc=control.__doc__))
        elif callable(control):
            setattr(SandboxThread, name, _in_its_thread(control))


_delegate_controls()
