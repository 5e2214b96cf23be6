"""The types that type checkers must find in the public interface; this file is checked and never run."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import assert_type

from dollr_async import (
    ActionRequiredError,
    APIStatusError,
    Card,
    CollectError,
    Collection,
    Counterparty,
    Device,
    DollrClient,
    DollrError,
    Execution,
    ExecutionKind,
    ExecutionStatus,
    FeeBearer,
    FieldProblem,
    HostedCheckout,
    Invoice,
    InvoiceDetail,
    InvoiceReceipt,
    KnownPayer,
    KnownSource,
    LineItem,
    MergedWatch,
    MobileMoney,
    NewInvoice,
    NewOrder,
    NewParty,
    Order,
    OrderReceipt,
    OutcomeUnknownError,
    Party,
    Passcode,
    Payer,
    Payment,
    PaymentToWatch,
    PollPolicy,
    PollTimeoutError,
    Progress,
    RealtimeSettings,
    RetryPolicy,
    SavedAccount,
    SourceChange,
    SourceState,
    SourceStatus,
    SourceType,
    SourceWatch,
    StatusChange,
    StatusCheck,
    UnfinishedPayment,
    Verification,
    Watch,
    WatchFailure,
)
from dollr_async.sandbox import Sandbox

AMARA = Payer(fullname="Amara Kamara", phone="231771234567", country_code="LR")
ITEMS = [LineItem(name="Strategy session", amount=Decimal("250.00"))]


async def the_client() -> None:
    async with DollrClient() as plain:
        assert_type(plain, DollrClient)
    async with Sandbox() as sandbox, DollrClient(**sandbox.settings, timeout=5) as dollr:
        assert_type(dollr, DollrClient)
    DollrClient(
        "id", "secret", base_url="https://api.heydollr.app", retry=RetryPolicy(attempts=2), polling=PollPolicy()
    )
    DollrClient(max_polls_per_second=50, realtime=RealtimeSettings("https://a.supabase.co", "anon", poll_interval=60))
    DollrClient("id", "secret", "https://api.heydollr.app")  # type: ignore[call-arg] # settings are keywords  # pyright: ignore[reportCallIssue]


async def collections(dollr: DollrClient) -> None:
    collection = await dollr.collect(payer=AMARA, items=ITEMS, currency="USD")
    assert_type(collection, Collection)
    assert_type(collection.reference_id, uuid.UUID)
    assert_type(collection.status, ExecutionStatus)
    assert_type(collection.execution, Execution)
    assert_type(collection.source_type, SourceType)
    assert_type(collection.source_id, int | None)
    assert_type(collection.source_number, str | None)
    assert_type(collection.session_id, int | None)
    assert_type(collection.requires_action, bool)
    assert_type(collection.client_secret, str | None)
    async for change in collection:
        assert_type(change, StatusChange)
        assert_type(change.previous, ExecutionStatus | None)
        assert_type(change.is_final, bool)
    assert_type(await collection.wait(30, raise_on_action=False), Execution)
    assert_type(await collection.receipt(), InvoiceReceipt | OrderReceipt)
    for means in (MobileMoney(), Card("A Kamara"), SavedAccount(5)):
        await dollr.collect(payer=KnownPayer(77), items=ITEMS, currency="USD", pay_with=means, direct=True)
    source = KnownSource(SourceType.ORDER, "310", Decimal(250))
    await dollr.collect(payer=AMARA, source=source, currency="USD", fee_bearer=FeeBearer.PAYER)
    await dollr.collect(AMARA, items=ITEMS, currency="USD")  # type: ignore[call-arg] # terms are keywords  # pyright: ignore[reportCallIssue]
    LineItem(name="Session", amount=250.0)  # type: ignore[arg-type] # money is never a float  # pyright: ignore[reportArgumentType]


async def other_money(dollr: DollrClient) -> None:
    device = Device(name="payroll", type="SERVER", platform="PYTHON", user_agent="payroll/1.0", client_ip="192.0.2.7")
    passcode = Passcode("123456", phone="231771234567")
    payout = await dollr.payout(to=AMARA, amount=Decimal(5), currency="USD", passcode=passcode, device=device)
    assert_type(payout, Payment)
    assert_type(payout.kind, ExecutionKind)
    assert_type(
        await dollr.transfer(from_wallet_id=9, to_counterparty_id="7", amount=Decimal(5), currency="USD"), Payment
    )
    assert_type(await dollr.refund(original_payment_intent_id=8, amount=Decimal(5)), Payment)
    await dollr.payout(
        to=AMARA,
        amount=Decimal(5),
        currency="USD",
        passcode=passcode,
        device=device,
        pay_with=Card("A Kamara"),  # type: ignore[arg-type] # a card is not paid out to  # pyright: ignore[reportArgumentType]
    )


async def hosted(dollr: DollrClient) -> None:
    checkout = await dollr.hosted_checkout(payer=AMARA, items=ITEMS, currency="USD")
    assert_type(checkout, HostedCheckout)
    assert_type(checkout.url, str)
    async for change in checkout:
        assert_type(change, SourceChange)
        assert_type(change.source, SourceState)
        assert_type(change.status, SourceStatus)
    assert_type(await checkout.wait(), SourceState)
    verification = await checkout.verify()
    assert_type(verification, Verification)
    assert_type(verification.ok, bool)
    assert_type(verification.reason, str | None)
    known = KnownSource("INVOICE", checkout.source_id, Decimal(250))
    assert_type(await dollr.payment_link(known, currency="USD"), HostedCheckout)
    assert_type(await dollr.verify_source("INVOICE", 5, expected_amount=Decimal(1), currency="USD"), Verification)


async def following(dollr: DollrClient, reference_id: uuid.UUID) -> None:
    assert_type(dollr.watch(reference_id), Watch)
    assert_type(dollr.watch(str(reference_id), ExecutionKind.PAYOUT, policy=PollPolicy(timeout=None)), Watch)
    assert_type(await dollr.wait(reference_id, kind="REFUND", timeout=5), Execution)
    assert_type(dollr.watch_source(SourceType.INVOICE, "5"), SourceWatch)
    assert_type(await dollr.check(reference_id, ExecutionKind.REFUND, age=5), StatusCheck)
    entries = [PaymentToWatch(reference_id), PaymentToWatch(str(reference_id), "payout")]
    assert_type(dollr.watch_many(entries, policy=PollPolicy()), MergedWatch)
    dollr.watch_many([str(reference_id), reference_id], ExecutionKind.PAYOUT, at_once=50)
    dollr.watch_many([await dollr.refund(original_payment_intent_id=8, amount=Decimal(5))])
    async for news in dollr.watch_many(dollr.unfinished()):
        assert_type(news, StatusChange | WatchFailure)
        if isinstance(news, WatchFailure):
            assert_type(news.reference_id, uuid.UUID | str)
            assert_type(news.error, DollrError)
    dollr.watch_many(reference_id)  # type: ignore[arg-type] # one reference is no iterable  # pyright: ignore[reportArgumentType]
    async for payment in dollr.unfinished():
        assert_type(payment, UnfinishedPayment)
        assert_type(payment.progress, Progress)


async def operations(dollr: DollrClient) -> None:
    assert_type(await dollr.parties.create(NewParty(fullname="Amara Kamara", phone="231771234567")), Party)
    assert_type(await dollr.parties.list(fullname="Amara"), tuple[Party, ...])
    assert_type(await dollr.counterparties.retrieve("77"), Counterparty)
    invoice = NewInvoice(counterparty_id=77, currency="USD")
    assert_type(await dollr.invoices.create(invoice), Invoice)
    assert_type(await dollr.invoices.retrieve(5), InvoiceDetail)
    assert_type(await dollr.orders.create(NewOrder(counterparty_id=77, currency="USD")), Order)
    await dollr.orders.create(invoice)  # type: ignore[arg-type] # an invoice is no order  # pyright: ignore[reportArgumentType]


def errors(
    status: APIStatusError,
    failed: CollectError,
    unknown: OutcomeUnknownError,
    late: PollTimeoutError,
    action: ActionRequiredError,
) -> None:
    assert_type(status.fields, tuple[FieldProblem, ...])
    assert_type(status.retry_after, float | None)
    assert_type(failed.step, str)
    assert_type(failed.progress, Progress)
    assert_type(unknown.reference_id, uuid.UUID)
    assert_type(late.elapsed, float)
    assert_type(action.client_secret, str | None)
