"""The token that a fleet shares, and a store that fails in every way."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from dollr_async.base.errors import AuthenticationError, ConfigurationError
from dollr_async.base.fields import Secret
from dollr_async.base.sharing import StoredToken
from dollr_async.wire.shared_token import store_key
from tests.support.fakes import CLIENT_SECRET, MORNING, Rig, jwt, raw
from tests.support.sharing import MemoryStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

HOUR = timedelta(hours=1)
ANSWERS = {401: raw(401, {"detail": "Could not validate credentials"}), 200: raw()}


async def call(rig: Rig) -> str:
    """Make one call and return the token that it was sent with."""
    await rig.caller.call("GET", "fees/tiers", dict)
    return rig.transport.calls[-1].headers["Authorization"].removeprefix("Bearer ")


def fetches(*rigs: Rig) -> int:
    return sum(len(rig.transport.token_requests) for rig in rigs)


def fleet(store: Any, size: int = 2) -> list[Rig]:  # noqa: ANN401 - stores that break the protocol too
    return [Rig(token_store=store) for _ in range(size)]


async def close(*rigs: Rig) -> None:
    for rig in rigs:
        await rig.session.close()


async def test_a_fleet_that_starts_at_once_fetches_one_token() -> None:
    rigs = fleet(MemoryStore(), 8)
    for rig in rigs:
        rig.transport.latency = 1.0
    tokens = await asyncio.gather(*(call(rig) for rig in rigs))
    assert len(set(tokens)) == 1
    assert fetches(*rigs) == 1
    await close(*rigs)


async def test_a_token_that_is_stored_is_used_until_it_ends() -> None:
    store = MemoryStore()
    first, second = fleet(store)
    await call(first)
    assert await call(second) == jwt(1)
    assert fetches(first, second) == 1
    await close(first, second)


async def test_the_background_refresh_of_a_fleet_happens_once() -> None:
    rigs = fleet(MemoryStore(), 5)
    for number, rig in enumerate(rigs):
        rig.transport.claims = {"process": number}  # each has tokens of its own
        await call(rig)
    await asyncio.sleep(3600.0)
    assert fetches(*rigs) == 2
    for rig in rigs:
        await call(rig)
    assert fetches(*rigs) == 2
    await close(*rigs)


async def test_a_revoked_token_is_replaced_once_for_all() -> None:
    rigs = fleet(MemoryStore(), 8)
    tokens = [await call(rig) for rig in rigs]
    for rig in rigs:
        rig.transport.answers(ANSWERS[401], ANSWERS[200])
    tokens = await asyncio.gather(*(call(rig) for rig in rigs))
    assert len(set(tokens)) == 1
    assert fetches(*rigs) == 2
    await close(*rigs)


async def test_a_token_that_replaced_the_refused_one_stays() -> None:
    store = MemoryStore()
    first, second = fleet(store)
    await call(first)
    await call(second)
    newer = StoredToken("newer", MORNING + 2 * HOUR)
    store.tokens = dict.fromkeys(store.tokens, newer)
    second.transport.answers(ANSWERS[401], ANSWERS[200])
    assert await call(second) == "newer"
    assert list(store.tokens.values()) == [newer]
    assert fetches(first, second) == 1
    await close(first, second)


async def test_a_store_that_comes_back_with_an_older_token_is_not_believed() -> None:
    store = Failing("", refuse)
    rig = Rig(token_store=store)
    await call(rig)
    old = dict(store.tokens)
    store.method = "read"
    for _ in range(2):
        await asyncio.sleep(10.0)
        rig.transport.answers(ANSWERS[401], ANSWERS[200])
        await call(rig)
    store.method, store.tokens = "", old
    rig.transport.answers(ANSWERS[401], ANSWERS[200])
    assert await call(rig) == jwt(4)
    await close(rig)


async def test_a_refused_token_that_cannot_be_removed_is_not_used_again() -> None:
    class Keeps(MemoryStore):
        async def discard(self, key: str, token: StoredToken) -> None:
            pass

    rig = Rig(token_store=Keeps())
    await call(rig)
    rig.transport.answers(ANSWERS[401], ANSWERS[200])
    await call(rig)
    assert fetches(rig) == 2
    await close(rig)


@pytest.mark.parametrize("left", [-1.0, 0.0, 4.0])
async def test_a_stored_token_that_is_about_to_end_is_not_used(left: float) -> None:
    store = MemoryStore()
    first, second = fleet(store)
    await call(first)
    ending = StoredToken("ending", MORNING + timedelta(seconds=left))
    store.tokens = dict.fromkeys(store.tokens, ending)
    assert await call(second) == jwt(1)
    await close(first, second)


async def test_a_stored_token_is_refreshed_by_its_own_lifetime() -> None:
    store = MemoryStore()
    first, second = fleet(store)
    started = int(MORNING.timestamp())
    first.transport.claims = second.transport.claims = {"iat": started, "exp": started + 3600}
    await call(first)
    await first.session.close()
    await asyncio.sleep(3400.0)  # less than five minutes are left, and by the remaining time alone it would be fresh
    await call(second)
    await asyncio.sleep(10.0)
    assert fetches(first, second) == 2
    await close(second)


class Failing(MemoryStore):
    """Fails in one method: raises, hangs, or returns something else."""

    def __init__(self, method: str, how: Callable[[], Any]) -> None:
        super().__init__()
        self.method, self.how = method, how

    async def _do(self, method: str) -> Any:  # noqa: ANN401 - it may return anything
        if method != self.method:
            return None
        outcome = self.how()
        return await outcome if asyncio.iscoroutine(outcome) else outcome

    async def read(self, key: str) -> StoredToken | None:
        odd: StoredToken | None = await self._do("read")
        return odd if self.method == "read" else await super().read(key)

    async def write(self, key: str, token: StoredToken) -> None:
        await self._do("write")
        await super().write(key, token)

    async def discard(self, key: str, token: StoredToken) -> None:
        await self._do("discard")

    @asynccontextmanager
    async def lock(self, key: str) -> AsyncIterator[None]:
        await self._do("lock")
        yield
        await self._do("unlock")


def refuse() -> None:
    raise ConnectionRefusedError(f"cannot reach the store of {CLIENT_SECRET} and {jwt(1)}")


async def hang() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("how", [refuse, hang, lambda: 7, lambda: "text", lambda: StoredToken("x", None)])  # type: ignore[arg-type]  # wrong on purpose
async def test_a_store_that_cannot_be_read_stops_nothing(how: Callable[[], Any]) -> None:
    rig = Rig(token_store=Failing("read", how))
    began = rig.clock.monotonic()
    assert await call(rig) == jwt(1)
    assert rig.clock.monotonic() - began < 3.0
    await close(rig)


@pytest.mark.parametrize("method", ["write", "lock", "unlock", "discard"])
@pytest.mark.parametrize("how", [refuse, hang])
async def test_a_store_that_fails_in_the_midst_stops_nothing(method: str, how: Callable[[], Any]) -> None:
    rig = Rig(token_store=Failing(method, how))
    rig.transport.answers(ANSWERS[401], ANSWERS[200])
    began = rig.clock.monotonic()
    await call(rig)
    # Two fetches, each with a store that is waited for: 13 s at the lock, 2 s else.
    assert rig.clock.monotonic() - began < (30.0 if method == "lock" else 9.0)
    assert 1 <= fetches(rig) <= 2
    await close(rig)


async def test_a_store_that_is_down_is_one_warning_without_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    store = Failing("read", refuse)
    rig = Rig(token_store=store)
    rig.transport.answers(*[ANSWERS[401], ANSWERS[200]] * 3)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            await call(rig)
    assert fetches(rig) == 4
    assert len(caplog.records) == 1
    text = caplog.records[0].getMessage()
    assert "the token store cannot be used" in text
    assert "ConnectionRefusedError" in text
    assert CLIENT_SECRET not in text
    await close(rig)


async def test_the_token_that_could_not_be_written_is_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig(token_store=Failing("write", refuse))
    await call(rig)
    assert jwt(1) not in caplog.text
    assert "the token store cannot be used" in caplog.text
    await close(rig)


async def test_after_a_recovery_the_next_failure_is_logged_again(caplog: pytest.LogCaptureFixture) -> None:
    store = Failing("read", refuse)
    rig = Rig(token_store=store)
    rig.transport.answers(*[ANSWERS[401], ANSWERS[200]] * 3)
    with caplog.at_level(logging.WARNING):
        await call(rig)
        store.method = ""
        await call(rig)
        store.method = "read"
        await call(rig)
    assert len(caplog.records) == 2
    await close(rig)


@pytest.mark.parametrize("secret", ["", "a b", "a\nb", "é"])
async def test_a_stored_token_that_cannot_be_sent_is_replaced(secret: str) -> None:
    store = MemoryStore()
    first, second = fleet(store)
    await call(first)
    store.tokens = dict.fromkeys(store.tokens, StoredToken(secret, MORNING + HOUR))
    assert await call(second) == jwt(1)
    assert [token.secret for token in store.tokens.values()] == [jwt(1)]
    await close(first, second)


async def test_who_waits_for_the_lock_in_vain_fetches_alone() -> None:
    class Busy(MemoryStore):
        @asynccontextmanager
        async def lock(self, key: str) -> AsyncIterator[None]:
            await asyncio.sleep(12.0)
            raise TimeoutError
            yield  # a generator needs one

    rigs = fleet(Busy(), 4)
    began = rigs[0].clock.monotonic()
    await asyncio.gather(*(call(rig) for rig in rigs))
    assert 12.0 <= rigs[0].clock.monotonic() - began <= 13.1
    at = sorted(rig.transport.token_requests[0].at for rig in rigs if rig.transport.token_requests)
    assert len({round(time, 3) for time in at}) == len(at)  # with jitter, and who comes later finds the first one's
    await close(*rigs)


async def test_a_fetch_that_fails_is_not_blamed_on_the_store(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore()
    rig = Rig(token_store=store)
    rig.transport.token_answers(raw(401, {"detail": "Invalid credentials"}))
    with pytest.raises(AuthenticationError):
        await call(rig)
    assert not store.locks
    assert not caplog.records
    assert await call(rig) == jwt(1)
    await close(rig)


@pytest.mark.parametrize("method", ["read", "write", "lock"])
async def test_closing_does_not_wait_for_a_store_that_hangs(method: str) -> None:
    rig = Rig(token_store=Failing(method, hang))
    calling = asyncio.create_task(call(rig))
    await asyncio.sleep(0.5)
    began = rig.clock.monotonic()
    await close(rig)
    with pytest.raises(ConfigurationError):
        await calling
    assert rig.clock.monotonic() - began < 3.0


async def test_a_rotated_secret_needs_no_restart_and_finds_no_old_token() -> None:
    store, secrets = MemoryStore(), ["first"]
    rig = Rig(token_store=store, client_secret=lambda: Secret(secrets[-1]))
    await call(rig)
    secrets.append("second")
    rig.transport.answers(ANSWERS[401], ANSWERS[200])
    await call(rig)
    sent = [request.content or b"" for request in rig.transport.token_requests]
    assert [b'"first"' in sent[0], b'"second"' in sent[1]] == [True, True]
    assert len(store.tokens) == 2
    await close(rig)


def test_a_key_says_nothing_and_changes_with_each_part() -> None:
    keys = {
        store_key(secret, f"{url}\0{client}".encode())
        for secret in ("s1", "s2")
        for url in ("https://a", "https://b")
        for client in ("c1", "c2")
    }
    assert len(keys) == 8
    assert all(len(key) == 64 and key.isalnum() for key in keys)


def test_a_stored_token_has_no_repr() -> None:
    token = StoredToken("hunter2", datetime.now(UTC))
    assert "hunter2" not in f"{token!r} {token}"
    assert token == StoredToken("hunter2", token.expires_at)
