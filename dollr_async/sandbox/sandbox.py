"""The sandbox itself: a whole local Dollr for tests, demos and CI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, TypedDict

from dollr_async.sandbox.controls import Controls, outcome_named
from dollr_async.sandbox.faults import FaultPlan
from dollr_async.sandbox.outcomes import AfterSeconds, Settlement
from dollr_async.sandbox.pages.answers import PageContext
from dollr_async.sandbox.pages.site import Site
from dollr_async.sandbox.push.server import ANON_KEY
from dollr_async.sandbox.quirks import Quirks
from dollr_async.sandbox.server import Server, check_loopback
from dollr_async.sandbox.world.clock import SandboxClock
from dollr_async.sandbox.world.realtime_keys import RealtimeKeys
from dollr_async.sandbox.world.tokens import Tokens
from dollr_async.sandbox.world.world import World

if TYPE_CHECKING:
    from types import TracebackType

    from dollr_async.sandbox.outcomes import Outcome
    from dollr_async.sandbox.recording import RecordedRequest


class Settings(TypedDict):
    """The keywords that a client of a sandbox needs."""

    client_id: str
    client_secret: str
    base_url: str


class RealtimeKeywords(TypedDict):
    """The keywords that the push channel of a client of a sandbox needs."""

    url: str
    anon_key: str


class Sandbox(Controls):
    """A whole local Dollr on a loopback port, with every operation of the API and no real money.

    >>> async with Sandbox() as sandbox:
    ...     async with DollrClient(**sandbox.settings) as dollr: ...

    It keeps state like the API does: documents go from IDLE to PAID, payments from PENDING to a final status, sessions
    expire, and a reference is used once. The payer's phone (`TEST_PHONES`), the card (`TEST_CARDS`) or else `outcome`
    decides how a payment ends. A test controls and inspects it through the methods and properties of this object;
    none of them sends a request. It is not bound to an event loop until `start`. It may be started again after `close`,
    with the same port and the same state, like a server that was restarted.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        client_id: str = "sandbox-client",
        client_secret: str = "sandbox-secret",  # noqa: S107 - a made-up credential of a local test double
        token_lifetime: float = 60.0,
        session_lifetime: float = 1800.0,
        realtime_key_lifetime: float = 300.0,
        settlement: Settlement | None = None,
        outcome: str | Outcome = "approve",
        confirm_cards_after: float | None = None,
        latency: float = 0.0,
        quirks: Quirks | None = None,
        keep_requests: int | None = None,
        seed: int = 0,
    ) -> None:
        """Set the sandbox up; `start` makes it listen.

        `host` must be a loopback address (ValueError otherwise); `port` 0 is a free one. `token_lifetime` is in
        minutes; `session_lifetime`, `realtime_key_lifetime`, `confirm_cards_after` and `latency` are in seconds.
        `settlement` decides when the status of a payment changes: `AfterSeconds` (by default PROCESSING after 1 s and
        the final status after 3 s) or `AfterStatusChecks`. `outcome` decides how a payment ends where no test phone or
        card does: an `Outcome`, or its name in `OUTCOMES` (ValueError for an unknown name). After
        `confirm_cards_after` seconds the sandbox finishes 3-D Secure by itself; with None it never does.
        `keep_requests` is the most requests that `requests` keeps, the latest ones; None keeps all. `seed` decides
        which requests a fault with a chance applies to.
        """
        clock = SandboxClock()
        tokens = Tokens(clock, client_id, client_secret, token_lifetime)
        world = World(
            clock=clock,
            quirks=quirks or Quirks(),
            tokens=tokens,
            realtime_keys=RealtimeKeys(clock, tokens, realtime_key_lifetime),
            settlement=settlement or AfterSeconds(),
            default_outcome=outcome_named(outcome),
            session_lifetime=session_lifetime,
            confirm_cards_after=confirm_cards_after,
        )
        plan = FaultPlan(seed)
        server = Server(world, plan, keep_requests, latency)
        super().__init__(world, plan, server)
        context = PageContext(
            controls=self, world=world, plan=plan, server=server, client_id=client_id, client_secret=client_secret
        )
        server.pages = Site(context).respond
        self.client_id = client_id
        """The client id that the sandbox accepts."""
        self.client_secret = client_secret
        """The client secret that the sandbox accepts."""
        self._host = check_loopback(host)
        self._port = port

    def __repr__(self) -> str:
        """Show where it listens, and never the secret."""
        where = self._world.url if self._server.running else "not running"
        return f"Sandbox({where})"

    @property
    def requests(self) -> list[RecordedRequest]:
        """Every request received, in order, each with its answer; `requests.clear()` forgets them."""
        return self._server.requests

    async def start(self) -> Self:
        """Listen on the loopback port, and return the sandbox; a RuntimeError when it is already running."""
        if self._server.running:
            message = f"This sandbox is already running at {self._world.url}. Close it first, or make another one."
            raise RuntimeError(message)
        self._port = await self._server.start(self._host, self._port)
        self._world.clock.start()
        host = f"[{self._host}]" if ":" in self._host else self._host
        self._world.url = f"http://{host}:{self._port}"
        return self

    async def close(self) -> None:
        """Stop: end hanging requests and drop connections. Its state stays readable. You may close twice."""
        await self._server.close()
        self._world.clock.stop()

    async def __aenter__(self) -> Self:
        """Start."""
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self.close()

    @property
    def url(self) -> str:
        """The base URL, such as `http://127.0.0.1:49152`; a RuntimeError before the first `start`."""
        if not self._world.url:
            message = "The sandbox has no URL yet: use `async with Sandbox() as sandbox:` or `await sandbox.start()`."
            raise RuntimeError(message)
        return self._world.url

    @property
    def settings(self) -> Settings:
        """The keywords that a client needs: `client_id`, `client_secret` and `base_url`.

        The client keeps its own policies, which are made for real payments: after a lost answer it checks the status
        for half a minute. In tests add `QUICK` of `dollr_async.testing`, which polls and recovers within a second:
        `DollrClient(**sandbox.settings, **QUICK)`. The settings of the pytest fixtures have it already.
        """
        return {"client_id": self.client_id, "client_secret": self.client_secret, "base_url": self.url}

    @property
    def realtime(self) -> RealtimeKeywords:
        """The keywords that a client's push channel needs: `url` and `anon_key`."""
        return {"url": self.url, "anon_key": ANON_KEY}
