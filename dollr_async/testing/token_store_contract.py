"""The contract of a token store, as tests that any implementation can run, with or without pytest."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from dollr_async.base.sharing import LOCK_HELD_AT_MOST, StoredToken, TokenStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_RACERS = 10


def a_token(secret: str | None = None) -> StoredToken:
    """Return a token that is good for an hour."""
    return StoredToken(secret or f"token.{uuid4().hex}-_~+/=", datetime.now(UTC) + timedelta(hours=1))


def a_key() -> str:
    """Return a key that no other test uses."""
    return uuid4().hex * 2


class TokenStoreContract:
    """The contract tests for a token store. Subclass it, let `store` open a store of yours, and run the tests.

    pytest with pytest-asyncio collects a subclass whose name begins with `Test`. Without pytest, await `check()`. A
    test that fails raises an `AssertionError` that says what was expected.
    """

    def store(self) -> AbstractAsyncContextManager[TokenStore]:
        """Return an async context manager that opens a store. Every test opens one."""
        raise NotImplementedError("return an async context manager that opens a token store")

    @asynccontextmanager
    async def another(self, store: TokenStore) -> AsyncIterator[TokenStore]:
        """Open a second store on the same data, as another process would. By default it is the same store."""
        yield store

    async def pass_time(self, seconds: float) -> None:
        """Let `seconds` pass for the locks. By default it waits in real time."""
        await asyncio.sleep(seconds)

    async def check(self) -> None:
        """Run every test without pytest."""
        for name in dir(self):
            if name.startswith("test_"):
                await getattr(self, name)()

    async def test_it_is_a_token_store(self) -> None:
        """It has every method of `TokenStore`."""
        async with self.store() as store:
            _expect(isinstance(store, TokenStore), "every method of TokenStore")

    async def test_an_unknown_key_has_no_token(self) -> None:
        """Reading returns None, and discarding changes nothing."""
        async with self.store() as store:
            key = a_key()
            _expect(await store.read(key) is None, "no token under an unknown key")
            await store.discard(key, a_token())
            _expect(await store.read(key) is None, "no token under an unknown key")

    async def test_a_token_is_kept_exactly(self) -> None:
        """Another process reads the same text, and the same time to the millisecond."""
        token, key = a_token(), a_key()
        async with self.store() as store, self.another(store) as other:
            await store.write(key, token)
            for found in (await store.read(key), await other.read(key)):
                _expect(found is not None and found.secret == token.secret, "the token that was written")
                difference = abs(found.expires_at - token.expires_at) if found else timedelta.max
                _expect(difference < timedelta(milliseconds=1), "the time at which it expires")

    async def test_a_later_token_replaces_the_one_before(self) -> None:
        """There is one token for a key."""
        first, second, key = a_token(), a_token(), a_key()
        async with self.store() as store, self.another(store) as other:
            await store.write(key, first)
            await other.write(key, second)
            _expect(await _secret(store, key) == second.secret, "the token that was written last")

    async def test_every_key_has_a_token_of_its_own(self) -> None:
        """A token under one key is not seen under another."""
        first, second = a_key(), a_key()
        async with self.store() as store:
            await store.write(first, a_token("first"))
            await store.write(second, a_token("second"))
            await store.discard(second, a_token("second"))
            _expect(await _secret(store, first) == "first", "the token of the first key to stay")
            _expect(await store.read(second) is None, "the token of the second key to be gone")

    async def test_exactly_that_token_is_discarded(self) -> None:
        """It is gone for all; one that replaced it stays."""
        old, new, key = a_token(), a_token(), a_key()
        async with self.store() as store, self.another(store) as other:
            await store.write(key, new)
            await other.discard(key, old)
            _expect(await _secret(store, key) == new.secret, "a token that replaced the discarded one to stay")
            # Another process knows the time at which it expires only nearly.
            await other.discard(key, StoredToken(new.secret, new.expires_at + timedelta(seconds=2)))
            _expect(await store.read(key) is None, "the discarded token to be gone")

    async def test_one_at_a_time_holds_the_lock(self) -> None:
        """Of many who want it at once each gets it, one after the other, in this process and another."""
        key, inside, most = a_key(), 0, 0

        async def enter(store: TokenStore) -> None:
            nonlocal inside, most
            async with store.lock(key):
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(0.01)
                inside -= 1

        async with self.store() as store, self.another(store) as other:
            await asyncio.gather(*(enter(one) for one in [store, other] * (_RACERS // 2)))
        _expect(most == 1, "one holder of the lock at a time")

    async def test_a_lock_is_free_after_an_error_and_a_cancellation(self) -> None:
        """The next one does not wait until the time of the lock is over."""
        key = a_key()
        async with self.store() as store, self.another(store) as other:
            began = asyncio.get_running_loop().time()
            await _fail_inside(store, key)
            await _be_cancelled_inside(store, key)
            async with other.lock(key):
                waited = asyncio.get_running_loop().time() - began
        _expect(waited < LOCK_HELD_AT_MOST / 2.0, "a lock to be free as soon as it is left")

    async def test_the_locks_of_two_keys_are_two(self) -> None:
        """Both can be held at once, and reading and writing need none."""
        first, second = a_key(), a_key()
        async with (
            self.store() as store,
            self.another(store) as other,
            asyncio.timeout(LOCK_HELD_AT_MOST / 2.0),
            store.lock(first),
            other.lock(second),
        ):
            await other.write(first, a_token("free"))
            _expect(await _secret(other, first) == "free", "reading and writing to need no lock")

    async def test_a_lock_that_is_never_given_back_passes_on(self) -> None:
        """Ten seconds after its holder died, another one gets it, and the first can no longer give it back."""
        key = a_key()
        async with self.store() as store, self.another(store) as other:
            dead = store.lock(key)
            await dead.__aenter__()
            await self.pass_time(LOCK_HELD_AT_MOST * 1.02)
            async with other.lock(key):
                await dead.__aexit__(None, None, None)
                third = asyncio.create_task(_enter(store, key))
                done, _ = await asyncio.wait({third}, timeout=0.5)
                _expect(not done, "a holder whose time was over not to free the lock of the next")
            await third


async def _enter(store: TokenStore, key: str) -> None:
    async with store.lock(key):
        pass


async def _fail_inside(store: TokenStore, key: str) -> None:
    try:
        async with store.lock(key):
            raise ZeroDivisionError  # noqa: TRY301 - what is tested is the context that it leaves
    except ZeroDivisionError:
        return
    raise AssertionError("expected of this token store: an error inside the lock to be passed on")


async def _be_cancelled_inside(store: TokenStore, key: str) -> None:
    entered = asyncio.Event()

    async def stay() -> None:
        async with store.lock(key):
            entered.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(stay())
    await entered.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _secret(store: TokenStore, key: str) -> str | None:
    found = await store.read(key)
    return None if found is None else found.secret


def _expect(truth: bool, wanted: str) -> None:  # noqa: FBT001 - it stands for assert, which -O would remove
    if not truth:
        raise AssertionError(f"expected of this token store: {wanted}")
