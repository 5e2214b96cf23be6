"""Keys for the push channel: each is issued for one session and one reference, and expires."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from dollr_async.sandbox.world.clock import SandboxClock
    from dollr_async.sandbox.world.tokens import Tokens


@attrs.define(kw_only=True)
class RealtimeKey:
    """The session and the reference of one key, and the second at which it expires."""

    session_id: int
    reference_id: str
    expires_second: float

    @property
    def channel(self) -> str:
        """The only channel that it opens, without the protocol's prefix."""
        return f"payment-intent:{self.session_id}:{self.reference_id}"

    def has_expired(self, second: float) -> bool:
        """Whether it has expired at this second."""
        return second >= self.expires_second

    def expiry_message(self, second: float) -> str:
        """The server's message about an expired key, with the seconds since then."""
        return f"Token has expired {second - self.expires_second:.0f} seconds ago"


class RealtimeKeys:
    """Every key that was issued, the expired ones too."""

    def __init__(self, clock: SandboxClock, tokens: Tokens, lifetime: float) -> None:
        """Issue keys that live for `lifetime` seconds, signed like the tokens."""
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

    def check(self, channel: str, token: object) -> RealtimeKey | str:
        """Return the key that opens a channel now, or the server's message about why the token does not."""
        key = self._issued.get(token) if isinstance(token, str) else None
        if key is None and token is not None:
            return "JwtSignatureError: Failed to validate JWT signature"
        if key is None or key.channel != channel:
            return f"Unauthorized: You do not have permissions to read from this Channel topic: {channel}"
        now = self._clock.seconds()
        return f"InvalidJWTToken: {key.expiry_message(now)}" if key.has_expired(now) else key

    def reset(self) -> None:
        """Forget every key."""
        self._issued.clear()

    def expire_all(self) -> None:
        """Make every key issued so far expire now."""
        now = self._clock.seconds()
        for key in self._issued.values():
            key.expires_second = min(key.expires_second, now)
