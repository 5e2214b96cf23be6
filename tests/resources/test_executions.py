"""Why a payment failed, in one place: the execution's and the error's `reason`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import pytest

from dollr_async import ExecutionKind, Payer, PaymentFailedError
from tests.resources.cases import shapes
from tests.support.collections import collect

if TYPE_CHECKING:
    from dollr_async import DollrClient
    from dollr_async.sandbox import Sandbox


@pytest.mark.parametrize(
    ("gateway", "wallet", "reason"),
    [
        ("Wrong PIN", None, "Wrong PIN"),
        ("Wrong PIN", "Wallet is FROZEN", "Wrong PIN"),
        (None, "Wallet is FROZEN", "Wallet is FROZEN"),
        ("", "Wallet is FROZEN", "Wallet is FROZEN"),
        (None, None, None),
        ("", "", None),
    ],
)
def test_the_reason_is_the_gateways_message_or_else_the_wallets(
    gateway: str | None, wallet: str | None, reason: str | None
) -> None:
    accepted = shapes.an_execution(ExecutionKind.COLLECTION)
    assert attrs.evolve(accepted, gateway_message=gateway, wallet_message=wallet).reason == reason


@pytest.mark.parametrize(
    ("phone", "reason"),
    [
        ("231770000002", "The payer declined the payment"),
        ("231770000005", "The operator rejected the payment"),
        ("231770000008", "Insufficient balance for amount plus fees"),
    ],
)
async def test_the_error_of_a_failed_payment_has_its_reason(dollr: DollrClient, phone: str, reason: str) -> None:
    collection = await collect(dollr, payer=Payer(fullname="Amara Kamara", phone=phone))
    with pytest.raises(PaymentFailedError) as caught:
        await collection.wait()
    assert caught.value.reason == collection.execution.reason == reason


async def test_a_failed_payment_may_have_no_reason(sandbox: Sandbox, dollr: DollrClient) -> None:
    collection = await collect(dollr)
    sandbox.decline(collection.reference_id, "")
    with pytest.raises(PaymentFailedError, match="the API gave no reason") as caught:
        await collection.wait()
    assert caught.value.reason is None
