"""A step whose answer is lost is checked, and then repeated: one document, the right lines, one charge."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from dollr_async import (
    Card,
    CollectError,
    DollrClient,
    KnownPayer,
    LineItem,
    NewInvoice,
    NewLineItem,
    RetryPolicy,
    SourceType,
)
from dollr_async.sandbox import Fault, Quirks, Sandbox
from tests.conftest import check_requests
from tests.support.collections import PAYER, collect, operations, sent
from tests.support.payments import Move, a_counterparty, ready

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.contract import Contract

# Two lines that are alike, so that one of them cannot be taken for the other.
_TEA = LineItem(name="Tea", amount=Decimal("2.50"), qty=2)
_LINES = [_TEA, _TEA, LineItem(name="Strategy session", amount=Decimal("240.10"))]
_TOTAL = Decimal("250.10")

_BEFORE: list[str | int] = ["drop", "hang", 500, 503, 408, "redirect"]
_AFTER = ["lose_answer", "hang_after", "500_after", "408_after", "307_after", "cut_body", "garbage", "broken_json"]
_LOST: list[str | int] = [*_BEFORE, *_AFTER]

_ORDER = {"source_type": SourceType.ORDER}
_DIRECT = {"direct": True}
_KNOWN = {"payer": KnownPayer(200_001)}
_ROUTES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "invoice": (
        {},
        [
            *("create_party", "create_counterparty", "create_invoice", "add_invoice_item", "publish_invoice"),
            *("create_payment_account", "create_checkout_session"),
        ],
    ),
    "order": (_ORDER, ["create_order", "add_order_item", "publish_order"]),
    "direct": (_DIRECT, ["create_checkout_source", "create_payment_account", "create_checkout_session"]),
    "direct order": ({**_DIRECT, **_ORDER}, ["create_checkout_source"]),
    "known payer": (_KNOWN, ["create_invoice", "add_invoice_item", "publish_invoice", "create_payment_account"]),
    "known payer, direct": ({**_KNOWN, **_DIRECT}, ["create_checkout_source"]),
    "card": ({"pay_with": Card("Amara Kamara")}, ["create_invoice", "create_payment_account"]),
    "own text": ({"document_reference": "order 17"}, ["create_invoice", "add_invoice_item", "publish_invoice"]),
    "known payer, own text, direct": (
        {**_KNOWN, **_DIRECT, "document_reference": "order 17"},
        ["create_checkout_source"],
    ),
}
_CASES = [(route, operation) for route, (_, found) in _ROUTES.items() for operation in found]


async def _documents(dollr: DollrClient, terms: dict[str, Any]) -> list[Any]:
    documents = dollr.documents(terms.get("source_type", SourceType.INVOICE))
    return [await documents.retrieve(made.id) for made in await documents.list()]


def _asked(sandbox: Sandbox) -> list[str]:
    """Return what was asked for since the first time, but for the token and the operator."""
    beside = {"client_obtain_token", "predict_mmo_provider_info", "create_payment_account"}
    return [operation for operation in operations(sandbox) if operation not in beside]


# One charge, whatever is lost and whenever


@pytest.mark.parametrize("fault", _LOST)
@pytest.mark.parametrize(("route", "operation"), _CASES)
async def test_a_lost_answer_ends_in_one_document_and_one_charge(
    sandbox: Sandbox, dollr: DollrClient, route: str, operation: str, fault: str | int
) -> None:
    terms, _ = _ROUTES[route]
    if "payer" in terms:
        await a_counterparty(dollr)
    sandbox.fail(operation, fault)
    collection = await collect(dollr, items=_LINES, **terms)
    (document,) = await _documents(dollr, terms)
    assert (document.id, document.number) == (collection.source_id, collection.source_number)
    lines = sorted((line.name, line.qty * line.amount) for line in document.items)
    tea = "Tea x 2" if "direct" in terms else "Tea"
    assert lines == [("Strategy session", Decimal("240.10")), (tea, Decimal(5)), (tea, Decimal(5))]
    (entry,) = sandbox.ledger
    assert (entry.reference_id, entry.source_id) == (str(collection.reference_id), document.id)
    assert entry.payee_amount == _TOTAL
    assert (entry.session_id, entry.payment_account_id) == (collection.session_id, collection.payment_account_id)


@pytest.mark.parametrize("fault", _LOST)
@pytest.mark.parametrize("line", [0, 1, 2])
async def test_any_line_that_is_lost_is_added_once(
    sandbox: Sandbox, dollr: DollrClient, line: int, fault: str | int
) -> None:
    if line:
        sandbox.fail("add_invoice_item", Fault.latency(0.0), times=line)
    sandbox.fail("add_invoice_item", fault)
    await collect(dollr, items=_LINES)
    (document,) = await _documents(dollr, {})
    assert [item.name for item in document.items] == ["Tea", "Tea", "Strategy session"]
    assert len(sent(sandbox, "add_invoice_item")) == (4 if fault in _BEFORE else 3)


async def test_every_answer_is_lost_once(sandbox: Sandbox, dollr: DollrClient) -> None:
    for operation in _ROUTES["invoice"][1]:
        sandbox.fail(operation, "lose_answer")
    sandbox.fail("collect", "lose_answer")
    await collect(dollr, items=_LINES)
    assert (len(await _documents(dollr, {})), len(sandbox.ledger)) == (1, 1)


@pytest.fixture(params=["PAYOUT", "TRANSFER", "REFUND"])
async def move(request: pytest.FixtureRequest, sandbox: Sandbox, dollr: DollrClient) -> Move:
    return await ready(request.param, sandbox, dollr)


@pytest.mark.parametrize("fault", _LOST)
async def test_a_lost_session_of_any_kind_is_made_again(move: Move, fault: str | int) -> None:
    move.sandbox.fail(move.session, fault)
    payment = await move.begin()
    assert (len(move.sandbox.requests_to(move.session)), move.sends) == (2, 1)
    assert [entry.session_id for entry in move.ledger] == [payment.session_id]


@pytest.mark.parametrize("operation", ["create_party", "create_counterparty", "create_payment_account"])
@pytest.mark.parametrize("fault", ["drop", "lose_answer"])
async def test_a_lost_step_of_a_payout_is_repeated(
    sandbox: Sandbox, dollr: DollrClient, operation: str, fault: str
) -> None:
    move = await ready("PAYOUT", sandbox, dollr)
    sandbox.fail(operation, fault)
    await move.begin()
    assert (len(sent(sandbox, operation)), move.sends, len(move.ledger)) == (2, 1, 1)


# The exact requests

_READ = "retrieve_invoice_by_id"
_LIST = ["list_invoice", "list_invoice"]
_FIRST = ["create_party", "create_counterparty"]
_LAST = ["create_checkout_session", "collect"]
_TRACES: list[tuple[str, dict[str, Any], str, list[str]]] = [
    ("create_party", {}, "500", [*_FIRST[:1], *_FIRST, "create_invoice", "add_invoice_item", "publish_invoice"]),
    ("create_party", {}, "500_after", [*_FIRST[:1], *_FIRST, "create_invoice", "add_invoice_item", "publish_invoice"]),
    (
        "create_counterparty",
        {},
        "500_after",
        [*_FIRST, _FIRST[1], "create_invoice", "add_invoice_item", "publish_invoice"],
    ),
    (
        "create_invoice",
        {},
        "500",
        [*_FIRST, "create_invoice", *_LIST, "create_invoice", "add_invoice_item", "publish_invoice"],
    ),
    # The lines are read before publishing, since the lost document may have been another one.
    (
        "create_invoice",
        {},
        "500_after",
        [*_FIRST, "create_invoice", *_LIST, "add_invoice_item", _READ, "publish_invoice"],
    ),
    (
        "add_invoice_item",
        {},
        "500",
        [*_FIRST, "create_invoice", "add_invoice_item", _READ, "add_invoice_item", _READ, "publish_invoice"],
    ),
    (
        "add_invoice_item",
        {},
        "500_after",
        [*_FIRST, "create_invoice", "add_invoice_item", _READ, _READ, "publish_invoice"],
    ),
    (
        "publish_invoice",
        {},
        "500",
        [*_FIRST, "create_invoice", "add_invoice_item", "publish_invoice", _READ, "publish_invoice"],
    ),
    (
        "publish_invoice",
        {},
        "500_after",
        [*_FIRST, "create_invoice", "add_invoice_item", "publish_invoice", _READ, "get_payment_source_status"],
    ),
    ("create_checkout_source", _DIRECT, "500", ["create_checkout_source", *_LIST, "create_checkout_source"]),
    ("create_checkout_source", _DIRECT, "500_after", ["create_checkout_source", *_LIST, "retrieve_counterparties"]),
]


@pytest.mark.parametrize(("operation", "terms", "fault", "trace"), _TRACES)
async def test_a_lost_step_is_repeated_with_exactly_these_requests(
    sandbox: Sandbox, dollr: DollrClient, operation: str, terms: dict[str, Any], fault: str, trace: list[str]
) -> None:
    sandbox.fail(operation, fault)
    await collect(dollr, **terms)
    wanted = [*trace, *_LAST]
    if operation == "create_invoice" and fault == "500":
        wanted.insert(wanted.index("publish_invoice"), _READ)
    assert _asked(sandbox) == wanted


async def test_a_repeated_request_is_the_same_to_the_byte(sandbox: Sandbox, dollr: DollrClient) -> None:
    for operation in _ROUTES["invoice"][1]:
        sandbox.fail(operation, 500)
    await collect(dollr)
    for operation in _ROUTES["invoice"][1]:
        first, second = (request.content for request in sandbox.requests_to(operation))
        assert first == second


async def test_repeated_requests_wait_longer_and_longer(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.fail("create_party", 500, times=3)
    await collect(dollr)
    at = [request.second for request in sandbox.requests_to("create_party")]
    waits = [later - earlier for earlier, later in pairwise(at)]
    assert [low <= wait <= 2 * low + 0.01 for low, wait in zip((0.25, 0.5, 1.0), waits, strict=True)] == [True] * 3


# The budget

_MADE_BY = {
    "create_party": set[str](),
    "create_counterparty": {"party_id"},
    "create_invoice": {"party_id", "counterparty_id"},
    "add_invoice_item": {"party_id", "counterparty_id", "source_id", "source_number"},
    "publish_invoice": {"party_id", "counterparty_id", "source_id", "source_number"},
    "create_checkout_session": {"party_id", "counterparty_id", "source_id", "source_number"},
}


@pytest.mark.parametrize("attempts", [1, 2, 4])
@pytest.mark.parametrize("operation", _MADE_BY)
async def test_a_spent_budget_is_a_failed_step_with_all_that_exists(
    sandbox: Sandbox, operation: str, attempts: int
) -> None:
    sandbox.fail(operation, 500, times=None)
    async with DollrClient(**sandbox.settings, retry=RetryPolicy(attempts=attempts)) as dollr:
        with pytest.raises(CollectError, match=r"before any money moved: .*500") as caught:
            await collect(dollr)
    assert len(sent(sandbox, operation)) == attempts
    progress = caught.value.progress
    ids = ("party_id", "counterparty_id", "source_id", "source_number", "session_id")
    assert {name for name in ids if getattr(progress, name) is not None} == _MADE_BY[operation]
    assert sandbox.ledger == ()


@pytest.mark.parametrize("fault", _AFTER)
@pytest.mark.parametrize("operation", ["create_invoice", "add_invoice_item", "publish_invoice"])
async def test_a_step_with_one_attempt_is_checked_too(sandbox: Sandbox, operation: str, fault: str) -> None:
    sandbox.fail(operation, fault)
    async with DollrClient(**sandbox.settings, retry=RetryPolicy(attempts=1)) as dollr:
        await collect(dollr)
    # A PUT whose connection breaks is sent again by aiohttp itself.
    sends = 2 if (operation, fault) == ("publish_invoice", "lose_answer") else 1
    assert (len(sent(sandbox, operation)), len(sandbox.ledger)) == (sends, 1)


@pytest.mark.parametrize("status", [400, 403, 404, 409, 410, 422, 451])
@pytest.mark.parametrize(("route", "operation"), _CASES[:13])
async def test_a_refusal_is_never_repeated(
    sandbox: Sandbox, dollr: DollrClient, route: str, operation: str, status: int
) -> None:
    sandbox.fail(operation, status)
    with pytest.raises(CollectError):
        await collect(dollr, **_ROUTES[route][0])
    assert (len(sent(sandbox, operation)), sandbox.ledger) == (1, ())


async def test_a_check_that_fails_is_the_steps_failure(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.fail("create_invoice", "lose_answer")
    sandbox.fail("list_invoice", 403)
    with pytest.raises(CollectError) as caught:
        await collect(dollr)
    assert (caught.value.step, "403" in str(caught.value)) == ("document", True)
    assert len(sent(sandbox, "create_invoice")) == 1


# Whose document it is

_TEXT = "order 17"


async def _earlier_document(dollr: DollrClient, counterparty_id: int, **line: Any) -> int:  # noqa: ANN401 - passed on as they are
    """Make a draft that carries the caller's own text already."""
    new = NewInvoice(counterparty_id=counterparty_id, currency="USD", reference_id=_TEXT, note="earlier")
    made = await dollr.invoices.create(new)
    if line:
        await dollr.invoices.add_item(made.id, NewLineItem(currency="USD", **line))
    return made.id


