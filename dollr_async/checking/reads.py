"""What a report asks: reads, predictions and fee tables, each of which changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote
from uuid import UUID, uuid4

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dollr_async.checking.probe import Probe
    from dollr_async.checking.seen import Fields

NO_TOKEN, UNPAID_RECEIPT, UNKNOWN_REFERENCE, PART_OF_A_NAME = "no token", "unpaid receipt", "unknown reference", "name"
"""Why something was asked, where it is not for the usual answer."""

OTHER_PROVIDER = "the operator as provider"

KINDS = ("invoice", "order")
_LATENCY_READS = 3
_PAYMENTS_OF_A_KIND = 5
_UNPUBLISHED = {"IDLE", "CANCELED"}
_AMOUNT = {"base_amount": "100.00", "base_currency": "USD", "operation_type": "COLLECTION", "fee_bearer": "PAYER"}


async def read_briefly(probe: Probe) -> None:
    """Read a fee table a few times, to see that the token works, and how long a request takes."""
    for _ in range(_LATENCY_READS):
        await probe.read("list_fee_tier", "fees/tiers")


async def read_everything(probe: Probe, phone: str | None) -> None:
    """Ask every question that a read can answer; `phone` is for the predictions, and None leaves them out."""
    await read_briefly(probe)
    await probe.read("list_fee_tier", "fees/tiers", purpose=NO_TOKEN, with_token=False)
    await _people(probe)
    for kind in KINDS:
        await _documents(probe, kind)
    await _fees_and_merchant(probe)
    await _predictions(probe, phone)
    await probe.read("get_collection_status", f"status/collection/{uuid4()}", purpose=UNKNOWN_REFERENCE)


async def _people(probe: Probe) -> None:
    await probe.read("list_parties", "parties/list")
    party = probe.seen.first("list_parties")
    if party is not None:
        await probe.read("retrieve_parties", f"parties/retrieve/{_segment(party.get('id'))}")
        name = str(party.get("fullname", ""))
        if len(name) > 1:
            await probe.read("list_parties", "parties/list", {"fullname": name[:-1]}, purpose=PART_OF_A_NAME)
    await probe.read("list_counterparties", "counterparties/list")
    counterparty = probe.seen.first("list_counterparties")
    if counterparty is not None:
        path = f"counterparties/retrieve/{_segment(counterparty.get('id'))}"
        await probe.read("retrieve_counterparties", path)


async def _documents(probe: Probe, kind: str) -> None:
    """Read one document in each way, a paid one with its receipt, one that is not paid, and the payments of a few."""
    await probe.read(f"list_{kind}", f"{kind}s/list")
    listed = [document for document in probe.seen.objects(f"list_{kind}") if "id" in document]
    paid = next((document for document in listed if document.get("status") == "PAID"), None)
    unpaid = next((document for document in listed if document.get("status") != "PAID"), None)
    linked = next((document for document in listed if _has_link(document)), None)
    for document in [*filter(None, [paid or unpaid])]:
        number = _segment(document.get(f"{kind}_number"))
        await probe.read(f"retrieve_{kind}_by_id", f"{kind}s/retrieve/{document['id']}")
        await probe.read(f"retrieve_{kind}_by_number", f"{kind}s/retrieve/number/{number}")
        await _source_status(probe, kind, document)
    if paid is not None:
        number = _segment(paid.get(f"{kind}_number"))
        await probe.read(f"retrieve_{kind}_receipt_by_id", f"{kind}s/receipt/{paid['id']}")
        await probe.read(f"retrieve_{kind}_receipt_by_number", f"{kind}s/receipt/number/{number}")
        await _link(probe, kind, paid, "receipt")
    if unpaid is not None:
        path = f"{kind}s/receipt/{unpaid['id']}"
        await probe.read(f"retrieve_{kind}_receipt_by_id", path, purpose=UNPAID_RECEIPT)
    if linked is not None:
        await _link(probe, kind, linked, "pay")
        await _source_quote(probe, kind, linked)
    for document in _with_payments(listed):
        await probe.read("get_collection_status", f"status/collection/{_segment(document['reference_id'])}")


async def _source_status(probe: Probe, kind: str, document: Fields) -> None:
    query = {"source_type": kind.upper(), "source_id": document["id"]}
    await probe.read("get_payment_source_status", "status/source", query)


async def _link(probe: Probe, kind: str, document: Fields, page: str) -> None:
    query = {"source_type": kind.upper(), "source_number": document.get(f"{kind}_number")}
    operation = "get_payment_link" if page == "pay" else "get_receipt_link"
    await probe.read(operation, f"links/{page}", query)


async def _source_quote(probe: Probe, kind: str, document: Fields) -> None:
    await probe.read(
        "predict_payment_source_amount_and_fee",
        "predictions/payment-source/amount-and-fees",
        {
            "source_type": kind.upper(),
            "source_id": document["id"],
            "target_currency": document.get("currency"),
            "payment_method": "CREDIT_CARD",
            "provider": "STRIPE",
        },
    )


def _has_link(document: Fields) -> bool:
    return bool(document.get("as_payment_link")) and document.get("status") not in _UNPUBLISHED


def _with_payments(documents: list[Fields]) -> Iterator[Fields]:
    """Yield some documents whose own reference is a payment's, which this library writes there by default."""
    for is_paid in (True, False):
        of_a_payment = [
            document
            for document in documents
            if (document.get("status") == "PAID") is is_paid and _is_reference(document.get("reference_id"))
        ]
        yield from of_a_payment[-_PAYMENTS_OF_A_KIND:]


