"""What was seen of the API: each answer, found again by its operation."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import attrs

from dollr_async.checking.timing import Timed
from dollr_async.wire.codec import PERSONAL

if TYPE_CHECKING:
    from collections.abc import Iterator


_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,39}")
_PERSONAL = PERSONAL | {"counterparty_name", "counterparty_phone", "counterparty_email", "name", "note", "description"}
_HIDDEN = "(hidden)"
_NO_ANSWER = 0

Fields = dict[str, Any]


@attrs.frozen(kw_only=True)
class Observed:
    """One answer.

    `body` is its JSON without a `data` wrapper around it. `purpose` says why it was asked, where not for the usual
    answer. `status` 0 means that no answer came, and `failure` then names the error.
    """

    operation: str
    method: str
    purpose: str = ""
    status: int = _NO_ANSWER
    body: Any = attrs.field(default=None, repr=False)
    content: bytes = attrs.field(default=b"", repr=False)
    is_wrapped: bool = False
    timed: Timed | None = None
    failure: str = ""

    @property
    def is_success(self) -> bool:
        """Whether the status is any 2xx."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def is_refusal(self) -> bool:
        """Whether the API refused: the status is any 4xx."""
        return HTTPStatus.BAD_REQUEST <= self.status < HTTPStatus.INTERNAL_SERVER_ERROR

    @property
    def refused_with(self) -> str:
        """The status, and the form of its reason, which may be a text or a list of fields."""
        detail = self.body.get("detail") if isinstance(self.body, dict) else None
        form = "a text" if isinstance(detail, str) else "a list of fields" if isinstance(detail, list) else "no reason"
        return f"{self.status} with {form}"

    @property
    def entries(self) -> list[Fields]:
        """The objects of a list, or the one object."""
        found = self.body if isinstance(self.body, list) else [self.body]
        return [entry for entry in found if isinstance(entry, dict)]


class Seen:
    """Every answer of one check, in order."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.answers: list[Observed] = []
        self._personal: set[str] = set()

    def add(self, answer: Observed) -> None:
        """Keep an answer."""
        self.answers.append(answer)
        self._personal.update(_personal(answer.body))

    def named(self, *operations: str, purpose: str = "") -> list[Observed]:
        """Return the answers of some operations that were asked for one purpose."""
        return [answer for answer in self.answers if answer.operation in operations and answer.purpose == purpose]

    def objects(self, *operations: str) -> list[Fields]:
        """Return the objects in the successful answers of some operations."""
        return [entry for answer in self.named(*operations) if answer.is_success for entry in answer.entries]

    def first(self, *operations: str) -> Fields | None:
        """Return the first object of some operations, or None."""
        return next(iter(self.objects(*operations)), None)

    def refusal(self, purpose: str) -> Observed | None:
        """Return the answer that was asked for because it is refused, or None."""
        return next((answer for answer in self.answers if answer.purpose == purpose and answer.status), None)

    def word(self, value: object) -> str:
        """Return a word of the API as a report may show it: a short name of a thing, and nobody's name."""
        text = str(value)
        return text if _WORD.fullmatch(text) and text.casefold() not in self._personal else _HIDDEN

    def words(self, values: Iterator[object] | list[Any]) -> str:
        """Return different words as text, each once, in the order of the alphabet."""
        return ", ".join(sorted({self.word(value) for value in values}))


def _personal(body: object) -> Iterator[str]:
    """Yield what an answer says under a name that may tell who somebody is, as a whole and word by word."""
    for entry in body if isinstance(body, list) else [body]:
        for key, value in entry.items() if isinstance(entry, dict) else ():
            if isinstance(value, dict | list):
                yield from _personal(value)
            elif isinstance(value, str) and key in _PERSONAL:
                yield value.casefold()
                yield from value.casefold().split()
