"""Whose execution was found after a refusal: this payment's, or another run's under the same reference.

Nothing in an execution says so (docs/design.md, rule 2). Its money does where it differs, and the document of this
payment does once the execution is COMPLETED.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import attrs

from dollr_async.base.enums import FeeBearer, SourceStatus
from dollr_async.base.errors import DollrError, ReferenceUsedError
from dollr_async.base.money import rounded
from dollr_async.base.progress import resume_call
from dollr_async.wire.retry import RetryPolicy

if TYPE_CHECKING:
    from uuid import UUID

    from dollr_async.base.clock import Clock
    from dollr_async.base.progress import Progress
    from dollr_async.resources.executions import Execution
    from dollr_async.resources.status import Status

_ONCE = RetryPolicy(attempts=1)
_TICK = 1e-3
"""Seconds added to the last wait. A wait shorter than the clock can measure would be repeated without end."""

_PAUSES = RetryPolicy()


@attrs.frozen(kw_only=True)
class Money:
    """What a payment was asked to move: `amount` in major units of `currency`, None where the caller does not say it.

    `payer_currency` is what the payer is charged in, where that is known.
    """

    amount: Decimal
    currency: str | None = None
    payer_currency: str | None = None
    fee_bearer: FeeBearer | None = None


def check_money(execution: Execution, money: Money, reference_id: UUID) -> None:
    """Refuse an execution that moves other money than this payment.

    Raises:
        ReferenceUsedError: the amount or the currency is another.
    """
    charged_in = execution.payer_currency.upper()
    if money.payer_currency is not None and charged_in != money.payer_currency:
        raise _used(execution, reference_id, f"it charges the payer in {charged_in}, not in {money.payer_currency}")
    currency, paid_in = money.currency, execution.payee_currency.upper()
    if charged_in != paid_in == currency and money.fee_bearer != FeeBearer.PAYER:
        return  # exchanged, and the fees of an unknown size are taken from the side whose amount is known
    # Fees are taken from one side, so the amount that was asked for is on the other.
    payer, payee = (execution.payer_amount, charged_in), (execution.payee_amount, paid_in)
    sides = [payee] if money.fee_bearer == FeeBearer.PAYER else [payer, payee]
    if not any(_is_same(money.amount, currency, amount, in_) for amount, in_ in sides):
        wanted = f"{money.amount} {currency or ''}".strip()
        raise _used(execution, reference_id, f"it moves {payer[0]} {payer[1]}, but {wanted} was asked for")


def _is_same(wanted: Decimal, currency: str | None, amount: Decimal, amount_in: str) -> bool:
    return currency in (None, amount_in) and rounded(wanted, amount_in) == rounded(amount, amount_in)


async def check_document(
    execution: Execution, status: Status, progress: Progress, *, grace: float, clock: Clock
) -> None:
    """Refuse a COMPLETED execution that did not pay this payment's document, which may lag by `grace` seconds.

    Raises:
        ReferenceUsedError: the document is not PAID, so another one was.
        DollrError: the document could not be read at all.
    """
    began = clock.monotonic()
    source_type, source_id = progress.source_type or "", progress.source_id or 0
    for pause in _PAUSES.delays():
        failure: DollrError | None = None
        seen = "not known"
        try:
            source = await status.source(source_type, source_id, retry=_ONCE)
        except DollrError as error:
            failure = error
        else:
            if source.status == SourceStatus.PAID:
                return
            seen = str(source.status)
        left = began + grace - clock.monotonic()
        if left <= 0:
            if failure is not None:
                raise failure
            why = f"the document of this run, {source_type} {source_id}, is {seen}, not PAID"
            raise _used(execution, progress.reference_id, why)
        await clock.sleep(min(pause, left + _TICK))


def _used(execution: Execution, reference_id: UUID, why: str) -> ReferenceUsedError:
    message = (
        f"reference {reference_id} names a payment that another run has executed: {why}. Follow it with "
        f"{resume_call('watch', reference_id, execution.operation_type)}, and do not pay again"
    )
    return ReferenceUsedError(message, reference_id=reference_id, execution=execution)
