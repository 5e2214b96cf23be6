"""The records of the sandbox as `/__control` writes them: amounts are exact text, times are ISO texts in UTC."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dollr_async.sandbox.pages.secrets import starred_json, starred_pairs, starred_text
from dollr_async.sandbox.payer import phone_of

if TYPE_CHECKING:
    from dollr_async.sandbox.faults import FaultPlan
    from dollr_async.sandbox.recording import RecordedRequest
    from dollr_async.sandbox.world.records import Answer, Payment, Session
    from dollr_async.sandbox.world.world import World


def payment_answer(payment: Payment) -> Answer:
    """A payment, with what it waits for."""
    document = payment.session.document
    return {
        "reference_id": payment.reference_id,
        "kind": payment.kind,
        "status": payment.status,
        "is_final": payment.is_final,
        "requires_action": bool(payment.requires_action),
        "outcome": payment.outcome.name,
        "phone": phone_of(payment),
        "payer_amount": f"{payment.price.payer_amount:f}",
        "payer_currency": payment.price.payer_currency,
        "payee_amount": f"{payment.price.payee_amount:f}",
        "payee_currency": payment.price.payee_currency,
        "source_type": document.source_type if document else None,
        "source_id": document.id if document else None,
        "source_number": document.number if document else None,
        "session_id": payment.session.id,
        "sends": payment.sends,
        "gateway_message": payment.gateway_message,
        "wallet_message": payment.wallet_message,
        "accepted_at": payment.accepted_at,
        "settled_at": payment.settled_at,
        "history": [{"status": status, "at": at} for status, at in payment.history],
    }


def request_answer(request: RecordedRequest) -> Answer:
    """A request and its answer, with secrets starred."""
    return {
        "number": request.number,
        "operation": request.operation,
        "method": request.method,
        "path": starred_text(request.path),
        "query": starred_pairs(request.query),
        "headers": starred_pairs(request.headers),
        "body": starred_json(request.body),
        "at": request.at,
        "token": request.token,
        "status": request.status,
        "answer": starred_json(request.answer.body) if request.answer else None,
        "delivered": request.delivered,
        "fault": request.fault,
    }


def fault_answers(plan: FaultPlan) -> list[Answer]:
    """Every planned fault; `left` is null for one that stays."""
    return [
        {"operation": operation, "fault": planned.word, "left": planned.left, "chance": planned.chance}
        for operation, faults in plan.planned().items()
        for planned in faults
    ]


def session_answer(session: Session) -> Answer:
    """A session."""
    document = session.document
    return {
        "id": session.id,
        "kind": session.kind,
        "status": session.status,
        "source_number": document.number if document else None,
        "expires_at": session.expires_at,
    }


def clock_answer(world: World) -> Answer:
    """The time, and when the next scheduled event is due."""
    return {
        "now": world.clock.now(),
        "seconds": world.clock.seconds(),
        "next_event_in": max(world.events[0][0] - world.clock.seconds(), 0.0) if world.events else None,
    }


def token_answer(world: World) -> Answer:
    """How many tokens there were, how long later ones live, and which are valid."""
    now = world.clock.seconds()
    return {
        "issued": world.tokens.issued,
        "minutes": world.tokens.lifetime,
        "valid": [{"number": one.number, "expires_in": one.expires_second - now} for one in world.tokens.valid()],
    }
