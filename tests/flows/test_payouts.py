"""Payouts: the exact requests, the passcode and where it never appears, and how a payout fails."""

from __future__ import annotations

import logging
import pickle
import traceback
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from dollr_async import (
    Card,
    CollectError,
    Device,
    DollrClient,
    DollrError,
    InvalidInputError,
    InvalidRequestError,
    KnownPayer,
    MobileMoney,
    Passcode,
    Payer,
    PaymentFailedError,
    PermissionDeniedError,
    RateLimitError,
    ReferenceUsedError,
    SavedAccount,
    ServerError,
    TransportError,
)
from dollr_async.sandbox import PASSCODE, PASSCODE_PHONE, PASSCODE_USER_ID, Fault, Sandbox
from tests.conftest import check_requests
from tests.flows.api_refusals import TEXT_SECONDS
from tests.support.collections import PAYER, REFERENCE, collect, operations, sent
from tests.support.examples import run_example
from tests.support.payments import payout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.contract import Contract

_PHONE = "231771234567"
_ACCOUNT = {
    "account_name": "Amara Kamara",
    "provider": "PAWAPAY",
    "method": "ORANGE_MONEY_LBR",
    "party_id": 100_001,
    "country_code": "LR",
    "insensitive_account_number": _PHONE,
}
_EXECUTION = {
    "session_id": "500001",
    "payout_account_id": "600001",
    "reference_id": REFERENCE,
    "passcode": {
        "token": {"code": PASSCODE, "phone": PASSCODE_PHONE},
        "device": {
            "name": "payroll",
            "type": "SERVER",
            "platform": "PYTHON",
            "user_agent": "payroll/1.0",
            "client_ip": "192.0.2.7",
        },
    },
}
_SECRET = "73519264"


# What is refused before the first byte


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"pay_with": Card("Amara")}, r"pay_with must be MobileMoney\(\) or SavedAccount\(id\)"),
        ({"to": _PHONE}, "to must be Payer"),
        ({"passcode": _SECRET}, "passcode must be Passcode"),
        ({"passcode": {"code": _SECRET}}, "passcode must be Passcode"),
        ({"device": "payroll"}, "device must be Device"),
        ({"amount": Decimal("10.005")}, "smallest unit of USD"),
        ({"amount": Decimal("10.5"), "currency": "RWF"}, "smallest unit of RWF"),
        ({"currency": "dollars"}, "three letters"),
    ],
)
async def test_what_is_refused_sends_nothing_and_shows_no_code(
    sandbox: Sandbox, dollr: DollrClient, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InvalidInputError, match=sentence) as caught:
        await payout(dollr, **changes)
    assert sandbox.requests == []
    assert _SECRET not in str(caught.value)


@pytest.mark.parametrize("field", ["name", "type", "platform", "user_agent", "client_ip"])
def test_all_five_of_a_device_are_needed(field: str) -> None:
    device: dict[str, Any] = dict.fromkeys(["name", "type", "platform", "user_agent", "client_ip"], "till 1")
    with pytest.raises(InvalidInputError, match=field):
        Device(**{**device, field: " "})


# The requests


