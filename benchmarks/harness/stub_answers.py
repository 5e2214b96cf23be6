"""The answers of the stub server: the examples of the API's contract, changed so that they belong to one payment."""

from __future__ import annotations

import json

REFERENCE = "3f1c9a52-7b64-4d0e-9a57-2c8e41d6f0b3"
STATUS = "GET /v1/status/collection"

_TIMES = {"created_at": "2026-07-01T09:00:00Z", "updated_at": "2026-07-01T09:00:00Z"}
_INVOICE: dict[str, object] = {
    "id": 501,
    "reference_id": None,
    "invoice_number": "INV-2026-00501",
    "counterparty_id": 77,
    "currency": "USD",
    "total_amount": 120.5,
    "status": "ACTIVE",
    "note": "Solar kit deposit",
    "fee_bearer": "PAYER",
    "due_date": "2026-07-31T00:00:00Z",
    "as_payment_link": False,
    "owner_id": 9,
    "owner_type": "ORGANIZATION",
    "paid_at": None,
    **_TIMES,
}
_EXECUTION: dict[str, object] = {
    "reference_id": REFERENCE,
    "provider_transaction_id": None,
    "status": "PROCESSING",
    "payer_amount": 123.9,
    "payer_currency": "USD",
    "payee_amount": 120.5,
    "payee_currency": "USD",
    "operation_type": "COLLECTION",
    "gateway_message": None,
    "wallet_message": None,
    "client_secret": None,
    "requires_action": None,
}
_ANSWERS: dict[str, dict[str, object]] = {
    "POST /v1/jwt/client/obtain/token": {"access_token": "aaa.bbb.ccc", "expires_in": 60},
    "POST /v1/parties/create": {
        "id": 310,
        "fullname": "Fatu Kollie",
        "email": "fatu@shop.example",
        "phone": "231880001122",
        "country_code": "LR",
        **_TIMES,
    },
    "POST /v1/counterparties/create": {"id": 77, "relationship_type": "CUSTOMER", "party_id": 310, **_TIMES},
    "POST /v1/invoices/create": _INVOICE | {"status": "IDLE", "total_amount": 0},
    "POST /v1/invoices/501/items/add": {
        "id": 12,
        "name": "Panel",
        "currency": "USD",
        "qty": 1,
        "amount": 120.5,
        **_TIMES,
    },
    "PUT /v1/invoices/publish/501": _INVOICE,
    "POST /v1/checkouts/create": {
        "mode": "DIRECT",
        "source_type": "INVOICE",
        "source_id": 501,
        "source_number": "INV-2026-00501",
        "source_status": "ACTIVE",
        "counterparty_id": 77,
        "party_id": 310,
        "source_checkout_config_id": 14,
        "currency": "USD",
        "total_amount": 120.5,
        "url": "https://pay.example/h/abc",
        "reference_id": None,
        "due_date": None,
        "expires_at": None,
        "hosted_path_or_token": "abc",
        "success_url": None,
        "cancel_url": None,
    },
    "GET /v1/predictions/mmo-provider-info": {
        "carrier": "MTN",
        "country": "LR",
        "currencies": ["USD", "LRD"],
        "phone": "231880001122",
        "payment_method": "MTN_MOMO_LBR",
        "gateway_provider": "PAWAPAY",
        "operation_type": "COLLECTION",
    },
    "POST /v1/payment-accounts/create": {
        "id": 204,
        "account_name": "Fatu Kollie",
        "provider": "PAWAPAY",
        "method": "MTN_MOMO_LBR",
        "party_id": 310,
        "country_code": "LR",
        "is_active": True,
        **_TIMES,
    },
    "POST /v1/sessions/checkout": {
        "id": 640,
        "payment_account_id": None,
        "source_id": 501,
        "source_type": "INVOICE",
        "status": "ACTIVE",
        "expires_at": "2026-07-01T09:35:00Z",
        **_TIMES,
    },
    "POST /v1/executions/collection": _EXECUTION,
    STATUS: _EXECUTION,
}

ANSWERS = {target: json.dumps(answer).encode() for target, answer in _ANSWERS.items()}
"""The body for each method and path; the path of a status is without its last part, the reference."""

COMPLETED = json.dumps(_EXECUTION | {"status": "COMPLETED"}).encode()
"""The body for a collection that has reached a final status."""
