"""Collecting for a document that exists: only if it is ACTIVE and costs what the caller expects."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from dollr_async import (
    Card,
    CheckoutMode,
    CollectError,
    DollrClient,
    FeeBearer,
    InvalidInputError,
    InvalidRequestError,
    KnownPayer,
    KnownSource,
    MobileMoney,
    NotFoundError,
    Payer,
    PaymentFailedError,
    ReferenceUsedError,
    SavedAccount,
    ServerError,
    SourceType,
)
from dollr_async.sandbox import Fault, Sandbox
from tests.support.collections import ITEM, PAYER, REFERENCE, operations, sent
from tests.support.documents import TOTAL, a_document, a_draft, a_state

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from dollr_async import Collection

_STATUS = "get_payment_source_status"
_ACCOUNT = {
    "account_name": "Amara Kamara",
    "provider": "PAWAPAY",
    "method": "ORANGE_MONEY_LBR",
    "party_id": 100_002,
    "country_code": "LR",
    "insensitive_account_number": "231771234567",
}


@pytest.fixture
async def invoice(sandbox: Sandbox, dollr: DollrClient) -> KnownSource:
    """Return a published invoice that nobody has paid."""
    source = await a_document(dollr)
    sandbox.requests.clear()
    return source


def _collect(dollr: DollrClient, source: Any, **changes: Any) -> Coroutine[Any, Any, Collection]:  # noqa: ANN401 - passed on as they are
    terms: dict[str, Any] = {"payer": PAYER, "source": source, "currency": "USD", **changes}
    return dollr.collect(**terms)


# What is refused before the first byte


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"items": [ITEM]}, "give either items="),
        ({"source": None}, "give either items="),
        ({"source": ("INVOICE", 310)}, "source must be a document that exists"),
        ({"direct": True}, "leave out direct"),
        ({"direct": True, "mode": CheckoutMode.HOSTED}, "leave out direct"),
        ({"mode": "HOSTED"}, "leave out direct, mode"),
        ({"note": ""}, "leave out direct"),
        ({"due_date": datetime(2099, 1, 1, tzinfo=UTC)}, "due_date"),
        ({"document_reference": "order 17"}, "document_reference"),
        ({"fee_bearer": FeeBearer.PAYEE}, "fee_bearer"),
        ({"source_type": SourceType.ORDER}, "source is an INVOICE, but source_type is ORDER"),
        ({"currency": "RWF", "source": KnownSource("INVOICE", 310, Decimal("9.5"))}, "smallest unit of RWF"),
        ({"payer_currency": "LRD", "pay_with": SavedAccount(204)}, "payer_currency needs a quote"),
    ],
)
async def test_what_an_existing_document_cannot_carry_is_refused(
    sandbox: Sandbox, dollr: DollrClient, changes: dict[str, Any], sentence: str
) -> None:
    terms = {"source": KnownSource("INVOICE", 310, TOTAL), **changes}
    with pytest.raises(InvalidInputError, match=sentence):
        await _collect(dollr, **terms)
    assert sandbox.requests == []


@pytest.mark.parametrize(
    "terms",
    [
        ("INVOICE", 310, 250.0),
        ("INVOICE", 310, "250"),
        ("INVOICE", 310, 0),
        ("INVOICE", "INV-1", TOTAL),
        ("SUBSCRIPTION", 310, TOTAL),
        ("BILL", 310, TOTAL),
    ],
)
def test_a_document_is_named_by_its_kind_its_id_and_its_total(terms: tuple[Any, Any, Any]) -> None:
    with pytest.raises(InvalidInputError):
        KnownSource(*terms)


# Documents that are not what the caller expects


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"status": "IDLE"}, "INVOICE 300001 is IDLE: only an ACTIVE document can be paid"),
        ({"status": "PROCESSING"}, "is PROCESSING"),
        ({"status": "PAID"}, "is PAID"),
        ({"status": "CANCELED"}, "is CANCELED"),
        ({"status": "ON_HOLD"}, "is ON_HOLD"),
        ({"status": "ACTIVE", "total_amount": 250.01}, "a total of 250.01 USD, but 250.00 USD was expected"),
        ({"status": "ACTIVE", "total_amount": 2.5}, "but 250.00 USD was expected"),
        ({"status": "ACTIVE", "currency": "LRD"}, "LRD, but 250.00 USD was expected"),
    ],
)
async def test_another_document_is_not_paid(
    sandbox: Sandbox, dollr: DollrClient, invoice: KnownSource, state: dict[str, object], words: str
) -> None:
    sandbox.fail(_STATUS, a_state(**state))
    with pytest.raises(CollectError, match=words) as caught:
        await _collect(dollr, invoice)
    assert caught.value.step == "document"
    progress = caught.value.progress
    assert (progress.source_type, progress.source_id, progress.source_number) == ("INVOICE", 300_001, "INV-2026-00001")
    assert not {"create_checkout_session", "collect"} & set(operations(sandbox))


@pytest.mark.parametrize(
    ("fault", "cause"), [(404, NotFoundError), (500, ServerError), ("forbidden", None), ("garbage", None)]
)
async def test_a_document_whose_status_cannot_be_checked_is_not_paid(
    sandbox: Sandbox, dollr: DollrClient, invoice: KnownSource, fault: str | int, cause: type[Exception] | None
) -> None:
    sandbox.fail(_STATUS, fault, times=None)
    with pytest.raises(CollectError) as caught:
        await _collect(dollr, invoice)
    assert caught.value.step == "document"
    assert isinstance(caught.value.__cause__, cause or Exception)
    assert caught.value.progress.source_id == 300_001
    assert "create_checkout_session" not in operations(sandbox)


async def test_a_draft_is_not_published_for_it(sandbox: Sandbox, dollr: DollrClient) -> None:
    source = KnownSource("ORDER", await a_draft(dollr, SourceType.ORDER), TOTAL)
    with pytest.raises(CollectError, match="is IDLE"):
        await _collect(dollr, source)
    assert "publish_order" not in operations(sandbox)


async def test_another_payers_document_is_refused_by_the_api(
    sandbox: Sandbox, dollr: DollrClient, invoice: KnownSource
) -> None:
    with pytest.raises(CollectError, match="not found for this payer") as caught:
        await _collect(dollr, invoice, payer=Payer("Bendu", "231880000001"))
    assert (caught.value.step, type(caught.value.__cause__)) == ("execution", InvalidRequestError)
    assert sandbox.ledger == ()


# The requests


@pytest.mark.parametrize("source_type", [SourceType.INVOICE, SourceType.ORDER])
async def test_a_document_a_session_and_its_execution(
    sandbox: Sandbox, dollr: DollrClient, source_type: SourceType
) -> None:
    source = await a_document(dollr, source_type)
    sandbox.requests.clear()
    collection = await _collect(dollr, source, reference_id=REFERENCE)
    bodies = {str(request.operation): request.body for request in sandbox.requests}
    assert bodies == {
        "get_collection_status": None,
        _STATUS: None,
        "create_party": {"fullname": "Amara Kamara", "phone": "231771234567", "country_code": "LR"},
        "predict_mmo_provider_info": None,
        "create_payment_account": _ACCOUNT,
        "create_checkout_session": {"source_id": source.source_id, "source_type": source_type.value},
        "collect": {
            "session_id": "500001",
            "payment_account_id": "600001",
            "currency": "USD",
            "reference_id": REFERENCE,
        },
    }
    assert len(sandbox.requests) == len(bodies)
    assert sandbox.requests_to(_STATUS)[0].query == {
        "source_type": source_type.value,
        "source_id": str(source.source_id),
    }
    assert (collection.source_type, collection.source_id) == (source_type, source.source_id)
    assert str(collection.source_number).endswith("2026-00001")
    await collection.wait()
    assert (await collection.receipt()).total_amount == TOTAL


@pytest.mark.parametrize(
    ("payer", "pay_with", "expected"),
    [
        (PAYER, MobileMoney(), {"create_party", "predict_mmo_provider_info", "create_payment_account"}),
        (PAYER, Card("Amara"), {"create_party", "create_payment_account"}),
        (PAYER, SavedAccount(600_001), set()),
        (
            KnownPayer(200_001),
            MobileMoney(),
            {"retrieve_counterparties", "predict_mmo_provider_info", "create_payment_account"},
        ),
        (KnownPayer(200_001), Card("Amara"), {"retrieve_counterparties", "create_payment_account"}),
        (KnownPayer(200_001), SavedAccount(600_001), set()),
        (
            KnownPayer(200_001, party_id=100_001, phone="231771234567"),
            MobileMoney(),
            {"predict_mmo_provider_info", "create_payment_account"},
        ),
    ],
)
async def test_only_what_the_means_of_payment_needs_is_requested(
    sandbox: Sandbox,
    dollr: DollrClient,
    payer: Payer | KnownPayer,
    pay_with: MobileMoney | Card | SavedAccount,
    expected: set[str],
) -> None:
    first, second = await a_document(dollr), await a_document(dollr)
    await _collect(dollr, first, payer=KnownPayer(200_001))  # the account that is saved
    sandbox.requests.clear()
    await _collect(dollr, second, payer=payer, pay_with=pay_with)
    assert set(operations(sandbox)) == expected | {_STATUS, "create_checkout_session", "collect"}
    assert len(sandbox.requests) == len(expected) + 3


async def test_nothing_waits_that_does_not_depend(sandbox: Sandbox, dollr: DollrClient, invoice: KnownSource) -> None:
    sandbox.set_latency(1.0)
    began = asyncio.get_running_loop().time()
    await _collect(dollr, invoice, reference_id=REFERENCE)
    assert asyncio.get_running_loop().time() - began == pytest.approx(3.0)


async def test_another_currency_is_quoted_by_the_document(
    sandbox: Sandbox, dollr: DollrClient, invoice: KnownSource
) -> None:
    collection = await _collect(dollr, invoice, payer_currency="LRD")
    assert collection.execution.payer_currency == "LRD"
    assert len(sandbox.requests_to("predict_payment_source_amount_and_fee")) == 1


@pytest.mark.parametrize("expected", [250, Decimal("250.0"), Decimal("250.00"), Decimal("2.5E+2")])
async def test_a_total_is_a_number_however_it_is_written(
    sandbox: Sandbox, dollr: DollrClient, invoice: KnownSource, expected: Decimal
) -> None:
    await _collect(dollr, KnownSource("invoice", str(invoice.source_id), expected))
    assert len(sandbox.ledger) == 1


# One document, one payment


async def test_a_document_whose_payment_was_declined_is_collected_for_again(
    sandbox: Sandbox, dollr: DollrClient, invoice: KnownSource
) -> None:
    sandbox.set_outcome("decline")
    declined = await _collect(dollr, invoice)
    with pytest.raises(PaymentFailedError):
        await declined.wait()
    sandbox.set_outcome("approve")
    paid = await _collect(
        dollr, invoice, payer=KnownPayer(200_001), pay_with=SavedAccount(declined.payment_account_id or 0)
    )
    await paid.wait()
    assert paid.reference_id != declined.reference_id
    assert paid.session_id != declined.session_id
    assert [(entry.status, entry.source_id) for entry in sandbox.ledger] == [
        ("FAILED", 300_001),
        ("COMPLETED", 300_001),
    ]
    assert await dollr.verify_source("INVOICE", 300_001, expected_amount=TOTAL, currency="USD")


async def test_a_declined_payments_reference_is_not_used_again(
    sandbox: Sandbox, dollr: DollrClient, invoice: KnownSource
) -> None:
    sandbox.set_outcome("fail_at_once")
    await _collect(dollr, invoice, reference_id=REFERENCE)
    sandbox.requests.clear()
    sandbox.set_latency(20.0, "get_collection_status")
    with pytest.raises(ReferenceUsedError) as caught:
        await _collect(dollr, invoice, reference_id=REFERENCE)
    assert "create_checkout_session" not in operations(sandbox)
    assert caught.value.execution is not None
    assert caught.value.execution.status == "FAILED"
    assert len(sandbox.ledger) == 1


@pytest.mark.parametrize("seconds", [0, 2, 10])
async def test_a_document_is_not_paid_twice(
    sandbox: Sandbox, dollr: DollrClient, invoice: KnownSource, seconds: float
) -> None:
    await _collect(dollr, invoice)
    sandbox.advance(seconds)
    with pytest.raises(CollectError, match="only an ACTIVE document can be paid"):
        await _collect(dollr, invoice)
    assert len(sandbox.ledger) == 1


async def test_of_two_payments_at_once_one_is_made(sandbox: Sandbox, dollr: DollrClient, invoice: KnownSource) -> None:
    sandbox.set_latency(1.0)
    ends = await asyncio.gather(_collect(dollr, invoice), _collect(dollr, invoice), return_exceptions=True)
    (refused,) = [end for end in ends if isinstance(end, CollectError)]
    assert (refused.step, type(refused.__cause__)) == ("execution", InvalidRequestError)
    assert len(sandbox.ledger) == 1


@pytest.mark.parametrize("fault", ["lose_answer", "503_after", "422_after", "drop"])
async def test_a_lost_answer_charges_once(
    sandbox: Sandbox, dollr: DollrClient, invoice: KnownSource, fault: str
) -> None:
    sandbox.fail("collect", fault)
    collection = await _collect(dollr, invoice)
    assert [entry.reference_id for entry in sandbox.ledger] == [str(collection.reference_id)]


async def test_an_expired_session_is_replaced_for_the_same_document() -> None:
    async with Sandbox(session_lifetime=5.0) as sandbox, DollrClient(**sandbox.settings) as dollr:
        source = await a_document(dollr)
        sandbox.fail("collect", Fault.latency(6.0))
        collection = await _collect(dollr, source)
        assert sent(sandbox, "create_checkout_session") == [{"source_id": 300_001, "source_type": "INVOICE"}] * 2
        assert [entry.reference_id for entry in sandbox.ledger] == [str(collection.reference_id)]