@pytest.mark.parametrize("fault", ["drop", "lose_answer"])
async def test_the_callers_text_on_another_counterpartys_document_is_no_match(
    sandbox: Sandbox, dollr: DollrClient, fault: str
) -> None:
    earlier = await _earlier_document(dollr, await a_counterparty(dollr))
    sandbox.fail("create_invoice", fault)
    collection = await collect(dollr, document_reference=_TEXT)
    assert collection.source_id != earlier
    assert (await dollr.invoices.retrieve(earlier)).status == "IDLE"
    assert len(await dollr.invoices.list()) == 2


@pytest.mark.parametrize(("fault", "earlier"), [("lose_answer", 1), ("drop", 2)])
async def test_several_documents_that_match_are_left_alone(
    sandbox: Sandbox, dollr: DollrClient, fault: str, earlier: int
) -> None:
    known = await a_counterparty(dollr)
    for _ in range(earlier):
        await _earlier_document(dollr, known)
    sandbox.requests.clear()
    sandbox.fail("create_invoice", fault)
    with pytest.raises(CollectError, match=r"2 documents have the reference .*cancel all but one") as caught:
        await collect(dollr, payer=KnownPayer(known), document_reference=_TEXT)
    assert (caught.value.step, len(sent(sandbox, "create_invoice"))) == ("document", 1)
    assert {document.status for document in await dollr.invoices.list()} == {"IDLE"}
    assert sandbox.ledger == ()


