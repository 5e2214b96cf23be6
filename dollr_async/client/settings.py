"""Checks of what `DollrClient` is made with."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from dollr_async.base.errors import ConfigurationError, InvalidInputError
from dollr_async.base.fields import Secret
from dollr_async.base.numeric import is_number, shown
from dollr_async.base.sharing import PollBudget, TokenStore

if TYPE_CHECKING:
    from collections.abc import Callable


def credential(given: object, name: str) -> str:
    """Return a credential that was given, or is in the environment.

    Raises:
        ConfigurationError: there is none, or it cannot be one.
    """
    variable = f"DOLLR_{name.upper()}"
    value = given if given is not None else os.environ.get(variable, "")
    stripped = value.strip() if isinstance(value, str) else ""
    if not stripped:
        message = f"{name} is missing: pass DollrClient({name}=...), or set the environment variable {variable}"
        raise ConfigurationError(message)
    if not stripped.isprintable():
        message = f"{name} has a control character inside: copy it from the portal again, as one line"
        raise ConfigurationError(message)
    return stripped


def secret_source(given: str | Callable[[], str] | None) -> Callable[[], Secret]:
    """Return what gives the client secret at each token fetch: always the same, or the answer of a caller's function.

    Raises:
        ConfigurationError: there is none, or it cannot be one.
    """
    if callable(given):
        return _AskedSecret(given)
    secret = Secret(credential(given, "client_secret"))
    return lambda: secret


class _AskedSecret:
    """A client secret that a caller's function gives, so that a rotated one needs no restart."""

    def __init__(self, ask: Callable[[], str]) -> None:
        self._ask = ask

    def __call__(self) -> Secret:
        try:
            given = self._ask()
        except Exception as error:
            message = f"the function that was passed as client_secret failed ({type(error).__name__}): see the cause"
            raise ConfigurationError(message) from error
        if not isinstance(given, str) or not given.strip():
            kind = "an empty text" if isinstance(given, str) else f"a {type(given).__name__}"
            message = (
                f"the function that was passed as client_secret returned {kind}: it must return the secret as text"
            )
            raise ConfigurationError(message)
        return Secret(credential(given, "client_secret"))


def checked_count(at_once: int) -> int:
    """Return how many payments are followed at the same time.

    Raises:
        InvalidInputError: it is not a whole number from 1 up.
    """
    if isinstance(at_once, bool) or not isinstance(at_once, int) or at_once < 1:
        sentence = f"at_once must be a whole number from 1 up, not {at_once!r}"
        raise InvalidInputError(sentence)
    return at_once


def checked_token_store(store: TokenStore | None) -> TokenStore | None:
    """Return a token store, or None.

    Raises:
        InvalidInputError: it is something else.
    """
    if store is not None and not isinstance(store, TokenStore):
        sentence = "token_store must be a TokenStore, such as dollr_async.fleet.SQLiteTokenStore('token.db')"
        raise InvalidInputError(sentence)
    return store


def checked_poll_budget(budget: PollBudget | None, max_polls_per_second: float | None) -> PollBudget | None:
    """Return a poll budget, or None.

    Raises:
        InvalidInputError: it is something else, or the client has a ceiling of its own too.
    """
    if budget is None:
        return None
    if not isinstance(budget, PollBudget):
        sentence = (
            "poll_budget must be a PollBudget, such as "
            "dollr_async.fleet.RedisPollBudget('redis://localhost:6379/0', per_second=50)"
        )
        raise InvalidInputError(sentence)
    if max_polls_per_second is not None:
        sentence = (
            "pass poll_budget or max_polls_per_second, not both: a budget has its own per_second, for all clients"
        )
        raise InvalidInputError(sentence)
    return budget


def checked_per_second(value: float | None) -> float | None:
    """Return the most polls in a second, or None for no limit.

    Raises:
        InvalidInputError: it is no number above 0.
    """
    if value is None:
        return None
    if not is_number(value) or value <= 0:
        sentence = f"max_polls_per_second must be a number above 0, or None for no limit, not {shown(value)}"
        raise InvalidInputError(sentence)
    return float(value)


@runtime_checkable
class _ClosesWithClient(Protocol):
    """A store or a budget that may have opened its connection itself."""

    @property
    def closes_with_client(self) -> bool: ...

    async def close(self) -> None: ...


async def close_with_client(part: object) -> None:
    """Close a store or a budget, if it opened its connection itself, from a URL or a path."""
    if isinstance(part, _ClosesWithClient) and part.closes_with_client:
        await part.close()
