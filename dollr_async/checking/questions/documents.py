"""Documents and people: which fields they have, and what is in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dollr_async.base.enums import RelationshipType
from dollr_async.checking.questions.question import Answer, Question
from dollr_async.checking.reads import PART_OF_A_NAME
from dollr_async.wire.addresses import is_loopback

if TYPE_CHECKING:
    from dollr_async.checking.seen import Fields, Seen

_ORDERS = ("list_order", "retrieve_order_by_id", "retrieve_order_by_number")
_ORDERS_OWN = ("total_amount", "owner_id", "owner_type")
_USUAL_ITEMS = "order_items"
_HOST = re.compile(r"(?:[a-z0-9-]{1,40}\.){1,5}[a-z]{2,20}")
_COUNTERPARTIES = ("list_counterparties", "retrieve_counterparties")


def counterparties(seen: Seen) -> Answer | None:
    """A counterparty has `party_id`, its owner and its party."""
    found = seen.objects(*_COUNTERPARTIES)
    if not found:
        return None
    names = ("party_id", "owner_party_type", "owner_party_id", "party")
    there = [name for name in names if any(name in counterparty for counterparty in found)]
    quirks = {} if "party_id" in there else {"counterparty_party_id": False}
    return Answer(f"has {', '.join(there) or 'none of them'}", quirks)


def phones(seen: Seen) -> Answer | None:
    """The phone of a party may be null."""
    found = seen.objects("list_parties")
    if not found:
        return None
    without = sum(party.get("phone") is None for party in found)
    return Answer("some contacts have none" if without else "every contact here has one")


def due_dates(seen: Seen) -> Answer | None:
    """Invoices have a due date, which may be null; orders have none."""
    invoices, orders = seen.objects("list_invoice"), seen.objects(*_ORDERS)
    if not invoices:
        return None
    null = sum(invoice.get("due_date") is None for invoice in invoices)
    form = {0: "invoices have one", len(invoices): "invoices have null"}.get(null, "some invoices have null")
    if orders:
        form += "; orders have the field too" if any("due_date" in order for order in orders) else "; orders have none"
    return Answer(form)


def orders(seen: Seen) -> Answer | None:
    """An order has its total and its owner, and lists its lines as `order_items`."""
    found = seen.objects(*_ORDERS)
    details = seen.objects(*_ORDERS[1:])
    if not found or not details:
        return None
    missing = [name for name in _ORDERS_OWN if not any(name in order for order in found)]
    keys = [name for name, value in details[0].items() if _are_lines(value)]
    key = seen.word(keys[0]) if keys else "no field"
    quirks: dict[str, object] = {"bare_orders": True} if len(missing) == len(_ORDERS_OWN) else {}
    if keys and keys[0] != _USUAL_ITEMS:
        quirks["order_items_key"] = key
    lack = f"lacks {', '.join(missing)}" if missing else "has its total and its owner"
    return Answer(f"{lack}; its lines are in {key}", quirks)


def _are_lines(value: object) -> bool:
    return isinstance(value, list) and any(isinstance(line, dict) and "qty" in line for line in value)


def numbers(seen: Seen) -> Answer | None:
    """The pattern of documents' numbers: 9 stands for a digit, A for a letter."""
    found = [
        document.get(f"{kind}_number") for kind in ("invoice", "order") for document in seen.objects(f"list_{kind}")
    ]
    patterns = sorted({re.sub(r"[^\W\d_]", "A", re.sub(r"\d", "9", str(number))) for number in found if number})
    shown = [pattern for pattern in patterns if re.fullmatch(r"[A9./_-]{1,40}", pattern)]
    return Answer(f"{', '.join(shown)} (9 is a digit, A a letter)") if shown else None


def relationships(seen: Seen) -> Answer | None:
    """The words for a counterparty's relationship."""
    found = [counterparty.get("relationship_type") for counterparty in seen.objects(*_COUNTERPARTIES)]
    if not found:
        return None
    unknown = [word for word in found if str(word) not in set(RelationshipType)]
    if unknown:
        return Answer(f"also {seen.words(unknown)}")
    return Answer(f"{seen.words(found)}: all are known")


def name_filter(seen: Seen) -> Answer | None:
    """The filter finds a party by a part of its name."""
    asked = seen.refusal(PART_OF_A_NAME)
    if asked is None or not asked.is_success:
        return None
    first = seen.first("list_parties") or {}
    is_there = any(party.get("id") == first.get("id") for party in asked.entries)
    return Answer("a part of a name finds the contact" if is_there else "a part of a name finds nothing")


def links(seen: Seen) -> Answer | None:
    """A link's answer has `url`, and where it leads."""
    answers = [answer for answer in seen.named("get_payment_link", "get_receipt_link") if answer.is_success]
    if not answers:
        return None
    hosts = {_host(entry) for answer in answers for entry in answer.entries if entry.get("url")}
    if not hosts:
        return Answer("a link has no url", {"link_url": False})
    return Answer(f"the url leads to {', '.join(sorted(hosts))}")


def _host(entry: Fields) -> str:
    """Return the host that a URL leads to; it is the API's own, and nobody's name."""
    try:
        host = urlsplit(str(entry["url"])).hostname or ""
    except ValueError:
        host = ""
    if is_loopback(host):
        return "this machine"
    return host if _HOST.fullmatch(host) else "something that is not a host"


QUESTIONS = (
    Question(
        8, "Counterparty reply", "does it have `party_id`, the owner and the party?", "a counterparty", counterparties
    ),
    Question(10, "Payer phone", "may it be null?", "a contact", phones),
    Question(11, "Due date", "is it always there?", "an invoice", due_dates),
    Question(12, "Orders", "which fields do they have, and where are their lines?", "an order", orders),
    Question(13, "Number format", "what do the numbers of documents look like?", "a document", numbers),
    Question(21, "Relationship types", "which words are there?", "a counterparty", relationships),
    Question(26, "`fullname` filter", "does it find a part of a name?", "a contact", name_filter),
    Question(
        35,
        "Host of the hosted page",
        "does a link have its `url`, and where does it lead?",
        "a paid document, or a published one with a payment link",
        links,
    ),
)
