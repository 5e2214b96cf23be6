"""`dollr status`: check the status of payments once."""

from __future__ import annotations

from dollr_async.base import fields
from dollr_async.base.enums import ExecutionKind
from dollr_async.base.errors import DollrError, InvalidInputError
from dollr_async.cli.opening import opened_client
from dollr_async.cli.options import Flag
from dollr_async.cli.output import reporting
from dollr_async.cli.views import followed_payments, state_of

_OLD = 3600.0
"""Seconds that a payment counts as old: what the API does not know of it is not there."""


async def status(*references: str, kind: str = "collection", json: Flag = False) -> int:
    """Check the status of payments once.

    The exit code is 0 for COMPLETED, 1 for FAILED and for a reference that the API does not know, 2 when nothing was
    tried, and 3 when the outcome is not known yet. Of several payments the greatest code counts.

    Args:
        references: The references of the payments.
        kind: Their kind: collection, payout, transfer or refund.
        json: Print one JSON object per line.
    """
    async with reporting(json=json) as output:
        if not references:
            message = "no payment is named: write its reference, as in dollr status REF"
            raise InvalidInputError(message)
        wanted = list(dict.fromkeys(fields.reference(one) for one in references))
        direction = fields.enum_member(ExecutionKind, kind)
        async with opened_client() as dollr:
            with followed_payments(output) as followed:
                for reference in wanted:
                    try:
                        found = await dollr.check(reference, direction, age=_OLD)
                    except DollrError as error:
                        followed.fail(reference, error)
                        continue
                    if found.execution is not None:
                        followed.show(state_of(reference, found.execution))
    return output.code