async def test_a_payout_to_a_new_payee(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.set_latency(0.01)
    payment = await payout(dollr, reference_id=REFERENCE)
    bodies = {str(request.operation): request.body for request in sandbox.requests}
    del bodies["client_obtain_token"]
    assert bodies == {
        "get_payout_status": None,
        "create_party": {"fullname": "Amara Kamara", "phone": _PHONE, "country_code": "LR"},
        "predict_mmo_provider_info": None,
        "create_counterparty": {"party_id": 100_001, "relationship_type": "CUSTOMER"},
        "create_payment_account": _ACCOUNT,
        "create_payout_session": {"payout_account_id": 600_001, "amount": Decimal("10.00"), "currency": "USD"},
        "payout": _EXECUTION,
    }
    assert len(sandbox.requests) == len(bodies) + 1
    assert sandbox.requests_to("create_payment_account")[0].query == {"operation_type": "PAYOUT"}
    assert sandbox.requests_to("predict_mmo_provider_info")[0].query == {"phone": _PHONE, "operation_type": "PAYOUT"}
    assert (payment.party_id, payment.counterparty_id) == (100_001, 200_001)
    assert (payment.session_id, payment.payment_account_id) == (500_001, 600_001)


async def test_the_merchant_pays_the_fees(sandbox: Sandbox, dollr: DollrClient) -> None:
    before = sandbox.balances["USD"]
    payment = await payout(dollr)
    execution = await payment.wait()
    assert (execution.payer_amount, execution.payee_amount) == (Decimal("10.22"), Decimal("10.00"))
    assert sandbox.balances["USD"] == before - Decimal("10.22")


async def test_nothing_waits_that_does_not_depend(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.set_latency(1.0)
    await dollr.parties.list()
    sandbox.requests.clear()
    await payout(dollr, reference_id=REFERENCE)
    began = sandbox.requests[0].second
    rounds: dict[int, set[str]] = {}
    for request in sandbox.requests:
        rounds.setdefault(round(request.second - began), set()).add(str(request.operation))
    assert rounds == {
        0: {"create_party", "predict_mmo_provider_info", "get_payout_status"},
        1: {"create_counterparty", "create_payment_account"},
        2: {"create_payout_session"},
        3: {"payout"},
    }


async def test_no_session_is_made_before_the_reference_is_known_to_be_unused(
    sandbox: Sandbox, dollr: DollrClient
) -> None:
    await payout(dollr, reference_id=REFERENCE)
    sandbox.requests.clear()
    sandbox.set_latency(20.0, "get_payout_status")
    with pytest.raises(ReferenceUsedError):
        await payout(dollr, reference_id=REFERENCE)
    assert "create_payout_session" not in operations(sandbox)


@pytest.mark.parametrize(
    ("passcode", "token"),
    [
        (Passcode(PASSCODE, phone="+231 77 000 9988"), {"code": PASSCODE, "phone": PASSCODE_PHONE}),
        (Passcode(PASSCODE, user_id=PASSCODE_USER_ID), {"code": PASSCODE, "user_id": PASSCODE_USER_ID}),
    ],
)
async def test_a_passcode_is_registered_for_a_phone_or_a_user(
    sandbox: Sandbox, dollr: DollrClient, passcode: Passcode, token: dict[str, str]
) -> None:
    await payout(dollr, passcode=passcode)
    (body,) = sent(sandbox, "payout")
    assert isinstance(body, dict)
    assert body["passcode"]["token"] == token


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [
        (Decimal("0.10"), "usd", b'"amount":0.10,'),
        (Decimal("1500.00"), "RWF", b'"amount":1500,'),
        (7, "LRD", b'"amount":7,'),
    ],
)
async def test_amounts_leave_exactly_as_they_are(
    sandbox: Sandbox, dollr: DollrClient, amount: Decimal | int, currency: str, written: bytes
) -> None:
    await payout(dollr, amount=amount, currency=currency)
    assert written in sandbox.requests_to("create_payout_session")[0].content


# Who is paid, and where


async def test_a_known_payee_is_read_once(sandbox: Sandbox, dollr: DollrClient) -> None:
    await collect(dollr)
    sandbox.requests.clear()
    payment = await payout(dollr, to=KnownPayer(200_001))
    assert [request.path for request in sandbox.requests_to("retrieve_counterparties")] == [
        "/v1/counterparties/retrieve/200001"
    ]
    assert sent(sandbox, "create_payment_account") == [_ACCOUNT]
    assert not {"create_party", "create_counterparty"} & set(operations(sandbox))
    assert (payment.party_id, payment.counterparty_id) == (100_001, 200_001)


async def test_a_fully_known_payee_is_not_read(sandbox: Sandbox, dollr: DollrClient) -> None:
    await collect(dollr)
    sandbox.requests.clear()
    await payout(dollr, to=KnownPayer(200_001, party_id=100_001, phone=_PHONE))
    assert operations(sandbox) == [
        "predict_mmo_provider_info",
        "create_payment_account",
        "create_payout_session",
        "payout",
    ]


@pytest.mark.parametrize("to", [PAYER, KnownPayer(200_001)])
async def test_a_saved_account_needs_a_session_only(
    sandbox: Sandbox, dollr: DollrClient, to: Payer | KnownPayer
) -> None:
    first = await payout(dollr)
    sandbox.requests.clear()
    second = await payout(dollr, to=to, pay_with=SavedAccount(first.payment_account_id or 0))
    assert operations(sandbox) == ["create_payout_session", "payout"]
    assert second.payment_account_id == first.payment_account_id
    assert len(sandbox.ledger) == 2


async def test_another_wallet_of_the_payees(sandbox: Sandbox, dollr: DollrClient) -> None:
    await payout(dollr, pay_with=MobileMoney(phone="250780000001", account_name="Amara's shop"))
    (account,) = sent(sandbox, "create_payment_account")
    assert account == {
        "account_name": "Amara's shop",
        "provider": "PAWAPAY",
        "method": "MTN_MOMO_RWA",
        "party_id": 100_001,
        "insensitive_account_number": "250780000001",
    }


async def test_a_route_that_is_given_is_not_predicted(sandbox: Sandbox, dollr: DollrClient) -> None:
    await payout(dollr, pay_with=MobileMoney(method="ORANGE_MONEY_LBR", provider="PAWAPAY"))
    assert "predict_mmo_provider_info" not in operations(sandbox)


# Steps that fail

_STEPS: list[tuple[str, str, dict[str, Any]]] = [
    ("create_party", "party", {}),
    ("predict_mmo_provider_info", "operator", {}),
    ("create_counterparty", "counterparty", {}),
    ("retrieve_counterparties", "counterparty", {"to": KnownPayer(200_001)}),
    ("create_payment_account", "payment_account", {}),
    ("create_payout_session", "session", {}),
    ("create_payout_session", "session", {"pay_with": SavedAccount(600_001)}),
]
_FAULTS: dict[str, tuple[str | int, type[DollrError]]] = {
    "500": (500, ServerError),
    "422": (422, InvalidRequestError),
    "403": ("forbidden", PermissionDeniedError),
    "lost answer": ("lose_answer", TransportError),
    "429": ("rate_limited", RateLimitError),
}


@pytest.mark.parametrize("fault", _FAULTS)
@pytest.mark.parametrize(("operation", "step", "terms"), _STEPS)
async def test_a_failed_step_says_which_and_why_and_nothing_is_paid_out(
    sandbox: Sandbox, dollr: DollrClient, operation: str, step: str, terms: dict[str, Any], fault: str
) -> None:
    done, cause = _FAULTS[fault]
    sandbox.fail(operation, done, times=None)
    with pytest.raises(CollectError) as caught:
        await payout(dollr, **terms)
    assert (caught.value.step, type(caught.value.__cause__)) == (step, cause)
    assert (sent(sandbox, "payout"), sandbox.ledger) == ([], ())


async def test_every_id_made_so_far_is_kept(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.fail("create_payout_session", 422)
    with pytest.raises(CollectError) as caught:
        await payout(dollr)
    progress = caught.value.progress
    assert (progress.party_id, progress.counterparty_id, progress.payment_account_id) == (100_001, 200_001, 600_001)
    assert (progress.session_id, progress.source_id, progress.source_type) == (None, None, None)
    assert progress.reference_id == caught.value.reference_id


async def test_an_account_that_may_not_be_paid_is_a_failed_step(sandbox: Sandbox, dollr: DollrClient) -> None:
    collection = await collect(dollr)
    for account_id in (collection.payment_account_id, 699_999):
        with pytest.raises(CollectError, match="not found for PAYOUT") as caught:
            await payout(dollr, pay_with=SavedAccount(account_id or 0))
        assert caught.value.step == "session"
    saved = (await payout(dollr)).payment_account_id or 0
    sandbox.deactivate_account(saved)
    with pytest.raises(CollectError, match="not active"):
        await payout(dollr, pay_with=SavedAccount(saved))


async def test_an_account_that_comes_back_inactive_is_not_paid(sandbox: Sandbox, dollr: DollrClient) -> None:
    now = "2026-11-24T00:00:00Z"
    account = {**_ACCOUNT, "id": 600_001, "is_active": False, "created_at": now, "updated_at": now}
    sandbox.fail("create_payment_account", Fault.answer(200, account))
    with pytest.raises(CollectError, match="payment account 600001 is not active") as caught:
        await payout(dollr)
    assert caught.value.step == "payment_account"
    assert sandbox.ledger == ()


async def test_a_payee_without_a_phone_in_the_api_is_not_paid(sandbox: Sandbox, dollr: DollrClient) -> None:
    found = {"id": 200_001, "relationship_type": "SUPPLIER", "party_id": 100_001, "created_at": "2026-11-24T00:00:00Z"}
    found |= {"updated_at": "2026-11-24T00:00:00Z"}
    sandbox.fail("retrieve_counterparties", Fault.answer(200, found))
    with pytest.raises(CollectError, match=r"MobileMoney\(phone="):
        await payout(dollr, to=KnownPayer(200_001))
    assert sandbox.ledger == ()


# The passcode


@pytest.mark.parametrize(
    ("passcode", "cause", "seconds"),
    [
        (Passcode("9999", phone=PASSCODE_PHONE), PermissionDeniedError, 0.0),
        (Passcode(PASSCODE, phone=_PHONE), InvalidRequestError, TEXT_SECONDS),
        (Passcode(PASSCODE, user_id="somebody"), InvalidRequestError, TEXT_SECONDS),
        (Passcode(PASSCODE), InvalidRequestError, TEXT_SECONDS),
    ],
    ids=["wrong code", "phone not registered", "user not registered", "nobody's"],
)
async def test_a_refused_passcode_is_tried_once(
    sandbox: Sandbox, dollr: DollrClient, passcode: Passcode, cause: type[DollrError], seconds: float
) -> None:
    with pytest.raises(CollectError, match="no money moved") as caught:
        await payout(dollr, passcode=passcode)
    assert (caught.value.step, type(caught.value.__cause__)) == ("execution", cause)
    (refused,) = sandbox.requests_to("payout")
    checks = [request.second - refused.second for request in sandbox.requests_to("get_payout_status")]
    # A 403 with a reason is believed after one status check, a 422 with a plain text after four of them and 10 seconds.
    assert len(checks) == 1 if seconds == 0.0 else len(checks) >= 4
    assert checks[-1] == pytest.approx(seconds, abs=0.1)
    assert sandbox.ledger == ()


async def test_a_passcode_is_not_tried_for_ever_in_new_sessions(contract: Contract) -> None:
    async with Sandbox(session_lifetime=5.0) as sandbox, DollrClient(**sandbox.settings) as dollr:
        sandbox.set_latency(6.0, "payout")
        with pytest.raises(CollectError, match="start a new payment") as caught:
            await payout(dollr, passcode=Passcode("9999", phone=PASSCODE_PHONE))
        assert isinstance(caught.value.__cause__, PermissionDeniedError)
        assert len(sent(sandbox, "payout")) == 2
        assert sandbox.ledger == ()
        check_requests(sandbox, contract)


def _everything_of(error: BaseException) -> Iterator[str]:
    yield "".join(traceback.format_exception(error))
    chain: BaseException | None = error
    while chain is not None:
        yield from (str(chain), repr(chain), repr(vars(chain)), repr(pickle.dumps(chain)))
        chain = chain.__cause__ or chain.__context__


_ECHO = {
    "detail": [
        {
            "loc": ["body", "passcode", "token", "code"],
            "msg": f"Code {_SECRET} is wrong",
            "type": "value_error",
            "input": {"code": _SECRET},
        }
    ]
}
_DONE = {
    "reference_id": REFERENCE,
    "status": "PENDING",
    "payer_amount": 10.22,
    "payer_currency": "USD",
    "payee_amount": 10,
    "payee_currency": "USD",
    "operation_type": "PAYOUT",
}


@pytest.mark.parametrize(
    "fault",
    [
        Fault.answer(422, _ECHO),
        Fault.answer(403, {"detail": f"{_SECRET} is not the passcode"}),
        Fault.answer(403, f"<p>{_SECRET}</p>".encode(), headers={"Content-Type": "text/html"}),
        Fault.answer(500, _ECHO),
        Fault.answer(200, f"<p>{_SECRET}</p>".encode()),
        Fault.answer(200, {**_ECHO, "status": "PENDING"}),
        Fault.rate_limited(100),
        Fault.redirect(),
        Fault.drop(),
        Fault.hang(),
    ],
    ids=["422", "403", "HTML", "500", "garbage", "no shape", "429", "redirect", "drop", "timeout"],
)
async def test_the_code_is_in_no_error_and_in_no_log(
    sandbox: Sandbox, dollr: DollrClient, caplog: pytest.LogCaptureFixture, fault: Fault
) -> None:
    caplog.set_level(logging.DEBUG)
    sandbox.fail("payout", fault, times=None)
    with pytest.raises(DollrError) as caught:
        await payout(dollr, passcode=Passcode(_SECRET, phone=PASSCODE_PHONE))
    assert [text for text in _everything_of(caught.value) if _SECRET in text] == []
    assert len(caplog.records) > 5
    assert [record for record in caplog.records if _SECRET in repr(vars(record)) + record.getMessage()] == []
    assert _SECRET in sandbox.requests_to("payout")[0].content.decode()


async def test_the_code_is_in_no_handle_and_in_no_log(
    sandbox: Sandbox, dollr: DollrClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    passcode = Passcode(_SECRET, phone=PASSCODE_PHONE)
    sandbox.fail("payout", Fault.answer(200, _DONE))
    payment = await payout(dollr, passcode=passcode, reference_id=REFERENCE)
    shown = [repr(payment), str(payment), repr(vars(payment)), repr(payment.execution), repr(passcode), str(passcode)]
    assert [text for text in [*shown, caplog.text] if _SECRET in text or PASSCODE_PHONE in text] == []


@pytest.mark.parametrize("make", [lambda: Passcode(7_351), lambda: Passcode(b"7351"), lambda: Passcode("7351", "735")])  # type: ignore[arg-type] # what is wrong is the point
def test_a_passcode_that_is_refused_is_not_repeated(make: Callable[[], Passcode]) -> None:
    with pytest.raises(InvalidInputError) as caught:
        make()
    assert "735" not in str(caught.value)


# A payout that fails, by an answer of 200


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (lambda sandbox: sandbox.set_balance("USD", Decimal("10.21")), "Insufficient balance for amount plus fees"),
        (lambda sandbox: sandbox.set_wallet_status("USD", "FROZEN"), "Wallet is FROZEN"),
        (lambda sandbox: sandbox.set_outcome("fail_at_once"), "The operator rejected the payment"),
    ],
    ids=["low balance", "frozen wallet", "operator"],
)
async def test_a_payout_that_fails_at_once_is_raised_by_waiting(
    sandbox: Sandbox, dollr: DollrClient, prepare: Callable[[Sandbox], None], words: str
) -> None:
    prepare(sandbox)
    before = sandbox.balances["USD"]
    payment = await payout(dollr)
    assert payment.status == "FAILED"
    assert [change.status async for change in payment] == ["FAILED"]
    with pytest.raises(PaymentFailedError, match=words):
        await payment.wait()
    assert sandbox.requests_to("payout")[0].status == 200
    assert (len(sent(sandbox, "payout")), sandbox.balances["USD"]) == (1, before)


async def test_after_a_failed_payout_a_new_one_is_started(sandbox: Sandbox, dollr: DollrClient) -> None:
    sandbox.set_balance("USD", Decimal(5))
    failed = await payout(dollr)
    sandbox.set_balance("USD", Decimal(50))
    paid = await payout(dollr, to=KnownPayer(200_001), pay_with=SavedAccount(failed.payment_account_id or 0))
    assert (await paid.wait()).status == "COMPLETED"
    assert paid.reference_id != failed.reference_id
    assert paid.session_id != failed.session_id


async def test_a_payout_that_the_payee_declines_is_raised_by_waiting(sandbox: Sandbox, dollr: DollrClient) -> None:
    payment = await payout(dollr, to=Payer("Amara Kamara", "231770000002"))
    with pytest.raises(PaymentFailedError, match="declined"):
        await payment.wait()
    assert sandbox.balances["USD"] == Decimal("100000.00")


# Sessions that end (docs/design.md, rule 8)


async def test_a_session_that_expired_while_a_token_was_fetched_is_replaced() -> None:
    async with Sandbox(session_lifetime=10.0) as sandbox, DollrClient(**sandbox.settings) as dollr:
        sandbox.fail("payout", 401)
        sandbox.fail("client_obtain_token", Fault.latency(0.0))
        sandbox.fail("client_obtain_token", Fault.latency(12.0))
        payment = await payout(dollr)
        assert len(sent(sandbox, "create_payout_session")) == 2
        assert [entry.reference_id for entry in sandbox.ledger] == [str(payment.reference_id)]


# A refusal that speaks of the session is a conflict: it is checked for 30 seconds. A lost answer is checked until 30
# seconds after the session's end.
@pytest.mark.parametrize(("fault", "least"), [(Fault.latency(6.0), 36.0), (Fault.drop(), 35.0)])
async def test_a_session_that_expired_under_its_only_send_is_replaced_once_the_status_checks_say_not_found(
    contract: Contract, fault: Fault, least: float
) -> None:
    async with Sandbox(session_lifetime=5.0) as sandbox, DollrClient(**sandbox.settings) as dollr:
        sandbox.fail("payout", fault)
        payment = await payout(dollr)
        bodies = [body for body in sent(sandbox, "payout") if isinstance(body, dict)]
        assert {body["reference_id"] for body in bodies} == {str(payment.reference_id)}
        assert len({body["session_id"] for body in bodies}) == 2
        first, *_, last = sandbox.requests_to("payout")
        assert last.second - first.second >= least - 0.01
        assert [entry.session_id for entry in sandbox.ledger] == [payment.session_id]
        check_requests(sandbox, contract)


# The example


async def test_the_example_pays_out_once_however_often_it_runs(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOLLR_PASSCODE", PASSCODE)
    monkeypatch.setenv("DOLLR_PASSCODE_PHONE", PASSCODE_PHONE)
    for _ in range(2):
        await run_example(sandbox, monkeypatch, "pay_out.py", _PHONE, "10.00", REFERENCE)
        assert capsys.readouterr().out == "10.00 paid out, 10.22 with the fees\n"
    assert len(sandbox.ledger) == 1


@pytest.mark.parametrize(("phone", "code"), [(_PHONE, "9999"), ("231770000002", PASSCODE)])
async def test_the_example_says_that_nothing_was_paid_out(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, phone: str, code: str
) -> None:
    monkeypatch.setenv("DOLLR_PASSCODE", code)
    monkeypatch.setenv("DOLLR_PASSCODE_PHONE", PASSCODE_PHONE)
    with pytest.raises(SystemExit, match=r"Not paid out: .*(Invalid passcode|declined)"):
        await run_example(sandbox, monkeypatch, "pay_out.py", phone, "10.00", REFERENCE)
