"""Documents that are paid on a page of Dollr's: how they are made, followed, and found to be paid or not."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import aiohttp
import pytest

from dollr_async import (
    CollectError,
    ConfigurationError,
    DollrClient,
    DollrError,
    HostedCheckout,
    InvalidInputError,
    InvalidRequestError,
    KnownPayer,
    KnownSource,
    LineItem,
    NotFoundError,
    PollPolicy,
    PollTimeoutError,
    RequestTimeoutError,
    ServerError,
    SourceType,
    TransportError,
)
from dollr_async.sandbox import Fault, Quirks, Sandbox
from tests.conftest import check_requests
from tests.support.collections import ITEM, PAYER, operations, sent
from tests.support.documents import TOTAL, a_document, a_draft, a_state
from tests.support.examples import run_example

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from tests.contract import Contract

_MADE = "create_checkout_source"
_STATUS = "get_payment_source_status"
_BODY = {
    "mode": "HOSTED",
    "source_kind": "INVOICE",
    "party_name": "Amara Kamara",
    "party_phone": "231771234567",
    "currency": "USD",
    "items": [{"name": "Strategy session", "currency": "USD", "amount": Decimal("250.00")}],
}


def _hosted(dollr: DollrClient, **changes: Any) -> Coroutine[Any, Any, HostedCheckout]:  # noqa: ANN401 - passed on as they are
    terms: dict[str, Any] = {"payer": PAYER, "items": [ITEM], "currency": "USD", **changes}
    return dollr.hosted_checkout(**terms)


# What is refused before the first byte


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"items": []}, "at least one LineItem"),
        ({"items": None}, "give either items="),
        ({"payer": "231771234567"}, "payer must be Payer"),
        ({"currency": "dollars"}, "three letters"),
        ({"source_type": "SUBSCRIPTION"}, "a document of the type SUBSCRIPTION cannot be paid"),
        ({"expires_at": datetime(2099, 1, 1)}, "aware"),  # noqa: DTZ001 - a naive time is the point
        ({"due_date": datetime(2099, 1, 1)}, "aware"),  # noqa: DTZ001 - as above
        ({"success_url": 7}, "success_url must be text"),
        ({"cancel_url": b"/"}, "cancel_url must be text"),
        ({"note": 7}, "note must be text"),
        ({"document_reference": 7}, "document_reference must be text"),
    ],
)
async def test_what_is_refused_sends_nothing(
    sandbox: Sandbox, dollr: DollrClient, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InvalidInputError, match=sentence):
        await _hosted(dollr, **changes)
    assert sandbox.requests == []


async def test_a_closed_client_sends_nothing(sandbox: Sandbox, dollr: DollrClient) -> None:
    await dollr.close()
    with pytest.raises(ConfigurationError, match="closed"):
        await _hosted(dollr)
    assert sandbox.requests == []


# Steps that fail


@pytest.mark.parametrize(
    ("fault", "cause", "sends"),
    [
        ("drop", TransportError, 4),
        ("hang", RequestTimeoutError, 4),
        (500, ServerError, 4),
        (422, InvalidRequestError, 1),
    ],
)
async def test_a_checkout_that_cannot_be_made_is_reported_with_its_reference(
    sandbox: Sandbox, dollr: DollrClient, fault: str | int, cause: type[DollrError], sends: int
) -> None:
    sandbox.fail(_MADE, fault, times=None)
    with pytest.raises(CollectError, match="before any money moved") as caught:
        await _hosted(dollr)
    assert (caught.value.step, type(caught.value.__cause__)) == ("checkout", cause)
    bodies = sent(sandbox, _MADE)
    assert all(isinstance(body, dict) and body["reference_id"] == str(caught.value.reference_id) for body in bodies)
    assert (len(bodies), await dollr.invoices.list()) == (sends, ())


@pytest.mark.parametrize("fault", ["lose_answer", "500_after", "hang_after", "garbage", "cut_body"])
async def test_a_checkout_whose_answer_was_lost_is_found(sandbox: Sandbox, dollr: DollrClient, fault: str) -> None:
    sandbox.fail(_MADE, fault)
    hosted = await _hosted(dollr)
    (document,) = await dollr.invoices.list()
    assert (len(sent(sandbox, _MADE)), hosted.source_id, hosted.source_number) == (1, document.id, document.number)
    sandbox.pay("INVOICE", hosted.source_id)
    assert (await hosted.wait()).status == "PAID"


async def test_a_checkout_that_was_not_made_is_made_again(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.fail(_MADE, "drop")
    hosted = await _hosted(dollr)
    first, second = sent(sandbox, _MADE)
    assert first == second
    assert [document.id for document in await dollr.invoices.list()] == [hosted.source_id]


async def test_another_total_is_not_sent_to_the_payer() -> None:
    quirks = Quirks(checkout_total=False)
    async with Sandbox(quirks=quirks) as sandbox, DollrClient(**sandbox.settings) as dollr:
        for state in (a_state(total_amount=250.01), a_state(total_amount=25000), a_state(currency="LRD")):
            sandbox.fail(_STATUS, state)
            with pytest.raises(CollectError, match=r"but 250.00 USD was expected") as caught:
                await _hosted(dollr)
            assert caught.value.step == "checkout"
            assert caught.value.progress.source_id is not None


@pytest.mark.parametrize(("operation", "step"), [("publish_invoice", "publish"), ("get_payment_link", "checkout")])
async def test_a_page_that_cannot_be_made_leaves_the_documents_ids(operation: str, step: str) -> None:
    quirks = Quirks(checkout_status="IDLE", checkout_url=False)
    async with Sandbox(quirks=quirks) as sandbox, DollrClient(**sandbox.settings) as dollr:
        sandbox.fail(operation, 422)
        with pytest.raises(CollectError) as caught:
            await _hosted(dollr)
        progress = caught.value.progress
        assert (caught.value.step, type(caught.value.__cause__)) == (step, InvalidRequestError)
        assert (progress.source_type, progress.source_id, progress.source_number) == (
            "INVOICE",
            300_001,
            "INV-2026-00001",
        )
        assert (progress.party_id, progress.counterparty_id) == (100_001, 200_001)


async def test_an_unknown_payer_is_a_failed_step(sandbox: Sandbox, dollr: DollrClient) -> None:
    with pytest.raises(CollectError) as caught:
        await _hosted(dollr, payer=KnownPayer(299_999))
    assert (caught.value.step, type(caught.value.__cause__)) == ("counterparty", NotFoundError)
    assert sent(sandbox, _MADE) == []


async def test_a_payer_without_a_phone_is_a_failed_step(sandbox: Sandbox, dollr: DollrClient) -> None:
    found = {"id": 200_001, "relationship_type": "CUSTOMER", "party_id": 100_001, "created_at": "2026-11-24T00:00:00Z"}
    sandbox.fail("retrieve_counterparties", Fault.answer(200, {**found, "updated_at": "2026-11-24T00:00:00Z"}))
    with pytest.raises(CollectError, match=r"KnownPayer\(counterparty_id, phone="):
        await _hosted(dollr, payer=KnownPayer(200_001))
    assert sent(sandbox, _MADE) == []


# The request


async def test_one_request_with_everything(sandbox: Sandbox, dollr: DollrClient) -> None:
    hosted = await _hosted(
        dollr,
        items=[ITEM, LineItem("Tea", Decimal("2.50"), 3)],
        source_type="order",
        success_url="https://shop.example/paid?order=17",
        cancel_url="https://shop.example/cart",
        note="Thank you",
        due_date=datetime(2026, 12, 31, tzinfo=UTC),
        expires_at=datetime(2026, 12, 30, tzinfo=UTC),
        document_reference="order 17",
    )
    assert operations(sandbox) == ["client_obtain_token", _MADE]
    assert sent(sandbox, _MADE) == [
        {
            **_BODY,
            "source_kind": "ORDER",
            "items": [*_BODY["items"], {"name": "Tea x 3", "currency": "USD", "amount": Decimal("7.50")}],
            "success_url": "https://shop.example/paid?order=17",
            "cancel_url": "https://shop.example/cart",
            "note": "Thank you",
            "due_date": "2026-12-31T00:00:00Z",
            "expires_at": "2026-12-30T00:00:00Z",
            "reference_id": "order 17",
        }
    ]
    assert hosted.url.startswith(f"{sandbox.url}/pay/")
    assert (hosted.source_type, hosted.source_id, hosted.source_number) == ("ORDER", 400_001, "ORD-2026-00001")
    assert (hosted.expected_amount, hosted.currency) == (Decimal("257.50"), "USD")
    assert hosted.expires_at == datetime(2026, 12, 30, tzinfo=UTC)
    assert (hosted.party_id, hosted.counterparty_id) == (100_001, 200_001)


async def test_what_is_left_out_is_not_sent_and_each_document_has_its_own_reference(
    sandbox: Sandbox, dollr: DollrClient
) -> None:
    await _hosted(dollr)
    await _hosted(dollr)
    bodies = [body for body in sent(sandbox, _MADE) if isinstance(body, dict)]
    references = {UUID(body.pop("reference_id")) for body in bodies}
    assert bodies == [_BODY, _BODY]
    assert len(references) == 2


async def test_a_known_payer_is_read_once_for_the_phone(sandbox: Sandbox, dollr: DollrClient) -> None:
    await _hosted(dollr)
    sandbox.requests.clear()
    hosted = await _hosted(dollr, payer=KnownPayer(200_001))
    assert operations(sandbox) == ["retrieve_counterparties", _MADE]
    (body,) = sent(sandbox, _MADE)
    assert isinstance(body, dict)
    assert (body["counterparty_id"], body["party_phone"]) == (200_001, "231771234567")
    assert hosted.counterparty_id == 200_001
    sandbox.requests.clear()
    await _hosted(dollr, payer=KnownPayer(200_001, phone="231771234567"))
    assert operations(sandbox) == [_MADE]


async def test_an_address_that_is_not_in_the_answer_is_fetched(contract: Contract) -> None:
    async with Sandbox(quirks=Quirks(checkout_url=False)) as sandbox, DollrClient(**sandbox.settings) as dollr:
        hosted = await _hosted(dollr)
        (asked,) = sandbox.requests_to("get_payment_link")
        assert asked.query == {"source_type": "INVOICE", "source_number": "INV-2026-00001"}
        assert hosted.url.startswith(f"{sandbox.url}/pay/")
        check_requests(sandbox, contract)


@pytest.mark.parametrize("source_type", [SourceType.INVOICE, SourceType.ORDER])
async def test_a_draft_that_comes_back_is_published(contract: Contract, source_type: SourceType) -> None:
    quirks = Quirks(checkout_status="IDLE", checkout_total=False, publish_reply="no_content")
    async with Sandbox(quirks=quirks) as sandbox, DollrClient(**sandbox.settings) as dollr:
        hosted = await _hosted(dollr, source_type=source_type)
        kind = source_type.lower()
        assert operations(sandbox)[1:] == [_MADE, f"publish_{kind}", _STATUS]
        assert (await anext(aiter(hosted))).status == "ACTIVE"
        check_requests(sandbox, contract)


# What is shown


async def test_the_page_is_in_no_repr_and_in_no_log(
    sandbox: Sandbox, dollr: DollrClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    hosted = await _hosted(dollr)
    token = hosted.url.rpartition("/")[2]
    assert len(token) > 10
    assert hosted.url not in repr(hosted) + str(hosted) + caplog.text
    assert token not in repr(hosted) + str(hosted) + caplog.text
    assert "INV-2026-00001" in repr(hosted)


# Following it to its end


async def test_the_payer_pays_on_the_page(sandbox: Sandbox, dollr: DollrClient) -> None:
    hosted = await _hosted(dollr, success_url="https://shop.example/paid")
    async with aiohttp.ClientSession() as browser, browser.post(hosted.url) as page:
        assert page.status == 200
    source = await hosted.wait()
    assert (source.status, source.source_id, source.total_amount) == ("PAID", hosted.source_id, TOTAL)
    assert await hosted.verify()


async def test_each_change_up_to_paid(sandbox: Sandbox, dollr: DollrClient) -> None:
    hosted = await _hosted(dollr)
    seen = []
    async for change in hosted:
        seen.append((change.previous, change.status, change.is_final))
        if change.status == "ACTIVE":
            sandbox.pay(hosted.source_type, hosted.source_id)
    assert seen == [(None, "ACTIVE", False), ("ACTIVE", "PROCESSING", False), ("PROCESSING", "PAID", True)]
    assert change.source.paid_at is not None


async def test_a_canceled_document_ends_it_too(sandbox: Sandbox, dollr: DollrClient) -> None:
    hosted = await _hosted(dollr)
    await dollr.invoices.cancel(hosted.source_id)
    assert [change.status async for change in hosted] == ["CANCELED"]
    assert (await hosted.wait()).status == "CANCELED"
    assert (await hosted.verify()).reason == "INVOICE 300001 is CANCELED, not PAID"


async def test_a_payment_that_failed_on_the_page_leaves_it_open(sandbox: Sandbox) -> None:
    async with DollrClient(**sandbox.settings, polling=PollPolicy(interval=0.5, max_interval=0.5)) as dollr:
        hosted = await _hosted(dollr)
        outcomes = iter(["decline", "approve"])
        seen: list[str] = []
        async for change in hosted:
            seen.append(change.status)
            assert bool(await hosted.verify()) is change.is_final
            if change.status == "ACTIVE":
                sandbox.set_outcome(next(outcomes))
                sandbox.pay(hosted.source_type, hosted.source_id)
    assert seen == ["ACTIVE", "PROCESSING", "ACTIVE", "PROCESSING", "PAID"]
    assert [entry.status for entry in sandbox.ledger] == ["FAILED", "COMPLETED"]


async def test_a_document_that_is_not_paid_in_time_has_not_failed(sandbox: Sandbox, dollr: DollrClient) -> None:
    hosted = await _hosted(dollr)
    with pytest.raises(PollTimeoutError, match=r"INVOICE 300001 is still ACTIVE after 30 seconds") as caught:
        await hosted.wait(timeout=30.0)
    assert caught.value.reference_id is None
    assert "dollr.watch_source('INVOICE', 300001)" in str(caught.value)
    sandbox.pay("INVOICE", hosted.source_id)
    assert (await hosted.wait(30.0)).status == "PAID"


async def test_leaving_the_loop_leaves_nothing_behind(sandbox: Sandbox, dollr: DollrClient) -> None:
    hosted = await _hosted(dollr)
    async for _ in hosted:
        break
    checks = len(sandbox.requests_to(_STATUS))
    await asyncio.sleep(120)
    assert (checks, len(sandbox.requests_to(_STATUS))) == (1, 1)


# Verifying: PAID, the amount and the currency, from a status check of our own


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ({"status": "ACTIVE"}, "INVOICE 300001 is ACTIVE, not PAID"),
        ({"status": "PROCESSING"}, "INVOICE 300001 is PROCESSING, not PAID"),
        ({"status": "CANCELED"}, "INVOICE 300001 is CANCELED, not PAID"),
        ({"status": "PAID_IN_PART"}, "INVOICE 300001 is PAID_IN_PART, not PAID"),
        ({"currency": "LRD"}, "INVOICE 300001 was billed in LRD, not in USD"),
        ({"total_amount": 249.99}, "INVOICE 300001 has a total of 249.99 USD, not of 250.00"),
        ({"total_amount": "25000"}, "INVOICE 300001 has a total of 25000 USD, not of 250.00"),
        ({"total_amount": 2.5}, "INVOICE 300001 has a total of 2.5 USD, not of 250.00"),
        ({}, None),
        ({"status": "paid", "currency": "usd", "total_amount": "250"}, None),
        ({"total_amount": 250.004}, None),
    ],
)
async def test_it_is_verified_by_status_currency_and_total(
    sandbox: Sandbox, dollr: DollrClient, state: dict[str, object], reason: str | None
) -> None:
    hosted = await _hosted(dollr)
    for _ in range(2):
        sandbox.fail(_STATUS, a_state(**state))
    found = await hosted.verify()
    assert (found.ok, bool(found), found.reason) == (reason is None, reason is None, reason)
    assert found.source.source_id == 300_001
    again = await dollr.verify_source("invoice", "300001", expected_amount=TOTAL, currency="usd")
    assert again == found


@pytest.mark.parametrize(
    ("expected", "total", "wrong"),
    [(1500, "1500.00", ""), (Decimal("1500.00"), 1500, ""), (1500, 1500.4, ""), (1500, 1501, "a total of 1501 RWF")],
)
async def test_a_currency_without_decimals_is_compared_in_whole_units(
    sandbox: Sandbox, dollr: DollrClient, expected: Decimal, total: object, wrong: str
) -> None:
    sandbox.fail(_STATUS, a_state(currency="RWF", total_amount=total))
    found = await dollr.verify_source(SourceType.INVOICE, 300_001, expected_amount=expected, currency="RWF")
    assert found.ok is not bool(wrong)
    assert wrong in (found.reason or "")


async def test_it_is_verified_in_another_process(sandbox: Sandbox, dollr: DollrClient) -> None:
    hosted = await _hosted(dollr, source_type=SourceType.ORDER)
    async with DollrClient(**sandbox.settings) as other:
        terms: dict[str, Any] = {"expected_amount": TOTAL, "currency": "USD"}
        assert not await other.verify_source("ORDER", hosted.source_id, **terms)
        sandbox.pay("ORDER", hosted.source_id)
        sandbox.advance(5)
        assert await other.verify_source("ORDER", hosted.source_id, **terms)


@pytest.mark.parametrize(
    "changes",
    [
        {"expected_amount": 250.0},
        {"expected_amount": "250.00"},
        {"expected_amount": Decimal("250.001")},
        {"expected_amount": 0},
        {"currency": "dollars"},
        {"source_type": "SUBSCRIPTION"},
        {"source_type": "RECEIPT"},
        {"source_id": "INV-1"},
    ],
)
async def test_a_verification_with_wrong_arguments_sends_nothing(
    sandbox: Sandbox, dollr: DollrClient, changes: dict[str, Any]
) -> None:
    terms: dict[str, Any] = {"source_type": "INVOICE", "source_id": 300_001, "expected_amount": TOTAL}
    with pytest.raises(InvalidInputError):
        await dollr.verify_source(**{**terms, "currency": "USD", **changes})
    assert sandbox.requests == []


async def test_a_verification_without_an_answer_is_an_error(sandbox: Sandbox, dollr: DollrClient) -> None:
    hosted = await _hosted(dollr)
    sandbox.fail(_STATUS, 503, times=None)
    with pytest.raises(ServerError):
        await hosted.verify()
    sandbox.clear_faults()
    with pytest.raises(NotFoundError):
        await dollr.verify_source("ORDER", 499_999, expected_amount=TOTAL, currency="USD")


# The payment link of a document that exists


@pytest.mark.parametrize("source_type", [SourceType.INVOICE, SourceType.ORDER])
async def test_a_link_gives_the_same_handle(sandbox: Sandbox, dollr: DollrClient, source_type: SourceType) -> None:
    source = await a_document(dollr, source_type)
    hosted = await dollr.payment_link(source, currency="usd")
    assert hosted.url.startswith(f"{sandbox.url}/pay/")
    assert (hosted.source_type, hosted.source_id, hosted.expected_amount) == (source_type, source.source_id, TOTAL)
    assert hosted.url not in repr(hosted)
    sandbox.pay(source_type, source.source_id)
    assert (await hosted.wait()).status == "PAID"
    assert await hosted.verify()


async def test_a_page_that_ended_is_followed_by_another(sandbox: Sandbox, dollr: DollrClient) -> None:
    first = await _hosted(dollr, expires_at=datetime.now(UTC) + timedelta(minutes=1))
    sandbox.advance(61)
    second = await dollr.payment_link(KnownSource("INVOICE", first.source_id, TOTAL), currency="USD")
    assert second.url != first.url
    assert second.source_id == first.source_id


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"status": "IDLE"}, "INVOICE 300001 is IDLE: only an ACTIVE document can be paid"),
        ({"status": "PROCESSING"}, "is PROCESSING"),
        ({"status": "PAID"}, "is PAID"),
        ({"status": "CANCELED"}, "is CANCELED"),
        ({"status": "ACTIVE", "total_amount": 250.01}, "a total of 250.01 USD, but 250.00 USD was expected"),
        ({"status": "ACTIVE", "currency": "LRD"}, "a total of 250.0 LRD, but 250.00 USD was expected"),
    ],
)
async def test_a_link_is_given_of_an_active_document_with_that_total_only(
    sandbox: Sandbox, dollr: DollrClient, state: dict[str, object], words: str
) -> None:
    sandbox.fail(_STATUS, a_state(**state))
    with pytest.raises(DollrError, match=words):
        await dollr.payment_link(KnownSource("INVOICE", 300_001, TOTAL), currency="USD")
    assert sandbox.requests_to("get_payment_link") == []


async def test_a_draft_has_no_link(sandbox: Sandbox, dollr: DollrClient) -> None:
    source = KnownSource("INVOICE", await a_draft(dollr), TOTAL)
    with pytest.raises(DollrError, match="is IDLE"):
        await dollr.payment_link(source, currency="USD")


async def test_a_document_made_without_links_has_none(sandbox: Sandbox, dollr: DollrClient) -> None:
    source = await a_document(dollr, as_payment_link=False)
    with pytest.raises(InvalidRequestError):
        await dollr.payment_link(source, currency="USD")


@pytest.mark.parametrize("source", [None, "INV-2026-00001", ("INVOICE", 300_001, TOTAL)])
async def test_a_link_of_anything_but_a_document_is_refused(sandbox: Sandbox, dollr: DollrClient, source: Any) -> None:  # noqa: ANN401 - what is wrong is the point
    with pytest.raises(InvalidInputError, match="source must be a document that exists"):
        await dollr.payment_link(source, currency="USD")
    assert sandbox.requests == []


async def test_a_link_without_a_valid_currency_is_refused(sandbox: Sandbox, dollr: DollrClient) -> None:
    for currency, total in (("dollars", TOTAL), ("RWF", Decimal("250.50"))):
        with pytest.raises(InvalidInputError):
            await dollr.payment_link(KnownSource("INVOICE", 300_001, total), currency=currency)
    assert sandbox.requests == []


# The example


async def _afterwards(act: Callable[[], object]) -> None:
    await asyncio.sleep(9)
    acting = act()
    if isinstance(acting, Awaitable):
        await acting


async def test_the_example_delivers_what_was_paid(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    payer = asyncio.ensure_future(_afterwards(lambda: sandbox.pay("INVOICE", 300_001)))
    await run_example(sandbox, monkeypatch, "hosted_checkout.py", "231770000001")
    await payer
    page, *statuses, last = capsys.readouterr().out.splitlines()
    assert page.startswith(f"pay INV-2026-00001 at {sandbox.url}/pay/")
    assert (statuses[0], statuses[-1], last) == ("ACTIVE", "PAID", "paid: the ticket is on its way")


async def test_the_example_delivers_nothing_that_was_canceled(
    sandbox: Sandbox, dollr: DollrClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    merchant = asyncio.ensure_future(_afterwards(lambda: dollr.invoices.cancel(300_001)))
    with pytest.raises(SystemExit, match="Not delivered: INVOICE 300001 is CANCELED, not PAID"):
        await run_example(sandbox, monkeypatch, "hosted_checkout.py", "231770000001")
    await merchant


async def test_the_example_delivers_nothing_that_was_not_paid_yet(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit, match="Not paid yet: INVOICE 300001 is still ACTIVE"):
        await run_example(sandbox, monkeypatch, "hosted_checkout.py", "231770000001")


async def test_a_hosted_checkout_is_a_plain_dict_with_the_address_for_the_payer(dollr: DollrClient) -> None:
    hosted = await _hosted(dollr)
    written = json.loads(json.dumps(hosted.to_json()))
    assert (written["url"], written["source_id"], written["currency"]) == (hosted.url, hosted.source_id, "USD")
    assert written["expected_amount"] == str(hosted.expected_amount)
    assert not any(name.startswith("_") or name in ("status", "registry") for name in written)
