"""Whose execution was found after a refusal: its money has to be what this payment asked to move."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest

from dollr_async.base.enums import ExecutionKind, ExecutionStatus, FeeBearer
from dollr_async.base.errors import ReferenceUsedError
from dollr_async.flows.contested import Money, check_money
from dollr_async.resources.executions import Execution
from tests.support.collections import REFERENCE


def _execution(payer: str, payee: str, *, charged_in: str = "USD", paid_in: str = "USD") -> Execution:
    return Execution(
        reference_id=REFERENCE,
        status=ExecutionStatus.PENDING,
        payer_amount=Decimal(payer),
        payer_currency=charged_in,
        payee_amount=Decimal(payee),
        payee_currency=paid_in,
        operation_type=ExecutionKind.COLLECTION,
    )


@pytest.mark.parametrize(
    ("execution", "money"),
    [
        (_execution("10.25", "10.00"), Money(amount=Decimal(10), currency="USD", fee_bearer=FeeBearer.PAYER)),
        (_execution("10.00", "9.75"), Money(amount=Decimal(10), currency="USD", fee_bearer=FeeBearer.PAYEE)),
        (_execution("10.25", "10.00"), Money(amount=Decimal(10), currency="USD")),
        (_execution("10.00", "9.75"), Money(amount=Decimal(10), currency="USD")),
        (_execution("10.00", "10.00"), Money(amount=Decimal(10))),
        (_execution("1450", "1450", charged_in="RWF", paid_in="RWF"), Money(amount=Decimal("1450.4"), currency="RWF")),
        (_execution("1450.4", "1450.4", charged_in="RWF", paid_in="RWF"), Money(amount=Decimal(1450), currency="RWF")),
        (_execution("14500", "9.75", charged_in="RWF"), Money(amount=Decimal(10), currency="USD")),
        (_execution("10.00", "10.00", charged_in="usd", paid_in="usd"), Money(amount=Decimal(10), currency="USD")),
    ],
)
def test_the_money_that_was_asked_for_is_this_payments(execution: Execution, money: Money) -> None:
    check_money(execution, money, UUID(REFERENCE))


@pytest.mark.parametrize(
    ("execution", "money", "why"),
    [
        pytest.param(
            _execution("10.00", "9.75"),
            Money(amount=Decimal(10), currency="USD", fee_bearer=FeeBearer.PAYER),
            "it moves 10.00 USD, but 10 USD was asked for",
            id="the payer pays the fees, so the payee gets the whole amount",
        ),
        pytest.param(
            _execution("11.00", "10.75"),
            Money(amount=Decimal(10), currency="USD"),
            "it moves 11.00 USD, but 10 USD was asked for",
            id="another amount",
        ),
        pytest.param(
            _execution("11.00", "10.75"),
            Money(amount=Decimal(10)),
            "it moves 11.00 USD, but 10 was asked for",
            id="another amount of a document's currency",
        ),
        pytest.param(
            _execution("10.00", "10.00", charged_in="LRD", paid_in="LRD"),
            Money(amount=Decimal(10), currency="USD"),
            "it moves 10.00 LRD, but 10 USD was asked for",
            id="another currency",
        ),
        pytest.param(
            _execution("10.00", "10.00"),
            Money(amount=Decimal(10), currency="USD", payer_currency="LRD"),
            "it charges the payer in USD, not in LRD",
            id="another currency of the payer",
        ),
    ],
)
def test_other_money_is_another_runs(execution: Execution, money: Money, why: str) -> None:
    with pytest.raises(ReferenceUsedError) as caught:
        check_money(execution, money, UUID(REFERENCE))
    assert f"another run has executed: {why}. Follow it with dollr.watch('{REFERENCE}'" in str(caught.value)
    assert caught.value.execution is execution
