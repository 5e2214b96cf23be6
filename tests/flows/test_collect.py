"""Every route of a collection: the exact requests, in the order in which they depend on each other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from dollr_async import (
    Card,
    CheckoutMode,
    CollectError,
    DollrClient,
    FeeBearer,
    KnownPayer,
    KnownSource,
    LineItem,
    MobileMoney,
    NewInvoice,
    NewLineItem,
    NewOrder,
    NewParty,
    Payer,
    ReferenceUsedError,
    SavedAccount,
    ServerError,
    SourceType,
)
from dollr_async.sandbox import Fault, Quirks, Sandbox
from tests.support.collections import ITEM, REFERENCE, collect, operations, sent
from tests.support.documents import a_document

if TYPE_CHECKING:
    from dollr_async import Invoice, Order

_PHONE = "231771234567"
_ACCOUNT = {
    "account_name": "Amara Kamara",
    "provider": "PAWAPAY",
    "method": "ORANGE_MONEY_LBR",
    "party_id": 100_001,
    "country_code": "LR",
    "insensitive_account_number": _PHONE,
}
_DOCUMENT = {
    "counterparty_id": 200_001,
    "currency": "USD",
    "note": "Strategy session",
    "fee_bearer": "PAYER",
    "as_payment_link": False,
    "reference_id": REFERENCE,
}
_EXECUTION = {
    "session_id": "500001",
    "payment_account_id": "600001",
    "currency": "USD",
    "reference_id": REFERENCE,
}


def _all_sent(sandbox: Sandbox) -> list[tuple[str, object]]:
    return [
        (str(request.operation), request.body)
        for request in sorted(sandbox.requests, key=lambda request: request.number)
        if request.operation != "client_obtain_token"
    ]


async def test_document_first_as_an_invoice(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.set_latency(0.01)
    items = [ITEM, LineItem("Tea", Decimal("2.50"), 3)]
    collection = await collect(dollr, items=items, reference_id=REFERENCE)
    expected: dict[str, object] = {
        "get_collection_status": None,
        "create_party": {"fullname": "Amara Kamara", "phone": _PHONE, "country_code": "LR"},
        "predict_mmo_provider_info": None,
        "create_counterparty": {"party_id": 100_001, "relationship_type": "CUSTOMER"},
        "create_payment_account": _ACCOUNT,
        "create_invoice": {**_DOCUMENT, "note": "Strategy session, Tea"},
        "publish_invoice": None,
        "create_checkout_session": {"source_id": 300_001, "source_type": "INVOICE"},
        "collect": _EXECUTION,
    }
    bodies = _all_sent(sandbox)
    assert {name: body for name, body in bodies if name != "add_invoice_item"} == expected
    assert sent(sandbox, "add_invoice_item") == [
        {"name": "Strategy session", "currency": "USD", "amount": Decimal("250.00"), "qty": 1},
        {"name": "Tea", "currency": "USD", "amount": Decimal("2.50"), "qty": 3},
    ]
    assert len(bodies) == len(expected) + 2
    assert sandbox.requests_to("publish_invoice")[0].content == b""
    assert sandbox.requests_to("publish_invoice")[0].path == "/v1/invoices/publish/300001"
    assert sandbox.requests_to("create_payment_account")[0].query == {"operation_type": "COLLECTION"}
    assert sandbox.requests_to("predict_mmo_provider_info")[0].query == {
        "phone": _PHONE,
        "operation_type": "COLLECTION",
    }
    assert (str(collection.reference_id), collection.status) == (REFERENCE, "PENDING")
    assert (collection.source_type, collection.source_id) == ("INVOICE", 300_001)
    assert (collection.party_id, collection.counterparty_id) == (100_001, 200_001)
    assert (collection.session_id, collection.payment_account_id) == (500_001, 600_001)
    assert str(collection.source_number).startswith("INV-")


async def test_document_first_as_an_order(sandbox: Sandbox, dollr: DollrClient) -> None:
    collection = await collect(dollr, source_type=SourceType.ORDER, reference_id=REFERENCE)
    assert sent(sandbox, "create_order") == [_DOCUMENT]
    assert sent(sandbox, "add_order_item") == [
        {"name": "Strategy session", "currency": "USD", "amount": Decimal("250.00"), "qty": 1}
    ]
    assert sandbox.requests_to("publish_order")[0].path == "/v1/orders/publish/400001"
    assert sent(sandbox, "create_checkout_session") == [{"source_id": 400_001, "source_type": "ORDER"}]
    assert (collection.source_type, collection.source_id) == (SourceType.ORDER, 400_001)
    assert not {name for name in operations(sandbox) if "invoice" in name}


@pytest.mark.parametrize("source_type", [SourceType.INVOICE, SourceType.ORDER])
async def test_direct(sandbox: Sandbox, dollr: DollrClient, source_type: SourceType) -> None:
    payer = Payer("Amara Kamara", _PHONE, email="amara@example.org", country_code="LR")
    items = [ITEM, LineItem("Tea", Decimal("2.50"), 3)]
    due = datetime(2026, 12, 31, 12, tzinfo=UTC)
    collection = await collect(
        dollr, payer=payer, items=items, direct=True, source_type=source_type, due_date=due, reference_id=REFERENCE
    )
    source_id = 300_001 if source_type is SourceType.INVOICE else 400_001
    assert sent(sandbox, "create_checkout_source") == [
        {
            "mode": "DIRECT",
            "source_kind": source_type.value,
            "party_name": "Amara Kamara",
            "party_phone": _PHONE,
            "party_email": "amara@example.org",
            "currency": "USD",
            "items": [
                {"name": "Strategy session", "currency": "USD", "amount": Decimal("250.00")},
                {"name": "Tea x 3", "currency": "USD", "amount": Decimal("7.50")},
            ],
            "reference_id": REFERENCE,
            "due_date": "2026-12-31T12:00:00Z",
        }
    ]
    assert sent(sandbox, "create_payment_account") == [_ACCOUNT]
    assert sent(sandbox, "create_checkout_session") == [{"source_id": source_id, "source_type": source_type.value}]
    assert sent(sandbox, "collect") == [_EXECUTION]
    assert sorted(operations(sandbox)) == sorted(
        [
            "client_obtain_token",
            "get_collection_status",
            "predict_mmo_provider_info",
            "create_checkout_source",
            "create_payment_account",
            "create_checkout_session",
            "collect",
        ]
    )
    assert (collection.party_id, collection.counterparty_id, collection.source_id) == (100_001, 200_001, source_id)


@pytest.mark.parametrize(("mode", "word"), [(CheckoutMode.HOSTED, "HOSTED"), ("direct", "DIRECT")])
async def test_direct_in_a_mode_of_the_callers(sandbox: Sandbox, dollr: DollrClient, mode: str, word: str) -> None:
    await collect(dollr, direct=True, mode=mode)
    (body,) = sent(sandbox, "create_checkout_source")
    assert isinstance(body, dict)
    assert body["mode"] == word


async def test_a_direct_source_that_comes_back_idle_is_published() -> None:
    quirks = Quirks(checkout_status="IDLE")
    async with Sandbox(quirks=quirks) as sandbox, DollrClient(**sandbox.settings) as dollr:
        for source_type in (SourceType.INVOICE, SourceType.ORDER):
            await collect(dollr, direct=True, source_type=source_type)
        assert len(sandbox.requests_to("publish_invoice")) == len(sandbox.requests_to("publish_order")) == 1
        assert len(sandbox.ledger) == 2


# Who pays


async def _saved(sandbox: Sandbox, dollr: DollrClient) -> None:
    await collect(dollr)
    sandbox.requests.clear()


async def test_a_known_payer_with_all_parts_is_not_read(sandbox: Sandbox, dollr: DollrClient) -> None:
    await _saved(sandbox, dollr)
    payer = KnownPayer(200_001, party_id=100_001, phone="+231 77 123 4567")
    collection = await collect(dollr, payer=payer)
    assert not {"retrieve_counterparties", "create_party", "create_counterparty"} & set(operations(sandbox))
    (document,) = sent(sandbox, "create_invoice")
    assert isinstance(document, dict)
    assert document["counterparty_id"] == 200_001
    (account,) = sent(sandbox, "create_payment_account")
    # Nothing was read, so neither a name nor a country is known.
    known = {name: value for name, value in _ACCOUNT.items() if name != "country_code"}
    assert account == {**known, "account_name": _PHONE}
    assert (collection.party_id, collection.counterparty_id) == (100_001, 200_001)


async def test_a_known_payer_is_read_once_for_what_is_missing(sandbox: Sandbox, dollr: DollrClient) -> None:
    await _saved(sandbox, dollr)
    collection = await collect(dollr, payer=KnownPayer(200_001))
    assert [request.path for request in sandbox.requests_to("retrieve_counterparties")] == [
        "/v1/counterparties/retrieve/200001"
    ]
    assert sent(sandbox, "create_payment_account") == [_ACCOUNT]
    assert (collection.party_id, collection.counterparty_id) == (100_001, 200_001)


async def test_the_party_that_the_caller_names_wins(sandbox: Sandbox, dollr: DollrClient) -> None:
    await _saved(sandbox, dollr)
    party = await dollr.parties.create(NewParty(fullname="Amara", phone=_PHONE))
    collection = await collect(dollr, payer=KnownPayer(200_001, party_id=party.id))
    assert len(sandbox.requests_to("retrieve_counterparties")) == 1
    assert collection.party_id == party.id
    assert sent(sandbox, "create_payment_account") == [{**_ACCOUNT, "party_id": party.id}]


async def test_a_counterparty_that_names_no_party_embeds_it() -> None:
    quirks = Quirks(counterparty_party_id=False)
    async with Sandbox(quirks=quirks) as sandbox, DollrClient(**sandbox.settings) as dollr:
        await _saved(sandbox, dollr)
        collection = await collect(dollr, payer=KnownPayer(200_001))
        assert collection.party_id == 100_001


@pytest.mark.parametrize(
    ("payer", "pay_with"),
    [
        (KnownPayer(200_001), SavedAccount(600_001)),
        (KnownPayer(200_001, party_id=100_001), MobileMoney(phone="231880000001")),
        (KnownPayer(200_001, party_id=100_001), Card("Amara")),
    ],
)
async def test_a_known_payer_is_not_read_for_what_is_not_needed(
    sandbox: Sandbox,
    dollr: DollrClient,
    payer: KnownPayer,
    pay_with: Any,  # noqa: ANN401 - one of three
) -> None:
    await _saved(sandbox, dollr)
    await collect(dollr, payer=payer, pay_with=pay_with)
    assert "retrieve_counterparties" not in operations(sandbox)


@pytest.mark.parametrize(("payer", "reads"), [(KnownPayer(200_001), 1), (KnownPayer(200_001, phone=_PHONE), 0)])
async def test_a_known_payer_direct_needs_a_phone_only(
    sandbox: Sandbox, dollr: DollrClient, payer: KnownPayer, reads: int
) -> None:
    await _saved(sandbox, dollr)
    collection = await collect(dollr, payer=payer, direct=True)
    assert len(sandbox.requests_to("retrieve_counterparties")) == reads
    (body,) = sent(sandbox, "create_checkout_source")
    assert isinstance(body, dict)
    assert (body["counterparty_id"], body["party_phone"]) == (200_001, _PHONE)
    assert (collection.party_id, collection.counterparty_id) == (100_001, 200_001)


# How it is paid


async def test_a_saved_account_needs_neither_operator_nor_account(sandbox: Sandbox, dollr: DollrClient) -> None:
    await _saved(sandbox, dollr)
    collection = await collect(dollr, payer=KnownPayer(200_001), pay_with=SavedAccount("600001"))
    assert operations(sandbox) == [
        "create_invoice",
        "add_invoice_item",
        "publish_invoice",
        "create_checkout_session",
        "collect",
    ]
    (body,) = sent(sandbox, "collect")
    assert isinstance(body, dict)
    assert body["payment_account_id"] == "600001"
    assert (collection.payment_account_id, collection.party_id) == (600_001, None)


async def test_mobile_money_with_method_and_provider_is_not_predicted(sandbox: Sandbox, dollr: DollrClient) -> None:
    pay_with = MobileMoney(method="MTN_MOMO_LBR", provider="MTN_MOMO_LBR", account_name="Shop till")
    await collect(dollr, pay_with=pay_with)
    assert "predict_mmo_provider_info" not in operations(sandbox)
    assert sent(sandbox, "create_payment_account") == [
        {**_ACCOUNT, "account_name": "Shop till", "provider": "MTN_MOMO_LBR", "method": "MTN_MOMO_LBR"}
    ]


@pytest.mark.parametrize(
    ("pay_with", "method", "provider"),
    [
        (MobileMoney(method="MTN_MOMO_LBR"), "MTN_MOMO_LBR", "PAWAPAY"),
        (MobileMoney(provider="ORANGE_MONEY_LBR"), "ORANGE_MONEY_LBR", "ORANGE_MONEY_LBR"),
    ],
)
async def test_the_callers_method_and_provider_win(
    sandbox: Sandbox, dollr: DollrClient, pay_with: MobileMoney, method: str, provider: str
) -> None:
    await collect(dollr, pay_with=pay_with)
    assert sent(sandbox, "create_payment_account") == [{**_ACCOUNT, "method": method, "provider": provider}]


async def test_another_persons_wallet_does_not_get_the_payers_country(sandbox: Sandbox, dollr: DollrClient) -> None:
    await collect(dollr, pay_with=MobileMoney(phone="250780000001"), payer_currency="RWF")
    (account,) = sent(sandbox, "create_payment_account")
    assert account == {
        "account_name": "Amara Kamara",
        "provider": "PAWAPAY",
        "method": "MTN_MOMO_RWA",
        "party_id": 100_001,
        "insensitive_account_number": "250780000001",
    }


async def test_the_prediction_is_passed_on_unchanged() -> None:
    quirks = Quirks(liberian_provider="OPERATOR", only_predicted_provider=True, prediction_country="alpha3")
    async with Sandbox(quirks=quirks) as sandbox, DollrClient(**sandbox.settings) as dollr:
        await collect(dollr)
        assert sent(sandbox, "create_payment_account") == [{**_ACCOUNT, "provider": "ORANGE_MONEY_LBR"}]


async def test_rwanda_has_a_provider_to_fall_back_on(sandbox: Sandbox, dollr: DollrClient) -> None:
    payer = Payer("Aline", "250780000007")
    await collect(dollr, payer=payer, pay_with=MobileMoney(method="MTN_MOMO_RWA"), currency="RWF")
    (account,) = sent(sandbox, "create_payment_account")
    assert isinstance(account, dict)
    assert (account["method"], account["provider"]) == ("MTN_MOMO_RWA", "PAWAPAY")


async def test_liberia_has_no_provider_to_fall_back_on(sandbox: Sandbox, dollr: DollrClient) -> None:
    payer = Payer("Amara", "231880000007")
    with pytest.raises(CollectError) as caught:
        await collect(dollr, payer=payer, pay_with=MobileMoney(method="MTN_MOMO_LBR"))
    assert caught.value.step == "operator"


async def test_a_card_has_a_new_account_without_a_number(sandbox: Sandbox, dollr: DollrClient) -> None:
    await collect(dollr, pay_with=Card("Amara K"))
    await collect(dollr, pay_with=Card("Amara K"))
    first, second = sent(sandbox, "create_payment_account")
    assert first == {
        "account_name": "Amara K",
        "provider": "STRIPE",
        "method": "CREDIT_CARD",
        "party_id": 100_001,
        "country_code": "LR",
    }
    assert isinstance(second, dict)
    assert second["party_id"] == 100_002
    assert not [name for name in operations(sandbox) if name.startswith("predict")]


async def test_the_route_of_a_tokenised_card_is_predicted(sandbox: Sandbox, dollr: DollrClient) -> None:
    collection = await collect(dollr, pay_with=Card("Amara K", payment_method_id="pm_card_3ds"))
    (asked,) = sandbox.requests_to("predict_card_provider_info")
    assert asked.query == {
        "payment_method_id": "pm_card_3ds",
        "operation_type": "COLLECTION",
        "provider": "STRIPE",
    }
    assert collection.requires_action


# In which currency


async def test_the_quotes_own_currency_is_executed(sandbox: Sandbox, dollr: DollrClient) -> None:
    collection = await collect(dollr, payer_currency="lrd")
    (asked,) = sandbox.requests_to("predict_payment_source_amount_and_fee")
    assert asked.query == {
        "source_type": "INVOICE",
        "source_id": "300001",
        "target_currency": "LRD",
        "payment_method": "ORANGE_MONEY_LBR",
        "provider": "PAWAPAY",
    }
    (body,) = sent(sandbox, "collect")
    assert isinstance(body, dict)
    assert body["currency"] == "LRD"
    assert collection.execution.payer_currency == "LRD"


async def test_a_quote_that_names_another_currency_is_believed(sandbox: Sandbox, dollr: DollrClient) -> None:
    quote = {
        "payer_amount": "255.00",
        "payer_currency": "USD",
        "payee_amount": "250.00",
        "payee_currency": "USD",
        "platform_fee": "5.00",
        "platform_currency": "USD",
    }
    sandbox.fail("predict_payment_source_amount_and_fee", Fault.answer(200, quote))
    await collect(dollr, payer_currency="LRD")
    (body,) = sent(sandbox, "collect")
    assert isinstance(body, dict)
    assert body["currency"] == "USD"


async def test_a_saved_account_is_quoted_with_the_callers_method_and_provider(
    sandbox: Sandbox, dollr: DollrClient
) -> None:
    await _saved(sandbox, dollr)
    pay_with = SavedAccount(600_001, method="ORANGE_MONEY_LBR", provider="PAWAPAY")
    collection = await collect(dollr, payer=KnownPayer(200_001), pay_with=pay_with, payer_currency="LRD")
    assert collection.execution.payer_currency == "LRD"


async def test_the_same_currency_needs_no_quote(sandbox: Sandbox, dollr: DollrClient) -> None:
    await collect(dollr, payer_currency="usd")
    assert "predict_payment_source_amount_and_fee" not in operations(sandbox)


# What stands on the document


async def test_the_documents_own_terms(sandbox: Sandbox, dollr: DollrClient) -> None:
    due = datetime(2026, 12, 31, 14, tzinfo=timezone(timedelta(hours=2)))
    collection = await collect(
        dollr, fee_bearer=FeeBearer.PAYEE, note="Thank you", due_date=due, document_reference="order 17"
    )
    assert sent(sandbox, "create_invoice") == [
        {
            **_DOCUMENT,
            "fee_bearer": "PAYEE",
            "note": "Thank you",
            "due_date": "2026-12-31T12:00:00Z",
            "reference_id": "order 17",
        }
    ]
    assert collection.execution.payer_amount == Decimal("250.00")


async def test_a_direct_document_carries_note_and_reference_too(sandbox: Sandbox, dollr: DollrClient) -> None:
    await collect(dollr, direct=True, note="Thank you", document_reference="order 17")
    (body,) = sent(sandbox, "create_checkout_source")
    assert isinstance(body, dict)
    assert (body["note"], body["reference_id"]) == ("Thank you", "order 17")


async def test_by_default_a_documents_text_is_the_payments_own_reference(sandbox: Sandbox, dollr: DollrClient) -> None:
    collection = await collect(dollr)
    (body,) = sent(sandbox, "create_invoice")
    assert isinstance(body, dict)
    assert body["reference_id"] == str(collection.reference_id)


@pytest.mark.parametrize("word", ["order", "ORDER", SourceType.ORDER])
async def test_words_are_taken_in_any_case(sandbox: Sandbox, dollr: DollrClient, word: str) -> None:
    await collect(dollr, source_type=word, currency="usd", fee_bearer="payee")
    assert len(sandbox.requests_to("create_order")) == 1


async def test_a_long_list_of_names_is_cut_in_the_note(sandbox: Sandbox, dollr: DollrClient) -> None:
    names = [f"Thing number {number}" for number in range(30)]
    await collect(dollr, items=[LineItem(name, Decimal(1)) for name in names])
    (body,) = sent(sandbox, "create_invoice")
    assert isinstance(body, dict)
    assert body["note"] == ", ".join(names)[:200].rstrip()


async def test_amounts_leave_exactly_as_they_are(sandbox: Sandbox, dollr: DollrClient) -> None:
    amounts = ["0.10", "250", "1234567.89"]
    await collect(dollr, items=[LineItem("Thing", Decimal(amount)) for amount in amounts])
    contents = [request.content for request in sandbox.requests_to("add_invoice_item")]
    assert [f'"amount":{amount},'.encode() in content for amount, content in zip(amounts, contents, strict=True)] == [
        True
    ] * 3


# In which order


async def test_nothing_waits_that_does_not_depend(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.set_latency(1.0)
    await dollr.parties.list()
    sandbox.requests.clear()
    await collect(dollr, payer_currency="LRD", reference_id=REFERENCE, items=[ITEM, ITEM])
    began = sandbox.requests[0].second
    rounds: dict[int, set[str]] = {}
    for request in sandbox.requests:
        rounds.setdefault(round(request.second - began), set()).add(str(request.operation))
    assert rounds == {
        0: {"create_party", "predict_mmo_provider_info", "get_collection_status"},
        1: {"create_counterparty", "create_payment_account"},
        2: {"create_invoice"},
        3: {"add_invoice_item"},
        4: {"add_invoice_item"},
        5: {"publish_invoice"},
        6: {"create_checkout_session", "predict_payment_source_amount_and_fee"},
        7: {"collect"},
    }


async def test_direct_waits_for_the_checkout_only(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.set_latency(1.0)
    await dollr.parties.list()
    sandbox.requests.clear()
    await collect(dollr, direct=True)
    began = sandbox.requests[0].second
    rounds: dict[int, set[str]] = {}
    for request in sandbox.requests:
        rounds.setdefault(round(request.second - began), set()).add(str(request.operation))
    assert rounds == {
        0: {"create_checkout_source", "predict_mmo_provider_info"},
        1: {"create_checkout_session", "create_payment_account"},
        2: {"collect"},
    }


# The caller's own reference (docs/design.md, rule 7)


@pytest.mark.parametrize("direct", [False, True])
async def test_a_reference_that_names_a_payment_is_not_used_again(
    sandbox: Sandbox, dollr: DollrClient, *, direct: bool
) -> None:
    await collect(dollr, reference_id=REFERENCE)
    sandbox.requests.clear()
    with pytest.raises(ReferenceUsedError, match="already names a collection") as caught:
        await collect(dollr, reference_id=UUID(REFERENCE), direct=direct)
    assert f"follow it with dollr.watch('{REFERENCE}'), and do not pay again" in str(caught.value)
    assert str(caught.value.reference_id) == REFERENCE
    assert caught.value.execution is not None
    assert caught.value.execution.status == "PENDING"
    assert not {"publish_invoice", "create_checkout_source", "create_checkout_session", "collect"} & set(
        operations(sandbox)
    )
    assert len(sandbox.ledger) == 1


@pytest.mark.parametrize("direct", [False, True])
async def test_nothing_is_published_before_the_status_check_has_answered(
    sandbox: Sandbox, dollr: DollrClient, *, direct: bool
) -> None:
    await collect(dollr, reference_id=REFERENCE)
    sandbox.requests.clear()
    sandbox.set_latency(20.0, "get_collection_status")
    with pytest.raises(ReferenceUsedError):
        await collect(dollr, reference_id=REFERENCE, direct=direct)
    assert not {"publish_invoice", "create_checkout_source", "create_checkout_session"} & set(operations(sandbox))


async def test_a_payment_in_an_unreadable_shape_uses_its_reference_too(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.fail("get_collection_status", Fault.answer(200, {"status": "PENDING"}))
    with pytest.raises(ReferenceUsedError) as caught:
        await collect(dollr, reference_id=REFERENCE)
    assert caught.value.execution is None


@pytest.mark.parametrize("fault", [500, "hang", "garbage", "forbidden"])
@pytest.mark.parametrize(
    ("terms", "step"),
    [
        ({}, "party"),
        ({"direct": True}, "checkout"),
        ({"payer": KnownPayer(200_001)}, "document"),
        ({"items": None, "source": KnownSource(SourceType.INVOICE, 300_001, Decimal("250.00"))}, "document"),
    ],
    ids=["a new payer", "direct", "a known payer", "a document that exists"],
)
async def test_a_status_check_that_fails_is_the_first_steps_failure_and_publishes_nothing(
    sandbox: Sandbox, dollr: DollrClient, fault: Fault | str | int, terms: dict[str, Any], step: str
) -> None:
    await a_document(dollr)
    sandbox.requests.clear()
    sandbox.fail("get_collection_status", fault, times=None)
    with pytest.raises(CollectError) as caught:
        await collect(dollr, reference_id=REFERENCE, **terms)
    assert caught.value.step == step
    published = {"publish_invoice", "create_checkout_source", "create_checkout_session", "collect"}
    assert not published & set(operations(sandbox))
    assert str(caught.value.reference_id) == REFERENCE


async def test_the_status_check_of_a_reference_is_retried(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.fail("get_collection_status", 503, times=2)
    collection = await collect(dollr, reference_id=REFERENCE.upper())
    assert str(collection.reference_id) == REFERENCE
    assert len(sandbox.requests_to("get_collection_status")) == 3


async def test_a_generated_reference_is_not_checked(sandbox: Sandbox, dollr: DollrClient) -> None:
    first, second = await collect(dollr), await collect(dollr)
    assert first.reference_id != second.reference_id
    assert first.reference_id.version == 4
    assert "get_collection_status" not in operations(sandbox)


async def test_a_payment_may_be_tried_again_under_another_reference(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.fail("create_checkout_session", 500, times=4)
    with pytest.raises(CollectError) as caught:
        await collect(dollr)
    assert isinstance(caught.value.__cause__, ServerError)
    await collect(dollr)
    assert len(sandbox.ledger) == 1


# A document that exists


async def _published(sandbox: Sandbox, dollr: DollrClient, source_type: SourceType) -> KnownSource:
    """Publish a document of 250 dollars for the payer of the first collection, and return it."""
    await _saved(sandbox, dollr)
    if source_type is SourceType.INVOICE:
        document: Invoice | Order = await dollr.invoices.create(NewInvoice(counterparty_id=200_001, currency="USD"))
    else:
        document = await dollr.orders.create(NewOrder(counterparty_id=200_001, currency="USD"))
    documents = dollr.documents(source_type)
    await documents.add_item(document.id, NewLineItem(name="Tea", currency="USD", amount=Decimal("250.00")))
    await documents.publish(document.id)
    sandbox.requests.clear()
    return KnownSource(source_type, document.id, Decimal("250.00"))


@pytest.mark.parametrize("source_type", [SourceType.INVOICE, SourceType.ORDER])
async def test_an_existing_document_is_checked_and_paid(
    sandbox: Sandbox, dollr: DollrClient, source_type: SourceType
) -> None:
    source = await _published(sandbox, dollr, source_type)
    collection = await collect(
        dollr, items=None, source=source, payer=KnownPayer(200_001), pay_with=SavedAccount(600_001)
    )
    assert operations(sandbox) == ["get_payment_source_status", "create_checkout_session", "collect"]
    assert sent(sandbox, "create_checkout_session") == [
        {"source_id": source.source_id, "source_type": source_type.value}
    ]
    assert (collection.source_type, collection.source_id) == (source_type, source.source_id)
    assert str(collection.source_number).startswith(source_type.value[:3])


async def test_an_existing_document_may_be_paid_by_a_new_payer(sandbox: Sandbox, dollr: DollrClient) -> None:
    source = await _published(sandbox, dollr, SourceType.INVOICE)
    collection = await collect(dollr, items=None, source=source)
    assert sent(sandbox, "create_payment_account") == [{**_ACCOUNT, "party_id": collection.party_id}]
    assert "create_invoice" not in operations(sandbox)


@pytest.mark.parametrize("total", ["249.99", "25000"])
async def test_a_document_with_another_total_is_not_paid(sandbox: Sandbox, dollr: DollrClient, total: str) -> None:
    source = await _published(sandbox, dollr, SourceType.INVOICE)
    wrong = KnownSource(source.source_type, source.source_id, Decimal(total))
    with pytest.raises(CollectError, match="check the document") as caught:
        await collect(dollr, items=None, source=wrong)
    assert (caught.value.step, caught.value.progress.source_id) == ("document", source.source_id)
    assert "collect" not in operations(sandbox)


async def test_a_document_that_is_paid_already_is_not_paid_again(sandbox: Sandbox, dollr: DollrClient) -> None:
    first = await collect(dollr)
    await first.wait()
    paid = KnownSource(SourceType.INVOICE, first.source_id or 0, Decimal("250.00"))
    with pytest.raises(CollectError, match="only an ACTIVE document can be paid"):
        await collect(dollr, items=None, source=paid)
    assert len(sandbox.ledger) == 1
