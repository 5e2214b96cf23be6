"""Keys for the push channel: each is issued for one session and one reference, and expires."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from dollr_async.sandbox.world.clock import SandboxClock
    from dollr_async.sandbox.world.tokens import Tokens


@attrs.define(kw_only=True)
class RealtimeKey:
    """What one key is good for, and the second at which it expires."""

    session_id: int
    reference_id: str
    expires_second: float

    @property
    def channel(self) -> str:
        """The one channel that it opens, without the protocol's own prefix."""
        return f"payment-intent:{self.session_id}:{self.reference_id}"

    def has_expired(self, second: float) -> bool:
        """Whether it is worthless at this second."""
        return second >= self.expires_second

    def expiry(self, second: float) -> str:
        """How long ago it expired, in words."""
        return f"Token has expired {second - self.expires_second:.0f} seconds ago"


class RealtimeKeys:
    """Every key that was issued; expired ones are known as such."""

    def __init__(self, clock: SandboxClock, tokens: Tokens, lifetime: float) -> None:
        """Issue keys that live for `lifetime` seconds, signed as the tokens are."""
        self._clock = clock
        self._tokens = tokens
        self._issued: dict[str, RealtimeKey] = {}
        self.lifetime = lifetime

    def issue(self, session_id: int, reference_id: str) -> str:
        """Issue a key for one session and one reference."""
        expires = self._clock.seconds() + self.lifetime
        claims: dict[str, object] = {
            "role": "authenticated",
            "jti": f"realtime-{len(self._issued) + 1}",
            "session_id": session_id,
            "reference_id": reference_id,
        }
        token = self._tokens.sign(claims, expires)
        self._issued[token] = RealtimeKey(session_id=session_id, reference_id=reference_id, expires_second=expires)
        return token

    def opening(self, channel: str, token: object) -> RealtimeKey | str:
        """The key that opens a channel now, or in words why the token does not."""
        key = self._issued.get(token) if isinstance(token, str) else None
        if key is None and token is not None:
            return "JwtSignatureError: Failed to validate JWT signature"
        if key is None or key.channel != channel:
            return f"Unauthorized: You do not have permissions to read from this Channel topic: {channel}"
        return (
            f"InvalidJWTToken: {key.expiry(self._clock.seconds())}" if key.has_expired(self._clock.seconds()) else key
        )

    def expire_all(self) -> None:
        """Let every key issued so far expire now."""
        now = self._clock.seconds()
        for key in self._issued.values():
            key.expires_second = min(key.expires_second, now)
