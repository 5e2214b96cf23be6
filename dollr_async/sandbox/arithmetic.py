"""The decimal context in which the sandbox computes, whatever the surrounding program has set."""

from __future__ import annotations

import functools
from decimal import ROUND_HALF_EVEN, Context, DivisionByZero, InvalidOperation, Overflow, localcontext
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")

_CONTEXT = Context(
    prec=50,
    rounding=ROUND_HALF_EVEN,
    Emin=-999_999,
    Emax=999_999,
    capitals=1,
    clamp=0,
    flags=[],
    traps=[InvalidOperation, DivisionByZero, Overflow],
)


def in_own_context(function: Callable[P, T]) -> Callable[P, T]:
    """Run a function in the sandbox's own decimal context.

    Its entry points need it: requests, pages, controls, and what happens at a scheduled time. A server's callbacks
    inherit the context of the program that started it, and that may round to six digits or trap what is not exact.
    """

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        with localcontext(_CONTEXT):
            return function(*args, **kwargs)

    return call
