"""The phones and names of a request: in no error's text and no traceback, whatever the API repeats of them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from dollr_async import CollectError, InvalidRequestError, LineItem, NewParty, Payer
from dollr_async.sandbox import Fault
from tests.support.collections import ITEM

if TYPE_CHECKING:
    from dollr_async import DollrClient
    from dollr_async.sandbox import Sandbox

_NAME, _PHONE, _EMAIL = 'Zoé "Z" Kamara', "231771234567", "zoe@example.org"
_PAYER = Payer(fullname=_NAME, phone=_PHONE, email=_EMAIL, country_code="LR")


def _echo(as_list: bool) -> Fault:  # noqa: FBT001 - it is what the test is about
    text = f"{_NAME} <{_EMAIL}> with {_PHONE} is on a list"
    detail = [{"loc": ["body", "phone"], "msg": text, "type": "value_error"}] if as_list else text
    return Fault.answer(422, {"detail": detail})


@pytest.mark.parametrize("as_list", [False, True])
async def test_a_refusal_that_repeats_the_payer_shows_nobody(
    sandbox: Sandbox,
    dollr: DollrClient,
    caplog: pytest.LogCaptureFixture,
    as_list: bool,  # noqa: FBT001 - see above
) -> None:
    sandbox.fail("create_party", _echo(as_list))
    with pytest.raises(CollectError) as caught, caplog.at_level(logging.DEBUG):
        await dollr.collect(payer=_PAYER, items=[ITEM], currency="USD")
    logging.getLogger("shop").error("the payment stopped", exc_info=caught.value)
    assert "Traceback" in caplog.text
    refused = caught.value.__cause__
    assert isinstance(refused, InvalidRequestError)
    for shown in (str(caught.value), str(refused), repr(refused), caplog.text):
        assert not [secret for secret in ("Kamara", _PHONE, _EMAIL) if secret in shown]
    assert "is on a list" in str(refused)
    assert all(part in refused.detail for part in (_NAME, _PHONE, _EMAIL)), "whoever handles the error may need it"


async def test_a_filter_that_is_repeated_shows_nobody(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.fail("list_parties", Fault.answer(422, {"detail": f"no filter {_NAME}"}))
    with pytest.raises(InvalidRequestError) as caught:
        await dollr.parties.list(fullname=f" {_NAME} ")
    assert "Kamara" not in str(caught.value)
    assert _NAME in caught.value.detail


async def test_values_that_are_everybodys_stay(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.fail("create_party", Fault.answer(422, {"detail": "Al is too short, and so is an item"}))
    with pytest.raises(InvalidRequestError, match="Al is too short"):
        await dollr.parties.create(NewParty(fullname="Al", phone=_PHONE))
    sandbox.fail("add_invoice_item", Fault.answer(422, {"detail": "Rice is sold out"}))
    with pytest.raises(CollectError, match="Rice is sold out"):
        await dollr.collect(payer=_PAYER, items=[LineItem(name="Rice", amount=7)], currency="USD")
