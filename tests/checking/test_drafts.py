"""A check changes nothing but one draft invoice, which is cancelled whatever goes wrong."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from dollr_async.base.clock import LoopClock
from dollr_async.base.errors import InvalidInputError
from dollr_async.checking.probe import Probe
from dollr_async.wire.transport import Transport
from tests.checking.merchant import merchant, report_of
from tests.conftest import check_requests

if TYPE_CHECKING:
    from dollr_async.checking.contract import Contract
    from dollr_async.sandbox import Sandbox
    from tests.contract import Contract as RequestContract

_CHANGES = {
    *("client_obtain_token", "create_invoice", "add_invoice_item", "update_invoice_item", "remove_invoice_item"),
    *("update_invoice", "cancel_invoice"),
}


def _drafts(sandbox: Sandbox) -> list[object]:
    """Return the status of each invoice that a check made."""
    found = sandbox._world.documents["INVOICE"].values()
    return [document.status for document in found if str(document.reference_id).startswith("dollr-check-")]


async def test_a_report_moves_no_money_and_changes_only_its_draft(
    checked_contract: Contract, contract: RequestContract
) -> None:
    async with merchant() as sandbox:
        ledger = [(entry.reference_id, entry.status) for entry in sandbox.ledger]
        await report_of(sandbox, checked_contract)
        assert [(entry.reference_id, entry.status) for entry in sandbox.ledger] == ledger
        assert {str(request.operation) for request in sandbox.requests if request.method != "GET"} == _CHANGES
        assert _drafts(sandbox) == ["CANCELED"]
        # One request has no token on purpose.
        (no_token,) = [sent for sent in sandbox.requests[1:] if "Authorization" not in sent.headers]
        sandbox.requests.remove(no_token)
        check_requests(sandbox, contract)


@pytest.mark.parametrize(
    "fault", ["lose_answer", "503_after", "cut_body", "garbage", "drop", "503", "422", "403", "404"]
)
@pytest.mark.parametrize("operation", ["create_invoice", "add_invoice_item", "update_invoice", "cancel_invoice"])
async def test_the_draft_is_cancelled_whatever_is_lost(operation: str, fault: str, checked_contract: Contract) -> None:
    async with merchant() as sandbox:
        sandbox.fail(operation, int(fault) if fault.isdecimal() else fault)
        report = await report_of(sandbox, checked_contract)
        assert report.left is None
        assert set(_drafts(sandbox)) <= {"CANCELED"}


async def test_a_draft_that_cannot_be_cancelled_is_named_so_that_it_is_found(checked_contract: Contract) -> None:
    async with merchant() as sandbox:
        sandbox.fail("cancel_invoice", 503, times=None)
        report = await report_of(sandbox, checked_contract)
    assert report.left is not None
    assert "could not be cancelled: cancel it in the portal" in str(report.left)
    assert report.left.reference in str(report.left)
    assert report.left.reference not in report.text


async def test_the_draft_is_cancelled_when_the_check_is_stopped(checked_contract: Contract) -> None:
    async with merchant() as sandbox:
        sandbox.fail("update_invoice", "hang")
        running = asyncio.create_task(report_of(sandbox, checked_contract))
        await asyncio.sleep(20.0)  # virtual seconds: by then it waits for that answer
        assert sandbox.requests_to("update_invoice")
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert _drafts(sandbox) == ["CANCELED"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "executions/collection"),
        ("POST", "sessions/checkout"),
        ("PUT", "invoices/publish/7"),
        ("POST", "checkouts/create"),
        ("POST", "orders/create"),
        ("DELETE", "invoices/cancel/7/../../orders/cancel/8"),
    ],
)
async def test_no_other_change_is_ever_sent(sandbox: Sandbox, method: str, path: str) -> None:
    transport = Transport(sandbox.url, timeout=5.0)
    with pytest.raises(InvalidInputError, match="a check does not send"):
        await Probe(transport, LoopClock()).change("any", method, path, {})
    assert sandbox.requests == []
    await transport.close()
