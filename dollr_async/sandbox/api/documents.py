"""Invoices and orders: documents with lines that are published, and then paid or cancelled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dollr_async.sandbox.api.counterparties import counterparty_detail
from dollr_async.sandbox.refusals import unprocessable
from dollr_async.sandbox.world.documents import move_document
from dollr_async.sandbox.world.records import Answer, Counterparty, Document, Item
from dollr_async.sandbox.world.world import OWNER_ID, OWNER_TYPE, World, find

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    from dollr_async.sandbox.requests.bodies import DocumentChanges, ItemChanges, NewDocument, NewItem
    from dollr_async.sandbox.requests.parameters import DocumentFilter, DocumentPath, IdPath, ItemPath, NumberPath

_PREFIXES = {"INVOICE": "INV", "ORDER": "ORD"}


class Documents:
    """The operations of one kind of document."""

    def __init__(self, source_type: str) -> None:
        """Serve `INVOICE` or `ORDER`."""
        self._type = source_type

    def create(self, world: World, body: NewDocument) -> Answer:
        """Create a draft: a document that is IDLE."""
        counterparty = world.counterparties.get(body.counterparty_id)
        if counterparty is None:
            raise unprocessable(f"Counterparty {body.counterparty_id} not found")
        document = add_document(
            world,
            self._type,
            counterparty,
            currency=body.currency,
            note=body.note,
            fee_bearer=body.fee_bearer,
            as_payment_link=body.as_payment_link,
            reference_id=body.reference_id,
            due_date=body.due_date,
        )
        return _summary(world, document)

    def list(self, world: World, query: DocumentFilter) -> list[Answer]:
        """List the documents that fit the filters."""
        return [
            _summary(world, document)
            for document in world.documents[self._type].values()
            if query.currency in {None, document.currency} and query.status in {None, document.status}
        ]

    def retrieve(self, world: World, path: IdPath) -> Answer:
        """Fetch one document with its lines, by id."""
        return _detail(world, world.document(self._type, path.id))

    def retrieve_by_number(self, world: World, path: NumberPath) -> Answer:
        """Fetch one document with its lines, by number."""
        return _detail(world, world.document_by_number(self._type, path.number))

    def update(self, world: World, path: IdPath, body: DocumentChanges) -> Answer:
        """Change a draft."""
        document = self._draft(world, path.id)
        document.note = document.note if body.note is None else body.note
        document.fee_bearer = body.fee_bearer or document.fee_bearer
        document.reference_id = body.reference_id or document.reference_id
        if self._type == "INVOICE":
            document.due_date = body.due_date or document.due_date
        document.updated_at = world.clock.now()
        return document_answer(document)

    def add_item(self, world: World, path: DocumentPath, body: NewItem) -> Answer:
        """Add a line to a draft."""
        document = self._draft(world, path.document_id)
        return _item_answer(add_item(world, document, body.name, body.currency, body.qty, body.amount))

    def update_item(self, world: World, path: ItemPath, body: ItemChanges) -> Answer:
        """Change a line of a draft."""
        document = self._draft(world, path.document_id)
        item = find(document.items, path.id, "Item")
        item.name = item.name if body.name is None else body.name
        item.qty = body.qty or item.qty
        item.amount = body.amount or item.amount
        item.updated_at = document.updated_at = world.clock.now()
        return _item_answer(item)

    def remove_item(self, world: World, path: ItemPath) -> Answer | None:
        """Remove a line from a draft."""
        document = self._draft(world, path.document_id)
        find(document.items, path.id, "Item")
        del document.items[path.id]
        document.updated_at = world.clock.now()
        return None if world.quirks.remove_item_reply == "no_content" else {}

    def publish(self, world: World, path: IdPath) -> Answer | bytes | None:
        """Publish a draft, so that it can be paid."""
        document = world.document(self._type, path.id)
        if document.status == "IDLE" and not document.items:
            raise unprocessable(f"{self._type.capitalize()} has no items: it is not publishable")
        move_document(world, document, "publish")
        return _published(world, document)

    def cancel(self, world: World, path: IdPath) -> Answer | bytes | None:
        """Cancel a document that is IDLE or ACTIVE."""
        document = world.document(self._type, path.id)
        move_document(world, document, "cancel")
        return _written(document_answer(document), world.quirks.cancel_reply)

    def _draft(self, world: World, document_id: int) -> Document:
        document = world.document(self._type, document_id)
        if document.status != "IDLE":
            raise unprocessable(f"{self._type.capitalize()} is {document.status}: it can only be changed while IDLE")
        return document


def add_document(
    world: World,
    source_type: str,
    counterparty: Counterparty,
    *,
    currency: str,
    note: str,
    fee_bearer: str,
    as_payment_link: bool,
    reference_id: str | None,
    due_date: datetime | None,
) -> Document:
    """Keep a new draft with the next number of its kind."""
    now = world.clock.now()
    documents = world.documents[source_type]
    document = Document(
        id=world.next_id(source_type),
        source_type=source_type,
        number=f"{_PREFIXES[source_type]}-{now.year}-{len(documents) + 1:05d}",
        counterparty=counterparty,
        currency=currency,
        note=note,
        fee_bearer=fee_bearer,
        as_payment_link=as_payment_link,
        reference_id=reference_id,
        due_date=due_date,
        created_at=now,
        updated_at=now,
    )
    documents[document.id] = document
    world.documents_by_number[source_type, document.number] = document
    return document


def add_item(world: World, document: Document, name: str, currency: str, qty: int, amount: Decimal) -> Item:
    """Keep a new line, which must be in the document's currency."""
    if currency != document.currency:
        raise unprocessable(f"An item in {currency} does not fit a document in {document.currency}")
    now = world.clock.now()
    item = Item(
        id=world.next_id("item"),
        name=name,
        currency=currency,
        qty=qty,
        amount=amount,
        created_at=now,
        updated_at=now,
    )
    document.items[item.id] = item
    document.updated_at = now
    return item


