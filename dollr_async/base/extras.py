"""What to do when the library of an extra is not installed."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from dollr_async.base.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Import the libraries of an extra inside this context.

    Raises:
        ConfigurationError: one of them is not installed; the message says how to install it.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        message = f"{error.name} is not installed: pip install 'dollr-async[{name}]'"
        raise ConfigurationError(message) from error
