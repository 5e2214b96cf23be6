"""The situations that a proof has to meet, counted in what a sandbox received and answered.

A proof that has not met all of them has proved less than it says.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from dollr_async.sandbox import Sandbox
    from dollr_async.sandbox.recording import RecordedRequest
    from dollr_async.sandbox.world.records import Payment

SITUATIONS = (
    "conflicts about a payment that landed",
    "conflicts about one that did not land",
    "executions delivered twice",
    "executions of two runs",
    "executions answered about another payment",
    "statuses answered about another payment",
    "statuses that lagged behind",
    "payments that were SUCCESSFUL",
)

_ABOUT_ANOTHER = {"change after the work", "answer 200"}
"""The faults that answer about another payment, after the work and before it; no other fault here has these words."""


def situations_met(sandbox: Sandbox) -> Counter[str]:
    """Count the situations in the requests that a sandbox has kept."""
    met: Counter[str] = Counter(dict.fromkeys(SITUATIONS, 0))
    payments = sandbox._world.payments
    for request in sandbox.requests:
        if request.operation == "collect":
            body = cast("dict[str, Any]", request.body)
            _count_execution(met, request, payments.get(body["reference_id"]), body["session_id"])
        elif request.operation == "get_collection_status":
            _count_status(met, request, payments.get(request.path.rpartition("/")[2]))
    return met


def _count_execution(met: Counter[str], request: RecordedRequest, payment: Payment | None, session_id: str) -> None:
    fault = request.fault or ""
    is_refused = request.delivered and request.status == 422
    met["executions delivered twice"] += fault == "twice"
    met["executions answered about another payment"] += fault in _ABOUT_ANOTHER
    met["executions of two runs"] += is_refused and payment is not None and str(payment.session.id) != session_id
    if is_refused or fault.startswith(("answer 409", "answer 422")):
        has_landed = payment is not None if is_refused else fault.endswith("after the work")
        met["conflicts about a payment that landed" if has_landed else "conflicts about one that did not land"] += 1


def _count_status(met: Counter[str], request: RecordedRequest, payment: Payment | None) -> None:
    met["statuses answered about another payment"] += request.fault in _ABOUT_ANOTHER
    if request.answer is None or payment is None:
        return
    met["statuses that lagged behind"] += request.status == 404 and payment.accepted_second <= request.second
    met["payments that were SUCCESSFUL"] += b'"SUCCESSFUL"' in request.answer.content