def document_answer(document: Document) -> Answer:
    """Write an `InvoiceResponse` or an `OrderResponse`."""
    answer: Answer = {
        "id": document.id,
        "reference_id": document.reference_id,
        f"{document.source_type.lower()}_number": document.number,
        "counterparty_id": document.counterparty.id,
        "currency": document.currency,
        "total_amount": document.total_amount,
        "status": document.status,
        "note": document.note,
        "fee_bearer": document.fee_bearer,
        "as_payment_link": document.as_payment_link,
        "owner_id": OWNER_ID,
        "owner_type": OWNER_TYPE,
        "paid_at": document.paid_at,
        "created_at": document.created_at,
        "updated_at": document.updated_at,
    }
    if document.source_type == "INVOICE":
        answer["due_date"] = document.due_date
    return answer


def _summary(world: World, document: Document) -> Answer:
    """Write a document for a call whose answer is documented for invoices only."""
    answer = document_answer(document)
    if document.source_type == "ORDER" and world.quirks.bare_orders:
        for name in ("total_amount", "owner_id", "owner_type"):
            del answer[name]
    return answer


def _published(world: World, document: Document) -> Answer | bytes | None:
    answer = _summary(world, document)
    if world.quirks.publish_reply == "without_total":
        answer.pop("total_amount", None)
    return _written(answer, world.quirks.publish_reply)


def _written(answer: Answer, reply: str) -> Answer | bytes | None:
    """Answer a publish or a cancel as its quirk defines it."""
    return {"empty": b"", "no_content": None}.get(reply, answer)


def _detail(world: World, document: Document) -> Answer:
    key = "invoice_items" if document.source_type == "INVOICE" else world.quirks.order_items_key
    return {
        **_summary(world, document),
        key: [_item_answer(item) for item in document.items.values()],
        "counterparty": counterparty_detail(world, document.counterparty),
    }


def _item_answer(item: Item) -> Answer:
    return {
        "id": item.id,
        "name": item.name,
        "currency": item.currency,
        "qty": item.qty,
        "amount": item.amount,
        "created_at": item.created_at,
        "updated_at": item.updated_at,
    }
