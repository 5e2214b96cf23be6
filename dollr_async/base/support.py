"""The text about an error that can be sent to the API's support: ids, times and versions, and nothing of a person."""

from __future__ import annotations

import platform
import re
from datetime import UTC, datetime
from importlib import metadata
from typing import TYPE_CHECKING

from dollr_async.base.answered import REQUEST_IDS, FieldProblem
from dollr_async.base.progress import Progress
from dollr_async.base.record import field_names
from dollr_async.base.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_CAUSES = 8
_LONGEST = 200
_SHOWN = {
    "reference_id": "payment",
    "step": "step",
    "status": "status",
    "elapsed": "seconds waited",
    "retry_after": "asked to wait",
}
"""The attributes of errors that say nothing of a person, and their words."""
_HEADERS = (*REQUEST_IDS, "date", "server", "via")
_FIELD = re.compile(r"[\w.\[\]-]{1,100}", re.ASCII)
"""A path of a field or a kind of problem. Any other text may be a value."""


def support_text(error: BaseException) -> str:
    """Return the block of text about an error and its causes.

    The API's own texts and bodies are left out, since they may repeat a name or a phone.
    """
    lines = [
        f"dollr-async {VERSION}, Python {platform.python_version()}, aiohttp {metadata.version('aiohttp')}",
        f"written at: {datetime.now(UTC).isoformat(timespec='seconds')}",
    ]
    cause: BaseException | None = error
    for number in range(_MOST_CAUSES):
        if cause is None:
            break
        lines.append(f"{'caused by' if number else 'error'}: {type(cause).__name__}")
        lines += [f"  {line}" for line in _facts(cause)]
        cause = cause.__cause__
    return "\n".join(lines)


def _facts(error: BaseException) -> Iterator[str]:
    known = {name: value for name, value in vars(error).items() if value is not None}
    if "method" in known:
        yield f"request: {known['method']} {_line(known['path'])}"
    yield from (f"{word}: {_line(known[name])}" for name, word in _SHOWN.items() if name in known)
    headers = known.get("headers", {})
    yield from (f"{name}: {_line(headers[name])}" for name in _HEADERS if name in headers)
    yield from _ids(known.get("progress"))
    yield from (f"state: {_line(known[state].status)}" for state in ("execution", "last") if state in known)
    yield from _problems(known.get("fields"))


def _ids(progress: object) -> Iterator[str]:
    for name in field_names(Progress) if isinstance(progress, Progress) else ():
        value = getattr(progress, name)
        if value is not None and name != "reference_id":
            yield f"{name}: {_line(value)}"


def _problems(fields: object) -> Iterator[str]:
    for field in fields if isinstance(fields, tuple) else ():
        if isinstance(field, FieldProblem) and _FIELD.fullmatch(field.path):
            yield f"refused: {field.path} ({field.type if _FIELD.fullmatch(field.type) else 'no kind'})"


def _line(value: object) -> str:
    """Return a value as one short line: what comes from a header must not look like another line."""
    text = f"{value:.1f}" if isinstance(value, float) else str(value)
    return "".join(sign if sign.isprintable() else " " for sign in text)[:_LONGEST]
