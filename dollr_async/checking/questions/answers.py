"""The form of answers: statuses, amounts, times, empty bodies, refusals."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from dollr_async.checking.drafts import NO_UNITS
from dollr_async.checking.questions.question import Answer, Question
from dollr_async.checking.reads import NO_TOKEN, UNPAID_RECEIPT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dollr_async.checking.seen import Observed, Seen

_AMOUNTS = {"total_amount", "amount", "payer_amount", "payee_amount", "platform_fee", "gateway_fee", "fx_fee"}
_TEXT_BY_CONTRACT = {"predict_amount_and_fee", "predict_payment_source_amount_and_fee"}
_TIMES = {"created_at", "updated_at", "paid_at", "due_date", "gateway_confirmed_at", "assigned_at", "effective_from"}
_NO_TOKEN_USUAL, _UNPAID_USUAL, _CREATED_USUAL, _NO_CONTENT = 401, 404, 200, 204
_BY_DRAFT = "--drafts, and a counterparty to make the draft for"


def _named(value: object, names: set[str]) -> Iterator[object]:
    """Yield the values under some names, wherever they are in an answer; null is none."""
    if isinstance(value, list):
        for entry in value:
            yield from _named(entry, names)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name in names and inner is not None and not isinstance(inner, dict | list):
                yield inner
            yield from _named(inner, names)


def _is_number_in_text(value: object) -> bool:
    try:
        return isinstance(value, str) and Decimal(value).is_finite()
    except InvalidOperation:
        return False


def amounts(seen: Seen) -> Answer | None:
    """Amounts are numbers, except in predictions."""
    documented = [answer.body for answer in seen.answers if answer.is_success and _is_numeric(answer)]
    found = list(_named(documented, _AMOUNTS))
    if not found:
        return None
    texts = sum(_is_number_in_text(amount) for amount in found)
    if texts == len(found):
        return Answer("documents and payments write amounts as text", {"amounts_as_strings": True})
    if texts:
        return Answer("documents and payments write some amounts as numbers, some as text")
    return Answer("documents and payments write amounts as numbers")


def _is_numeric(answer: Observed) -> bool:
    return answer.operation not in _TEXT_BY_CONTRACT


def created_status(seen: Seen) -> Answer | None:
    """A call that creates something answers 200."""
    made = [answer for answer in seen.named("create_invoice", "add_invoice_item") if answer.is_success]
    if not made:
        return None
    status = made[0].status
    return Answer(
        f"a call that creates something answers {status}",
        {} if status == _CREATED_USUAL else {"created_status": status},
    )


def statuses(seen: Seen) -> Answer | None:
    """The words for the status of documents."""
    documents = seen.objects("list_invoice", "list_order", "get_payment_source_status")
    words = [document["status"] for document in documents if "status" in document]
    return Answer(f"documents have {seen.words(words)}") if words else None


def no_token(seen: Seen) -> Answer | None:
    """A call without a token is a 401."""
    refused = seen.refusal(NO_TOKEN)
    if refused is None or not refused.is_refusal:
        return None
    usual = refused.status == _NO_TOKEN_USUAL
    return Answer(f"{refused.refused_with}", {} if usual else {"no_token_status": refused.status})


def state_errors(seen: Seen) -> Answer | None:
    """The receipt of a document that is not paid is a 404."""
    refused = seen.refusal(UNPAID_RECEIPT)
    if refused is None or not refused.is_refusal:
        return None
    usual = refused.status == _UNPAID_USUAL
    quirks = {} if usual else {"unpaid_receipt_status": refused.status}
    return Answer(f"the receipt of a document that is not paid: {refused.refused_with}", quirks)


def no_units(seen: Seen) -> Answer | None:
    """Whether a line with a quantity of 0 is accepted."""
    tried = seen.refusal(NO_UNITS)
    if tried is None:
        return None
    return Answer("0 is accepted" if tried.is_success else f"0 is refused: {tried.refused_with}")


def changes(seen: Seen) -> Answer | None:
    """What a cancel, an update and a removal answer."""
    cancelled = next((answer for answer in seen.named("cancel_invoice") if answer.is_success), None)
    removed = next((answer for answer in seen.named("remove_invoice_item") if answer.is_success), None)
    if cancelled is None:
        return None
    quirks: dict[str, object] = {}
    form = _form(cancelled)
    words = [f"cancel: {form}"]
    if form != "the document":
        quirks["cancel_reply"] = "no_content" if cancelled.status == _NO_CONTENT else "empty"
    if removed is not None:
        words.append(f"removal of a line: {_form(removed)}")
        if removed.status == _NO_CONTENT:
            quirks["remove_item_reply"] = "no_content"
    for operation, what in (("update_invoice", "update"), ("update_invoice_item", "update of a line")):
        words += [f"{what}: {_form(answer)}" for answer in seen.named(operation) if answer.is_success]
    return Answer("; ".join(words), quirks)


def _form(answer: Observed) -> str:
    if answer.status == _NO_CONTENT:
        return "204 without a body"
    if not answer.content.strip():
        return "an empty body"
    if any("id" in entry for entry in answer.entries):
        return "the line" if "item" in answer.operation else "the document"
    return "an empty object"


def times(seen: Seen) -> Answer | None:
    """Times have an offset."""
    found = [str(time) for time in _named([answer.body for answer in seen.answers if answer.is_success], _TIMES)]
    moments = [time for time in found if "T" in time]
    if not moments:
        return None
    naive = [time for time in moments if not _has_offset(time)]
    if not naive:
        return Answer("every time has an offset")
    if len(naive) < len(moments):
        return Answer("some times have an offset, some have none")
    return Answer("no time has an offset", {"naive_times": True})


def _has_offset(time: str) -> bool:
    clock = time.partition("T")[2]
    return clock.upper().endswith("Z") or "+" in clock or "-" in clock


def wrapper(seen: Seen) -> Answer | None:
    """Answers are not wrapped."""
    answers = [answer for answer in seen.answers if answer.is_success and answer.body is not None]
    if not any(answer.is_wrapped for answer in answers):
        return Answer("answers are not wrapped")
    whole = all(answer.is_wrapped for answer in answers)
    return Answer(f"{'every' if whole else 'some'} answer is wrapped in data", {"data_wrapper": True} if whole else {})


QUESTIONS = (
    Question(2, "Amounts", "are they numbers or text?", "a document", amounts),
    Question(3, "200 or 201", "what is the status of a call that creates something?", _BY_DRAFT, created_status),
    Question(4, "Statuses", "which words are there?", "a document", statuses),
    Question(14, "Not authenticated", "is a call without a token a 401 or a 403?", "an answer", no_token),
    Question(15, "State errors", "which status and form do they have?", "a document that is not paid", state_errors),
    Question(24, "qty", "may a line have a quantity of 0?", _BY_DRAFT, no_units),
    Question(25, "Cancel and update replies", "what do changes answer?", _BY_DRAFT, changes),
    Question(None, "Times", "do they have an offset?", "a document", times),
    Question(None, "Wrapper", "are answers wrapped in `data`?", "an answer", wrapper),
)
