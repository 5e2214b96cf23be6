"""Status calls for executions and for sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dollr_async.sandbox.api.executions import execution_answer
from dollr_async.sandbox.refusals import not_found
from dollr_async.sandbox.world.settlement import count_status_check

if TYPE_CHECKING:
    from dollr_async.sandbox.requests.parameters import ReferencePath, SourceQuery
    from dollr_async.sandbox.world.records import Answer
    from dollr_async.sandbox.world.world import World


class ExecutionStatus:
    """The status call of one kind of execution."""

    def __init__(self, kind: str) -> None:
        """Serve one operation type, such as `COLLECTION`."""
        self._kind = kind

    def retrieve(self, world: World, path: ReferencePath) -> Answer:
        """The status of an execution; it is a 404 until the status lag has passed, if there is one."""
        payment = world.payments.get(path.reference_id.lower())
        if payment is None or payment.kind != self._kind:
            raise not_found("Execution")
        if world.clock.seconds() < payment.accepted_second + world.quirks.status_lag:
            raise not_found("Execution")
        count_status_check(world, payment)
        return execution_answer(world, payment)


def source_status(world: World, query: SourceQuery) -> Answer:
    """The status of an invoice or order; it counts as a status check of its payment."""
    document = world.document(query.source_type, query.source_id)
    if document.paid_by is not None:
        count_status_check(world, world.payments[document.paid_by])
    return {
        "source_id": document.id,
        "source_type": document.source_type,
        "source_number": document.number,
        "status": document.status,
        "currency": document.currency,
        "total_amount": document.total_amount,
        "paid_at": document.paid_at,
    }
