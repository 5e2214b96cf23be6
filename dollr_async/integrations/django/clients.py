"""`dollr()`, the client of the running event loop, and `run()`, for code that cannot await."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from django.core.signals import setting_changed

from dollr_async.base.errors import ConfigurationError
from dollr_async.blocking import BlockingDollr
from dollr_async.client import DollrClient
from dollr_async.integrations.django.app_settings import journal_alias, read_settings
from dollr_async.integrations.django.callers import CALLER, Caller, open_transaction
from dollr_async.integrations.django.token_cache import CacheTokenStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from dollr_async.integrations.django.journal import DjangoJournal

T = TypeVar("T")
_ATTRIBUTE = "_dollr_async_django_client"


def dollr() -> DollrClient:
    """Return the client of the running event loop, as the settings describe it.

    It is made at the first call in a loop, and closed with the loop. Do not close it. Under WSGI, and in Django's
    tests, each call of an async view has a new event loop, and so a new client.

    Raises:
        ConfigurationError: no event loop is running (use `run()`), or a setting is missing or wrong.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        sentence = "dollr() needs a running event loop: in code that cannot await, use run(lambda dollr: ...)"
        raise ConfigurationError(sentence) from None
    # The loop itself holds its client, so that nothing keeps a loop alive that its owner has let go.
    held: tuple[DollrClient, AsyncIterator[None]] | None = getattr(loop, _ATTRIBUTE, None)
    return _make_client(loop) if held is None else held[0]


def run(call: Callable[[DollrClient], Awaitable[T]], timeout: float | None = None) -> T:
    """Call a function with the client, and return the awaited result: for code that cannot await.

    As in `run(lambda dollr: dollr.collect(...))`. All threads of a process share one client, in a thread of its own.

    Args:
        call: the function. It is called in the thread of the client.
        timeout: seconds to wait for the result; None is no limit. A call that takes longer is cancelled. A request that
            was sent by then may have been carried out. So follow a payment by its reference.

    Raises:
        TimeoutError: the builtin one; the time ran out.
        ConfigurationError: an event loop is running in this thread (await `dollr()` there), or a setting is missing or
            wrong.
        JournalError: the call begins a payment, and this thread has a transaction open.
        Exception: whatever the call raises.
    """
    with suppress(RuntimeError):
        asyncio.get_running_loop()
        raise ConfigurationError("an event loop is running in this thread: await dollr() instead of run()")
    alias = journal_alias()
    caller = Caller(None if alias is None else open_transaction(alias))
    token = CALLER.set(caller)
    try:
        return _PROCESS.blocking().run(call, timeout)
    finally:
        caller.is_waiting = False
        CALLER.reset(token)


def close_clients() -> None:
    """Close the client that `run()` uses. The next `run()` makes another one."""
    _PROCESS.close()


class _Process:
    """The one client that `run()` uses in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._blocking: BlockingDollr | None = None

    def blocking(self) -> BlockingDollr:
        with self._lock:
            if self._blocking is None:
                # Its loop's client is closed with the loop, like that of any other loop.
                self._blocking = BlockingDollr(dollr)
            return self._blocking

    def close(self) -> None:
        with self._lock:
            blocking, self._blocking = self._blocking, None
        if blocking is not None:
            blocking.close()


_PROCESS = _Process()


def watch_settings() -> None:
    """Let a test that changes the settings have a client with the new ones."""
    setting_changed.connect(_setting_changed, dispatch_uid="dollr_async")


def _setting_changed(*, setting: str, **_: Any) -> None:  # noqa: ANN401 - what Django sends
    if setting.startswith("DOLLR") or setting == "DATABASES":
        close_clients()


def _make_client(loop: asyncio.AbstractEventLoop) -> DollrClient:
    from dollr_async.integrations.django.journal import DjangoJournal  # noqa: PLC0415 - it needs ready apps

    found = read_settings()
    journal = None if found.journal is None else DjangoJournal(found.journal, lease=found.lease)
    store = None if found.token_cache is None else CacheTokenStore(found.token_cache)
    client = DollrClient(
        found.client_id or None,
        found.client_secret or None,
        base_url=found.base_url or None,
        journal=journal,
        token_store=store,
        **found.options,
    )
    # Whoever ends a loop as asyncio does closes its unfinished async generators first. That is the only notice of a
    # loop's end that there is.
    closing = _close_with_the_loop(loop, client, journal, store)
    with suppress(StopIteration):
        closing.__anext__().__await__().send(None)
    setattr(loop, _ATTRIBUTE, (client, closing))
    return client


async def _close_with_the_loop(
    loop: asyncio.AbstractEventLoop, client: DollrClient, journal: DjangoJournal | None, store: CacheTokenStore | None
) -> AsyncIterator[None]:
    try:
        yield
    finally:
        delattr(loop, _ATTRIBUTE)
        await client.close()
        for part in (journal, store):
            if part is not None:
                await part.close()
