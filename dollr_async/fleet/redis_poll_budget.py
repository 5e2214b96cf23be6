"""`RedisPollBudget`: one ceiling on the polls of all processes that reach one Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from dollr_async.fleet.ceiling import CEILING_KEPT_FOR, Ceiling
from dollr_async.fleet.redis_connection import RedisConnection, as_text

if TYPE_CHECKING:
    from types import TracebackType

    from dollr_async.fleet.redis_connection import RedisClient

# All times are of the server's clock. The lowest ceiling that was asked for recently counts.
_RESERVE = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local n, asked, kept_for = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local row = redis.call('HMGET', KEYS[1], 'next_at', 'per_second', 'per_second_at')
local next_at = math.max(tonumber(row[1] or now), now)
local ceiling, ceiling_at = tonumber(row[2] or asked), tonumber(row[3] or now)
if asked <= ceiling or now - ceiling_at > kept_for then ceiling, ceiling_at = asked, now end
local after = string.format('%.6f', next_at + n / ceiling)
redis.call('HSET', KEYS[1], 'next_at', after, 'per_second', tostring(ceiling),
           'per_second_at', string.format('%.6f', ceiling_at))
redis.call('EXPIRE', KEYS[1], math.ceil(next_at + n / ceiling - now) + 3600)
return {string.format('%.6f', next_at - now), tostring(ceiling)}
"""
_PAUSE = """
local time = redis.call('TIME')
local ends_at = tonumber(time[1]) + tonumber(time[2]) / 1000000 + tonumber(ARGV[1])
for _, name in ipairs({'next_at', 'paused_until'}) do
  if ends_at > tonumber(redis.call('HGET', KEYS[1], name) or 0) then
    redis.call('HSET', KEYS[1], name, string.format('%.6f', ends_at))
  end
end
redis.call('EXPIRE', KEYS[1], math.ceil(tonumber(ARGV[1])) + 3600)
return 0
"""
_PAUSED_FOR = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
return string.format('%.6f', tonumber(redis.call('HGET', KEYS[1], 'paused_until') or now) - now)
"""


class RedisPollBudget:
    """One ceiling on the polls of all processes that reach one Redis. Needs the extra `[redis]`.

    A connection that was made from a URL is closed by the client's `close()` too; a later use opens it again.
    """

    def __init__(self, url_or_client: str | RedisClient, *, per_second: float, key: str = "polls") -> None:
        """Take the connection and the ceiling; nothing is opened yet.

        Args:
            url_or_client: a URL, as in `redis://localhost:6379/0`, or a `redis.asyncio.Redis` of your own.
            per_second: the most polls that all processes together make in a second. Where processes ask for different
                ceilings, the lowest rules, and the others log a warning.
            key: the name of the budget. Processes with the same name share it.

        Raises:
            InvalidInputError: an argument has the wrong form.
        """
        self._ceiling = Ceiling(per_second, key)
        self._redis = RedisConnection(url_or_client)

    async def __aenter__(self) -> Self:
        """Return the budget. It opens at its first use."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the budget."""
        await self.close()

    async def close(self) -> None:
        """Close the connection if it was made from a URL. Closing twice is fine; a later use opens it again."""
        await self._redis.close()

    @property
    def closes_with_client(self) -> bool:
        """Whether a client's `close()` closes the budget too."""
        return self._redis.is_made_here

    @property
    def per_second(self) -> float:
        """The polls in a second that are in force: the lowest that any process asks for."""
        return self._ceiling.in_force

    async def reserve(self, n: int) -> float:
        """Reserve the next `n` polls, and return the seconds until the first of them may begin."""
        wait, in_force = await self._eval(_RESERVE, n, self._ceiling.asked, CEILING_KEPT_FOR)
        self._ceiling.found(float(as_text(in_force)))
        return float(as_text(wait))

    async def pause(self, seconds: float) -> None:
        """Let no process poll for so many seconds. A longer pause that is under way stays."""
        await self._eval(_PAUSE, seconds)

    async def paused_for(self) -> float:
        """Return the seconds for which a pause still lasts; 0 if there is none."""
        return max(float(as_text(await self._eval(_PAUSED_FOR))), 0.0)

    async def _eval(self, script: str, *values: float) -> RedisClient:
        return await self._redis.client().eval(script, 1, f"dollr:budget:{self._ceiling.key}", *values)
