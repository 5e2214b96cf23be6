"""The route of a path: its words, with a placeholder for each id, number and reference."""

from __future__ import annotations

_WORDS = frozenset(
    [
        "add",
        "amount-and-fees",
        "cancel",
        "card-provider-info",
        "checkout",
        "checkouts",
        "collection",
        "counterparties",
        "create",
        "executions",
        "fees",
        "gateway",
        "invoices",
        "items",
        "links",
        "list",
        "merchant-info",
        "merchant-tier",
        "merchants",
        "mmo-provider-info",
        "number",
        "orders",
        "parties",
        "pay",
        "payment-accounts",
        "payment-source",
        "payout",
        "platform",
        "predictions",
        "publish",
        "realtime-keys",
        "receipt",
        "refund",
        "remove",
        "retrieve",
        "sessions",
        "source",
        "status",
        "tiers",
        "transfer",
        "update",
    ]
)
"""Every word in a path of the API. What is no such word may be a caller's own text, so it is never shown."""


def route_of(path: str) -> str:
    """Return a path below `/v1/` as `invoices/retrieve/{id}`."""
    return "/".join([part if part in _WORDS else "{id}" for part in path.split("/")])
