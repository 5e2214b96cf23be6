"""The bearer token: how it is asked for, its lifetime, its age, and whether it is fresh, stale or expired."""

from __future__ import annotations

import base64
import binascii
import enum
import math
import random
from decimal import Decimal
from typing import TYPE_CHECKING

import attrs
import msgspec

from dollr_async.base.errors import DecodeError
from dollr_async.base.fields import Secret
from dollr_async.base.record import SECRET
from dollr_async.wire import codec
from dollr_async.wire.answers import unreadable

if TYPE_CHECKING:
    from dollr_async.base.clock import Clock
    from dollr_async.wire.answers import RawAnswer

TOKEN_PATH = "jwt/client/obtain/token"  # noqa: S105 - a path
_REFRESH_MARGIN = 300.0
_REFRESH_SHARE = 0.2
_EXPIRY_MARGIN = 5.0
_EXPIRY_SHARE = 0.05
_SHORTEST_LIFETIME = 1.0
_JWT_PARTS = 3
_MOST_MINUTES = 10**9


@attrs.frozen(kw_only=True, eq=False, repr=False)
class TokenRequest(codec.Body):
    """The credentials, in the form of the token operation."""

    client_id: str
    client_secret: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class TokenAnswer(codec.Answer):
    """The token operation's answer; `expires_in` is in minutes."""

    access_token: str = attrs.field(repr=False, metadata=SECRET)
    expires_in: Decimal | None = None


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


def lifetime_of(access_token: str, expires_in: Decimal | None, *, now: float) -> float:
    """Return a token's lifetime in seconds; `now` is the time of day, in seconds since 1970.

    `expires_in` is in minutes. If the token's own times can be read and say less, or are all there is, they are used.

    Raises:
        DecodeError: neither says how long the token lives, or `expires_in` is out of all bounds.
    """
    if expires_in is not None and not (expires_in.is_finite() and -_MOST_MINUTES < expires_in < _MOST_MINUTES):
        raise DecodeError("its expires_in is not a number of minutes", path="expires_in")
    claims = _claims(access_token)
    lifetimes = [] if expires_in is None else [float(expires_in) * 60.0]
    if claims.exp is not None and claims.iat is not None:
        lifetimes += [claims.exp - claims.iat] if claims.exp > claims.iat else []
    if claims.exp is not None and expires_in is None and (claims.exp > now or claims.iat is None):
        # By our own clock, which may be wrong, so only where the answer says nothing. It is shorter for a token that
        # was made a while ago.
        lifetimes.append(claims.exp - now)
    if not lifetimes:
        message = "it has no expires_in, and its token does not say when it ends"
        raise DecodeError(message, path="expires_in")
    return max(min(lifetimes), _SHORTEST_LIFETIME)


def token_of(answer: RawAnswer, requested_monotonic: float, requested_time: float, *, now: float) -> Token:
    """Return the token in the answer to a token request that was sent at these two times; `now` is the time of day.

    Raises:
        DecodeError: the answer cannot be used.
    """
    try:
        found = codec.decode(answer.content, TokenAnswer)
        return Token(
            secret=checked_token(found.access_token),
            lifetime=lifetime_of(found.access_token, found.expires_in, now=now),
            requested_monotonic=requested_monotonic,
            requested_time=requested_time,
            jitter=new_jitter(),
        )
    except DecodeError as error:
        reason = unreadable(error, answer, "POST", TOKEN_PATH)
        raise DecodeError(f"the answer to the token request cannot be used: {reason}", path=error.path) from None


def token_until(secret: Secret, remaining: float, clock: Clock) -> Token:
    """Return a token that another process fetched and that ends in `remaining` seconds.

    How long it lives in all, its own times may say; else the remaining time is taken for it.
    """
    claims = _claims(secret.reveal())
    lifetime = remaining
    if claims.exp is not None and claims.iat is not None and math.isfinite(claims.exp - claims.iat):
        lifetime = max(claims.exp - claims.iat, remaining)
    age = lifetime - remaining
    return Token(
        secret=secret,
        lifetime=lifetime,
        requested_monotonic=clock.monotonic() - age,
        requested_time=clock.time() - age,
        jitter=new_jitter(),
    )


def new_jitter() -> float:
    """Return how much earlier than planned a token is refreshed, so that a fleet does not refresh at one moment."""
    return random.random() * 0.2  # noqa: S311 - spreads load, protects nothing


def _claims(access_token: str) -> _Claims:
    parts = access_token.split(".")
    if len(parts) != _JWT_PARTS:
        return _Claims()
    payload = parts[1] + "=" * (-len(parts[1]) % 4)
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(payload), type=_Claims)
    except (binascii.Error, ValueError, RecursionError):
        return _Claims()


class _Claims(msgspec.Struct):
    """The two times inside a JWT."""

    exp: float | None = None
    iat: float | None = None


def checked_token(access_token: str) -> Secret:
    """Return an access token without spaces around it as a `Secret`.

    Raises:
        DecodeError: it cannot be sent in a header; the message says why, and never shows it.
    """
    token = access_token.strip()
    if token and token.isascii() and token.isprintable() and " " not in token:
        return Secret(token)
    problem = "it is empty"
    if any(character.isspace() for character in token):
        problem = "it has a space or a line break"
    elif token:
        problem = "it has characters that are not ASCII"
    message = f"its token cannot be sent in a header: {problem}"
    raise DecodeError(message, path="access_token")
