"""Invoices and orders: what is allowed in each status."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from dollr_async.sandbox import Quirks

if TYPE_CHECKING:
    from tests.sandbox.merchant import Body, Merchant

_LINE = {"name": "Panel", "currency": "USD", "qty": 2, "amount": Decimal("120.55")}
both = pytest.mark.parametrize("kind", ["invoice", "order"])


async def _in_status(merchant: Merchant, kind: str, status: str) -> Body:
    if status == "IDLE":
        document = await merchant.draft(kind)
        return {**document, "item": await merchant.create(f"{kind}s/{document['id']}/items/add", _LINE)}
    document = await merchant.published(kind)
    if status == "CANCELED":
        await merchant.delete(f"{kind}s/cancel/{document['id']}")
    if status in {"PROCESSING", "PAID"}:
        merchant.sandbox.pay(kind.upper(), document["id"])
    if status == "PAID":
        merchant.sandbox.advance(5)
    found: Body = (await merchant.get(f"{kind}s/retrieve/{document['id']}")).body
    assert found["status"] == status
    return {**found, "item": found[f"{kind}_items"][0]}


@both
@pytest.mark.parametrize("counterparty_id", [5, 100001])
async def test_a_document_needs_a_counterparty_that_exists(merchant: Merchant, kind: str, counterparty_id: int) -> None:
    terms = {"currency": "USD", "note": "", "fee_bearer": "PAYER", "as_payment_link": False}
    reply = await merchant.post(f"{kind}s/create", {**terms, "counterparty_id": counterparty_id})
    assert reply.status == 422


@both
@pytest.mark.parametrize("other", ["invoice", "order"])
async def test_an_unknown_document_is_a_404(merchant: Merchant, kind: str, other: str) -> None:
    document = await merchant.draft(other)
    number = document[f"{other}_number"]
    known = 200 if kind == other else 404
    assert (await merchant.get(f"{kind}s/retrieve/{document['id']}")).status == known
    assert (await merchant.get(f"{kind}s/retrieve/number/{number}")).status == known
    for path in (f"{kind}s/retrieve/7", f"{kind}s/retrieve/number/NONE-1", f"{kind}s/receipt/7"):
        assert (await merchant.get(path)).status == 404
    assert (await merchant.put(f"{kind}s/publish/7")).status == 404
    assert (await merchant.put(f"{kind}s/update/7", {})).status == 404
    assert (await merchant.delete(f"{kind}s/cancel/7")).status == 404
    assert (await merchant.delete(f"{kind}s/7/items/8/remove")).status == 404


@both
async def test_a_draft_has_its_fields_its_lines_and_its_total(merchant: Merchant, kind: str) -> None:
    draft = await merchant.draft(kind, note="Deposit", reference_id="mine", fee_bearer="PAYEE", as_payment_link=True)
    assert (draft["status"], draft["total_amount"], draft["note"]) == ("IDLE", 0, "Deposit")
    item = await merchant.create(f"{kind}s/{draft['id']}/items/add", _LINE)
    detail = (await merchant.get(f"{kind}s/retrieve/number/{draft[f'{kind}_number']}")).body
    assert detail[f"{kind}_items"] == [item]
    assert (detail["total_amount"], detail["reference_id"]) == (Decimal("241.10"), "mine")
    assert detail["counterparty"]["party"]["fullname"] == "Fatu Kollie"
    assert ("due_date" in detail) == (kind == "invoice")


@both
async def test_numbers_count_up_within_their_kind(merchant: Merchant, kind: str) -> None:
    numbers = [(await merchant.draft(kind))[f"{kind}_number"] for _ in range(2)]
    assert [number.rpartition("-")[2] for number in numbers] == ["00001", "00002"]


@both
async def test_a_draft_can_be_changed(merchant: Merchant, kind: str) -> None:
    draft = await merchant.draft(kind, note="before")
    path = f"{kind}s/update/{draft['id']}"
    assert (await merchant.put(path, {})).body["note"] == "before"
    changes = {"note": "", "fee_bearer": "PAYEE", "reference_id": "mine", "due_date": "2026-07-31T00:00:00Z"}
    changed = (await merchant.put(path, changes)).body
    assert {name: changed[name] for name in ("note", "fee_bearer", "reference_id")} == {
        "note": "",
        "fee_bearer": "PAYEE",
        "reference_id": "mine",
    }
    assert changed.get("due_date") == ("2026-07-31T00:00:00Z" if kind == "invoice" else None)


@both
@pytest.mark.parametrize("change", ["update", "cancel"])
async def test_an_update_and_a_cancel_are_answered_with_the_document(
    merchant: Merchant, kind: str, change: str
) -> None:
    draft = await _in_status(merchant, kind, "IDLE")
    path = f"{kind}s/{change}/{draft['id']}"
    reply = await (merchant.put(path, {"note": "Revised"}) if change == "update" else merchant.delete(path))
    document = reply.body
    assert (document["total_amount"], document["owner_id"]) == (Decimal("241.10"), 9)
    assert (document["owner_type"], document["paid_at"]) == ("ORGANIZATION", None)
    assert (document["id"], "due_date" in document) == (draft["id"], kind == "invoice")


@both
async def test_lines_can_be_changed_and_removed(merchant: Merchant, kind: str) -> None:
    draft = await _in_status(merchant, kind, "IDLE")
    lines, item = f"{kind}s/{draft['id']}/items", draft["item"]
    assert (await merchant.put(f"{lines}/{item['id']}/update", {"qty": 3})).body["qty"] == 3
    changed = (await merchant.put(f"{lines}/{item['id']}/update", {"amount": 5, "name": "Cable"})).body
    assert (changed["qty"], changed["amount"], changed["name"]) == (3, 5, "Cable")
    assert (await merchant.get(f"{kind}s/retrieve/{draft['id']}")).body["total_amount"] == 15
    assert (await merchant.put(f"{lines}/7/update", {"qty": 3})).status == 404
    assert (await merchant.delete(f"{lines}/{item['id']}/remove")).body == {}
    assert (await merchant.delete(f"{lines}/{item['id']}/remove")).status == 404
    assert (await merchant.get(f"{kind}s/retrieve/{draft['id']}")).body["total_amount"] == 0


async def test_a_line_has_the_currency_of_its_document(merchant: Merchant) -> None:
    draft = await merchant.draft(currency="lrd")
    assert draft["currency"] == "LRD"
    assert (await merchant.post(f"invoices/{draft['id']}/items/add", _LINE)).status == 422


@both
async def test_nothing_is_published_without_a_line(merchant: Merchant, kind: str) -> None:
    draft = await merchant.draft(kind)
    assert (await merchant.put(f"{kind}s/publish/{draft['id']}")).status == 422


_MOVES = {
    ("IDLE", "publish"): "ACTIVE",
    ("IDLE", "cancel"): "CANCELED",
    ("ACTIVE", "cancel"): "CANCELED",
}


@both
@pytest.mark.parametrize("event", ["publish", "cancel"])
@pytest.mark.parametrize("status", ["IDLE", "ACTIVE", "PROCESSING", "PAID", "CANCELED"])
async def test_publishing_and_cancelling_by_status(merchant: Merchant, kind: str, status: str, event: str) -> None:
    document = await _in_status(merchant, kind, status)
    path = f"{kind}s/{event}/{document['id']}"
    reply = await (merchant.put(path) if event == "publish" else merchant.delete(path))
    then = (await merchant.get(f"{kind}s/retrieve/{document['id']}")).body["status"]
    expected = _MOVES.get((status, event))
    if expected is None:
        assert (reply.status, status in reply.body["detail"], then) == (422, True, status)
    else:
        assert (reply.status, reply.body["status"], then) == (200, expected, expected)


@both
@pytest.mark.parametrize("status", ["ACTIVE", "PROCESSING", "PAID", "CANCELED"])
async def test_only_a_draft_can_be_changed(merchant: Merchant, kind: str, status: str) -> None:
    document = await _in_status(merchant, kind, status)
    lines, item = f"{kind}s/{document['id']}/items", document["item"]["id"]
    replies = [
        await merchant.put(f"{kind}s/update/{document['id']}", {"note": "new"}),
        await merchant.post(f"{lines}/add", _LINE),
        await merchant.put(f"{lines}/{item}/update", {"qty": 9}),
        await merchant.delete(f"{lines}/{item}/remove"),
    ]
    assert [reply.status for reply in replies] == [422] * 4
    assert (await merchant.get(f"{kind}s/retrieve/{document['id']}")).body["total_amount"] == 250


@both
@pytest.mark.parametrize("status", ["IDLE", "ACTIVE", "PROCESSING", "CANCELED"])
async def test_a_receipt_exists_only_for_what_is_paid(merchant: Merchant, kind: str, status: str) -> None:
    document = await _in_status(merchant, kind, status)
    number = document[f"{kind}_number"]
    for path in (f"{kind}s/receipt/{document['id']}", f"{kind}s/receipt/number/{number}"):
        assert (await merchant.get(path)).status == 404


@both
async def test_documents_are_listed_by_currency_and_status(merchant: Merchant, kind: str) -> None:
    dollars, rwandan = await merchant.draft(kind), await merchant.published(kind, currency="RWF", amount=5000)
    ids = [one["id"] for one in (await merchant.get(f"{kind}s/list")).body]
    assert ids == [dollars["id"], rwandan["id"]]
    for query in ({"currency": "RWF"}, {"status": "ACTIVE"}, {"status": "ACTIVE", "currency": "RWF"}):
        listed = (await merchant.get(f"{kind}s/list", **query)).body
        assert [one["id"] for one in listed] == [rwandan["id"]]
    assert (await merchant.get(f"{kind}s/list", status="PAID")).body == []


@both
@pytest.mark.parametrize("status", ["IDLE", "ACTIVE", "PROCESSING", "PAID", "CANCELED"])
async def test_the_status_of_a_source(merchant: Merchant, kind: str, status: str) -> None:
    document = await _in_status(merchant, kind, status)
    found = (await merchant.get("status/source", source_type=kind.upper(), source_id=document["id"])).body
    assert (found["status"], found["source_number"]) == (status, document[f"{kind}_number"])
    assert (found["paid_at"] is not None) == (status == "PAID")
    assert found["total_amount"] == (Decimal("241.10") if status == "IDLE" else 250)


@pytest.mark.parametrize("source_type", ["INVOICE", "SUBSCRIPTION"])
async def test_an_unknown_source_is_a_404(merchant: Merchant, source_type: str) -> None:
    assert (await merchant.get("status/source", source_type=source_type, source_id=5)).status == 404


@pytest.mark.parametrize("quirks", [Quirks(publish_reply="without_total", cancel_reply="empty")])
async def test_publishing_may_answer_without_total_and_cancelling_with_nothing(merchant: Merchant) -> None:
    draft = await _in_status(merchant, "order", "IDLE")
    merchant.checks_answers = False
    assert "total_amount" not in (await merchant.put(f"orders/publish/{draft['id']}")).body
    canceled = await merchant.delete(f"orders/cancel/{draft['id']}")
    assert (canceled.status, canceled.body) == (200, b"")


@pytest.mark.parametrize("quirks", [Quirks(bare_orders=True)])
async def test_orders_may_lack_their_total_and_owner_but_after_an_update_and_a_cancel(merchant: Merchant) -> None:
    merchant.checks_answers = False
    draft = await merchant.draft("order")
    await merchant.create(f"orders/{draft['id']}/items/add", _LINE)
    path = f"orders/{{}}/{draft['id']}"
    bare = [
        draft,
        (await merchant.get(path.format("retrieve"))).body,
        *(await merchant.get("orders/list")).body,
        (await merchant.put(path.format("publish"))).body,
    ]
    assert not [order for order in bare if order.keys() & {"total_amount", "owner_id", "owner_type"}]
    assert (await merchant.delete(path.format("cancel"))).body.keys() >= {"total_amount", "owner_id", "owner_type"}
    assert (await merchant.draft("invoice"))["total_amount"] == 0


@pytest.mark.parametrize(
    "quirks", [Quirks(publish_reply="no_content", cancel_reply="no_content", remove_item_reply="no_content")]
)
async def test_changes_may_be_answered_with_no_content(merchant: Merchant) -> None:
    first, second = await _in_status(merchant, "invoice", "IDLE"), await _in_status(merchant, "order", "IDLE")
    removed = await merchant.delete(f"orders/{second['id']}/items/{second['item']['id']}/remove")
    published = await merchant.put(f"invoices/publish/{first['id']}")
    canceled = await merchant.delete(f"invoices/cancel/{first['id']}")
    assert [reply.status for reply in (removed, published, canceled)] == [204] * 3


@pytest.mark.parametrize("quirks", [Quirks(order_items_key="items", unpaid_receipt_status=422)])
async def test_lines_of_orders_and_missing_receipts_may_have_another_form(merchant: Merchant) -> None:
    order = await merchant.published("order")
    assert len((await merchant.get(f"orders/retrieve/{order['id']}")).body["items"]) == 1
    assert (await merchant.get(f"orders/receipt/{order['id']}")).status == 422
