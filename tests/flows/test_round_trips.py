"""How many round trips a collection takes on a warm client: what does not depend on each other runs side by side."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from dollr_async import Card, KnownPayer, MobileMoney, SavedAccount, SourceType
from tests.support.collections import ITEM, REFERENCE, collect

if TYPE_CHECKING:
    from dollr_async import DollrClient
    from dollr_async.sandbox import Sandbox

_ANSWER = 0.05
_KNOWN = KnownPayer(200_001, party_id=100_001, phone="231771234567")


@pytest.mark.parametrize(
    ("most", "items", "terms"),
    [
        (7, 1, {}),
        (11, 5, {}),
        (7, 1, {"source_type": SourceType.ORDER}),
        (11, 5, {"source_type": SourceType.ORDER}),
        (7, 1, {"reference_id": REFERENCE}),
        (7, 1, {"payer_currency": "LRD"}),
        (7, 1, {"pay_with": Card("Amara", payment_method_id="pm_card_visa")}),
        (5, 1, {"payer": _KNOWN, "pay_with": SavedAccount(600_001)}),
        (9, 5, {"payer": _KNOWN, "pay_with": SavedAccount(600_001)}),
        (5, 1, {"payer": _KNOWN}),
        (5, 1, {"payer": KnownPayer(200_001)}),
        (3, 1, {"direct": True}),
        (3, 5, {"direct": True}),
        (3, 1, {"direct": True, "payer_currency": "LRD", "pay_with": MobileMoney(phone="231771234567")}),
        (4, 1, {"direct": True, "reference_id": REFERENCE}),
    ],
    ids=str,
)
async def test_round_trips(sandbox: Sandbox, dollr: DollrClient, most: int, items: int, terms: dict[str, Any]) -> None:
    await collect(dollr)  # a token, connections, and a payer whom the API knows
    sandbox.set_latency(_ANSWER)
    began = asyncio.get_running_loop().time()
    await collect(dollr, items=[ITEM] * items, **terms)
    assert (asyncio.get_running_loop().time() - began) / _ANSWER == pytest.approx(most)


async def test_many_collections_take_no_longer_than_one(sandbox: Sandbox, dollr: DollrClient) -> None:
    await collect(dollr)
    sandbox.set_latency(_ANSWER)
    began = asyncio.get_running_loop().time()
    await asyncio.gather(*(collect(dollr, direct=True) for _ in range(30)))
    assert (asyncio.get_running_loop().time() - began) / _ANSWER == pytest.approx(3)
    assert len({entry.reference_id for entry in sandbox.ledger}) == 31
