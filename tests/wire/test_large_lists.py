"""Long lists: read as short ones are, and never so long at once that everything else in the program waits."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dollr_async import DecodeError, Invoice, InvoiceDetail, Party
from dollr_async.wire import codec, large_lists

_INVOICE: dict[str, Any] = {
    "id": 300_001,
    "invoice_number": "INV-2026-00001",
    "counterparty_id": 200_001,
    "currency": "USD",
    "note": 'Strategy "session", é',
    "fee_bearer": "PAYER",
    "status": "ACTIVE",
    "as_payment_link": False,
    "reference_id": "7bdf1a9c-8c70-4a7e-9d6e-2f5d2f1d2f11",
    "total_amount": 250.10,
    "due_date": None,
    "owner_id": 9,
    "owner_type": "ORGANIZATION",
    "created_at": "2026-07-01T09:00:00Z",
    "updated_at": "2026-07-01T09:00:00Z",
}
_INVOICES = tuple[Invoice, ...]


async def _read(content: bytes, shape: Any = _INVOICES) -> object:  # noqa: ANN401 - a shape of any list
    return await large_lists.decode(content, shape)


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("number", [0, 1, 2, 100])
async def test_a_list_is_read_as_any_answer_is(number: int, indent: int | None) -> None:
    content = (
        f" {json.dumps([{**_INVOICE, 'id': place + 1, 'new': [1.5]} for place in range(number)], indent=indent)}\n"
    )
    found = await _read(content.encode())
    assert found == codec.decode(content.encode(), _INVOICES)
    assert isinstance(found, tuple)
    assert [str(invoice.total_amount) for invoice in found] == ["250.1"] * number


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"{}",
        b'{"data": []}',
        b"[",
        b"[1",
        b"[1,]",
        b"[1 2]",
        b"[] []",
        b"[NaN]",
        b"[{}]",
        b"\xff",
        b"[" * 100_000,
        json.dumps([_INVOICE, {**_INVOICE, "status": 7}]).encode(),
        json.dumps([{**_INVOICE, "total_amount": "a lot"}]).encode(),
        json.dumps({"data": [_INVOICE]}).encode(),
        json.dumps({"data": [_INVOICE, {}], "next": None}).encode(),
        json.dumps({"data": {"id": 1}}).encode(),
        json.dumps([*[_INVOICE] * 11, {**_INVOICE, "id": [0]}]).encode(),
        json.dumps([_INVOICE, [_INVOICE]]).encode(),
        b'[{"note": "\xff"}]',
    ],
    ids=range(21),
)
async def test_what_is_no_plain_list_ends_as_any_answer_does(content: bytes) -> None:
    expected: object
    try:
        expected = codec.decode(content, _INVOICES)
    except DecodeError as error:
        expected = (str(error), error.path)
    found: object
    try:
        found = await _read(content)
    except DecodeError as error:
        found = (str(error), error.path)
    assert found == expected


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {"id": st.integers(1, 9), "fullname": st.text(), "at": st.floats(allow_nan=False, allow_infinity=False)}
        )
    )
)
def test_any_texts_and_numbers_are_read_alike(rows: list[dict[str, object]]) -> None:
    times = {"created_at": "2026-07-01T09:00:00Z", "updated_at": "2026-07-01T09:00:00Z"}
    content = json.dumps([{**row, **times} for row in rows]).encode()
    assert asyncio.run(_read(content, tuple[Party, ...])) == codec.decode(content, tuple[Party, ...])


def test_only_long_lists_are_read_in_slices() -> None:
    long, short = b" " * (large_lists.LARGE + 1), b" " * large_lists.LARGE
    assert large_lists.is_large_list(long, _INVOICES)
    assert not large_lists.is_large_list(short, _INVOICES)
    assert not large_lists.is_large_list(long, InvoiceDetail)


async def test_the_error_of_an_item_names_its_place() -> None:
    with pytest.raises(DecodeError, match=r" at \[11\]\.total_amount$") as caught:
        await _read(json.dumps([*[_INVOICE] * 11, {**_INVOICE, "total_amount": [0]}]).encode())
    assert caught.value.path == "[11].total_amount"


@pytest.mark.real_time  # what is measured is how long everything else waits
@pytest.mark.parametrize("kind", ["a list", "in a wrapper", "with a wrong last item"])
async def test_twenty_thousand_invoices_hold_nothing_up(kind: str) -> None:
    invoices = [_INVOICE] * 20_000
    if kind == "with a wrong last item":
        invoices[-1] = {**_INVOICE, "id": None}
    content = json.dumps({"data": invoices} if kind == "in a wrapper" else invoices).encode()
    loop = asyncio.get_running_loop()
    gaps = [0.0]

    async def everything_else() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0)
            gaps.append(time.perf_counter() - began)

    other = loop.create_task(everything_else())
    await asyncio.sleep(0)
    began = time.perf_counter()
    with pytest.raises(DecodeError) if kind == "with a wrong last item" else contextlib.nullcontext():
        await _read(content)
    took = time.perf_counter() - began
    other.cancel()
    # A busy machine stops the whole process now and then: most of the breaks have to be short, and all far from `took`.
    gaps.sort()
    assert gaps[-3] < max(0.05, took / 4)
