"""A payment account that the API refuses for its method or its provider: the error says which pair was sent."""

from __future__ import annotations

from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from dollr_async import Card, CollectError, Device, DollrClient, InvalidRequestError, MobileMoney, Passcode, Payer
from dollr_async.sandbox import PASSCODE, PASSCODE_PHONE, Fault, Quirks, Sandbox
from tests.conftest import check_requests
from tests.support.collections import collect, sent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.contract import Contract

_OPERATOR = MobileMoney(method="ORANGE_MONEY_LBR", provider="ORANGE_MONEY_LBR")
_PAIR = (
    "The account was sent with method 'ORANGE_MONEY_LBR' and provider '{}': to use another pair, start a new payment"
)


@asynccontextmanager
async def _client(contract: Contract, **quirks: Any) -> AsyncIterator[tuple[Sandbox, DollrClient]]:  # noqa: ANN401 - passed on as they are
    async with Sandbox(quirks=Quirks(**quirks)) as sandbox, DollrClient(**sandbox.settings) as dollr:
        yield sandbox, dollr
        check_requests(sandbox, contract)


def _names(*where: str, message: str = "Input should be a valid value") -> Fault:
    return Fault.answer(422, {"detail": [{"loc": list(where), "msg": message, "type": "value_error"}]})


async def test_a_pair_that_the_caller_gave_is_named_and_the_advice_works(contract: Contract) -> None:
    async with _client(contract, only_predicted_provider=True) as (sandbox, dollr):
        with pytest.raises(CollectError) as caught:
            await collect(dollr, pay_with=_OPERATOR)
        assert caught.value.step == "payment_account"
        assert isinstance(caught.value.__cause__, InvalidRequestError)
        assert str(caught.value).endswith(
            f"{_PAIR.format('ORANGE_MONEY_LBR')} with pay_with=MobileMoney(method=..., provider=...)"
        )
        assert not sandbox.ledger
        collection = await collect(dollr, pay_with=MobileMoney(method="ORANGE_MONEY_LBR", provider="PAWAPAY"))
        assert (await collection.wait()).status == "COMPLETED"


@pytest.mark.parametrize(
    "refusal",
    [
        _names("body", "provider"),
        _names("body", "method"),
        _names("body", message="Invalid method and provider pair"),
        Fault.answer(422, {"detail": "Provider is not enabled"}),
    ],
)
async def test_a_pair_that_the_api_predicted_is_named_too(sandbox: Sandbox, dollr: DollrClient, refusal: Fault) -> None:
    sandbox.fail("create_payment_account", refusal)
    with pytest.raises(CollectError) as caught:
        await collect(dollr)
    assert _PAIR.format("PAWAPAY") in str(caught.value)
    (body,) = sent(sandbox, "create_payment_account")
    assert isinstance(body, dict)
    assert (body["method"], body["provider"]) == ("ORANGE_MONEY_LBR", "PAWAPAY")


async def test_the_pair_of_a_payout_is_named(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.fail("create_payment_account", _names("body", "provider"))
    with pytest.raises(CollectError) as caught:
        await dollr.payout(
            to=Payer(fullname="Fatu Cole", phone="231771234567"),
            amount=Decimal("40.00"),
            currency="USD",
            passcode=Passcode(PASSCODE, phone=PASSCODE_PHONE),
            device=Device("till", "SERVER", "PYTHON", "tests", "127.0.0.1"),
        )
    assert _PAIR.format("PAWAPAY") in str(caught.value)


async def test_the_pair_of_a_card_is_named_with_another_way_to_pay(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.fail("create_payment_account", _names("body", "method"))
    with pytest.raises(CollectError) as caught:
        await collect(dollr, pay_with=Card(account_name="Amara Kamara"))
    assert "with method 'CREDIT_CARD' and provider 'STRIPE'" in str(caught.value)
    assert "pay_with=SavedAccount(id)" in str(caught.value)
    assert "MobileMoney" not in str(caught.value)


@pytest.mark.parametrize(
    "refusal",
    [
        _names("body", "country_code"),
        _names("body", "insensitive_account_number"),
        _names("body", "payment_method_id"),
        Fault.answer(422, {"detail": "Party not found"}),
        Fault.answer(403, {"detail": "This provider needs verification"}),
        Fault.answer(404, {"detail": "Unknown provider"}),
    ],
)
async def test_another_refusal_of_an_account_says_nothing_about_the_pair(
    sandbox: Sandbox, dollr: DollrClient, refusal: Fault
) -> None:
    sandbox.fail("create_payment_account", refusal)
    with pytest.raises(CollectError) as caught:
        await collect(dollr)
    assert caught.value.step == "payment_account"
    assert "another pair" not in str(caught.value)
