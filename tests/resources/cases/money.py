"""Sessions, executions, their statuses and the realtime key."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from dollr_async import (
    CheckoutSession,
    Device,
    DevicePasscode,
    ExecutionKind,
    NewCheckoutSession,
    NewCollection,
    NewPayout,
    NewPayoutSession,
    NewRealtimeKey,
    NewRefund,
    NewRefundSession,
    NewTransfer,
    NewTransferSession,
    Passcode,
    PayoutSession,
    RealtimeKey,
    RefundSession,
    SessionStatus,
    SourceState,
    SourceStatus,
    SourceType,
    TransferSession,
)
from tests.resources.cases import shapes
from tests.resources.cases.case import WireCase
from tests.resources.cases.shapes import AT_NINE, MADE, NINE, REFERENCE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from dollr_async import Execution
    from tests.resources.cases.case import Wired

_SESSION = {"status": "ACTIVE", "expires_at": NINE, **MADE}
# Ten in the morning in Kigali is eight by UTC.
_TEN_IN_KIGALI = datetime(2026, 7, 1, 10, tzinfo=timezone(timedelta(hours=2)))
PASSCODE = DevicePasscode(
    token=Passcode("4711", phone="+231880001122"),
    device=Device(name="till 1", type="SERVER", platform="PYTHON", user_agent="shop/1.0", client_ip="192.0.2.7"),
)


def _execution(kind: str, operation: str, call: Callable[[Wired], Awaitable[Execution]], body: object) -> WireCase:
    return WireCase(
        operation=operation,
        name=f"executions.{kind}",
        call=call,
        method="POST",
        path=f"/v1/executions/{kind}",
        body=body,
        answer=shapes.execution(kind.upper()),
        value=shapes.an_execution(ExecutionKind(kind)),
    )


def _status(kind: str, call: Callable[[Wired], Awaitable[Execution]]) -> WireCase:
    return WireCase(
        operation=f"get_{kind}_status",
        name=f"status.{kind}",
        call=call,
        method="GET",
        path=f"/v1/status/{kind}/{REFERENCE}",
        answer=shapes.execution(kind.upper()),
        value=shapes.an_execution(ExecutionKind(kind)),
    )


CASES = (
    WireCase(
        operation="create_checkout_session",
        name="sessions.checkout",
        call=lambda api: api.sessions.checkout(NewCheckoutSession(source_id="501", source_type="invoice")),
        method="POST",
        path="/v1/sessions/checkout",
        body={"source_id": 501, "source_type": "INVOICE"},
        answer={"id": 41, "payment_account_id": None, "source_id": 501, "source_type": "INVOICE", **_SESSION},
        value=CheckoutSession(
            id=41,
            source_id=501,
            source_type=SourceType.INVOICE,
            status=SessionStatus.ACTIVE,
            expires_at=AT_NINE,
            created_at=AT_NINE,
            updated_at=AT_NINE,
        ),
    ),
    WireCase(
        operation="create_payout_session",
        name="sessions.payout",
        call=lambda api: api.sessions.payout(
            NewPayoutSession(payout_account_id="204", amount=Decimal("75.10"), currency="USD")
        ),
        method="POST",
        path="/v1/sessions/payout",
        body={"payout_account_id": 204, "amount": Decimal("75.10"), "currency": "USD"},
        answer={"id": 42, "wallet_id": 8, "payout_account_id": 204, "amount": 75.1, "currency": "USD", **_SESSION},
        value=PayoutSession(
            id=42,
            wallet_id=8,
            payout_account_id=204,
            amount=Decimal("75.1"),
            currency="USD",
            status=SessionStatus.ACTIVE,
            expires_at=AT_NINE,
            created_at=AT_NINE,
            updated_at=AT_NINE,
        ),
    ),
    WireCase(
        operation="create_transfer_session",
        name="sessions.transfer",
        call=lambda api: api.sessions.transfer(
            NewTransferSession(
                from_wallet_id=8, to_counterparty_id=77, amount=75, currency="USD", expires_at=_TEN_IN_KIGALI
            )
        ),
        method="POST",
        path="/v1/sessions/transfer",
        body={
            "from_wallet_id": 8,
            "to_counterparty_id": 77,
            "amount": 75,
            "currency": "USD",
            "expires_at": "2026-07-01T08:00:00Z",
        },
        answer={
            "id": 43,
            "from_wallet_id": 8,
            "to_counterparty_id": 77,
            "amount": 75,
            "currency": "USD",
            **_SESSION,
        },
        value=TransferSession(
            id=43,
            from_wallet_id=8,
            to_counterparty_id=77,
            amount=Decimal(75),
            currency="USD",
            status=SessionStatus.ACTIVE,
            expires_at=AT_NINE,
            created_at=AT_NINE,
            updated_at=AT_NINE,
        ),
    ),
    WireCase(
        operation="create_refund_session",
        name="sessions.refund",
        call=lambda api: api.sessions.refund(
            NewRefundSession(
                original_payment_intent_id=9001, amount=Decimal("20.5"), expires_at=_TEN_IN_KIGALI, reason="broken"
            )
        ),
        method="POST",
        path="/v1/sessions/refund",
        body={
            "original_payment_intent_id": 9001,
            "amount": Decimal("20.5"),
            "expires_at": "2026-07-01T08:00:00Z",
            "reason": "broken",
        },
        answer={
            "id": 44,
            "original_payment_intent_id": 9001,
            "amount": 20.5,
            "currency": "USD",
            "reason": "broken",
            **_SESSION,
        },
        value=RefundSession(
            id=44,
            status=SessionStatus.ACTIVE,
            expires_at=AT_NINE,
            original_payment_intent_id=9001,
            amount=Decimal("20.5"),
            currency="USD",
            reason="broken",
            created_at=AT_NINE,
            updated_at=AT_NINE,
        ),
    ),
    _execution(
        "collection",
        "collect",
        lambda api: api.executions.collection(
            NewCollection(session_id=41, payment_account_id=204, currency="USD", reference_id=UUID(REFERENCE))
        ),
        {"session_id": "41", "payment_account_id": "204", "currency": "USD", "reference_id": REFERENCE},
    ),
    _execution(
        "payout",
        "payout",
        lambda api: api.executions.payout(
            NewPayout(session_id=42, payout_account_id=204, reference_id=REFERENCE, passcode=PASSCODE)
        ),
        {
            "session_id": "42",
            "payout_account_id": "204",
            "reference_id": REFERENCE,
            "passcode": {
                "token": {"code": "4711", "phone": "231880001122"},
                "device": {
                    "name": "till 1",
                    "type": "SERVER",
                    "platform": "PYTHON",
                    "user_agent": "shop/1.0",
                    "client_ip": "192.0.2.7",
                },
            },
        },
    ),
    _execution(
        "transfer",
        "transfer",
        lambda api: api.executions.transfer(NewTransfer(session_id=43, reference_id=REFERENCE)),
        {"session_id": "43", "reference_id": REFERENCE},
    ),
    _execution(
        "refund",
        "refund",
        lambda api: api.executions.refund(NewRefund(session_id="44", reference_id=REFERENCE)),
        {"session_id": "44", "reference_id": REFERENCE},
    ),
    _status("collection", lambda api: api.status.collection(REFERENCE)),
    _status("payout", lambda api: api.status.payout(UUID(REFERENCE))),
    _status("transfer", lambda api: api.status.transfer(REFERENCE)),
    _status("refund", lambda api: api.status.refund(REFERENCE)),
    WireCase(
        operation="get_payment_source_status",
        name="status.source",
        call=lambda api: api.status.source("order", "601"),
        method="GET",
        path="/v1/status/source",
        query={"source_type": "ORDER", "source_id": "601"},
        answer={
            "source_id": 601,
            "source_type": "ORDER",
            "source_number": "ORD-2026-0601",
            "status": "PAID",
            "currency": "RWF",
            "total_amount": 150000,
            "paid_at": NINE,
        },
        value=SourceState(
            source_id=601,
            source_type=SourceType.ORDER,
            source_number="ORD-2026-0601",
            status=SourceStatus.PAID,
            currency="RWF",
            total_amount=Decimal(150000),
            paid_at=AT_NINE,
        ),
    ),
    WireCase(
        operation="get_collection_realtime_key",
        name="realtime_keys.collection",
        call=lambda api: api.realtime_keys.collection(
            NewRealtimeKey(session_id="41", source_type=SourceType.INVOICE, reference_id=REFERENCE)
        ),
        method="POST",
        path="/v1/realtime-keys/collection",
        body={"session_id": 41, "source_type": "INVOICE", "reference_id": REFERENCE},
        answer={"access_token": "aaa.bbb.ccc", "expires_in": 60},
        value=RealtimeKey(access_token="aaa.bbb.ccc", expires_in=60),
    ),
)
