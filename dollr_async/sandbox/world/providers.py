"""Which provider serves which payment method, for which operation and in which currencies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dollr_async.sandbox.refusals import unprocessable
from dollr_async.sandbox.world.pricing import CARD, GATEWAY_FEES, MOBILE_METHODS

if TYPE_CHECKING:
    from dollr_async.sandbox.quirks import Quirks

PROVIDERS = {
    **{method: ("PAWAPAY", method) for method in MOBILE_METHODS if method.endswith("_LBR")},
    **{method: ("PAWAPAY",) for method in MOBILE_METHODS if method.endswith("_RWA")},
    CARD: ("STRIPE",),
    "WALLET": ("PLATFORM",),
}
"""The providers that serve each method."""

WALLET_CURRENCIES = {"LBR": ("USD", "LRD"), "RWA": ("RWF",)}
"""The currencies of a country's mobile-money wallets, by the end of the method's name."""


def wallet_currencies(method: str) -> tuple[str, ...]:
    """The currencies that a mobile-money method carries; empty for any other method, which carries all."""
    return WALLET_CURRENCIES.get(method.rpartition("_")[2], ())


def check_currency(method: str, currency: str) -> None:
    """Refuse a payer's currency that the method does not carry."""
    carried = wallet_currencies(method)
    if carried and currency not in carried:
        raise unprocessable(f"Unsupported currency: {method} carries {' and '.join(carried)}, not {currency}")


def predicted_provider(quirks: Quirks, method: str) -> str:
    """The provider that the prediction names for a mobile-money method."""
    operator = quirks.liberian_provider == "OPERATOR" and method.endswith("_LBR")
    return method if operator else "PAWAPAY"


def check_provider(quirks: Quirks, method: str, provider: str, operation_type: str) -> None:
    """Refuse a method and a provider that do not fit together, or a method that does not serve the operation."""
    providers: tuple[str, ...] = PROVIDERS.get(method, ())
    if quirks.only_predicted_provider and method.endswith("_LBR"):
        providers = (predicted_provider(quirks, method),)
    if provider not in providers:
        raise unprocessable(f"Invalid method and provider pair: {method} and {provider}")
    if (method, operation_type) not in GATEWAY_FEES:
        raise unprocessable(f"Method {method} is not available for {operation_type}")
