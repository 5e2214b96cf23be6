"""`dollr collect` and `dollr quote`: what they print, their exit codes, and what they never do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from dollr_async.sandbox import Sandbox
    from tests.cli.conftest import Ran

    Command = Callable[..., Awaitable[Ran]]

APPROVES, DECLINES, STAYS_PENDING, NO_OPERATOR = "231770000001", "231770000002", "231770000004", "231770000007"
REFERENCE = "7bdf1a9c-8c70-4a7e-9d6e-2f5d2f1d2f11"


def terms(phone: str = APPROVES, **changes: str) -> list[str]:
    asked = {"phone": phone, "name": "Amara Kamara", "amount": "250.00", "currency": "USD", **changes}
    return ["collect", *(word for name, value in asked.items() for word in (f"--{name.replace('_', '-')}", value))]


async def test_a_lost_answer_is_one_charge(dollr: Command, sandbox: Sandbox) -> None:
    sandbox.fail("collect", "lose_answer")
    assert (await dollr(*terms())).code == 0
    assert [entry.status for entry in sandbox.ledger] == ["COMPLETED"]


async def test_an_outcome_that_is_not_known_is_3_and_says_how_to_follow(dollr: Command, sandbox: Sandbox) -> None:
    sandbox.fail("collect", "lose_answer", times=None)
    sandbox.fail("get_collection_status", 404)  # before the first step: the reference is not used yet
    sandbox.fail("get_collection_status", 503, times=None)
    ran = await dollr(*terms(), "--reference", REFERENCE)
    assert ran.code == 3
    assert f"dollr watch {REFERENCE}" in ran.err
    sandbox.clear_faults()
    assert (await dollr("watch", REFERENCE)).code == 0
    assert len(sandbox.ledger) == 1


async def test_each_change_is_a_line(dollr: Command, sandbox: Sandbox) -> None:
    ran = await dollr(*terms(), "--reference", REFERENCE)
    assert ran.code == 0
    assert ran.err == ""
    assert ran.out.splitlines() == [
        f"Payment {REFERENCE}",
        f"{REFERENCE} PENDING 257.00 USD",
        f"{REFERENCE} PROCESSING 257.00 USD",
        f"{REFERENCE} COMPLETED 257.00 USD",
    ]


async def test_each_change_is_an_object(dollr: Command) -> None:
    ran = await dollr(*terms(DECLINES), "--json")
    assert ran.code == 1
    began, *_, last = ran.objects
    assert began.keys() == {"reference_id", "status"}
    assert ran.statuses == ["BEGUN", "PENDING", "PROCESSING", "FAILED"]
    assert {one["reference_id"] for one in ran.objects} == {began["reference_id"]}
    assert (last["is_final"], last["reason"]) == (True, "The payer declined the payment")
    assert (last["amount"], last["currency"]) == ("257.00", "USD")


async def test_the_payer_may_be_charged_in_another_currency(dollr: Command) -> None:
    ran = await dollr(*terms(payer_currency="LRD", item="Workbook", country_code="LR", phone="0770000001"), "--json")
    assert (ran.code, ran.objects[-1]["currency"]) == (0, "LRD")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (terms(DECLINES), 1, ""),
        (terms(NO_OPERATOR), 1, "operator"),
        ([*terms(STAYS_PENDING), "--timeout", "20"], 3, "In the shell: dollr watch "),
        ([*terms(), "--no-wait"], 3, ""),
        ([*terms("231770000006"), "--no-wait"], 0, ""),
        ([*terms("231770000005"), "--no-wait"], 1, ""),
        (terms(phone="077"), 2, "231771234567"),
        (terms(amount="lots"), 2, "'lots' is not an amount: write it in major units, as in 250.00"),
        (terms(amount="NaN"), 2, "the amount NaN is not above zero"),
        (terms(amount="-1"), 2, "is not above zero"),
        (terms(amount="0"), 2, "is not above zero"),
        (terms(currency="dollars"), 2, "three letters"),
        (terms(payer_currency="x"), 2, "three letters"),
        (terms(country_code="Liberia"), 2, "two letters"),
        (terms(name=" "), 2, "fullname"),
        (terms(item=" "), 2, "name"),
        ([*terms(), "--reference", "7"], 2, "version-4 UUID"),
        ([*terms(), "--timeout", "-1"], 2, "timeout"),
        ([*terms(), "--journal", "/nowhere/payments.db"], 2, "does not exist"),
        ([*terms(), "--journal", "postgresql://[x"], 2, "the journal's URL cannot be read"),
    ],
    ids=lambda value: " ".join(value[9:]) or value[2] if isinstance(value, list) else "",
)
async def test_the_exit_code(words: list[str], code: int, message: str, dollr: Command, sandbox: Sandbox) -> None:
    ran = await dollr(*words)
    assert ran.code == code
    assert message in ran.err
    assert "Traceback" not in ran.err
    assert len(ran.err.splitlines()) <= 1
    if code == 2:
        assert sandbox.ledger == ()
        assert ran.out == ""


@pytest.mark.parametrize("words", [terms(phone="077"), terms(NO_OPERATOR), [*terms(STAYS_PENDING), "--timeout", "9"]])
async def test_errors_are_objects_too(words: list[str], dollr: Command) -> None:
    error = (await dollr(*words, "--json")).objects[-1]
    assert error["error"] in {"InvalidInputError", "CollectError", "PollTimeoutError"}
    assert error["message"]
    assert ("reference_id" in error) is (error["error"] != "InvalidInputError")


async def test_bad_credentials_are_1_and_none_are_2(dollr: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOLLR_CLIENT_SECRET", "another-secret")
    for words in (terms(), ["status", REFERENCE], ["watch", REFERENCE], ["quote", *terms()[1:3], *terms()[5:]]):
        ran = await dollr(*words)
        assert ran.code == 1, words
        assert "401" in ran.err
        assert "another-secret" not in ran.err + ran.out
    monkeypatch.delenv("DOLLR_CLIENT_SECRET")
    ran = await dollr(*terms())
    assert (ran.code, "DOLLR_CLIENT_SECRET" in ran.err) == (2, True)


async def test_a_connection_that_never_was_is_2(dollr: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOLLR_BASE_URL", "http://127.0.0.1:1")
    for words in (terms(), ["status", REFERENCE], ["watch", REFERENCE], ["quote", *terms()[1:3], *terms()[5:]]):
        assert (await dollr(*words)).code == 2, words


async def test_real_money_needs_a_yes(dollr: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOLLR_BASE_URL", "https://dollr.invalid")
    ran = await dollr(*terms())
    assert (ran.code, ran.out) == (2, "")
    assert "250.00 USD from Amara Kamara (231770000001) at https://dollr.invalid" in ran.err
    assert "--yes" in ran.err
    ran = await dollr(*terms(), "--yes")
    assert (ran.code, "connection" in ran.err) == (2, True)


async def test_the_same_reference_resumes_with_a_journal(dollr: Command, sandbox: Sandbox, tmp_path: Path) -> None:
    words = [*terms(), "--reference", REFERENCE, "--journal", f"sqlite://{tmp_path}/payments.db"]
    sandbox.fail("create_checkout_session", 403)
    assert (await dollr(*words)).code == 1
    assert (await dollr(*words)).code == 0
    assert (await dollr(*words)).code == 0
    assert [entry.status for entry in sandbox.ledger] == ["COMPLETED"]
    other = await dollr(*[word.replace("250.00", "99.00") for word in words])
    assert (other.code, "different terms" in other.err) == (3, True)


async def test_a_reference_of_another_payment_is_refused(dollr: Command, sandbox: Sandbox) -> None:
    assert (await dollr(*terms(), "--reference", REFERENCE)).code == 0
    assert (await dollr(*terms(), "--reference", REFERENCE)).code == 3
    assert len(sandbox.ledger) == 1


async def test_no_secret_is_printed(dollr: Command, sandbox: Sandbox, tmp_path: Path) -> None:
    printed = ""
    for words in (terms(), terms(NO_OPERATOR), [*terms(), "--journal", str(tmp_path / "j.db")], ["status", REFERENCE]):
        for more in ([], ["--json"]):
            ran = await dollr(*words, *more)
            printed += ran.out + ran.err
    sandbox.fail("collect", "garbage", times=None)
    printed += "".join((await dollr(*terms())).err)
    sandbox.revoke_tokens()
    assert sandbox.client_secret not in printed
    for request in sandbox.requests:
        token = dict(request.headers).get("Authorization", "Bearer none").removeprefix("Bearer ")
        assert token not in printed


async def test_a_quote_shows_what_is_paid_and_received(dollr: Command, sandbox: Sandbox) -> None:
    words = ("quote", "--amount", "250.00", "--currency", "USD", "--phone", "0771234567", "--country-code", "LR")
    ran = await dollr(*words)
    assert ran.code == 0
    assert [line.split() for line in ran.out.splitlines()][1:3] == [
        ["the", "payer", "pays", "257.00", "USD"],
        ["you", "receive", "250.00", "USD"],
    ]
    (quote,) = (await dollr(*words, "--payer-currency", "LRD", "--json")).objects
    assert (quote["payer_currency"], quote["payee_amount"], quote["carrier"]) == ("LRD", "250.00", "ORANGE")
    assert sandbox.ledger == ()


async def test_a_quote_that_cannot_be_asked_is_3(dollr: Command, sandbox: Sandbox) -> None:
    words = ("quote", "--amount", "250.00", "--currency", "USD", "--phone", APPROVES, "--json")
    sandbox.fail("predict_amount_and_fee", 503, times=None)
    ran = await dollr(*words)
    assert (ran.code, ran.objects[0]["error"]) == (3, "ServerError")