def _is_reference(value: object) -> bool:
    try:
        return UUID(str(value)).version == 4  # noqa: PLR2004 - the kind of references
    except ValueError:
        return False


async def _fees_and_merchant(probe: Probe) -> None:
    gateway = {"payment_method": "MTN_MOMO_LBR", "operation_type": "COLLECTION"}
    await probe.read("get_gateway_fees", "fees/gateway", gateway)
    tiers = probe.seen.objects("list_fee_tier")
    tier = next((tier for tier in tiers if tier.get("is_default")), {"name": "default"})
    platform = {"operation_type": "COLLECTION", "fee_tier_name": tier.get("name")}
    await probe.read("get_platform_fees", "fees/platform", platform)
    documents = probe.seen.objects("list_invoice", "list_order")
    owner = next((document for document in documents if document.get("owner_id") and document.get("owner_type")), None)
    if owner is not None:
        kind, number = owner["owner_type"], owner["owner_id"]
        await probe.read("get_merchant_fee_tier", "fees/merchant-tier", {"owner_type": kind, "owner_id": number})
        merchant = {"merchant_type": kind, "merchant_id": number}
        await probe.read("get_merchant_info", "merchants/merchant-info", merchant)


async def _predictions(probe: Probe, phone: str | None) -> None:
    route: Fields = {"payment_method": "MTN_MOMO_LBR", "gateway_provider": "PAWAPAY"}
    if phone is not None:
        query = {"phone": phone, "operation_type": "COLLECTION"}
        await probe.read("predict_mmo_provider_info", "predictions/mmo-provider-info", query)
        route = probe.seen.first("predict_mmo_provider_info") or route
    method = str(route.get("payment_method"))
    currency = "LRD" if method.endswith("_LBR") else "RWF"
    quote_of = {**_AMOUNT, "target_currency": currency, "payment_method": method}
    path = "predictions/amount-and-fees"
    await probe.read("predict_amount_and_fee", path, {**quote_of, "provider": route.get("gateway_provider")})
    other = method if route.get("gateway_provider") == "PAWAPAY" else "PAWAPAY"
    if method.endswith("_LBR"):
        await probe.read("predict_amount_and_fee", path, {**quote_of, "provider": other}, purpose=OTHER_PROVIDER)


def _segment(value: object) -> str:
    return quote(str(value), safe="")
