"""Fakes at the seams: a transport that answers from a list, and a clock whose time of day can be moved."""

from __future__ import annotations

import asyncio
import base64
import copy
import json
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import attrs
from multidict import CIMultiDict

from dollr_async.base.errors import ConnectError
from dollr_async.base.fields import Secret
from dollr_async.wire.answers import RawAnswer
from dollr_async.wire.caller import HttpCaller
from dollr_async.wire.retry import RetryPolicy
from dollr_async.wire.session import SessionManager
from dollr_async.wire.tokens import TOKEN_PATH
from dollr_async.wire.transport import RequestHeaders, Transport, WebSocket

if TYPE_CHECKING:
    from dollr_async.base.sharing import TokenStore

Step = RawAnswer | BaseException | Callable[[], Awaitable[RawAnswer]]
CLIENT_SECRET = "s3cr3t-of-the-client"
MORNING = datetime(2026, 7, 31, 8, 0, tzinfo=UTC)


def raw(status: int = 200, body: object = None, **headers: str) -> RawAnswer:
    """Return an answer with a JSON body; bytes stay as they are, an underscore in a header's name stands for a dash."""
    content = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
    named = CIMultiDict({name.replace("_", "-"): value for name, value in headers.items()})
    return RawAnswer(status, named, content)


def jwt(number: int, **claims: object) -> str:
    """Return something shaped like a JSON Web Token."""
    payload = json.dumps({"jti": number, **claims}).encode()
    return f"head.{base64.urlsafe_b64encode(payload).rstrip(b'=').decode()}.signature{number}"


@attrs.frozen
class SentRequest:
    """One request as the transport received it."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    content: bytes | None
    at: float


class FakeTransport(Transport):
    """Answers token requests from one list, and all others from another whose last answer is repeated."""

    def __init__(self) -> None:
        super().__init__("https://api.example", timeout=30.0)
        self.sent: list[SentRequest] = []
        self.websockets: list[str] = []
        self.closed = 0
        self.expires_in: int = 60
        self.claims: dict[str, object] = {}
        self.latency = 0.0
        self._tokens: deque[Step] = deque()
        self._answers: deque[Step] = deque()
        self._issued = 0

    def token_answers(self, *steps: Step) -> None:
        """Give these answers to the next token requests, and a good token to those after them."""
        self._tokens.extend(steps)

    def answers(self, *steps: Step) -> None:
        """Give these answers to the next other requests, and repeat the last one."""
        self._answers.clear()
        self._answers.extend(steps)

    @property
    def token_requests(self) -> list[SentRequest]:
        return [request for request in self.sent if request.path == TOKEN_PATH]

    @property
    def calls(self) -> list[SentRequest]:
        return [request for request in self.sent if request.path != TOKEN_PATH]

    async def send(
        self,
        method: str,
        path: str,
        *,
        headers: RequestHeaders,
        query: str = "",
        content: bytes | None = None,
        seconds: float | None = None,
    ) -> RawAnswer:
        self.sent.append(SentRequest(method, path, query, headers, content, asyncio.get_running_loop().time()))
        if self.latency:
            await asyncio.sleep(self.latency)
        if path == TOKEN_PATH:
            return await _answer(self._tokens.popleft()) if self._tokens else self._issue()
        steps = self._answers
        if not steps:
            return raw()
        return await _answer(steps.popleft() if len(steps) > 1 else steps[0])

    async def websocket(self, url: str) -> WebSocket:
        self.websockets.append(url)
        raise ConnectError

    def _issue(self) -> RawAnswer:
        self._issued += 1
        return raw(200, {"access_token": jwt(self._issued, **self.claims), "expires_in": self.expires_in})

    async def close(self) -> None:
        self.closed += 1


async def _answer(step: Step) -> RawAnswer:
    if isinstance(step, BaseException):
        raise copy.copy(step)  # a note that is added to it must not reach the next test
    return step if isinstance(step, RawAnswer) else await step()


class FakeClock:
    """The loop's time, and a time of day that runs with it and can be moved."""

    def __init__(self) -> None:
        self.moved = 0.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def now(self) -> datetime:
        return MORNING + timedelta(seconds=self.monotonic() + self.moved)

    def time(self) -> float:
        return self.now().timestamp()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(seconds)


class Rig:
    """A session manager and a caller on a fake transport and a fake clock."""

    def __init__(
        self,
        retry: RetryPolicy | None = None,
        *,
        token_store: TokenStore | None = None,
        client_secret: Callable[[], Secret] = lambda: Secret(CLIENT_SECRET),
    ) -> None:
        self.transport = FakeTransport()
        self.clock = FakeClock()
        self.retry = retry or RetryPolicy()
        self.session = SessionManager(
            self.transport,
            client_id="client",
            client_secret=client_secret,
            retry=self.retry,
            clock=self.clock,
            token_store=token_store,
        )
        self.caller = HttpCaller(self.session, retry=self.retry, clock=self.clock)
