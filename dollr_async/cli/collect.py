"""`dollr collect`: collect a payment by mobile money, and follow it to its end."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import attrs

from dollr_async.base import fields
from dollr_async.base.errors import InvalidInputError, PaymentFailedError
from dollr_async.cli.exit_codes import NOT_KNOWN
from dollr_async.cli.opening import journal_url, opened_client
from dollr_async.cli.options import Flag, JournalOption, amount_of
from dollr_async.cli.output import reporting
from dollr_async.cli.prompts import confirmed, has_terminal
from dollr_async.cli.signals import was_stopped
from dollr_async.cli.views import followed_payments, state_of
from dollr_async.client.core import DEFAULT_BASE_URL
from dollr_async.flows.arguments import LineItem, Payer
from dollr_async.wire.addresses import is_loopback

if TYPE_CHECKING:
    from dollr_async.cli.output import Output
    from dollr_async.client import DollrClient


@attrs.frozen(kw_only=True)
class Bill:
    """What is collected, from whom. `payer_currency` is what the payer is charged in, None for the bill's."""

    reference_id: UUID
    payer: Payer
    item: LineItem
    currency: str
    payer_currency: str | None


async def collect(
    *,
    phone: str,
    name: str,
    amount: str,
    currency: str,
    item: str = "Payment",
    country_code: str | None = None,
    payer_currency: str | None = None,
    no_wait: Flag = False,
    timeout: float | None = None,  # noqa: ASYNC109 - the option's name
    reference: str | None = None,
    journal: JournalOption = None,
    yes: Flag = False,
    json: Flag = False,
) -> int:
    """Collect a payment by mobile money, and follow it until it ends.

    The exit code is 0 when it is COMPLETED, 1 when it failed, 2 when nothing was tried, and 3 when its outcome is not
    known yet. It asks before real money moves: at every address that is not on this machine.

    Args:
        phone: The payer's phone, as in 231771234567.
        name: The payer's full name.
        amount: The amount, in major units: 250.00.
        currency: The currency of the bill: USD, LRD or RWF.
        item: What is paid for.
        country_code: The payer's country, for a phone without it: LR or RW.
        payer_currency: The currency in which the payer is charged; by default that of the bill.
        no_wait: Return once the payment is accepted, with the exit code 3.
        timeout: The most seconds to follow the payment; by default 600.
        reference: The payment's reference, a version-4 UUID; by default a new one. With a journal, the same reference
            resumes the payment.
        journal: The journal that keeps the payment; by default the environment variable DOLLR_JOURNAL, or none.
        yes: Do not ask before real money moves.
        json: Print one JSON object per line.
    """
    async with reporting(json=json) as output:
        bill = Bill(
            reference_id=uuid4() if reference is None else fields.reference(reference),
            payer=Payer(fullname=name, phone=phone, country_code=country_code),
            item=LineItem(item, amount_of(amount)),
            currency=fields.currency_code(currency),
            payer_currency=None if payer_currency is None else fields.currency_code(payer_currency),
        )
        async with opened_client(journal=journal_url(journal), timeout=timeout) as dollr:
            _ask(bill, is_agreed=yes)
            output.say(f"Payment {bill.reference_id}", reference_id=str(bill.reference_id), status="BEGUN")
            if await was_stopped(_pay(dollr, bill, output, wait=not no_wait)):
                output.count(NOT_KNOWN)
                advice = f"In the shell: dollr watch {bill.reference_id}"
                message = f"Stopped. Payment {bill.reference_id} itself was not stopped, and may still complete"
                output.warn(
                    f"{message}. {advice}", error="Stopped", message=message, reference_id=str(bill.reference_id)
                )
    return output.code


def _ask(bill: Bill, *, is_agreed: bool) -> None:
    """Ask before real money moves.

    Raises:
        InvalidInputError: nobody agreed.
    """
    address = os.environ.get("DOLLR_BASE_URL") or DEFAULT_BASE_URL
    if is_agreed or is_loopback(urlsplit(address).hostname or ""):
        return
    what = f"{bill.item.total:f} {bill.currency} from {bill.payer.fullname} ({bill.payer.phone}) at {address}"
    if not has_terminal():
        message = f"nothing was collected, since there is no terminal to ask whether to collect {what}: pass --yes"
        raise InvalidInputError(message)
    if not confirmed(f"Collect {what}? Real money moves."):
        message = "nothing was collected, since the answer was not yes"
        raise InvalidInputError(message)


async def _pay(dollr: DollrClient, bill: Bill, output: Output, *, wait: bool) -> None:
    collection = await dollr.collect(
        payer=bill.payer,
        items=[bill.item],
        currency=bill.currency,
        payer_currency=bill.payer_currency,
        reference_id=bill.reference_id,
    )
    with followed_payments(output) as followed:
        followed.expect(bill.reference_id)
        if not wait:
            followed.show(state_of(bill.reference_id, collection.execution))
            return
        async for change in collection:
            followed.change(change)
        try:
            await collection.wait()  # another run may have paid another document under this reference
        except PaymentFailedError:
            return  # it is shown
