"""`Secret`, a value that is sent and never shown."""

from __future__ import annotations

from typing import NoReturn


class Secret:
    """A value that is sent and never shown: its `repr` and `str` are three stars.

    It is no attrs class and has no `__dict__`, so that no encoder (`attrs.asdict`, cattrs, msgspec, `vars`) finds the
    value by itself. Pickling keeps it.
    """

    __slots__ = ("_hidden",)
    _hidden: str

    def __init__(self, value: str) -> None:
        """Hide this value."""
        object.__setattr__(self, "_hidden", value)

    def reveal(self) -> str:
        """Return the value; only code that sends it, or hands it to its owner, may call this."""
        return self._hidden

    def __setattr__(self, name: str, value: object) -> NoReturn:
        """Refuse every change."""
        message = "a Secret cannot be changed"
        raise AttributeError(message)

    def __eq__(self, other: object) -> bool:
        """Whether both hide the same value."""
        return self._hidden == other._hidden if type(other) is Secret else NotImplemented

    def __hash__(self) -> int:
        """Hash the value."""
        return hash((Secret, self._hidden))

    def __reduce__(self) -> tuple[type[Secret], tuple[str]]:
        """Pickle and copy with the value."""
        return Secret, (self._hidden,)

    def __repr__(self) -> str:
        """Hide the value."""
        return "Secret('***')"

    def __str__(self) -> str:
        """Hide the value."""
        return "***"


def optional_secret(value: str | Secret | None) -> Secret | None:
    """Return a text as a `Secret`; a `Secret` and None stay as they are."""
    return Secret(value) if isinstance(value, str) else value


def revealed(secret: Secret | None) -> str | None:
    """Return the value of a `Secret`, or None for None."""
    return None if secret is None else secret.reveal()
