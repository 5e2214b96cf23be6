"""What the client does for each question that the API's documentation leaves open."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from dollr_async import (
    APIStatusError,
    AuthenticationError,
    CheckoutItem,
    CheckoutMode,
    CollectError,
    ConflictError,
    CounterpartyChanges,
    DecodeError,
    DollrClient,
    ExecutionStatus,
    HostedCheckout,
    InvalidInputError,
    InvalidRequestError,
    InvoiceChanges,
    KnownSource,
    LineItemChanges,
    MobileMoney,
    NewCheckout,
    NewCounterparty,
    NewInvoice,
    NewLineItem,
    NewOrder,
    NewParty,
    NewPaymentAccount,
    NewPayout,
    NewPayoutSession,
    NewRealtimeKey,
    NewRefundSession,
    OrderChanges,
    Payer,
    PermissionDeniedError,
    PollTimeoutError,
    RelationshipType,
    SessionStatus,
    SourceStatus,
    SourceType,
)
from dollr_async.sandbox import Fault, Quirks, Sandbox
from dollr_async.wire.answers import RawAnswer
from tests.resources.cases import CASES, Wired, money, shapes
from tests.resources.cases.case import answered
from tests.support.collections import ITEM, PAYER, collect, operations, sent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

_ANSWERS = {case.operation: case.answer for case in CASES}
_RWANDAN = Payer(fullname="Aline Uwase", phone="250788123456", country_code="RW")


@asynccontextmanager
async def _with(**quirks: Any) -> AsyncIterator[tuple[Sandbox, DollrClient]]:  # noqa: ANN401 - the fields of Quirks
    async with Sandbox(quirks=Quirks(**quirks)) as sandbox, DollrClient(**sandbox.settings) as dollr:
        yield sandbox, dollr


async def _answer(call: Callable[[Wired], Awaitable[Any]], *answers: object) -> Any:  # noqa: ANN401 - of any shape
    wired = Wired(*(answer if isinstance(answer, RawAnswer) else answered(answer) for answer in answers))
    try:
        return await call(wired)
    finally:
        await wired.session.close()


def _like(operation: str, **changes: object) -> dict[str, Any]:
    answer = _ANSWERS[operation]
    assert isinstance(answer, dict)
    return {**answer, **changes}


def test_every_open_question_has_its_test() -> None:
    names = [name for name in globals() if name.startswith("test_q")]
    assert {int(name[6:8]) for name in names} == set(range(1, 39))


@pytest.mark.parametrize(("quirk", "provider"), [("PAWAPAY", "PAWAPAY"), ("OPERATOR", "MTN_MOMO_LBR")])
async def test_q01_provider_value_is_the_predicted_one_unchanged(quirk: str, provider: str) -> None:
    async with _with(liberian_provider=quirk, only_predicted_provider=True) as (sandbox, dollr):
        await collect(dollr, payer=Payer(fullname="Amara Kamara", phone="231880001122", country_code="LR"))
        account = sent(sandbox, "create_payment_account")[0]
        assert isinstance(account, dict)
        route = sandbox.requests_to("predict_mmo_provider_info")[0].answer
        assert route is not None
        assert isinstance(route.body, dict)
        assert account["provider"] == route.body["gateway_provider"]
        assert (account["provider"] == "PAWAPAY") is (provider == "PAWAPAY")


def test_q01_provider_value_is_never_refused_here() -> None:
    account = NewPaymentAccount(account_name="Fatu", provider="NEW_GATEWAY", method="NEW_METHOD", party_id=1)
    assert (account.provider, account.method) == ("NEW_GATEWAY", "NEW_METHOD")


@pytest.mark.parametrize("amount", [120.5, "120.5", "120.50", " 120.50 "])
async def test_q02_amounts_come_as_numbers_or_as_text(amount: object) -> None:
    state = await _answer(
        lambda api: api.status.source("ORDER", 601), _like("get_payment_source_status", total_amount=amount)
    )
    assert state.total_amount == Decimal("120.50")


@pytest.mark.parametrize("status", [200, 201, 202])
async def test_q03_200_or_201_is_a_success(status: int) -> None:
    assert await _answer(lambda api: api.parties.retrieve(310), answered(shapes.PARTY, status)) == shapes.A_PARTY


@pytest.mark.parametrize("content", [b"", b"{}", b"null"])
@pytest.mark.parametrize("status", [200, 204])
async def test_q03_200_or_201_without_a_body_is_a_success_of_delete_and_publish(status: int, content: bytes) -> None:
    nothing = RawAnswer(status, {}, content)
    assert await _answer(lambda api: api.invoices.publish(501), nothing) is None
    assert await _answer(lambda api: api.orders.cancel(601), nothing) is None
    await _answer(lambda api: api.orders.remove_item(601, 12), nothing)


async def test_q04_statuses_that_are_unknown_are_kept_and_are_not_final() -> None:
    execution = await _answer(lambda api: api.status.payout(shapes.REFERENCE), _like("payout", status="On Hold"))
    assert (execution.status, execution.status.is_final) == ("On Hold", False)
    state = await _answer(
        lambda api: api.status.source("ORDER", 601), _like("get_payment_source_status", status="REFUNDED")
    )
    assert (state.status, state.status.is_final, state.status.is_known) == ("REFUNDED", False, False)
    session = await _answer(lambda api: api.sessions.refund(_REFUND), _like("create_refund_session", status="USED"))
    assert session.status == "USED"
    assert session.status != SessionStatus.ACTIVE


_REFUND = NewRefundSession(original_payment_intent_id=1, amount=1, expires_at=shapes.AT_NINE)
_LINE = CheckoutItem(name="Panel", currency="USD", amount=Decimal("120.50"))
_CHECKOUT = NewCheckout(party_phone="231880001122", currency="USD", items=[_LINE])


async def test_q05_checkout_mode_is_hosted_by_default_and_any_word_is_sent() -> None:
    assert _CHECKOUT.mode == CheckoutMode.HOSTED
    embedded = NewCheckout(party_phone="231880001122", currency="USD", items=[_LINE], mode="EMBEDDED")
    assert embedded.mode == "EMBEDDED"


async def test_q05_checkout_mode_may_come_back_without_a_url() -> None:
    answer = _like("create_checkout_source", mode="DIRECT")
    del answer["url"]
    assert (await _answer(lambda api: api.checkouts.create(_CHECKOUT), answer)).url is None


async def test_q06_checkout_reply_in_the_older_form_has_an_id_and_no_url() -> None:
    old = _like("create_checkout_source", id=90)
    del old["url"]
    checkout = await _answer(lambda api: api.checkouts.create(_CHECKOUT), old)
    assert (checkout.source_id, checkout.extra) == (601, {"id": 90})


async def test_q07_payout_calls_take_the_account_as_an_integer_and_then_as_text() -> None:
    assert NewPayoutSession(payout_account_id="204", amount=1, currency="USD").payout_account_id == 204
    payout = NewPayout(session_id=42, payout_account_id=204, reference_id=shapes.REFERENCE, passcode=money.PASSCODE)
    assert (payout.session_id, payout.payout_account_id) == ("42", "204")
    with pytest.raises(TypeError, match="passcode"):
        NewPayout(session_id=42, payout_account_id=204, reference_id=shapes.REFERENCE)  # type: ignore[call-arg] # the error is the test


@pytest.mark.parametrize("lacking", [(), ("party_id",), ("owner_party_type", "owner_party_id", "party")])
async def test_q08_counterparty_reply_may_lack_the_party_and_the_owner(lacking: tuple[str, ...]) -> None:
    full = {**shapes.EMBEDDING, "party_id": 310}
    answer = {key: value for key, value in full.items() if key not in lacking}
    counterparty = await _answer(lambda api: api.counterparties.retrieve(77), answer)
    assert counterparty.id == 77
    assert all(getattr(counterparty, name) is None for name in lacking)


async def test_q09_refund_key_is_given_by_the_caller_and_can_be_read_from_extra() -> None:
    execution = await _answer(
        lambda api: api.status.collection(shapes.REFERENCE), _like("collect", payment_intent_id=9)
    )
    assert execution.extra == {"payment_intent_id": 9}
    session = NewRefundSession(
        original_payment_intent_id=execution.extra["payment_intent_id"], amount=1, expires_at=shapes.AT_NINE
    )
    assert session.original_payment_intent_id == 9


@pytest.mark.parametrize("phone", [{"phone": None}, {}])
async def test_q10_payer_phone_may_be_null_or_missing(phone: dict[str, None]) -> None:
    party = {key: value for key, value in shapes.PARTY.items() if key != "phone"}
    assert (await _answer(lambda api: api.parties.retrieve(310), {**party, **phone})).phone is None


@pytest.mark.parametrize(("due_date", "read"), [(None, None), (shapes.NINE, shapes.AT_NINE)])
async def test_q11_due_date_is_null_or_a_default_of_the_servers(due_date: object, read: object) -> None:
    answer = {**shapes.INVOICE_DETAIL, "due_date": due_date}
    assert (await _answer(lambda api: api.invoices.retrieve(501), answer)).due_date == read


async def test_q11_due_date_of_an_order_is_an_unknown_key() -> None:
    answer = {**shapes.ORDER_DETAIL, "due_date": shapes.NINE}
    order = await _answer(lambda api: api.orders.retrieve(601), answer)
    assert (hasattr(order, "due_date"), order.extra) == (False, {"due_date": shapes.NINE})


@pytest.mark.parametrize("key", ["order_items", "items"])
async def test_q12_orders_list_their_lines_under_either_name(key: str) -> None:
    answer = {**shapes.ORDER, key: [shapes.ITEM]}
    order = await _answer(lambda api: api.orders.retrieve(601), answer)
    assert order.items == order.order_items == (shapes.AN_ITEM,)
    assert order.number == "ORD-2026-0601"
    assert order.extra == {}


_ORDER_CALLS: dict[str, Callable[[Wired], Awaitable[Any]]] = {
    "update": lambda api: api.orders.update(601, OrderChanges(note="Revised")),
    "cancel": lambda api: api.orders.cancel(601),
    "create": lambda api: api.orders.create(NewOrder(counterparty_id=77, currency="USD")),
    "retrieve": lambda api: api.orders.retrieve(601),
    "publish": lambda api: api.orders.publish(601),
}


@pytest.mark.parametrize("lacking", [(), ("total_amount",), ("total_amount", "owner_id", "owner_type", "paid_at")])
@pytest.mark.parametrize("name", _ORDER_CALLS)
async def test_q12_orders_may_lack_their_total_and_their_owner(name: str, lacking: tuple[str, ...]) -> None:
    answer = {key: value for key, value in shapes.ORDER.items() if key not in lacking}
    order = await _answer(_ORDER_CALLS[name], answer)
    expected = {"total_amount": Decimal("120.5"), "owner_id": 9, "owner_type": "ORGANIZATION", "paid_at": None}
    assert {key: getattr(order, key) for key in expected} == {**expected, **dict.fromkeys(lacking)}


async def test_q12_orders_without_a_total_are_collected_for_by_the_total_of_their_status() -> None:
    async with _with(bare_orders=True) as (sandbox, dollr):
        collection = await collect(dollr, source_type=SourceType.ORDER)
        assert (await collection.wait()).status == ExecutionStatus.COMPLETED
        assert "get_payment_source_status" in operations(sandbox)


@pytest.mark.parametrize("number", ["INV-2026-0501", "INV-2026-00501", "INV/2026/00501", "ÉTÉ 1?", ".hidden"])
async def test_q13_number_format_is_opaque_and_encoded_in_paths(number: str) -> None:
    wired = Wired(answered(shapes.INVOICE_DETAIL))
    await wired.invoices.retrieve_by_number(number)
    last = wired.requests[0].path.removeprefix("/v1/invoices/retrieve/number/")
    assert re.fullmatch(r"[\w.%~-]+", last, re.ASCII)
    await wired.session.close()


def test_q13_number_format_is_read_under_one_name() -> None:
    receipts = [shapes.AN_INVOICE_RECEIPT.number, shapes.AN_ORDER_RECEIPT.number]
    assert receipts == [shapes.an_invoice().number, shapes.an_order().number] == ["INV-2026-00501", "ORD-2026-0601"]


async def test_q14_not_authenticated_as_a_403_is_one_fresh_token_and_one_replay() -> None:
    refused = answered({"detail": "Not authenticated"}, 403)
    wired = Wired(refused, answered(shapes.PARTY))
    assert await wired.parties.retrieve(310) == shapes.A_PARTY
    assert [sent.path for sent in wired.transport.sent].count("/v1/jwt/client/obtain/token") == 2
    await wired.session.close()
    with pytest.raises(PermissionDeniedError):
        await _answer(lambda api: api.parties.retrieve(310), refused)


async def test_q14_not_authenticated_is_distinguished_from_another_403() -> None:
    wired = Wired(answered({"detail": "Verification pending"}, 403))
    with pytest.raises(PermissionDeniedError, match="Verification pending"):
        await wired.parties.retrieve(310)
    assert len(wired.requests) == 1
    await wired.session.close()


_PROBLEMS = [{"loc": ["body", "items", 0], "msg": "Field required", "type": "missing"}]


@pytest.mark.parametrize("detail", ["The invoice is IDLE", _PROBLEMS, {"code": 7}, None, [3]])
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, APIStatusError),
        (401, AuthenticationError),
        (409, ConflictError),
        (418, APIStatusError),
        (422, InvalidRequestError),
    ],
)
async def test_q15_state_errors_have_their_class_by_status_with_any_detail(
    status: int, kind: type[APIStatusError], detail: object
) -> None:
    with pytest.raises(kind) as caught:
        await _answer(lambda api: api.orders.receipt(601), answered({"detail": detail}, status))
    assert caught.value.status == status
    assert [field.path for field in caught.value.fields if field.path] == (
        ["body.items.0"] if detail is _PROBLEMS else []
    )


async def test_q16_docs_retry_sample_is_wrong_pending_means_landed(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.fail("collect", "lose_answer")
    collection = await collect(dollr)
    assert collection.status == ExecutionStatus.PENDING
    assert len(sandbox.requests_to("collect")) == len(sandbox.ledger) == 1


def test_q17_realtime_reference_is_the_executions() -> None:
    key = NewRealtimeKey(session_id="41", source_type="INVOICE", reference_id=shapes.REFERENCE)
    assert (key.session_id, key.reference_id) == (41, shapes.REFERENCE)
    with pytest.raises(InvalidInputError, match="uuid4"):
        NewRealtimeKey(session_id=41, source_type="INVOICE", reference_id="random-channel-7")


async def test_q18_card_link_sends_no_unknown_field_unless_the_caller_adds_it() -> None:
    card = NewPaymentAccount(account_name="F", provider="STRIPE", method="CREDIT_CARD", party_id=1)
    wired = Wired(answered(_ANSWERS["create_payment_account"]))
    await wired.payment_accounts.create(card)
    assert wired.requests[-1].content == b'{"account_name":"F","provider":"STRIPE","method":"CREDIT_CARD","party_id":1}'
    linked = NewPaymentAccount(
        account_name="F", provider="STRIPE", method="CREDIT_CARD", party_id=1, extra={"payment_method_id": "pm_1"}
    )
    await wired.payment_accounts.create(linked)
    assert b'"payment_method_id":"pm_1"' in wired.requests[-1].content
    await wired.session.close()


async def test_q19_prediction_field_names_are_the_long_ones() -> None:
    answer = _like("predict_mmo_provider_info", method="OTHER", provider="OTHER")
    route = await _answer(lambda api: api.predictions.mmo_provider_info(phone="231880001122"), answer)
    assert (route.payment_method, route.gateway_provider) == ("MTN_MOMO_LBR", "PAWAPAY")
    assert route.extra == {"method": "OTHER", "provider": "OTHER"}
    short = {key: value for key, value in answer.items() if key not in {"payment_method", "gateway_provider"}}
    with pytest.raises(DecodeError) as caught:
        await _answer(lambda api: api.predictions.mmo_provider_info(phone="231880001122"), short)
    assert caught.value.path == "payment_method"


async def test_q20_card_prediction_is_content_with_three_names() -> None:
    answer = {"currencies": [], "payment_method": "CREDIT_CARD", "gateway_provider": "STRIPE"}
    route = await _answer(lambda api: api.predictions.card_provider_info(payment_method_id="pm_1"), answer)
    assert (route.brand, route.country, route.currencies) == (None, None, ())


async def test_q21_relationship_types_are_twelve_and_unknown_ones_are_sent() -> None:
    assert len(RelationshipType) == 12
    assert NewCounterparty(party_id=1, relationship_type="OTHER").relationship_type == "OTHER"
    answer = {**shapes.COUNTERPARTY, "relationship_type": "OTHER"}
    assert (await _answer(lambda api: api.counterparties.retrieve(77), answer)).relationship_type == "OTHER"


async def test_q22_subscription_can_be_read_but_not_collected(dollr: DollrClient) -> None:
    state = await _answer(
        lambda api: api.status.source("SUBSCRIPTION", 1),
        _like("get_payment_source_status", source_type="SUBSCRIPTION", status="ACTIVE"),
    )
    assert (state.source_type, state.status) == (SourceType.SUBSCRIPTION, SourceStatus.ACTIVE)
    with pytest.raises(InvalidInputError, match="SUBSCRIPTION"):
        await collect(dollr, source_type=SourceType.SUBSCRIPTION)


async def test_q23_sandbox_is_reached_by_setting_the_base_url(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOLLR_BASE_URL", sandbox.url)
    async with DollrClient(sandbox.client_id, sandbox.client_secret) as dollr:
        assert await dollr.parties.list() == ()


@pytest.mark.parametrize("qty", [0, -1, 1.5, True, None])
def test_q24_qty_is_at_least_one(qty: Any) -> None:  # noqa: ANN401 - wrong on purpose
    with pytest.raises(InvalidInputError, match="qty"):
        NewLineItem(name="Panel", currency="USD", amount=1, qty=qty)


@pytest.mark.parametrize(
    "reply",
    [
        answered({}),
        RawAnswer(204, {}, b""),
        answered({"message": "done"}),
        answered({"status": "CANCELED"}),
        answered(body=True),
        answered("done"),
        RawAnswer(200, {}, b"OK"),
    ],
)
async def test_q25_cancel_update_item_update_replies_without_the_thing_are_none(reply: RawAnswer) -> None:
    assert await _answer(lambda api: api.invoices.cancel(501), reply) is None
    assert await _answer(lambda api: api.invoices.update(501, InvoiceChanges(note="n")), reply) is None
    assert await _answer(lambda api: api.invoices.update_item(501, 12, LineItemChanges(qty=2)), reply) is None
    assert await _answer(lambda api: api.counterparties.update(77, CounterpartyChanges(party_id=1)), reply) is None


_DOCUMENT_CHANGES: dict[str, Callable[[Wired], Awaitable[Any]]] = {
    "invoice cancel": lambda api: api.invoices.cancel(501),
    "invoice update": lambda api: api.invoices.update(501, InvoiceChanges(note="n")),
    "order cancel": lambda api: api.orders.cancel(601),
    "order update": lambda api: api.orders.update(601, OrderChanges(note="n")),
}


@pytest.mark.parametrize("change", _DOCUMENT_CHANGES)
async def test_q25_cancel_update_item_update_replies_with_the_document_are_that_document(change: str) -> None:
    is_order = change.startswith("order")
    reply, document = (shapes.ORDER, shapes.an_order()) if is_order else (shapes.INVOICE, shapes.an_invoice())
    assert await _answer(_DOCUMENT_CHANGES[change], reply) == document


async def test_q26_fullname_filter_may_return_a_very_long_list() -> None:
    found = await _answer(lambda api: api.parties.list(fullname="a"), [{**shapes.PARTY, "id": n} for n in range(2_000)])
    assert isinstance(found, tuple)
    assert [party.id for party in found] == list(range(2_000))


async def test_q27_liberian_provider_is_predicted_and_never_guessed(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.fail("predict_mmo_provider_info", 422, times=None)
    with pytest.raises(CollectError) as caught:
        await collect(dollr, pay_with=MobileMoney(method="MTN_MOMO_LBR"))
    assert caught.value.step == "operator"
    assert "create_payment_account" not in operations(sandbox)


async def test_q27_liberian_provider_aside_rwanda_falls_back_to_pawapay(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.fail("predict_mmo_provider_info", 422, times=None)
    await collect(dollr, payer=_RWANDAN, currency="RWF", pay_with=MobileMoney(method="MTN_MOMO_RWA"))
    account = sent(sandbox, "create_payment_account")[0]
    assert isinstance(account, dict)
    assert (account["method"], account["provider"]) == ("MTN_MOMO_RWA", "PAWAPAY")


@pytest.mark.parametrize("quoted", ["LRD", "USD"])
async def test_q28_target_currency_may_differ_from_the_quotes_own_which_is_executed(
    sandbox: Sandbox, dollr: DollrClient, quoted: str
) -> None:
    quote = {**shapes.QUOTE, "payer_currency": quoted}
    sandbox.fail("predict_payment_source_amount_and_fee", Fault.answer(200, quote))
    await collect(dollr, payer_currency="LRD")
    execution = sent(sandbox, "collect")[0]
    assert isinstance(execution, dict)
    assert execution["currency"] == quoted


@pytest.mark.parametrize(("given", "mode"), [({}, "DIRECT"), ({"mode": "HOSTED"}, "HOSTED"), ({"mode": "X"}, "X")])
async def test_q29_mode_of_an_embedded_checkout_is_direct_by_default(
    sandbox: Sandbox, dollr: DollrClient, given: dict[str, str], mode: str
) -> None:
    sandbox.fail("create_checkout_source", 422)
    with pytest.raises(CollectError):
        await collect(dollr, direct=True, **given)
    checkout = sent(sandbox, "create_checkout_source")[0]
    assert isinstance(checkout, dict)
    assert checkout["mode"] == mode


async def test_q29_mode_of_an_embedded_checkout_that_is_refused_is_an_error() -> None:
    async with _with(refuse_direct=True) as (_, dollr):
        with pytest.raises(CollectError) as caught:
            await collect(dollr, direct=True)
        assert caught.value.step == "checkout"
        assert isinstance(caught.value.__cause__, InvalidRequestError)


@pytest.mark.parametrize("form", ["alpha2", "alpha3"])
async def test_q30_country_of_the_phone_prediction_is_not_sent_on(form: str) -> None:
    async with _with(prediction_country=form) as (sandbox, dollr):
        await collect(dollr, payer=Payer(fullname="Amara Kamara", phone="231771234567"))
        account = sent(sandbox, "create_payment_account")[0]
        assert isinstance(account, dict)
        assert "country_code" not in account


def test_q31_counterparty_body_always_has_the_party_and_accepts_more_fields() -> None:
    with pytest.raises(TypeError, match="party_id"):
        NewCounterparty()  # type: ignore[call-arg] # the error is the test
    assert NewCounterparty(party_id=310, extra={"party_phone": "231880001122"}).party_id == 310


async def test_q32_after_not_found_the_same_reference_and_body_are_resent(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.fail("collect", "drop")
    await collect(dollr)
    first, second = sent(sandbox, "collect")
    assert first == second
    order = [name for name in operations(sandbox) if name in {"collect", "get_collection_status"}]
    assert order[:2] == ["collect", "get_collection_status"]
    assert order[-1] == "collect"
    assert len(sandbox.ledger) == 1


@pytest.mark.parametrize("word", ["SUCCESSFUL", "Successful", "successful"])
async def test_q33_success_word_in_any_case_is_completed_and_kept_as_it_came(word: str) -> None:
    assert ExecutionStatus(word) is ExecutionStatus.COMPLETED
    async with _with(status_words={"COMPLETED": word}) as (_, dollr):
        collection = await collect(dollr)
        seen = [(change.status, change.is_final) async for change in collection]
        execution = await collection.wait()
        assert seen[-1] == (ExecutionStatus.COMPLETED, True)
        assert (execution.status, execution.raw_status) == (ExecutionStatus.COMPLETED, word)
        assert (await collection.receipt()).status == SourceStatus.PAID


async def test_q33_success_word_may_be_in_the_executions_own_answer() -> None:
    async with _with(status_words={"COMPLETED": "SUCCESSFUL"}) as (sandbox, dollr):
        sandbox.set_outcome("complete_at_once")
        collection = await collect(dollr)
        assert (collection.status, collection.execution.raw_status) == ("COMPLETED", "SUCCESSFUL")


@pytest.mark.parametrize("word", ["CANCELED", "CANCELLED", "EXPIRED", "REJECTED", "SUCCESS", "PAID"])
def test_q33_success_word_is_no_other_word(word: str) -> None:
    status = ExecutionStatus(word)
    assert (status, status.is_known, status.is_final) == (word, False, False)


async def test_q33_success_word_that_is_unknown_is_decided_by_the_document() -> None:
    async with _with(status_words={"PROCESSING": "Held", "COMPLETED": "Held"}) as (_, dollr):
        collection = await collect(dollr)
        seen = [change.status async for change in collection]
        assert seen == ["PENDING", "Held", "COMPLETED"]
        execution = await collection.wait()
        assert (execution.status, execution.raw_status) == (ExecutionStatus.COMPLETED, "Held")


async def test_q33_success_word_that_is_unknown_is_no_failure_while_the_document_is_not_paid() -> None:
    async with _with(status_words={"FAILED": "REJECTED"}) as (sandbox, dollr):
        sandbox.set_outcome("decline")
        collection = await collect(dollr)
        with pytest.raises(PollTimeoutError):
            await collection.wait(timeout=120.0)
        assert (collection.status, collection.status.is_final) == ("REJECTED", False)


@pytest.mark.parametrize("country", ["LR", "LBR", "lbr", None])
async def test_q34_country_of_a_payment_account_is_sent_as_it_was_given(
    sandbox: Sandbox, dollr: DollrClient, country: str | None
) -> None:
    party = await dollr.parties.create(NewParty(fullname="Fatu Kollie", phone="231880001122"))
    account = NewPaymentAccount(
        account_name="Fatu",
        provider="PAWAPAY",
        method="MTN_MOMO_LBR",
        party_id=party.id,
        country_code=country,
        insensitive_account_number="231880001122",
    )
    assert (await dollr.payment_accounts.create(account)).country_code == country
    (body,) = sent(sandbox, "create_payment_account")
    assert isinstance(body, dict)
    assert body.get("country_code") == country
    assert ("country_code" in body) is (country is not None)


@pytest.mark.parametrize("country", ["L", "LIBR", "L1", "", 231])
def test_q34_country_of_a_payment_account_has_two_or_three_letters(country: Any) -> None:  # noqa: ANN401 - wrong on purpose
    with pytest.raises(InvalidInputError, match="two or three letters"):
        NewPaymentAccount(account_name="F", provider="P", method="M", party_id=1, country_code=country)


async def test_q34_country_of_a_payment_account_that_is_refused_is_named_in_the_error() -> None:
    async with _with(account_country="alpha3") as (sandbox, dollr):
        with pytest.raises(CollectError, match=r"country_code.*\^\[A-Za-z\]\{3\}\$") as caught:
            await collect(dollr)
        assert caught.value.step == "payment_account"
        assert isinstance(caught.value.__cause__, InvalidRequestError)
        assert [field.path for field in caught.value.__cause__.fields] == ["body.country_code"]
        await collect(dollr, payer=Payer(fullname="Amara Kamara", phone="231771234567"))
        assert len(sandbox.ledger) == 1


def _hosted(dollr: DollrClient) -> Awaitable[HostedCheckout]:
    return dollr.hosted_checkout(payer=PAYER, items=[ITEM], currency="USD", source_type=SourceType.ORDER)


async def test_q35_host_of_the_hosted_page_is_the_one_of_the_apis_url(sandbox: Sandbox, dollr: DollrClient) -> None:
    checkout = _like("create_checkout_source", mode="HOSTED", total_amount=250, url="https://elsewhere.example/p/7?a=b")
    sandbox.fail("create_checkout_source", Fault.answer(200, checkout))
    assert (await _hosted(dollr)).url == "https://elsewhere.example/p/7?a=b"
    assert "get_payment_link" not in operations(sandbox)


@pytest.mark.parametrize("url", [{}, {"url": None}, {"url": ""}])
async def test_q35_host_of_the_hosted_page_is_asked_and_never_built_where_the_url_is_missing(
    sandbox: Sandbox, dollr: DollrClient, url: dict[str, str | None]
) -> None:
    checkout = _like("create_checkout_source", mode="HOSTED", total_amount=250) | {"url": None} | url
    sandbox.fail("create_checkout_source", Fault.answer(200, checkout), times=None)
    sandbox.fail("get_payment_link", Fault.answer(200, {"url": "https://elsewhere.example/p/8"}))
    sandbox.fail("get_payment_link", Fault.answer(200, url))
    assert (await _hosted(dollr)).url == "https://elsewhere.example/p/8"
    with pytest.raises(
        CollectError, match=r"no url for the page of ORDER ORD-2026-0601, .*dollr\.payment_link"
    ) as caught:
        await _hosted(dollr)
    assert (caught.value.step, caught.value.progress.source_number) == ("checkout", "ORD-2026-0601")
    assert isinstance(caught.value.__cause__, DecodeError)


async def test_q35_host_of_the_hosted_page_is_missing_from_a_link_too() -> None:
    async with _with(link_url=False) as (sandbox, dollr):
        hosted = await _hosted(dollr)
        source = KnownSource(hosted.source_type, hosted.source_id, Decimal("250.00"))
        with pytest.raises(DecodeError, match="no url for the page of ORDER"):
            await dollr.payment_link(source, currency="USD")
        assert "get_payment_link" in operations(sandbox)


@pytest.mark.parametrize("make", ["invoices", "orders"])
async def test_q36_note_is_always_sent(sandbox: Sandbox, dollr: DollrClient, make: str) -> None:
    party = await dollr.parties.create(NewParty(fullname="Fatu Kollie", phone="231880001122"))
    counterparty = await dollr.counterparties.create(NewCounterparty(party_id=party.id))
    if make == "invoices":
        await dollr.invoices.create(NewInvoice(counterparty_id=counterparty.id, currency="USD"))
    else:
        await dollr.orders.create(NewOrder(counterparty_id=counterparty.id, currency="USD"))
    await collect(dollr, source_type=SourceType.INVOICE if make == "invoices" else SourceType.ORDER)
    bodies = sent(sandbox, f"{make}.create")
    assert [body.get("note") for body in bodies if isinstance(body, dict)] == ["", "Strategy session"]


async def test_q37_refund_key_a_lead_is_shown_on_the_handle_and_never_sent_unasked(
    sandbox: Sandbox, dollr: DollrClient
) -> None:
    collection = await collect(dollr)
    await collection.wait()
    assert collection.session_id == sandbox.ledger[0].session_id
    with pytest.raises(TypeError, match="original_payment_intent_id"):
        await dollr.refund(amount=Decimal("1.00"))  # type: ignore[call-arg] # the error is the test
    intent = sandbox.ledger[0].payment_intent_id
    await dollr.refund(original_payment_intent_id=intent, amount=Decimal("1.00"))
    holding = [
        name for name in operations(sandbox) for body in sent(sandbox, name) if _holds(body, collection.session_id)
    ]
    assert holding == ["collect"]


def _holds(body: object, session_id: int | None) -> bool:
    return isinstance(body, dict) and str(session_id) in {str(value) for value in body.values()}


async def test_q37_refund_key_a_lead_can_be_given_by_the_caller() -> None:
    async with _with(refund_key="session", payment_intent_id=False) as (sandbox, dollr):
        collection = await collect(dollr)
        await collection.wait()
        assert collection.session_id is not None
        refund = await dollr.refund(original_payment_intent_id=collection.session_id, amount=Decimal("1.00"))
        assert (await refund.wait()).status == ExecutionStatus.COMPLETED
        assert [entry.kind for entry in sandbox.ledger] == ["COLLECTION", "REFUND"]


@pytest.mark.parametrize("answer", ["in_progress", "twice", "422_after"])
async def test_q38_conflict_on_an_execution_is_doubt_and_what_landed_is_found(answer: str) -> None:
    # Every other conflict is in tests/flows/test_conflicts.py.
    async with _with(repeated_reference="refused", status_lag=5.0) as (sandbox, dollr):
        sandbox.fail("collect", answer)
        collection = await collect(dollr)
        assert (await collection.wait()).status == ExecutionStatus.COMPLETED
        assert len(sandbox.requests_to("collect")) == len(sandbox.ledger) == 1
