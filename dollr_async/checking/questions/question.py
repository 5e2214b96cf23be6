"""A question about the API, and its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

from dollr_async.checking.seen import Seen


@attrs.frozen
class Answer:
    """What was seen, in words, and the settings that make the sandbox answer the same.

    `quirks` are keywords of the sandbox's `Quirks`; it is empty where the API does what the sandbox does by default.
    """

    words: str
    quirks: Mapping[str, object] = attrs.field(factory=dict)


@attrs.frozen
class Question:
    """What the API's documentation leaves open.

    `number` is the question's own, or None for one that is not among the 38. `answer` gives what was seen, or None
    where nothing was. `needs` says what it takes to answer it; without `answer` it is more than a check may do.
    """

    number: int | None
    title: str
    asks: str
    needs: str
    answer: Callable[[Seen], Answer | None] | None = None
