"""What makes tests with a sandbox quick: policies for the client, and a sandbox whose settings have them."""

from __future__ import annotations

from typing import Final, TypedDict

from dollr_async.following.policy import PollPolicy
from dollr_async.wire.retry import RetryPolicy


class QuickPolicies(TypedDict):
    """The keywords of `DollrClient` that decide how long it waits."""

    timeout: float
    retry: RetryPolicy
    polling: PollPolicy


QUICK: Final[QuickPolicies] = {
    "timeout": 0.5,
    "retry": RetryPolicy(base_delay=0.02, max_delay=0.1, max_retry_after=0.5, recovery=1.0),
    "polling": PollPolicy(interval=0.02, max_interval=0.05, timeout=2.0, not_found_grace=0.15),
}
"""Keywords for a client of a sandbox in tests: `DollrClient(**sandbox.settings, **QUICK)`.

With it the client polls 20 times a second, decides a lost answer in less than a second, and raises `PollTimeoutError`
after two seconds. Never use it with the real API: there "not found" can mean "not there yet" for much longer.
"""
