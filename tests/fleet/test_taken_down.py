"""Redis and PostgreSQL taken down in the midst: no payment stops, and each client says it once."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import stat
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg.conninfo
import pytest
import redis
import redis.asyncio

from dollr_async import ConfigurationError, DollrClient, InvalidInputError
from dollr_async.fleet import (
    PostgresPollBudget,
    PostgresTokenStore,
    RedisPollBudget,
    RedisTokenStore,
    SQLiteTokenStore,
)
from dollr_async.sandbox import Sandbox
from tests.support.postgres import CONNINFO, own_schema
from tests.support.redis import URL, own_redis, require_redis
from tests.support.servers import Proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from dollr_async.fleet import PollBudget, TokenStore

pytestmark = pytest.mark.real_time  # servers in other processes do not wait for a virtual clock


class Server:
    """A server behind a proxy, and what is opened on it."""

    def __init__(self, proxy: Proxy, store: Callable[[], TokenStore], budget: Callable[[], PollBudget]) -> None:
        self.proxy, self.store, self.budget = proxy, store, budget


@asynccontextmanager
async def redis_server() -> AsyncIterator[Server]:
    with TemporaryDirectory() as directory, own_redis(Path(directory)) as server:
        port = int(server.url.rpartition(":")[2].partition("/")[0])
        async with Proxy("127.0.0.1", port) as proxy:
            url = f"redis://127.0.0.1:{proxy.port}/0"
            yield Server(proxy, lambda: RedisTokenStore(url), lambda: RedisPollBudget(url, per_second=50.0))


@asynccontextmanager
async def postgres_server() -> AsyncIterator[Server]:
    server = psycopg.conninfo.conninfo_to_dict(CONNINFO)
    with own_schema() as schema:
        async with Proxy(str(server["host"]), int(server["port"] or 5432)) as proxy:
            conninfo = psycopg.conninfo.make_conninfo(CONNINFO, port=proxy.port)
            yield Server(
                proxy,
                lambda: PostgresTokenStore(conninfo, schema=schema),
                lambda: PostgresPollBudget(conninfo, schema=schema, per_second=50.0),
            )


SERVERS: dict[str, Callable[[], AbstractAsyncContextManager[Server]]] = {
    "redis": redis_server,
    "postgres": postgres_server,
}


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(client_secret=f"secret-{uuid4().hex}") as sandbox:
        yield sandbox


def warnings_of(caplog: pytest.LogCaptureFixture, text: str) -> int:
    return sum(text in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("how", ["refuses", "hangs"])
@pytest.mark.parametrize("kind", SERVERS)
async def test_a_store_that_goes_down_stops_no_call(
    kind: str, how: str, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        SERVERS[kind]() as server,
        DollrClient(**sandbox.settings, token_store=server.store()) as first,
        DollrClient(**sandbox.settings, token_store=server.store()) as second,
    ):
        for dollr in (first, second):
            await dollr.fees.tiers()
        assert sandbox.tokens_issued == 1
        await (server.proxy.down() if how == "refuses" else hang(server.proxy))
        for _ in range(2):
            sandbox.revoke_tokens()
            began = asyncio.get_running_loop().time()
            await asyncio.gather(first.fees.tiers(), second.fees.tiers())
            assert asyncio.get_running_loop().time() - began < 6.0
        assert sandbox.tokens_issued == 5  # each fetches alone
        assert warnings_of(caplog, "the token store cannot be used") == 2
        await server.proxy.down()
        await server.proxy.up()
        server.proxy.resume()
        await asyncio.sleep(1.0)
        sandbox.revoke_tokens()
        await first.fees.tiers()
        await second.fees.tiers()
        assert sandbox.tokens_issued == 6  # they share again
    assert sandbox.client_secret not in caplog.text


async def hang(proxy: Proxy) -> None:
    proxy.hang()


@pytest.mark.full(reason="it measures paces in real time")
@pytest.mark.parametrize("kind", SERVERS)
async def test_a_budget_that_goes_down_leaves_the_pace_that_was_granted(
    kind: str, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    async with SERVERS[kind]() as server:
        clients = [DollrClient(**sandbox.settings, poll_budget=server.budget()) for _ in range(2)]
        following = [asyncio.create_task(follow(dollr)) for dollr in clients]
        await asyncio.sleep(10.0)
        await server.proxy.down()
        await asyncio.sleep(10.0)
        await server.proxy.up()
        await asyncio.sleep(10.0)
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)
        for dollr in clients:
            await dollr.close()
    times = [request.second for request in sandbox.requests_to("status.collection")]
    pace = [sum(begin <= time - times[0] < begin + 6.0 for time in times) / 6.0 for begin in (2.0, 13.0, 23.5)]
    # Virtual time shows the exact paces; here, with real servers, that it goes on and comes back.
    assert 35.0 <= pace[0] <= 52.0
    assert pace[0] * 0.7 <= pace[1] <= 52.0
    assert 35.0 <= pace[2] <= 52.0
    assert warnings_of(caplog, "the poll budget cannot be used") == 2


async def follow(dollr: DollrClient) -> None:
    async for _ in dollr.watch_many([uuid4() for _ in range(150)]):
        pass


async def test_neither_files_nor_keys_hold_a_secret_and_only_the_owner_reads_the_files(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / "token.db"
    async with DollrClient(**sandbox.settings, token_store=SQLiteTokenStore(path)) as dollr:
        await dollr.fees.tiers()
        files = sorted(tmp_path.iterdir())  # noqa: ASYNC240 - a test may block
        assert [file.name for file in files] == ["token.db", "token.db-shm", "token.db-wal"]
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
        with sqlite3.connect(path) as connection:
            ((key, token),) = connection.execute("SELECT key, secret FROM tokens").fetchall()
        connection.close()
        assert len(key) == 64
        assert not any(part in key for part in (sandbox.client_id, sandbox.client_secret, token, sandbox.url))
        content = b"".join(file.read_bytes() for file in files)
        assert sandbox.client_secret.encode() not in content
        assert sandbox.client_id.encode() not in content


async def test_the_keys_of_redis_hold_no_secret(sandbox: Sandbox) -> None:
    require_redis()
    async with DollrClient(**sandbox.settings, token_store=RedisTokenStore(URL)) as dollr:
        await dollr.fees.tiers()
        client = redis.Redis.from_url(URL, decode_responses=True)
        keys = list(client.scan_iter("dollr:token*"))
        client.close()
    assert keys
    for key in keys:
        assert sandbox.client_secret not in key
        assert sandbox.client_id not in key


async def test_a_file_that_others_may_read_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "token.db"
    path.touch(0o644)
    async with SQLiteTokenStore(path) as store:
        await store.read("key")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_the_database_of_another_program_is_left_alone(tmp_path: Path, sandbox: Sandbox) -> None:
    path = tmp_path / "payments.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE mine (x)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(ConfigurationError, match="give the token store its own file"):
        await SQLiteTokenStore(path).read("key")
    async with DollrClient(**sandbox.settings, token_store=SQLiteTokenStore(path)) as dollr:
        await dollr.fees.tiers()
    assert path.read_bytes() == before


@pytest.mark.parametrize("decode", [True, False])
async def test_a_callers_own_redis_client_is_used_and_stays_open(sandbox: Sandbox, *, decode: bool) -> None:
    require_redis()
    client: Any = redis.asyncio.Redis.from_url(URL, decode_responses=decode)
    key = f"test-{uuid4().hex}"
    for _ in range(2):
        store, budget = RedisTokenStore(client), RedisPollBudget(client, per_second=50.0, key=key)
        async with DollrClient(**sandbox.settings, token_store=store, poll_budget=budget) as dollr:
            assert (await dollr.check(uuid4())).execution is None
        assert not store.closes_with_client
    assert sandbox.tokens_issued == 1
    assert await client.ping()
    await client.delete(f"dollr:budget:{key}")
    await client.aclose()


def test_a_store_is_used_again_in_another_loop_after_its_client_was_closed(tmp_path: Path) -> None:
    require_redis()
    stores: list[TokenStore] = [RedisTokenStore(URL), SQLiteTokenStore(tmp_path / "token.db")]

    async def use(store: TokenStore) -> int:
        async with Sandbox() as sandbox, DollrClient(**sandbox.settings, token_store=store) as dollr:
            await dollr.fees.tiers()
            return sandbox.tokens_issued

    for store in stores:
        assert [asyncio.run(use(store)) for _ in range(2)] == [1, 1]


def test_what_is_neither_url_nor_client_is_refused_without_its_password() -> None:
    wrong: Any = 7
    for make in (RedisTokenStore, lambda given: RedisPollBudget(given, per_second=1)):
        with pytest.raises(InvalidInputError, match=r"redis\.asyncio\.Redis, not a int"):
            make(wrong)
        with pytest.raises(InvalidInputError) as caught:
            make("redis://:hunter2@127.0.0.1:not-a-port/0")
        assert "hunter2" not in str(caught.value)
    with pytest.raises(InvalidInputError, match="a file, and not ':memory:'"):
        SQLiteTokenStore(":memory:")


@pytest.mark.parametrize("per_second", [0, -1, float("nan"), float("inf"), "50", None, True])
def test_a_ceiling_that_is_no_number_is_refused(per_second: Any) -> None:  # noqa: ANN401 - wrong on purpose
    for make in (RedisPollBudget, PostgresPollBudget):
        address = URL if make is RedisPollBudget else CONNINFO
        with pytest.raises(InvalidInputError, match="per_second must be a number above 0, as in 50"):
            make(address, per_second=per_second)


async def test_the_lower_ceiling_is_a_warning_for_who_asks_for_more(caplog: pytest.LogCaptureFixture) -> None:
    require_redis()
    key = f"test-{uuid4().hex}"
    async with (
        RedisPollBudget(URL, per_second=50, key=key) as fast,
        RedisPollBudget(URL, per_second=10, key=key) as slow,
    ):
        with caplog.at_level(logging.WARNING):
            await slow.reserve(1)
            for _ in range(3):
                await fast.reserve(1)
        assert (fast.per_second, slow.per_second) == (10.0, 10.0)
    assert len(caplog.records) == 1
    assert "10 polls a second, not the 50" in caplog.text
