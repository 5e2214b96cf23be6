"""What led to a payment: which of the recorded requests belong to it, by the ids and the reference they carry."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dollr_async.sandbox.recording import RecordedRequest
    from dollr_async.sandbox.world.records import Payment

_Mark = tuple[str, str]
"""A group of operations, and the id of one of its records."""

_GROUPS = {"INVOICE": "invoices", "ORDER": "orders"}
_CHECKS = ("status", "executions")


def requests_of(payment: Payment, requests: Iterable[RecordedRequest]) -> list[RecordedRequest]:
    """The requests that made what this payment needs, executed it or checked it, in their order."""
    wanted = _marks_of_payment(payment)
    return [request for request in requests if request.operation and not wanted.isdisjoint(_marks(request))]


def is_check(request: RecordedRequest) -> bool:
    """Whether a request only asks for a status."""
    return request.path.startswith("/v1/status/")


def _marks_of_payment(payment: Payment) -> set[_Mark]:
    document, account, session = payment.session.document, payment.account, payment.session
    marks = {("executions", payment.reference_id), ("sessions", f"{session.id}")}
    counterparty = session.counterparty
    if account is not None:
        marks |= {("payment-accounts", f"{account.id}"), ("parties", f"{account.party.id}")}
    if document is not None:
        counterparty = document.counterparty
        marks.add((_GROUPS[document.source_type], f"{document.id}"))
    if counterparty is not None:
        marks |= {("counterparties", f"{counterparty.id}"), ("parties", f"{counterparty.party.id}")}
    return marks


def _marks(request: RecordedRequest) -> Iterator[_Mark]:
    """Everything that a request names, or that it made."""
    group, *rest = request.path.removeprefix("/v1/").split("/")
    parsed = request.body
    body = parsed if isinstance(parsed, dict) else {}
    if group in _CHECKS or group == "realtime-keys":
        yield "executions", f"{body.get('reference_id') or request.query.get('reference_id') or rest[-1]}".lower()
        yield _GROUPS.get(request.query.get("source_type", ""), ""), request.query.get("source_id", "")
        return
    for part in rest:
        if part.isdecimal():
            yield group, part
    answer = request.answer.body if request.answer else None
    if isinstance(answer, dict) and isinstance(answer.get("data"), dict):
        answer = answer["data"]
    if isinstance(answer, dict):
        yield group, f"{answer.get('id', '')}"
        if group == "checkouts":
            yield _GROUPS.get(f"{answer.get('source_type')}", ""), f"{answer.get('source_id')}"
