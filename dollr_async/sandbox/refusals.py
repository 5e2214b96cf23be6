"""How an operation refuses a request."""

from __future__ import annotations


class Refusal(Exception):  # noqa: N818 - it is an answer of the API, not a fault of the sandbox
    """An answer other than success: an HTTP status and its `detail`."""

    def __init__(self, status: int, detail: str | list[object]) -> None:
        """Keep the status and the detail: a sentence, or a list of problems with fields."""
        super().__init__(status, detail)
        self.status = status
        self.detail = detail


def not_found(what: str) -> Refusal:
    """A 404 for a record that does not exist."""
    return Refusal(404, f"{what} not found")


def unprocessable(reason: str) -> Refusal:
    """A 422 for a business rule."""
    return Refusal(422, reason)
