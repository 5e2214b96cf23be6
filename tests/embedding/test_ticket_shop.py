"""What the shops and bots share: which error says what to a payer, and how often an outcome is told."""

from __future__ import annotations

import asyncio
import importlib
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from dollr_async import (
    AuthenticationError,
    CollectError,
    DecodeError,
    DollrClient,
    DollrError,
    InvalidInputError,
    InvalidRequestError,
    JournalError,
    OutcomeUnknownError,
    Payer,
    Progress,
    ReferenceUsedError,
)
from dollr_async.journal import MemoryJournal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dollr_async.sandbox import Sandbox

REFERENCE = uuid.uuid4()
PROGRESS = Progress(reference_id=REFERENCE)


@pytest.fixture
def ticket_shop() -> Any:  # noqa: ANN401 - a module of the examples, which the directory's fixture makes importable
    return importlib.import_module("ticket_shop")


@pytest.fixture
def shop(ticket_shop: Any) -> Iterator[Any]:  # noqa: ANN401 - the same
    shop = ticket_shop.Shop(DollrClient("id", "secret"))
    yield shop
    shop._database.close()


def stopped_by(cause: DollrError) -> CollectError:
    error = CollectError("stopped", step="operator", progress=PROGRESS, reference_id=REFERENCE)
    error.__cause__ = cause
    return error


def refused(status: type[InvalidRequestError | AuthenticationError], number: int) -> DollrError:
    return status(status=number, detail="No operator", method="GET", path="/v1")


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (InvalidInputError("write the phone as in '231771234567'"), 422, "Nothing was charged. write the phone"),
        (stopped_by(refused(InvalidRequestError, 422)), 422, "Nothing was charged. No operator."),
        (stopped_by(refused(AuthenticationError, 401)), 503, "Nothing was charged. Try again later."),
        (refused(InvalidRequestError, 422), 202, "We do not know yet"),
        (OutcomeUnknownError("sent", progress=PROGRESS, reference_id=REFERENCE), 202, "Please do not pay again"),
        (DecodeError("landed"), 202, "We do not know yet"),
        (ReferenceUsedError("another", reference_id=REFERENCE), 202, "We do not know yet"),
        (JournalError("the disk is full"), 202, "We do not know yet"),
    ],
)
def test_a_payer_learns_whether_something_was_charged(
    ticket_shop: Any,  # noqa: ANN401 - a module of the examples
    error: DollrError,
    status: int,
    said: str,
) -> None:
    told_status, sentence = ticket_shop.explain(error)
    assert told_status == status
    assert said in sentence


async def test_an_outcome_is_told_again_until_it_is_marked_and_not_for_an_older_attempt(shop: Any) -> None:  # noqa: ANN401 - of the examples
    async with shop.attempt("7", Payer("Amara Kamara", "231771234567")) as first:
        pass
    async with shop.attempt("7", Payer("Amara Kamara", "231881234567")) as again:
        assert again == first, "the open payment keeps its phone"
    assert [order.status for order in shop.settle(first.payment, "FAILED")] == ["FAILED"]
    async with shop.attempt("7", Payer("Amara Kamara", "231881234567")) as second:
        assert (second.payer.phone, second.status) == ("231881234567", "OPEN")
        assert second.payment != first.payment
    assert shop.settle(first.payment, "FAILED") == []
    assert [order.status for order in shop.settle(second.payment, "COMPLETED") * 2] == ["COMPLETED"] * 2
    assert [order.status for order in shop.settle(second.payment, "COMPLETED")] == ["COMPLETED"], "told again"


async def test_a_payment_that_did_not_run_is_told_once(shop: Any) -> None:  # noqa: ANN401 - of the examples
    with pytest.raises(CollectError):
        async with shop.attempt("7", Payer("Amara Kamara", "231771234567")) as order:
            raise stopped_by(JournalError("any"))
    assert shop.find("7").status == "NOT_RUN"
    assert shop.settle(order.payment, "NOT_RUN") == []


async def test_a_payer_who_could_not_be_told_is_told_again(
    ticket_shop: Any,  # noqa: ANN401 - a module of the examples
    sandbox: Sandbox,
    caplog: pytest.LogCaptureFixture,
) -> None:
    told: list[str] = []

    async def tell(order: Any) -> None:  # noqa: ANN401 - of the examples
        told.append(order.status)
        if len(told) == 1:
            raise OSError("no network")

    async with (
        DollrClient(**sandbox.settings, journal=MemoryJournal()) as dollr,
        ticket_shop.Shop(dollr).delivering(tell) as shop,
    ):
        async with shop.attempt("7", Payer("Amara Kamara", "231771234567")) as order:
            await dollr.collect(payer=order.payer, items=ticket_shop.TICKET, currency="USD", reference_id=order.payment)
        await asyncio.sleep(60)
        assert shop.find("7").status == "COMPLETED"
    assert told == ["COMPLETED", "COMPLETED"]
    assert f"payment {order.payment} is handed out again" in caplog.text


async def test_deliveries_that_end_are_in_the_log(shop: Any, caplog: pytest.LogCaptureFixture) -> None:  # noqa: ANN401 - of the examples
    async with shop.delivering():  # its client has no journal
        await asyncio.sleep(1)
    assert "without a journal there are no outcomes" in caplog.text
