"""`WireCase`, and `Wired`, which runs its call through the whole client except the network."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import parse_qsl

import attrs

from dollr_async import RetryPolicy
from dollr_async.base.clock import LoopClock
from dollr_async.base.fields import Secret
from dollr_async.resources.groups import Groups
from dollr_async.wire.answers import RawAnswer
from dollr_async.wire.caller import HttpCaller
from dollr_async.wire.session import SessionManager
from dollr_async.wire.tokens import TOKEN_PATH
from dollr_async.wire.transport import RequestHeaders, Transport

TOKEN = {"access_token": "aaa.bbb.ccc", "expires_in": 60}
_NOTHING: Mapping[str, str] = MappingProxyType({})


@attrs.frozen(kw_only=True)
class WireCase:
    """One operation: `name` is its method (`parties.create`), `path` what is sent, `value` what the caller gets."""

    operation: str
    name: str
    call: Callable[[Wired], Awaitable[object]]
    method: str
    path: str
    query: Mapping[str, str] = _NOTHING
    body: object = None
    answer: object
    value: object


class Sent(NamedTuple):
    """One request as it reached the transport."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    content: bytes


class CannedTransport(Transport):
    """Answers each request with its next answer, repeats the last one, and always has a token."""

    def __init__(self, *answers: RawAnswer) -> None:
        super().__init__("https://api.heydollr.app", timeout=30.0)
        self._answers = list(answers)
        self.token: object = TOKEN
        self.sent: list[Sent] = []

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
        self.sent.append(Sent(method, f"/v1/{path}", dict(parse_qsl(query)), headers, content or b""))
        if path == TOKEN_PATH:
            return answered(self.token)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


class Wired(Groups):
    """All groups and a session on a transport without a network."""

    def __init__(self, *answers: RawAnswer) -> None:
        self.transport = CannedTransport(*answers)
        clock, retry = LoopClock(), RetryPolicy(attempts=1)
        self.session = SessionManager(
            self.transport,
            client_id="cid_demo",
            client_secret=lambda: Secret("not-a-real-secret"),
            retry=retry,
            clock=clock,
        )
        super().__init__(HttpCaller(self.session, retry=retry, clock=clock))

    @property
    def requests(self) -> list[Sent]:
        """The requests, without those for a token."""
        return [sent for sent in self.transport.sent if not sent.path.endswith(TOKEN_PATH)]


def answered(body: object, status: int = 200) -> RawAnswer:
    """Return an answer with a JSON body."""
    return RawAnswer(status, {"Content-Type": "application/json"}, json.dumps(body).encode())
