"""The connection to Redis of a store or a budget: made from a URL, or the caller's own client."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

from dollr_async.base.errors import ConfigurationError, InvalidInputError
from dollr_async.base.extras import extra

with extra("redis"):
    from redis.asyncio import Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

if TYPE_CHECKING:
    from typing import TypeAlias

    RedisClient: TypeAlias = Any  # redis-py's own type parameters differ between its versions

_TIMEOUT = 1.0


class RedisConnection:
    """A client of Redis, opened at the first use if it is made here. It belongs to one event loop."""

    def __init__(self, url_or_client: str | RedisClient) -> None:
        """Take a URL, as in `redis://localhost:6379/0`, or a `redis.asyncio.Redis`.

        Raises:
            InvalidInputError: it is neither.
        """
        self._source = url_or_client
        self._client: RedisClient = None
        self._home: tuple[int, asyncio.AbstractEventLoop] | None = None
        if isinstance(url_or_client, str):
            self._check_url(url_or_client)
        elif not isinstance(url_or_client, Redis):
            sentence = (
                "give a Redis URL, as in 'redis://localhost:6379/0', or a redis.asyncio.Redis, not a "
                f"{type(url_or_client).__name__}"
            )
            raise InvalidInputError(sentence)

    @property
    def is_made_here(self) -> bool:
        """Whether the client is made here, from a URL."""
        return isinstance(self._source, str)

    def client(self) -> RedisClient:
        """Return the client.

        Raises:
            ConfigurationError: it was opened in another event loop or process.
        """
        if not self.is_made_here:
            return self._source
        here = os.getpid(), asyncio.get_running_loop()
        if self._home is None:
            self._client, self._home = self._new_client(self._source), here
        elif self._home != here:
            sentence = (
                "this connection to Redis was opened in another event loop or process: close it there first, or make "
                "one in each"
            )
            raise ConfigurationError(sentence)
        return self._client

    async def close(self) -> None:
        """Close the client if it was made here; a later use opens another."""
        client, home, self._client, self._home = self._client, self._home, None, None
        if client is not None and home == (os.getpid(), asyncio.get_running_loop()):
            await client.aclose()

    def _check_url(self, url: str) -> None:
        try:
            self._new_client(url)
        except (ValueError, TypeError):
            # Neither the URL nor what redis-py says about it is repeated: there may be a password in it.
            sentence = "this is not a Redis URL: write one as in 'redis://localhost:6379/0' or 'rediss://...'"
            raise InvalidInputError(sentence) from None

    def _new_client(self, url: str) -> RedisClient:
        return Redis.from_url(
            url,
            socket_timeout=_TIMEOUT,
            socket_connect_timeout=_TIMEOUT,
            # Once, at once: the server may have closed a connection that was idle.
            retry=Retry(NoBackoff(), 1),
        )


def as_text(value: bytes | str) -> str:
    """Return an answer of Redis as text: a caller's own client may decode answers or not."""
    return value.decode() if isinstance(value, bytes) else value
