"""The draft invoice of a report: made, changed in every way, and cancelled again. It is never published."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from dollr_async.base.errors import DollrError
from dollr_async.checking.reads import UNPAID_RECEIPT

if TYPE_CHECKING:
    from dollr_async.checking.probe import Probe
    from dollr_async.checking.seen import Fields

NO_UNITS = "no units"
"""Why a line with a quantity of 0 is added."""

_CANCELS = 3
"""How often it is tried to cancel the draft: a second cancel does no harm."""

_NOTE = "A test by dollr check. It is cancelled at once."
_LINE = {"name": "Test by dollr check", "currency": "USD", "qty": 1, "amount": 1}


class DraftLeftError(DollrError):
    """A draft could not be cancelled; `reference` is the text on it that finds it in the portal."""

    def __init__(self, reference: str) -> None:
        """Say what to do."""
        super().__init__(
            f"the draft invoice with the reference {reference} could not be cancelled: cancel it in the portal. "
            "It was not published, so nobody received it"
        )
        self.reference = reference


async def try_draft(probe: Probe) -> bool:
    """Make a draft for a counterparty that exists, change it, and cancel it; False where there is no counterparty.

    Raises:
        DraftLeftError: it may still be there.
    """
    counterparty = probe.seen.first("list_counterparties")
    if counterparty is None:
        return False
    reference = f"dollr-check-{uuid4().hex[:12]}"
    draft: Fields | None = None
    try:
        draft = await _created(probe, counterparty["id"], reference)
        if draft is not None:
            await _changed(probe, draft["id"])
    finally:
        # Also when the command is stopped here: a draft must not be left.
        await _cancelled(probe, draft, reference)
    return True


async def _created(probe: Probe, counterparty_id: object, reference: str) -> Fields | None:
    body = {
        "counterparty_id": counterparty_id,
        "currency": "USD",
        "note": _NOTE,
        "fee_bearer": "PAYER",
        "as_payment_link": False,
        "reference_id": reference,
    }
    answer = await probe.change("create_invoice", "POST", "invoices/create", body)
    return next((entry for entry in answer.entries if answer.is_success and _has_id(entry)), None)


async def _changed(probe: Probe, draft_id: object) -> None:
    items = f"invoices/{draft_id}/items"
    added = await probe.change("add_invoice_item", "POST", f"{items}/add", dict(_LINE))
    await probe.change("add_invoice_item", "POST", f"{items}/add", {**_LINE, "qty": 0}, purpose=NO_UNITS)
    for line in added.entries:
        if _has_id(line):
            await probe.change("update_invoice_item", "PUT", f"{items}/{line['id']}/update", {"qty": 2})
            await probe.change("remove_invoice_item", "DELETE", f"{items}/{line['id']}/remove")
    await probe.change("update_invoice", "PUT", f"invoices/update/{draft_id}", {"note": _NOTE})
    path = f"invoices/receipt/{draft_id}"
    await probe.read("retrieve_invoice_receipt_by_id", path, purpose=UNPAID_RECEIPT)


async def _cancelled(probe: Probe, draft: Fields | None, reference: str) -> None:
    if draft is None:
        draft = await _found(probe, reference)
    if draft is None:
        return
    for _ in range(_CANCELS):
        cancelled = await probe.change("cancel_invoice", "DELETE", f"invoices/cancel/{draft['id']}")
        if cancelled.is_success:
            return
        # The answer may be lost, and aiohttp may have sent the request twice: so read the draft itself.
        now = await probe.read("retrieve_invoice_by_id", f"invoices/retrieve/{draft['id']}")
        if any(entry.get("status") == "CANCELED" for entry in now.entries):
            return
    raise DraftLeftError(reference)


async def _found(probe: Probe, reference: str) -> Fields | None:
    """Return the draft whose creation was not answered as expected, or None where it was surely not made."""
    created = probe.seen.named("create_invoice")
    if created and (created[-1].failure == "ConnectError" or created[-1].is_refusal):
        return None
    listed = await probe.read("list_invoice", "invoices/list", {"status": "IDLE"})
    drafts = [entry for entry in listed.entries if entry.get("reference_id") == reference]
    if not listed.is_success or not all(map(_has_id, drafts)):
        raise DraftLeftError(reference)
    return next(iter(drafts), None)


def _has_id(entry: Fields) -> bool:
    return str(entry.get("id", "")).isdecimal()
