"""The page "Can I try again?": each cell of its table is what two calls do in the sandbox, and its picture agrees."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID, uuid4

import pytest

import dollr_async
from docs.figures import trying_again
from dollr_async import (
    CollectError,
    DecodeError,
    DollrClient,
    DollrError,
    InvalidInputError,
    OutcomeUnknownError,
    PaymentFailedError,
    ReferenceUsedError,
)
from dollr_async.journal import MemoryJournal
from dollr_async.sandbox import Fault
from tests.support.collections import PAYER, collect
from tests.support.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from dollr_async.journal import Journal
    from dollr_async.sandbox import Sandbox

PAGE = (ROOT / "docs" / "guides" / "trying_again.md").read_text()
DECLINING = dollr_async.Payer(fullname="Amara Kamara", phone="231770000002", country_code="LR")


class Beginning(NamedTuple):
    """How the first call ends: what goes wrong at once, and once the execution is near, and its terms."""

    error: type[BaseException] | None
    at_once: Callable[[Sandbox], None] = lambda sandbox: None
    later: Callable[[Sandbox], None] = lambda sandbox: None
    terms: dict[str, Any] = {}  # noqa: RUF012 - nobody changes it
    waits: bool = True


def unreachable(sandbox: Sandbox) -> None:
    sandbox.fail("get_collection_status", "drop", times=None)


FIRST_CALLS = {
    "`InvalidInputError`": Beginning(InvalidInputError, terms={"currency": "dollars"}),
    "`CollectError`, before the execution": Beginning(
        CollectError, lambda box: box.fail("publish_invoice", "forbidden")
    ),
    "`CollectError`, at the execution": Beginning(CollectError, lambda box: box.fail("collect", "forbidden")),
    "`OutcomeUnknownError`, and it had run": Beginning(
        OutcomeUnknownError, lambda box: box.fail("collect", "lose_answer"), unreachable
    ),
    "`OutcomeUnknownError`, and it had not run": Beginning(
        OutcomeUnknownError, lambda box: box.fail("collect", "drop"), unreachable
    ),
    "`DecodeError` of an accepted payment": Beginning(
        DecodeError, lambda box: box.fail("collect", Fault.changed(payer_currency=None))
    ),
    "the process ended after it was sent": Beginning(
        asyncio.CancelledError, lambda box: box.fail("collect", "hang_after")
    ),
    "it is pending still, or `PollTimeoutError`": Beginning(None, waits=False),
    "it is COMPLETED": Beginning(None),
    "it is FAILED, `PaymentFailedError`": Beginning(PaymentFailedError, terms={"payer": DECLINING}),
}


async def first_call(sandbox: Sandbox, beginning: Beginning, reference: UUID, journal: Journal | None) -> None:
    """Pay, and end as it is said."""
    sandbox.set_latency(1.0)
    beginning.at_once(sandbox)
    async with DollrClient(**sandbox.settings, journal=journal) as dollr:
        paying = asyncio.create_task(paid(dollr, beginning, reference))
        # The status of a reference that no journal knows is checked beside the first step.
        await asyncio.sleep(4.0)
        beginning.later(sandbox)
        if beginning.error is asyncio.CancelledError:
            await asyncio.sleep(8.0)
            paying.cancel()
        await asyncio.wait([paying])
        ended = asyncio.CancelledError() if paying.cancelled() else paying.exception()
    assert type(ended) is (beginning.error or type(None)), ended
    sandbox.set_latency(0.0)
    sandbox.clear_faults()


async def paid(dollr: DollrClient, beginning: Beginning, reference: UUID) -> None:
    collection = await collect(dollr, reference_id=reference, **beginning.terms)
    if beginning.waits:
        await collection.wait()


async def second_call(sandbox: Sandbox, dollr: DollrClient, **terms: Any) -> str:  # noqa: ANN401 - passed on
    """Pay again, and return what the page says of it."""
    words = []
    try:
        await (await collect(dollr, **terms)).wait()
    except ReferenceUsedError as error:
        words.append("`ReferenceUsedError`")
        with_end = dollr.watch(error.reference_id)
        assert [change async for change in with_end][-1].is_final
    except PaymentFailedError:
        words.append("FAILED again")
    charges = sum(entry.status == "COMPLETED" for entry in sandbox.ledger)
    count = {0: "no charge", 1: "one charge", 2: "**two charges**"}[charges]
    return ", ".join([*words, count])


@pytest.mark.parametrize("with_journal", [True, False], ids=["with a journal", "without one"])
@pytest.mark.parametrize("same", [True, False], ids=["the same reference", "a new reference"])
@pytest.mark.parametrize("name", FIRST_CALLS)
async def test_a_cell_is_what_happens(sandbox: Sandbox, name: str, *, same: bool, with_journal: bool) -> None:
    beginning, reference = FIRST_CALLS[name], uuid4()
    journal = MemoryJournal() if with_journal else None
    await first_call(sandbox, beginning, reference, journal)
    payer = beginning.terms.get("payer", PAYER) if same else PAYER
    async with DollrClient(**sandbox.settings, journal=journal) as dollr:
        said = await second_call(sandbox, dollr, payer=payer, reference_id=reference if same else uuid4())
        await asyncio.sleep(60.0)  # what ran earlier has ended too
    assert said == cells()[name][2 if not same else 0 if with_journal else 1]


def cells() -> dict[str, list[str]]:
    """Return the cells of each row by its first one."""
    lines = [line for line in PAGE.splitlines() if line.startswith("|")][2:]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: row[1:] for row in rows}


def test_the_table_has_these_rows_and_no_other() -> None:
    assert list(cells()) == list(FIRST_CALLS)


def test_the_picture_names_errors_and_says_what_the_table_says() -> None:
    for question in trying_again.QUESTIONS:
        for name in question.errors:
            assert issubclass(getattr(dollr_async, name), DollrError)
            assert name in question.asked
            rows = [row for first, row in cells().items() if f"`{name}`" in first]
            column = 2 if "a new reference" in question.told else 0
            assert all(row[column] == "one charge" for row in rows)
    assert all(row[0] in {"one charge", "FAILED again, no charge"} for row in cells().values())