async def test_a_document_with_other_lines_is_not_published(sandbox: Sandbox, dollr: DollrClient) -> None:
    known = await a_counterparty(dollr)
    earlier = await _earlier_document(dollr, known, name="Coffee", amount=Decimal(1))
    sandbox.fail("create_invoice", "drop")
    with pytest.raises(
        CollectError, match=r"the lines of the draft .* \(2\) are not those of this payment \(1\): cancel the draft"
    ) as caught:
        await collect(dollr, payer=KnownPayer(known), document_reference=_TEXT)
    assert (caught.value.step, caught.value.progress.source_id) == ("publish", earlier)
    assert (await dollr.invoices.retrieve(earlier)).status == "IDLE"
    assert sandbox.ledger == ()


async def test_a_line_that_arrives_late_is_not_published(sandbox: Sandbox) -> None:
    sandbox.set_latency(0.8, "add_invoice_item")
    sandbox.fail("add_invoice_item", Fault.latency(2.0))
    async with DollrClient(**sandbox.settings, timeout=1.0) as dollr:
        with pytest.raises(
            CollectError, match=r"the lines of the draft .* \(4\) are not those of this payment \(3\)"
        ) as caught:
            await collect(dollr, items=_LINES)
        assert caught.value.step == "publish"
        assert [document.status for document in await dollr.invoices.list()] == ["IDLE"]
    assert sandbox.ledger == ()


