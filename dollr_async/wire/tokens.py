"""The bearer token: its lifetime, its age, and whether it is fresh, stale or expired."""

from __future__ import annotations

import base64
import binascii
import enum
from typing import TYPE_CHECKING

import attrs
import msgspec

from dollr_async.base.errors import DecodeError
from dollr_async.base.fields import Secret

if TYPE_CHECKING:
    from dollr_async.base.clock import Clock

_REFRESH_MARGIN = 300.0
_REFRESH_SHARE = 0.2
_EXPIRY_MARGIN = 5.0
_EXPIRY_SHARE = 0.05
_SHORTEST_LIFETIME = 1.0
_JWT_PARTS = 3


class Freshness(enum.Enum):
    """FRESH: use it. STALE: use it and fetch a new one in the background. EXPIRED: fetch a new one first."""

    FRESH = "fresh"
    STALE = "stale"
    EXPIRED = "expired"


# Reading an enum member takes 0.28 µs in Python 3.11, and every request needs one.
FRESH, STALE, EXPIRED = Freshness


def _refresh_after(token: Token) -> float:
    margin = min(_REFRESH_MARGIN, token.lifetime * _REFRESH_SHARE)
    return token.lifetime - margin * (1.0 + token.jitter)


def _expires_after(token: Token) -> float:
    return token.lifetime - min(_EXPIRY_MARGIN, token.lifetime * _EXPIRY_SHARE)


@attrs.frozen(kw_only=True, eq=False)
class Token:
    """A bearer token, its lifetime, and when it was requested, by two clocks. All times are in seconds.

    The loop's clock (`requested_monotonic`) may stop while the machine is suspended, and the system's clock
    (`requested_time`) may be set back, so the larger of the two ages counts. `jitter` (0 to 1) moves the refresh to an
    earlier time, so that processes that were started together do not refresh together.
    `refresh_after` is the age at which a new one should be fetched: five minutes, or a fifth of the lifetime, remain.
    `expires_after` is the age at which it is not used any more: a little before its end, since a request takes time.
    """

    secret: Secret
    lifetime: float
    requested_monotonic: float
    requested_time: float
    jitter: float
    # Computed once: every request compares its token's age with these two.
    refresh_after: float = attrs.field(init=False, default=attrs.Factory(_refresh_after, takes_self=True))
    expires_after: float = attrs.field(init=False, default=attrs.Factory(_expires_after, takes_self=True))

    def age(self, clock: Clock) -> float:
        """Seconds since the token was requested."""
        return max(clock.monotonic() - self.requested_monotonic, clock.time() - self.requested_time)

    def freshness(self, clock: Clock) -> Freshness:
        """Whether the token is fresh, stale or expired now."""
        age = self.age(clock)
        if age < self.refresh_after:
            return FRESH
        return EXPIRED if age >= self.expires_after else STALE


def lifetime_of(access_token: str, expires_in: float) -> float:
    """Return a token's lifetime in seconds.

    `expires_in` is in minutes. If the token's own `exp - iat` can be read and is shorter, that is used.
    """
    lifetimes = [expires_in * 60.0]
    own = _own_lifetime(access_token)
    if own is not None and own > 0:
        lifetimes.append(own)
    return max(min(lifetimes), _SHORTEST_LIFETIME)


def _own_lifetime(access_token: str) -> float | None:
    parts = access_token.split(".")
    if len(parts) != _JWT_PARTS:
        return None
    payload = parts[1] + "=" * (-len(parts[1]) % 4)
    try:
        claims = msgspec.json.decode(base64.urlsafe_b64decode(payload), type=_Claims)
    except (binascii.Error, ValueError, RecursionError):
        return None
    return None if claims.exp is None or claims.iat is None else claims.exp - claims.iat


class _Claims(msgspec.Struct):
    """The two times inside a JWT."""

    exp: float | None = None
    iat: float | None = None


def checked_token(access_token: str) -> Secret:
    """Return an access token as a `Secret`, or raise `DecodeError` if it cannot be sent in a header."""
    if not access_token or not access_token.isascii() or not access_token.isprintable() or " " in access_token:
        message = "the token endpoint answered with a token that cannot be sent in a header"
        raise DecodeError(message, path="access_token")
    return Secret(access_token)
