"""The bearer tokens: issued for the right credentials, and checked on every other call."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING

import attrs
import msgspec

from dollr_async.sandbox.refusals import Refusal

if TYPE_CHECKING:
    from dollr_async.sandbox.world.clock import SandboxClock

_json = msgspec.json.Encoder()
_HEADER = {"alg": "HS256", "typ": "JWT"}


def _base64url(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


@attrs.frozen
class Token:
    """One token: its number in the order of issue, and the second at which it expires."""

    number: int
    expires_second: float


class Tokens:
    """The tokens that were issued and not revoked."""

    def __init__(self, clock: SandboxClock, client_id: str, client_secret: str, lifetime: float) -> None:
        """Issue tokens that live for `lifetime` minutes to clients with these credentials."""
        self._clock = clock
        self._client_id = client_id
        self._client_secret = client_secret
        self._key = secrets.token_bytes(32)
        self._valid: dict[str, Token] = {}
        self._first_lifetime = lifetime
        self.lifetime = lifetime
        self.issued = 0

    def issue(self, client_id: str, client_secret: str) -> str:
        """Issue a token, or refuse the credentials with 401."""
        known = hmac.compare_digest(client_id.encode(), self._client_id.encode())
        right = hmac.compare_digest(client_secret.encode(), self._client_secret.encode())
        if not (known and right):
            raise Refusal(401, "Could not validate credentials")
        self.issued += 1
        expires = self._clock.seconds() + self.lifetime * 60
        token = self.sign({"sub": self._client_id, "jti": f"token-{self.issued}"}, expires)
        self._valid[token] = Token(self.issued, expires)
        return token

    def sign(self, claims: dict[str, object], expires_second: float) -> str:
        """Make a signed JWT with these claims; its times are in seconds since 1970."""
        times = {
            "iat": int(self._clock.now().timestamp()),
            "exp": int(self._clock.at(expires_second).timestamp()),
        }
        parts = _base64url(_json.encode(_HEADER)) + b"." + _base64url(_json.encode({**claims, **times}))
        signature = hmac.new(self._key, parts, hashlib.sha256).digest()
        return (parts + b"." + _base64url(signature)).decode()

    def find(self, authorization: str | None) -> Token | None:
        """The token in an Authorization header, or None when it is not valid now."""
        scheme, _, value = (authorization or "").partition(" ")
        token = self._valid.get(value) if scheme.lower() == "bearer" else None
        return token if token and self._clock.seconds() < token.expires_second else None

    def valid(self) -> tuple[Token, ...]:
        """The tokens that are valid now."""
        now = self._clock.seconds()
        return tuple(token for token in self._valid.values() if now < token.expires_second)

    def revoke_all(self) -> None:
        """Revoke every token issued so far."""
        self._valid.clear()

    def reset(self) -> None:
        """Forget every token, and give later ones the lifetime of the beginning."""
        self.revoke_all()
        self.issued = 0
        self.lifetime = self._first_lifetime
