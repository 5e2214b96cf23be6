"""Faults that a test asks for: what goes wrong between a client and the API, before or after the work is done."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import format_datetime
from enum import Enum
from typing import TYPE_CHECKING

import attrs
import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

RetryAfter = float | datetime | str
"""What Retry-After says: seconds, a timezone-aware time, or any text."""

_json = msgspec.json.Encoder(decimal_format="number")
_decoder = msgspec.json.Decoder(float_hook=Decimal)
_PAGE = b"<html><body>Forbidden</body></html>"


class FaultKind(Enum):
    """What happens to the request or to its answer."""

    DROP = "drop"
    HANG = "hang"
    ANSWER = "answer"
    CUT = "cut"
    LATENCY = "latency"
    TWICE = "twice"
    CHANGE = "change"


@attrs.frozen(kw_only=True)
class Fault:
    """One thing that goes wrong with a request. Make it with a class method, or pass one of `FAULT_WORDS` to `fail`."""

    kind: FaultKind
    after_work: bool = False
    status: int = 500
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = attrs.field(default=b"", repr=False)
    seconds: float = 0.0
    changes: tuple[tuple[str, object], ...] = ()

    @property
    def word(self) -> str:
        """A short name of the fault, such as "drop after the work"."""
        named = f"{self.kind.value} {self.status}" if self.kind is FaultKind.ANSWER else self.kind.value
        return f"{named} after the work" if self.after_work else named

    def change(self, status: int, body: bytes) -> bytes:
        """Return a body with the fields replaced that this fault changes; what is no success stays as it is."""
        answer: object = _decoder.decode(body) if body and status < 300 else None  # noqa: PLR2004 - the end of success
        return _json.encode({**answer, **dict(self.changes)}) if isinstance(answer, dict) else body

    @classmethod
    def lose_answer(cls) -> Fault:
        """Do the work, then drop the connection instead of answering."""
        return cls(kind=FaultKind.DROP, after_work=True)

    @classmethod
    def drop(cls) -> Fault:
        """Drop the connection and do nothing."""
        return cls(kind=FaultKind.DROP)

    @classmethod
    def hang(cls, *, after_work: bool = False) -> Fault:
        """Do not answer until the client leaves or the sandbox closes. With `after_work` the work is done first."""
        return cls(kind=FaultKind.HANG, after_work=after_work)

    @classmethod
    def latency(cls, seconds: float) -> Fault:
        """Wait `seconds`, then do the work and answer; the work is done even when the client has left."""
        return cls(kind=FaultKind.LATENCY, seconds=seconds)

    @classmethod
    def twice(cls) -> Fault:
        """Do the work twice, as for a proxy that repeats a request, and give the second answer."""
        return cls(kind=FaultKind.TWICE)

    @classmethod
    def changed(cls, **fields: object) -> Fault:
        """Do the work, and replace these fields of a successful answer; None is null.

        `Fault.changed(reference_id="...")` is an answer about another payment.
        """
        return cls(kind=FaultKind.CHANGE, after_work=True, changes=tuple(fields.items()))

    @classmethod
    def server_error(
        cls, status: int = 500, *, retry_after: RetryAfter | None = None, after_work: bool = False
    ) -> Fault:
        """Answer with a 5xx and do nothing; with `after_work` the work is done first."""
        body = {"detail": "Internal Server Error"}
        return cls.answer(status, body, retry_after=retry_after, after_work=after_work)

    @classmethod
    def rate_limited(cls, retry_after: RetryAfter | None = None, *, after_work: bool = False) -> Fault:
        """Answer 429 and do nothing; with `after_work` the work is done first."""
        return cls.answer(429, {"detail": "Too Many Requests"}, retry_after=retry_after, after_work=after_work)

    @classmethod
    def in_progress(cls, *, after_work: bool = True) -> Fault:
        """Answer 409 and say that the request is in progress. With `after_work=False` nothing is done."""
        return cls.answer(409, {"detail": "A request with this reference is in progress"}, after_work=after_work)

    @classmethod
    def cut_body(cls) -> Fault:
        """Do the work, send half of the answer's body, and close the connection."""
        return cls(kind=FaultKind.CUT, after_work=True)

    @classmethod
    def garbage(cls, body: bytes = b"<html><body>Bad gateway</body></html>", content_type: str = "text/html") -> Fault:
        """Do the work, then answer 200 with another body: by default a proxy's HTML."""
        return cls.answer(200, body, headers={"Content-Type": content_type}, after_work=True)

    @classmethod
    def page(cls, status: int = 403, *, after_work: bool = False) -> Fault:
        """Answer with a proxy's HTML and do nothing; with `after_work` the work is done first."""
        return cls.answer(status, _PAGE, headers={"Content-Type": "text/html"}, after_work=after_work)

    @classmethod
    def redirect(cls, location: str = "/v1/moved", status: int = 307) -> Fault:
        """Answer with a redirect to `location`, and do nothing."""
        return cls.answer(status, b"", headers={"Location": location})

    @classmethod
    def answer(
        cls,
        status: int,
        body: object = b"",
        *,
        headers: Mapping[str, str] | None = None,
        retry_after: RetryAfter | None = None,
        after_work: bool = False,
    ) -> Fault:
        """Answer with any status and body: bytes are sent as they are, anything else as JSON.

        Retry-After is a number of seconds, an HTTP date (for a timezone-aware datetime), any text, or absent for None.
        """
        content = body if isinstance(body, bytes) else _json.encode(body)
        if isinstance(retry_after, datetime):
            retry_after = format_datetime(retry_after.astimezone(UTC), usegmt=True)
        asked = {} if retry_after is None else {"Retry-After": f"{retry_after}"}
        named = {"Content-Type": "application/json", **asked, **(headers or {})}
        return cls(
            kind=FaultKind.ANSWER, after_work=after_work, status=status, headers=tuple(named.items()), body=content
        )


