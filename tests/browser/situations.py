"""Sandboxes in which something has happened, for the tests and the screenshots."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING

import aiohttp

from dollr_async import DollrClient, DollrError, LineItem, Payer
from dollr_async.following.policy import PollPolicy

if TYPE_CHECKING:
    from dollr_async.flows.handles import Collection
    from dollr_async.sandbox import Sandbox

BY_HAND = "231771234567"
NAMES = ("Amara Kamara", "Fatu Cole", "Blessing Toe", "Moses Kollie", "Grace Uwase", "Emmanuel Weah")
_QUICK = PollPolicy(interval=0.05, max_interval=0.1, timeout=20.0)


async def collect(dollr: DollrClient, phone: str, name: str = NAMES[0], amount: str = "250.00") -> Collection:
    """Collect one payment, as a program would."""
    return await dollr.collect(
        payer=Payer(fullname=name, phone=phone),
        items=[LineItem(name="Strategy session", amount=Decimal(amount))],
        currency="USD",
    )


async def busy_day(sandbox: Sandbox) -> str:
    """Make payments that ended in every way and two that wait, and return the reference of the one with a story."""
    sandbox.answer_by_hand(BY_HAND)
    async with DollrClient(**sandbox.settings, polling=_QUICK) as dollr:
        for number, phone in enumerate(
            ("231770000001", "231770000002", "231880000006", "231770000008", "231880000001")
        ):
            await collect(dollr, phone, NAMES[number], f"{20 + 17 * number}.50")
        sandbox.advance(200)
        sandbox.fail("executions.collection", "lose_answer")
        story = await collect(dollr, "231770000006", NAMES[5], "64.00")
        await story.wait()
        sandbox.set_outcome("stay_pending")
        await collect(dollr, "231886501234", NAMES[4], "12.00")
        await collect(dollr, BY_HAND, NAMES[0])
        sandbox.set_outcome("approve")
        sandbox.fail("executions.collection", "lose_answer")
        sandbox.fail("status.collection", 503, times=3)
        with suppress(DollrError):
            await dollr.parties.retrieve(1)
    return str(story.reference_id)


async def hosted(sandbox: Sandbox, phone: str = BY_HAND) -> str:
    """Make a hosted checkout, and return the address of its page."""
    async with DollrClient(**sandbox.settings) as dollr:
        checkout = await dollr.hosted_checkout(
            payer=Payer(fullname=NAMES[0], phone=phone),
            items=[
                LineItem(name="Solar lamp", amount=Decimal("18.50"), qty=2),
                LineItem(name="Delivery to Sinkor", amount=Decimal("2.00")),
            ],
            currency="USD",
            success_url="https://shop.example/thanks",
            cancel_url="https://shop.example/basket",
        )
    return checkout.url


async def pay_hosted(sandbox: Sandbox, url: str, **fields: str) -> None:
    """Send the form of a hosted checkout."""
    async with aiohttp.ClientSession() as session, session.post(url, data=fields) as response:
        assert response.ok
    assert sandbox.ledger
