"""Sends the requests of a check: reads, and changes of the one draft that a check makes. No other is let through."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec

from dollr_async.base.errors import DollrError, InvalidInputError
from dollr_async.checking.seen import Fields, Observed, Seen
from dollr_async.checking.timing import Timed
from dollr_async.wire import codec
from dollr_async.wire.answers import RawAnswer, error_of
from dollr_async.wire.retry import RetryPolicy, retry_delay
from dollr_async.wire.tokens import TOKEN_PATH, TokenAnswer, TokenRequest, checked_token

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dollr_async.base.clock import Clock
    from dollr_async.base.secret import Secret
    from dollr_async.wire.transport import RequestHeaders, Transport

_DRAFT_CALLS = re.compile(
    r"POST invoices/create|PUT invoices/update/\d+|DELETE invoices/cancel/\d+"
    r"|POST invoices/\d+/items/add|PUT invoices/\d+/items/\d+/update|DELETE invoices/\d+/items/\d+/remove"
)
_encoder = msgspec.json.Encoder(decimal_format="number")


class Probe:
    """Asks the API, and keeps every answer in `seen`."""

    def __init__(self, transport: Transport, clock: Clock) -> None:
        """Use a transport; nothing is sent yet."""
        self.seen = Seen()
        self.lifetime: object = None
        """How many minutes the token lives, as the API says it."""
        self.secrets: tuple[str, ...] = ()
        """The credentials and the token."""
        self._transport = transport
        self._clock = clock
        self._retry = RetryPolicy()
        self._token = ""

    async def sign_in(self, client_id: str, client_secret: Secret) -> None:
        """Fetch the token.

        Raises:
            APIStatusError: the API refused; `AuthenticationError` means that the credentials are wrong.
            TransportError: no usable answer arrived; the class says why.
            DecodeError: the answer is not a token's.
        """
        body = codec.encode(TokenRequest(client_id=client_id, client_secret=client_secret.reveal()))
        self.secrets = (client_id, client_secret.reveal())
        headers = self._transport.headers({"Accept": "application/json", "Content-Type": "application/json"})
        answer, timed = await self._answered("POST", TOKEN_PATH, "", headers, body, repeatable=True)
        if not answer.is_success:
            raise self._error(answer, "POST", TOKEN_PATH)
        self._keep("client_obtain_token", "POST", "", answer, timed)
        found = codec.decode(answer.content, TokenAnswer)
        self.lifetime = found.expires_in
        self._token = checked_token(found.access_token).reveal()
        self.secrets = (*self.secrets, self._token)

    async def read(
        self,
        operation: str,
        path: str,
        query: Mapping[str, object] | None = None,
        *,
        purpose: str = "",
        with_token: bool = True,
    ) -> Observed:
        """Send a GET, which changes nothing, and keep what came of it."""
        headers = self._headers({} if with_token else None)
        encoded = urlencode({key: str(value) for key, value in (query or {}).items() if value is not None})
        return await self._observed(operation, purpose, "GET", path, encoded, headers, None)

    async def change(
        self, operation: str, method: str, path: str, body: Fields | None = None, *, purpose: str = ""
    ) -> Observed:
        """Change the draft, and keep what came of it; it is sent once only, unless it surely did not arrive.

        Raises:
            InvalidInputError: it is no change of a draft.
        """
        if not _DRAFT_CALLS.fullmatch(f"{method} {path}"):
            sentence = (
                f"a check does not send {method} /v1/{path}: it only reads, and makes and cancels a draft invoice"
            )
            raise InvalidInputError(sentence)
        content = None if body is None else _encoder.encode(body)
        headers = self._headers({} if body is None else {"Content-Type": "application/json"})
        return await self._observed(operation, purpose, method, path, "", headers, content)

    def _headers(self, more: dict[str, str] | None) -> RequestHeaders:
        bearer = {} if more is None else {"Authorization": f"Bearer {self._token}", **more}
        return self._transport.headers({"Accept": "application/json", **bearer})

    async def _observed(
        self,
        operation: str,
        purpose: str,
        method: str,
        path: str,
        query: str,
        headers: RequestHeaders,
        content: bytes | None,
    ) -> Observed:
        try:
            answer, timed = await self._answered(method, path, query, headers, content, repeatable=method == "GET")
        except DollrError as error:
            failed = Observed(operation=operation, method=method, purpose=purpose, failure=type(error).__name__)
            self.seen.add(failed)
            return failed
        return self._keep(operation, method, purpose, answer, timed)

    def _keep(self, operation: str, method: str, purpose: str, answer: RawAnswer, timed: Timed) -> Observed:
        body: Any = codec.decode_loosely(answer.content)
        is_wrapped = answer.is_success and isinstance(body, dict) and isinstance(body.get("data"), dict | list)
        if is_wrapped:
            body = body["data"]
        observed = Observed(
            operation=operation,
            method=method,
            purpose=purpose,
            status=answer.status,
            body=body,
            content=_encoder.encode(body) if is_wrapped else answer.content,
            is_wrapped=is_wrapped,
            timed=timed,
        )
        self.seen.add(observed)
        return observed

    async def _answered(
        self,
        method: str,
        path: str,
        query: str,
        headers: RequestHeaders,
        content: bytes | None,
        *,
        repeatable: bool,
    ) -> tuple[RawAnswer, Timed]:
        """Return an answer of any status; one that may be repeated is, after a lost answer, a 429 or a 5xx."""
        sends = 0
        while True:
            sends += 1
            began, sent = self._clock.monotonic(), self._clock.time()
            try:
                answer = await self._transport.send(method, path, headers=headers, query=query, content=content)
                # The loop's clock measures the time between the two, since the system's may be set meanwhile.
                timed = Timed(sent, sent + self._clock.monotonic() - began, answer.headers.get("Date", ""))
                failure: DollrError | None = None if answer.is_success else self._error(answer, method, path)
            except DollrError as error:
                delay = retry_delay(self._retry, error, sends=sends, repeatable=repeatable)
                if delay is None:
                    raise
            else:
                delay = None
                if failure is not None:
                    delay = retry_delay(self._retry, failure, sends=sends, repeatable=repeatable)
                if delay is None:
                    return answer, timed
            await self._clock.sleep(delay)

    def _error(self, answer: RawAnswer, method: str, path: str) -> DollrError:
        address = self._transport.address(path)
        return error_of(answer, method, path, self._clock, secrets=self.secrets, address=address)
