"""An ordinary collection: its payer, its item and its terms; and what a sandbox was asked for."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dollr_async import LineItem, Payer

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from dollr_async import Collection, DollrClient
    from dollr_async.sandbox import Sandbox

REFERENCE = "7bdf1a9c-8c70-4a7e-9d6e-2f5d2f1d2f11"
PAYER = Payer(fullname="Amara Kamara", phone="231771234567", country_code="LR")
ITEM = LineItem(name="Strategy session", amount=Decimal("250.00"))


def collect(dollr: DollrClient, **changes: Any) -> Coroutine[Any, Any, Collection]:  # noqa: ANN401 - passed on as they are
    """Begin an ordinary collection, with some of its terms changed."""
    terms: dict[str, Any] = {"payer": PAYER, "items": [ITEM], "currency": "USD", **changes}
    return dollr.collect(**terms)


def operations(sandbox: Sandbox) -> list[str]:
    """Return the operations that a sandbox was asked for, in order, by the contract's names."""
    return [str(request.operation) for request in sandbox.requests]


def sent(sandbox: Sandbox, operation: str) -> list[object]:
    """Return the bodies that were sent to one operation, in order."""
    return [request.body for request in sandbox.requests_to(operation)]
