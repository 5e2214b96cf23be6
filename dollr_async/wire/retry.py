"""`RetryPolicy`, and the decision on each error: whether to retry a request, and after how many seconds."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import attrs

from dollr_async.base.errors import (
    APIStatusError,
    ConnectError,
    DollrError,
    RateLimitError,
    ServerError,
    TransportError,
)
from dollr_async.base.fields import Number
from dollr_async.base.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

_REQUEST_TIMEOUT = 408
_CLIENT_ERRORS = 400


@attrs.frozen(kw_only=True, eq=False, repr=False)
class RetryPolicy(Record):
    """How often a request is retried, and after how long; all times are in seconds.

    Args:
        attempts: how often one request is sent at most, the first time included.
        base_delay: the wait before the second send; each later wait is twice as long as the one before.
        max_delay: the longest wait, unless the API asks for a longer one.
        max_retry_after: the longest `Retry-After` that is waited for; with a longer one the error is raised.
        recovery: for how long the outcome of an execution is checked after its first ambiguous answer; it must be
            longer than `PollPolicy.not_found_grace`.

    Raises:
        InvalidInputError: a number is out of its range.
    """

    attempts: int = attrs.field(default=4, validator=Number(from_=1))
    base_delay: float = attrs.field(default=0.5, validator=Number(from_=0))
    max_delay: float = attrs.field(default=8.0, validator=Number(from_=0))
    max_retry_after: float = attrs.field(default=60.0, validator=Number(from_=0))
    recovery: float = attrs.field(default=120.0, validator=Number(from_=0))

    def delay(self, sends: int) -> float:
        """Return the wait after a number of sends: a random time between half of the full wait and all of it."""
        try:
            full = min(self.base_delay * 2.0 ** (sends - 1), self.max_delay)
        except OverflowError:
            full = self.max_delay
        return full * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, protects nothing

    def delays(self) -> Iterator[float]:
        """Yield waits without end; they grow up to `max_delay`."""
        sends = 0
        while True:
            sends += 1
            yield self.delay(sends)


def is_ambiguous(error: DollrError) -> bool:
    """Whether the request may have been carried out: it was dropped, cut off, timed out, or answered 3xx, 408, 5xx."""
    if error.nothing_sent:
        return False
    return isinstance(error, TransportError | ServerError) or is_redirect_or_timeout(error)


def is_redirect_or_timeout(error: DollrError) -> bool:
    """Whether a server in front of the API answered (3xx, 408), which may or may not have passed the request on."""
    return is_redirect(error) or (isinstance(error, APIStatusError) and error.status == _REQUEST_TIMEOUT)


def retry_delay(policy: RetryPolicy, error: DollrError, *, sends: int, repeatable: bool) -> float | None:
    """Return the seconds to wait before the request is retried, or None if the error must be raised.

    A request is retried if it did not reach the API or was answered 429. A `repeatable` one, which changes nothing, is
    also retried after a lost answer, a 408 and a 5xx (docs/design.md, rule 3).
    """
    if sends >= policy.attempts:
        return None
    again = isinstance(error, ConnectError | RateLimitError) or (
        repeatable and is_ambiguous(error) and not is_redirect(error)
    )
    if not again:
        return None
    asked = error.retry_after if isinstance(error, APIStatusError) else None
    if asked is None:
        return policy.delay(sends)
    return asked if asked <= policy.max_retry_after else None


def is_redirect(error: DollrError) -> bool:
    """Whether the answer is a redirect, which is not followed: a retry would end the same."""
    return isinstance(error, APIStatusError) and error.status < _CLIENT_ERRORS