async def test_the_callers_text_without_a_counterparty_cannot_be_matched(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.fail("create_checkout_source", "lose_answer")
    with pytest.raises(
        CollectError, match="not known whether it belongs to this payment: check that document"
    ) as caught:
        await collect(dollr, direct=True, document_reference=_TEXT)
    assert caught.value.step == "checkout"
    assert (len(sent(sandbox, "create_checkout_source")), sandbox.ledger) == (1, ())


async def test_a_document_with_the_callers_text_that_was_not_made_is_made_again(
    sandbox: Sandbox, dollr: DollrClient
) -> None:
    sandbox.fail("create_checkout_source", "drop")
    await collect(dollr, direct=True, document_reference=_TEXT)
    assert (len(sent(sandbox, "create_checkout_source")), len(sandbox.ledger)) == (2, 1)


# Documents that are published by hand, or not in time


@pytest.fixture
async def drafting(contract: Contract) -> AsyncIterator[Sandbox]:
    """A sandbox whose checkouts come back as drafts."""
    async with Sandbox(quirks=Quirks(checkout_status="IDLE")) as sandbox:
        yield sandbox
    check_requests(sandbox, contract)


@pytest.mark.parametrize("fault", _LOST)
@pytest.mark.parametrize("operation", ["create_checkout_source", "publish_invoice"])
async def test_a_draft_that_was_found_is_published(drafting: Sandbox, operation: str, fault: str | int) -> None:
    drafting.fail(operation, fault)
    async with DollrClient(**drafting.settings) as dollr:
        await collect(dollr, items=_LINES, direct=True)
        (document,) = await dollr.invoices.list()
    assert (document.status, len(drafting.ledger)) != ("IDLE", 0)
    assert [entry.payee_amount for entry in drafting.ledger] == [_TOTAL]


async def test_a_document_that_was_canceled_meanwhile_moves_no_money(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.fail("publish_invoice", "hang_after")
    task = asyncio.create_task(collect(dollr, payer=PAYER))
    await asyncio.sleep(5.0)
    await dollr.invoices.cancel(300_001)
    with pytest.raises(CollectError, match="is CANCELED: only an ACTIVE document can be paid"):
        await task
    assert sandbox.ledger == ()
