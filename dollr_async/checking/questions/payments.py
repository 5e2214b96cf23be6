"""Payments that were made before: the words for their status, and the fields that they have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dollr_async.checking.questions.question import Answer, Question
from dollr_async.checking.timing import aware

if TYPE_CHECKING:
    from dollr_async.checking.seen import Fields, Seen

_DONE = "COMPLETED"
_PAST = "a payment whose document has its reference, as this library writes it"
_RECEIPTS = ("retrieve_invoice_receipt_by_id", "retrieve_order_receipt_by_id")
_LEAST_LAG = 1.0


def _paid_references(seen: Seen) -> set[str]:
    return {
        str(document.get("reference_id")).casefold()
        for document in seen.objects("list_invoice", "list_order")
        if document.get("status") == "PAID"
    }


def refund_key(seen: Seen) -> Answer | None:
    """The status of a collection has the undocumented `payment_intent_id`."""
    found = seen.objects("get_collection_status")
    if not found:
        return None
    names = sorted({name for payment in found for name in payment if "intent" in name})
    if not names:
        return Answer("no field of a payment names an intent", {"payment_intent_id": False})
    return Answer(f"a payment has {seen.words(names)}")


def success_word(seen: Seen) -> Answer | None:
    """A payment whose document is PAID is COMPLETED."""
    paid = _paid_references(seen)
    done = [
        payment["status"]
        for payment in seen.objects("get_collection_status")
        if str(payment.get("reference_id")).casefold() in paid and "status" in payment
    ]
    if not done:
        return None
    words = sorted({seen.word(word) for word in done})
    quirks = {} if words == [_DONE] else {"status_words": {_DONE: next(word for word in words if word != _DONE)}}
    return Answer(f"a payment whose document is PAID has {', '.join(words)}", quirks)


def pending_amount(seen: Seen) -> Answer | None:
    """A payment that is PENDING has its `payee_amount`."""
    pending = [payment for payment in seen.objects("get_collection_status") if payment.get("status") == "PENDING"]
    if not pending:
        return None
    if all(payment.get("payee_amount") is None for payment in pending):
        return Answer("it has none", {"pending_payee_amount": False})
    return Answer("it has its payee_amount")


def source_lag(seen: Seen) -> Answer | None:
    """A document is PAID as soon as its payment is COMPLETED."""
    lags = [lag for receipt in seen.objects(*_RECEIPTS) if (lag := _lag(receipt)) is not None]
    if not lags:
        return None
    longest = max(lags)
    if longest < _LEAST_LAG:
        return Answer("a document is paid within a second of its payment")
    return Answer(f"a document is paid {longest:.0f} s after its payment", {"source_lag": float(round(longest))})


def _lag(receipt: Fields) -> float | None:
    settled, paid = aware(receipt.get("gateway_confirmed_at")), aware(receipt.get("paid_at"))
    return None if settled is None or paid is None else (paid - settled).total_seconds()


QUESTIONS = (
    Question(9, "Refund key", "does a payment show the id that a refund needs?", _PAST, refund_key),
    Question(33, "Success word", "COMPLETED or SUCCESSFUL?", f"{_PAST}, and is PAID", success_word),
    Question(None, "Amount of a PENDING payment", "does it have one?", f"{_PAST}, and that is PENDING", pending_amount),
    Question(None, "From COMPLETED to PAID", "how long does it take?", "a paid document", source_lag),
)
