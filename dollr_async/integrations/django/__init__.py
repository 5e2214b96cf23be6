"""Dollr in Django: add `"dollr_async.integrations.django"` to `INSTALLED_APPS`, and write `await dollr().collect(...)`.

`dollr()` is the client of the running event loop, `run()` is for code that cannot await, and `payment_settled` is the
signal of a payment that ended. All three can be imported before Django's apps are ready.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from dollr_async.base.errors import ConfigurationError

if TYPE_CHECKING:
    from dollr_async.integrations.django.clients import dollr, run
    from dollr_async.integrations.django.signals import payment_settled

__all__ = ["dollr", "payment_settled", "run"]

_MODULES = {"dollr": "clients", "payment_settled": "signals", "run": "clients"}


def __getattr__(name: str) -> object:
    """Import what is asked for. Django imports this package before it has read the settings."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = import_module(f"{__name__}.{_MODULES[name]}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "django":
            raise
        raise ConfigurationError("Django is not installed: pip install 'dollr-async[django]'") from error
    return getattr(module, name)
