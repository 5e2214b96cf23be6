"""The routes of a collection: each with its terms, and what has to exist before it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dollr_async import (
    Card,
    KnownPayer,
    KnownSource,
    LineItem,
    NewCounterparty,
    NewInvoice,
    NewLineItem,
    NewParty,
    NewPaymentAccount,
    Payer,
    SavedAccount,
    SourceType,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from dollr_async import DollrClient

_PHONE = "231771234567"
_PAYER = Payer(fullname="Amara Kamara", phone=_PHONE, country_code="LR")
_ITEMS = [LineItem(name="Strategy session", amount=Decimal("250.00")), LineItem(name="Notes", amount=Decimal("2.50"))]
_TOTAL = Decimal("252.50")

ROUTES: dict[str, Callable[[dict[str, int]], dict[str, Any]]] = {
    "invoice": lambda _: {"payer": _PAYER, "items": _ITEMS},
    "order": lambda _: {"payer": _PAYER, "items": _ITEMS, "source_type": SourceType.ORDER},
    "direct invoice": lambda _: {"payer": _PAYER, "items": _ITEMS, "direct": True},
    "direct order": lambda _: {"payer": _PAYER, "items": _ITEMS, "direct": True, "source_type": SourceType.ORDER},
    "quoted": lambda _: {"payer": _PAYER, "items": _ITEMS, "payer_currency": "LRD"},
    "card": lambda _: {
        "payer": _PAYER,
        "items": _ITEMS,
        "pay_with": Card("Amara Kamara", payment_method_id="pm_card_visa"),
    },
    "saved account": lambda known: {
        "payer": KnownPayer(known["counterparty"], party_id=known["party"]),
        "items": _ITEMS,
        "pay_with": SavedAccount(known["account"]),
    },
    "known source": lambda known: {
        "payer": KnownPayer(known["counterparty"]),
        "source": KnownSource(SourceType.INVOICE, known["source"], _TOTAL),
    },
}
"""The terms of each route, given the ids of what exists."""


def collect_terms(route: str, known: dict[str, int]) -> dict[str, Any]:
    """Return the keywords of `collect` for a route."""
    return {"currency": "USD", **ROUTES[route](known)}


async def prepare(dollr: DollrClient, route: str) -> dict[str, int]:
    """Create what has to exist before a collection on a route, and return the ids."""
    if route not in ("saved account", "known source"):
        return {}
    party = await dollr.parties.create(NewParty(fullname="Amara Kamara", phone=_PHONE, country_code="LR"))
    counterparty = await dollr.counterparties.create(NewCounterparty(party_id=party.id))
    known = {"party": party.id, "counterparty": counterparty.id}
    if route == "saved account":
        account = await dollr.payment_accounts.create(
            NewPaymentAccount(
                party_id=party.id,
                account_name="Amara Kamara",
                insensitive_account_number=_PHONE,
                method="ORANGE_MONEY_LBR",
                provider="PAWAPAY",
                country_code="LR",
            ),
            operation_type="COLLECTION",
        )
        return {**known, "account": account.id}
    invoice = await dollr.invoices.create(NewInvoice(counterparty_id=counterparty.id, currency="USD", note="Earlier"))
    await dollr.invoices.add_item(invoice.id, NewLineItem(name="Earlier", currency="USD", amount=_TOTAL))
    await dollr.invoices.publish(invoice.id)
    return {**known, "source": invoice.id}
