"""A step that fails: which one, why, and what exists by then; nothing is left running, and no money moves."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from dollr_async import (
    AuthenticationError,
    Card,
    CollectError,
    DecodeError,
    DollrClient,
    DollrError,
    InvalidRequestError,
    KnownPayer,
    LineItem,
    MobileMoney,
    Payer,
    PermissionDeniedError,
    RateLimitError,
    ReferenceUsedError,
    RequestTimeoutError,
    SavedAccount,
    ServerError,
    SourceType,
    TransportError,
)
from dollr_async.flows.steps import StepFailed, side_by_side
from dollr_async.sandbox import Fault, Quirks, Sandbox
from tests.support.collections import PAYER, REFERENCE, collect, operations, sent

if TYPE_CHECKING:
    from collections.abc import Awaitable

_DIRECT = {"direct": True}
_ORDER = {"source_type": SourceType.ORDER}
_STEPS: list[tuple[str, str, dict[str, Any]]] = [
    ("create_party", "party", {}),
    ("create_counterparty", "counterparty", {}),
    ("create_invoice", "document", {}),
    ("create_order", "document", _ORDER),
    ("add_invoice_item", "items", {}),
    ("add_order_item", "items", _ORDER),
    ("publish_invoice", "publish", {}),
    ("publish_order", "publish", _ORDER),
    ("create_checkout_source", "checkout", _DIRECT),
    ("predict_mmo_provider_info", "operator", {}),
    ("predict_mmo_provider_info", "operator", _DIRECT),
    ("predict_card_provider_info", "operator", {"pay_with": Card("Amara", payment_method_id="pm_card_visa")}),
    ("create_payment_account", "payment_account", {}),
    ("create_payment_account", "payment_account", _DIRECT),
    ("create_checkout_session", "session", {}),
    ("create_checkout_session", "session", _DIRECT),
    ("predict_payment_source_amount_and_fee", "session", {"payer_currency": "LRD"}),
    ("retrieve_counterparties", "counterparty", {"payer": KnownPayer(200_001)}),
]
_FAULTS: dict[str, tuple[Fault | str | int, type[DollrError]]] = {
    "500": (500, ServerError),
    "500 after the work": ("500_after", ServerError),
    "422": (422, InvalidRequestError),
    "403": ("forbidden", PermissionDeniedError),
    "drop": ("drop", TransportError),
    "lost answer": ("lose_answer", TransportError),
    "hang": ("hang", RequestTimeoutError),
    "garbage": ("garbage", DecodeError),
    "cut body": ("cut_body", TransportError),
    "429": ("rate_limited", RateLimitError),
    "401": (401, AuthenticationError),
}
_FOUND_STEPS = {"document", "items", "publish", "checkout"}
_DONE_FAULTS = {"500 after the work", "lost answer", "cut body", "garbage"}


def _fails(operation: str, step: str, fault: str) -> bool:
    """Whether a fault that never ends also ends the step: not when the step is done, and a check finds it."""
    if operation.startswith("publish_") and fault == "garbage":
        return True
    return step not in _FOUND_STEPS or fault not in _DONE_FAULTS


@pytest.mark.parametrize(
    ("operation", "step", "terms", "fault"),
    [(*case, fault) for case in _STEPS for fault in _FAULTS if _fails(case[0], case[1], fault)],
)
async def test_a_failed_step_says_which_and_why_and_nothing_is_executed(
    sandbox: Sandbox, dollr: DollrClient, operation: str, step: str, terms: dict[str, Any], fault: str
) -> None:
    if "payer" in terms:
        await collect(dollr)  # makes the counterparty that the known payer is
    before = len(sandbox.ledger)
    done, cause = _FAULTS[fault]
    sandbox.fail(operation, done, times=None)
    if operation.startswith("publish_") and fault == "garbage":
        # A success in an unreadable shape is a success: what then fails is the status check for the total.
        sandbox.fail("get_payment_source_status", "garbage", times=None)
    with pytest.raises(CollectError) as caught:
        await collect(dollr, **terms)
    error = caught.value
    assert (error.step, type(error.__cause__)) == (step, cause)
    assert f"stopped at the step {step!r}, before any money moved" in str(error)
    assert str(error.reference_id) in str(error)
    assert error.reference_id == error.progress.reference_id
    await dollr.close()
    assert _running() == []
    assert len(sandbox.ledger) == before


def _running() -> list[str]:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    return [task.get_name() for task in tasks if "RequestHandler" not in str(task.get_coro())]


_MADE = ["party_id", "counterparty_id", "source_id", "source_number", "payment_account_id", "session_id"]


@pytest.mark.parametrize(
    ("operation", "made"),
    [
        ("create_counterparty", {"party_id"}),
        ("create_invoice", {"party_id", "counterparty_id"}),
        ("add_invoice_item", {"party_id", "counterparty_id", "source_id", "source_number"}),
        ("publish_invoice", {"party_id", "counterparty_id", "source_id", "source_number"}),
        ("create_checkout_session", {"party_id", "counterparty_id", "source_id", "source_number"}),
    ],
)
async def test_every_id_made_so_far_is_kept(
    sandbox: Sandbox, dollr: DollrClient, operation: str, made: set[str]
) -> None:
    sandbox.fail(operation, 422)
    with pytest.raises(CollectError) as caught:
        await collect(dollr)
    progress = caught.value.progress
    assert {name for name in _MADE if getattr(progress, name) is not None} >= made
    assert (progress.party_id, progress.session_id) == (100_001, None)
    assert progress.source_type == ("INVOICE" if "source_id" in made else None)


async def test_a_refused_execution_has_every_id(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.fail("collect", 422)
    with pytest.raises(CollectError) as caught:
        await collect(dollr)
    assert None not in [getattr(caught.value.progress, name) for name in _MADE]


async def test_a_failed_direct_collection_has_its_ids(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.fail("create_checkout_session", 422)
    with pytest.raises(CollectError) as caught:
        await collect(dollr, direct=True)
    progress = caught.value.progress
    assert (progress.party_id, progress.counterparty_id, progress.source_id) == (100_001, 200_001, 300_001)


async def test_a_failed_branch_ends_the_others(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.set_latency(5.0, "create_party")
    sandbox.fail("predict_mmo_provider_info", 422)
    with pytest.raises(CollectError):
        await collect(dollr)
    await asyncio.sleep(60)
    # The party's answer was no longer waited for, and nothing came after it.
    assert operations(sandbox) == ["client_obtain_token", "create_party", "predict_mmo_provider_info"]


async def test_two_branches_that_fail_at_once_are_one_error(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.set_latency(1.0)
    sandbox.fail("create_party", 422)
    sandbox.fail("predict_mmo_provider_info", 422)
    with pytest.raises(CollectError) as caught:
        await collect(dollr)
    assert caught.value.step in {"party", "operator"}


async def test_wrong_credentials_are_the_cause_of_the_first_step(sandbox: Sandbox) -> None:
    async with DollrClient(sandbox.client_id, "wrong", base_url=sandbox.url) as dollr:
        with pytest.raises(CollectError) as caught:
            await collect(dollr)
    assert isinstance(caught.value.__cause__, AuthenticationError)
    assert caught.value.step in {"party", "operator"}
    assert operations(sandbox) == ["client_obtain_token"]


# The total, before money moves (docs/design.md, rule 4)

_TOTALS: list[tuple[str, object, dict[str, Any]]] = [
    ("too much", {"total_amount": 250.01}, {}),
    ("too little", {"total_amount": 2.5}, {}),
    ("cents", {"total_amount": 25000}, {}),
    ("another currency", {"total_amount": 250, "currency": "LRD"}, {}),
]


@pytest.mark.parametrize("direct", [False, True])
@pytest.mark.parametrize("changes", [case[1] for case in _TOTALS], ids=[case[0] for case in _TOTALS])
async def test_a_total_that_is_not_the_sum_of_the_items_moves_no_money(
    sandbox: Sandbox, dollr: DollrClient, changes: dict[str, Any], *, direct: bool
) -> None:
    operation, step = ("create_checkout_source", "checkout") if direct else ("publish_invoice", "publish")
    await collect(dollr, direct=direct)
    (answered,) = [request.answer for request in sandbox.requests_to(operation)]
    assert answered is not None
    assert isinstance(answered.body, dict)
    sandbox.fail(operation, Fault.answer(200, {**answered.body, **changes}))
    before = len(sandbox.ledger)
    with pytest.raises(CollectError, match="check the document") as caught:
        await collect(dollr, direct=direct)
    assert (caught.value.step, "250.00 USD" in str(caught.value)) == (step, True)
    assert len(sandbox.ledger) == before
    assert len(sent(sandbox, "create_checkout_session")) == 1


@pytest.mark.parametrize("written", ["250", "250.0", "250.000", "249.995", "250.004999"])
async def test_a_total_is_compared_in_the_smallest_unit(sandbox: Sandbox, dollr: DollrClient, written: str) -> None:
    await collect(dollr)
    (answered,) = [request.answer for request in sandbox.requests_to("publish_invoice")]
    assert answered is not None
    content = answered.content.replace(b'"total_amount":250.00', b'"total_amount":' + written.encode())
    assert written == "250.00" or content != answered.content
    sandbox.fail("publish_invoice", Fault.answer(200, content.replace(b"300001", b"300002"), after_work=True))
    await collect(dollr)
    assert len(sandbox.ledger) == 2


@pytest.mark.parametrize(
    ("currency", "amounts", "total"),
    [
        ("RWF", ["1500", "1"], "1501"),
        ("USD", ["0.01", "0.02"], "0.03"),
        ("LRD", ["19999999.99", "0.01"], "20000000.00"),
        ("RWF", ["1000.00"], "1000"),
    ],
)
async def test_money_is_exact_from_the_items_to_the_charge(
    sandbox: Sandbox, dollr: DollrClient, currency: str, amounts: list[str], total: str
) -> None:
    items = [LineItem("Tea", Decimal(amount)) for amount in amounts]
    payer = Payer("Aline", "250780000009") if currency == "RWF" else PAYER  # a wallet of Rwanda carries RWF alone
    await collect(dollr, payer=payer, items=items, currency=currency)
    (entry,) = sandbox.ledger
    assert (entry.payee_amount, entry.currency) == (Decimal(total), currency)


@pytest.mark.parametrize("reply", ["without_total", "empty", "no_content"])
async def test_a_publish_without_a_total_is_followed_by_a_status_check_of_the_source(reply: Any) -> None:  # noqa: ANN401 - a literal of the sandbox's
    async with Sandbox(quirks=Quirks(publish_reply=reply)) as sandbox, DollrClient(**sandbox.settings) as dollr:
        await collect(dollr)
        assert operations(sandbox).count("get_payment_source_status") == 1
        assert len(sandbox.ledger) == 1


async def test_a_checkout_without_a_total_is_followed_by_a_status_check_of_the_source() -> None:
    async with Sandbox(quirks=Quirks(checkout_total=False)) as sandbox, DollrClient(**sandbox.settings) as dollr:
        await collect(dollr, direct=True)
        assert operations(sandbox).count("get_payment_source_status") == 1
        assert len(sandbox.ledger) == 1


@pytest.mark.parametrize("direct", [False, True])
async def test_without_a_total_no_money_moves(*, direct: bool) -> None:
    quirks = Quirks(publish_reply="empty", checkout_total=False)
    async with Sandbox(quirks=quirks) as sandbox, DollrClient(**sandbox.settings) as dollr:
        sandbox.fail("get_payment_source_status", 404, times=None)
        with pytest.raises(CollectError) as caught:
            await collect(dollr, direct=direct)
        assert caught.value.step == ("checkout" if direct else "publish")
        assert sandbox.ledger == ()


# A publish that was refused


@pytest.mark.parametrize("refusal", ["404_after", "422_after"])
@pytest.mark.parametrize("source_type", [SourceType.INVOICE, SourceType.ORDER])
async def test_a_refused_publish_of_what_is_active_already_is_a_success(
    sandbox: Sandbox, dollr: DollrClient, refusal: str, source_type: SourceType
) -> None:
    kind = source_type.lower()
    sandbox.fail(f"publish_{kind}", refusal)
    await collect(dollr, source_type=source_type)
    assert operations(sandbox).count(f"retrieve_{kind}_by_id") == 1
    assert len(sandbox.ledger) == 1


@pytest.mark.parametrize("refusal", [404, 422])
async def test_a_refused_publish_of_a_draft_is_a_failure(sandbox: Sandbox, dollr: DollrClient, refusal: int) -> None:
    sandbox.fail("publish_invoice", refusal)
    with pytest.raises(CollectError) as caught:
        await collect(dollr)
    assert (caught.value.step, getattr(caught.value.__cause__, "status", None)) == ("publish", refusal)
    assert operations(sandbox).count("retrieve_invoice_by_id") == 1


async def test_a_publish_that_arrived_twice_is_a_success(sandbox: Sandbox, dollr: DollrClient) -> None:
    # aiohttp itself sends a PUT again after a disconnect, and the second one is refused.
    sandbox.fail("publish_invoice", "lose_answer")
    await collect(dollr)
    assert len(sandbox.requests_to("publish_invoice")) == 2
    assert operations(sandbox).count("retrieve_invoice_by_id") == 1
    assert len(sandbox.ledger) == 1


async def test_a_published_total_that_was_read_again_is_checked_too(sandbox: Sandbox, dollr: DollrClient) -> None:
    await collect(dollr)
    await dollr.invoices.retrieve(300_001)
    answer = sandbox.requests_to("retrieve_invoice_by_id")[0].answer
    assert answer is not None
    assert isinstance(answer.body, dict)
    shrunk = {**answer.body, "status": "ACTIVE", "total_amount": 1}
    sandbox.fail("publish_invoice", "422_after")
    sandbox.fail("retrieve_invoice_by_id", Fault.answer(200, shrunk))
    with pytest.raises(CollectError) as caught:
        await collect(dollr)
    assert caught.value.step == "publish"


# Accounts and payers that the API knows less of


async def test_an_inactive_account_is_not_charged(sandbox: Sandbox, dollr: DollrClient) -> None:
    await collect(dollr)
    answer = sandbox.requests_to("create_payment_account")[0].answer
    assert answer is not None
    assert isinstance(answer.body, dict)
    sandbox.fail("create_payment_account", Fault.answer(200, {**answer.body, "is_active": False}))
    with pytest.raises(CollectError, match="is not active") as caught:
        await collect(dollr)
    assert caught.value.step == "payment_account"
    assert caught.value.progress.payment_account_id == answer.body["id"]


_BARE = {
    "id": 200_001,
    "relationship_type": "CUSTOMER",
    "created_at": "2026-11-24T00:00:00Z",
    "updated_at": "2026-11-24T00:00:00Z",
}


@pytest.mark.parametrize(
    ("terms", "step", "sentence"),
    [
        ({}, "operator", 'MobileMoney(phone="231771234567")'),
        ({"direct": True}, "checkout", "KnownPayer(counterparty_id, phone=...)"),
        (
            {"direct": True, "pay_with": SavedAccount(600_001)},
            "checkout",
            "KnownPayer(counterparty_id, phone=...)",
        ),
        ({"pay_with": Card("Amara")}, "payment_account", "KnownPayer(counterparty_id, party_id=...)"),
    ],
)
async def test_a_known_payer_of_whom_the_api_knows_too_little(
    sandbox: Sandbox, dollr: DollrClient, terms: dict[str, Any], step: str, sentence: str
) -> None:
    await collect(dollr)
    sandbox.fail("retrieve_counterparties", Fault.answer(200, _BARE), times=None)
    with pytest.raises(CollectError) as caught:
        await collect(dollr, payer=KnownPayer(200_001), **terms)
    assert (caught.value.step, sentence in str(caught.value)) == (step, True)
    assert len(sandbox.ledger) == 1


async def test_an_unknown_operator_is_not_guessed(sandbox: Sandbox, dollr: DollrClient) -> None:
    with pytest.raises(CollectError) as caught:
        await collect(dollr, pay_with=MobileMoney(phone="231770000007"))
    assert (caught.value.step, type(caught.value.__cause__)) == ("operator", InvalidRequestError)


async def test_an_unknown_saved_account_is_refused_by_the_api(sandbox: Sandbox, dollr: DollrClient) -> None:
    with pytest.raises(CollectError) as caught:
        await collect(dollr, pay_with=SavedAccount(17))
    assert (caught.value.step, caught.value.progress.payment_account_id) == ("execution", 17)
    assert sandbox.ledger == ()


# Branches side by side


async def test_a_cancellation_at_the_moment_of_a_failure_is_a_cancellation() -> None:
    async def chain(branches: asyncio.TaskGroup) -> None:
        task = asyncio.current_task()
        assert task is not None

        async def fail() -> None:
            task.cancel()
            raise DollrError("at the same moment")

        branches.create_task(fail())
        await asyncio.sleep(10)

    task = asyncio.create_task(_run(side_by_side(chain)))
    await asyncio.wait([task])
    assert task.cancelled()


async def test_a_reference_in_use_says_more_than_a_step_that_fails_beside_it() -> None:
    used = ReferenceUsedError("used", reference_id=UUID(REFERENCE))

    async def fail(error: Exception) -> None:
        raise error

    async def chain(branches: asyncio.TaskGroup) -> None:
        for error in (StepFailed("party"), used, StepFailed("operator")):
            branches.create_task(fail(error))
        await asyncio.sleep(10)

    with pytest.raises(ReferenceUsedError) as caught:
        await side_by_side(chain)
    assert caught.value is used


async def test_a_failure_after_an_older_cancellation_is_still_a_failure() -> None:
    async def chain(branches: asyncio.TaskGroup) -> None:
        raise DollrError("of its own")

    async def cleaning_up() -> None:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            await side_by_side(chain)

    task = asyncio.create_task(cleaning_up())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(DollrError, match="of its own"):
        await task


async def _run(chain: Awaitable[None]) -> None:
    await chain
