"""Answers to an execution, by name: refusals, conflicts, and answers about another payment (docs/design.md, rule 2)."""

from __future__ import annotations

import attrs

from dollr_async.sandbox import Fault

_ANOTHER = "0b6c1de2-5a57-4f0e-8a3d-94a1e0f3b7c5"


def _says(status: int, text: str) -> Fault:
    return Fault.answer(status, {"detail": text})


def _names(status: int, field: str, message: str) -> Fault:
    return Fault.answer(status, {"detail": [{"loc": ["body", field], "msg": message, "type": "value_error"}]})


def _about_another(status: str) -> Fault:
    money = {"payer_amount": 252.5, "payer_currency": "USD", "payee_amount": 252.5, "payee_currency": "USD"}
    return Fault.answer(200, {"reference_id": _ANOTHER, "status": status, "operation_type": "COLLECTION", **money})


_TEXTS = {"404": _says(404, "Not Found"), "422 with a text": _says(422, "Invalid method and provider")}
"""Refusals in plain text. They are checked for a while, since a text is no proof."""

REFUSALS = {
    "403 with a reason": _says(403, "Verification is not complete"),
    "400 that names a field": _names(400, "currency", "Unsupported"),
    **_TEXTS,
}
"""Refusals where nothing was done."""

CONFLICTS_BEFORE = {
    "in progress": Fault.in_progress(after_work=False),
    "duplicate reference": _names(422, "reference_id", "Duplicate reference"),
    "reference exists": _says(422, "reference_id already exists"),
    "session expired": _names(422, "session_id", "Session is expired"),
    "session not found": _says(422, "Session 400001 not found"),
    "a proxy's page": Fault.page(403),
}
"""Conflicts, where nothing was done."""

CONFLICTS_AFTER = {
    f"{name}, after the work": attrs.evolve(fault, after_work=True)
    for name, fault in {**CONFLICTS_BEFORE, **_TEXTS}.items()
}
"""The same, and refusals in plain text, where the execution was carried out."""

FOREIGN_BEFORE = {
    "another payment that is COMPLETED": _about_another("COMPLETED"),
    "another payment that FAILED": _about_another("FAILED"),
}
"""Answers about another payment to an execution that was not carried out."""

FOREIGN_AFTER = {
    "another payment, after the work": Fault.changed(reference_id=_ANOTHER),
    "another payment that FAILED, after the work": Fault.changed(reference_id=_ANOTHER, status="FAILED"),
}
"""Answers about another payment to an execution that was carried out, or to a status check."""

CONFLICTS = {**CONFLICTS_AFTER, **CONFLICTS_BEFORE}
FOREIGN = {**FOREIGN_AFTER, **FOREIGN_BEFORE}
