"""What the test classes share: a sandbox in a thread of its own, and settings that lead to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.test import SimpleTestCase, override_settings

from dollr_async import PollPolicy
from dollr_async.integrations.django.clients import close_clients
from dollr_async.sandbox import AfterSeconds, SandboxThread

if TYPE_CHECKING:
    from dollr_async.sandbox.recording import RecordedRequest

QUICK = {"polling": PollPolicy(interval=0.05, max_interval=0.1)}


class WithSandbox(SimpleTestCase):
    """A test with a sandbox of its own."""

    keywords: dict[str, Any] = {}
    also: dict[str, Any] = {}

    def setUp(self) -> None:
        super().setUp()
        self.sandbox = SandboxThread(
            **{"settlement": AfterSeconds(processing=0.05, final=0.2), **self.keywords}
        ).start()
        self.addCleanup(self.sandbox.close)
        self.addCleanup(close_clients)
        settings = {
            "CLIENT_ID": self.sandbox.client_id,
            "CLIENT_SECRET": self.sandbox.client_secret,
            "BASE_URL": self.sandbox.url,
            "OPTIONS": QUICK,
            **self.also,
        }
        changed = override_settings(DOLLR=settings)
        changed.enable()
        self.addCleanup(changed.disable)

    def requests_to(self, end: str) -> list[RecordedRequest]:
        """Return the requests to paths with this end."""
        return [request for request in self.sandbox.requests if request.path.endswith(end)]