FAULT_WORDS = {
    "lose_answer": Fault.lose_answer(),
    "drop": Fault.drop(),
    "hang": Fault.hang(),
    "hang_after": Fault.hang(after_work=True),
    "server_error": Fault.server_error(),
    "server_error_after": Fault.server_error(after_work=True),
    "rate_limited": Fault.rate_limited(),
    "cut_body": Fault.cut_body(),
    "garbage": Fault.garbage(),
    "broken_json": Fault.garbage(b'{"status": "PEN', "application/json"),
    "redirect": Fault.redirect(),
    "forbidden": Fault.answer(403, {"detail": "Forbidden"}),
    "forbidden_page": Fault.page(),
    "in_progress": Fault.in_progress(),
    "twice": Fault.twice(),
}
"""The faults that need no parameter, by the plain words that `fail` accepts."""


def as_fault(fault: Fault | str | int) -> Fault:
    """Read a fault: a `Fault`, a plain word, a status such as 503 (nothing is done) or "503_after" (the work is done).

    Anything else is a ValueError that lists the words.
    """
    if isinstance(fault, Fault):
        return fault
    word = str(fault)
    if word in FAULT_WORDS:
        return FAULT_WORDS[word]
    digits = word.removesuffix("_after")
    if digits.isdecimal() and 300 <= int(digits) <= 599:  # noqa: PLR2004 - the statuses that are not success
        return Fault.answer(int(digits), {"detail": f"Status {digits} on request"}, after_work=digits != word)
    message = f"{fault!r} is not a fault. Use a Fault, a status such as 503, or one of: {', '.join(FAULT_WORDS)}."
    raise ValueError(message)


@attrs.define
class PlannedFault:
    """A fault that will be applied `left` times (None: always), to each request with this chance."""

    fault: Fault
    left: int | None
    chance: float

    @property
    def word(self) -> str:
        """The plain word that `fail` accepts for it, or else a short name."""
        return next((word for word, fault in FAULT_WORDS.items() if fault == self.fault), self.fault.word)


class FaultPlan:
    """The planned faults by operation; the key "*" is for any operation."""

    def __init__(self, seed: int) -> None:
        """Begin with no faults; `seed` decides which requests those with a chance apply to."""
        self._seed = seed
        self._planned: dict[str, list[PlannedFault]] = {}
        self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose, nothing secret

    def reset(self) -> None:
        """Remove every fault, and choose requests by chance as at the beginning."""
        self.clear()
        self._random.seed(self._seed)

    def add(self, operation: str, fault: Fault, times: int | None, chance: float) -> None:
        """Plan a fault after those already planned for the operation; `times=None` means always."""
        if times is not None and times < 1:
            message = f"A fault cannot happen {times} times. Use 1 or more, or None for always."
            raise ValueError(message)
        if not 0 < chance <= 1:
            message = f"{chance} is not a chance. Use a number above 0 and at most 1."
            raise ValueError(message)
        self._planned.setdefault(operation, []).append(PlannedFault(fault, times, chance))

    def clear(self, operation: str | None = None) -> None:
        """Remove the planned faults of one operation, or all of them."""
        if operation is None:
            self._planned.clear()
        else:
            self._planned.pop(operation, None)

    def planned(self) -> dict[str, tuple[PlannedFault, ...]]:
        """What is planned, by operation."""
        return {operation: tuple(faults) for operation, faults in self._planned.items()}

    def take(self, operation: str) -> Fault | None:
        """The fault that applies to this request of an operation, if any."""
        if not self._planned:
            return None
        for key in dict.fromkeys((operation, "*")):
            for planned in self._planned.get(key, ()):
                if planned.chance >= 1 or self._random.random() < planned.chance:
                    self._spend(key, planned)
                    return planned.fault
        return None

    def _spend(self, key: str, planned: PlannedFault) -> None:
        if planned.left is None:
            return
        planned.left -= 1
        if planned.left == 0:
            self._planned[key].remove(planned)
            if not self._planned[key]:
                del self._planned[key]
