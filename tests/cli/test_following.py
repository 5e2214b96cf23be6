"""`dollr status` and `dollr watch REF`: several payments, each exit code, and what cannot be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from dollr_async import DollrClient
from dollr_async.sandbox import AfterSeconds
from tests.support.collections import collect
from tests.support.payments import payout

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from dollr_async.sandbox import Sandbox
    from tests.cli.conftest import Ran

    Command = Callable[..., Awaitable[Ran]]

UNKNOWN = "11111111-1111-4111-8111-111111111111"
OUTCOMES = {"paid": "complete_at_once", "failed": "fail_at_once", "pending": "stay_pending"}


@pytest.fixture
async def payments(sandbox: Sandbox) -> dict[str, str]:
    """The references of a payment that is paid, of one that failed, and of one that stays pending."""
    made = {"unknown": UNKNOWN}
    async with DollrClient(**sandbox.settings) as client:
        for name, outcome in OUTCOMES.items():
            sandbox.set_outcome(outcome)
            made[name] = str((await collect(client)).reference_id)
    sandbox.advance(60.0)
    return made


@pytest.mark.parametrize("command", ["status", "watch"])
@pytest.mark.parametrize(
    ("names", "code"),
    [
        ("paid", 0),
        ("failed", 1),
        ("unknown", 1),
        ("pending", 3),
        ("paid failed", 1),
        ("failed paid", 1),
        ("failed pending", 3),
        ("pending unknown", 3),
        ("paid paid", 0),
    ],
)
async def test_the_worst_of_several_is_the_exit_code(
    command: str, names: str, code: int, dollr: Command, payments: dict[str, str]
) -> None:
    wanted = [payments[name] for name in names.split()]
    ran = await dollr(command, *wanted, "--json")
    assert ran.code == code
    assert {one["reference_id"] for one in ran.objects} == set(wanted)
    errors = {one["reference_id"]: one["error"] for one in ran.objects if "error" in one}
    assert errors.get(UNKNOWN) == ("NotFoundError" if "unknown" in names else None)
    assert ("PollTimeoutError" in errors.values()) is (command == "watch" and "pending" in names)


async def test_people_read_a_line_for_each_payment(dollr: Command, payments: dict[str, str]) -> None:
    ran = await dollr("status", *payments.values())
    assert ran.out.splitlines() == [
        f"{payments['paid']} COMPLETED 257.00 USD",
        f"{payments['failed']} FAILED 257.00 USD: The operator rejected the payment",
        f"{payments['pending']} PENDING 257.00 USD",
    ]
    assert ran.err.startswith(f"payment {UNKNOWN} is not known to the API: check the reference and its --kind.")


@pytest.mark.parametrize("command", ["status", "watch"])
async def test_a_payment_of_another_kind_is_named_by_its_kind(command: str, dollr: Command, sandbox: Sandbox) -> None:
    async with DollrClient(**sandbox.settings) as client:
        made = await payout(client)
    assert (await dollr(command, str(made.reference_id))).code == 1
    sandbox.advance(60.0)
    assert (await dollr(command, str(made.reference_id), "--kind", "payout")).code == 0


async def test_watch_shows_each_change_up_to_the_last(dollr: Command, sandbox: Sandbox) -> None:
    sandbox.set_settlement(AfterSeconds(processing=10.0, final=20.0))
    async with DollrClient(**sandbox.settings) as client:
        reference = str((await collect(client)).reference_id)
    assert (await dollr("watch", reference, "--json")).statuses == ["PENDING", "PROCESSING", "COMPLETED"]


@pytest.mark.parametrize("fault", [503, "drop", "rate_limited", "garbage"])
async def test_what_cannot_be_asked_is_3(
    fault: str | int, dollr: Command, sandbox: Sandbox, payments: dict[str, str]
) -> None:
    sandbox.fail("get_collection_status", fault, times=None)
    for words in (["status", payments["paid"]], ["watch", payments["paid"], "--timeout", "60"]):
        ran = await dollr(*words)
        assert ran.code == 3, words
        assert f"dollr watch {payments['paid']}" in ran.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["status"], "no payment is named"),
        (["status", "7"], "version-4 UUID"),
        (["status", UNKNOWN, "--kind", "loan"], "LOAN"),
        (["watch"], "nothing to watch: name payments, as in dollr watch REF, or a journal"),
        (["watch", UNKNOWN, "7"], "version-4 UUID"),
        (["watch", UNKNOWN, "--mark-handled"], "leave the references out"),
        (["watch", UNKNOWN, "--health-file", "/nowhere/health"], "the health file /nowhere/health cannot be written"),
        (["watch", "--journal", "redis://localhost"], "is not the URL of a journal"),
        (["reconcile"], "no journal is named"),
    ],
    ids=" ".join,
)
async def test_bad_usage_is_2_before_anything_is_sent(
    words: list[str], message: str, dollr: Command, sandbox: Sandbox
) -> None:
    ran = await dollr(*words)
    assert (ran.code, ran.out) == (2, "")
    assert message.lower() in ran.err.lower()
    (error,) = (await dollr(*words, "--json")).objects
    assert message.lower() in error["message"].lower()
    assert sandbox.requests == []


async def test_a_reference_may_be_written_in_any_form_of_a_uuid(dollr: Command, payments: dict[str, str]) -> None:
    reference = UUID(payments["paid"])
    ran = await dollr("status", reference.hex.upper(), str(reference), "--json")
    assert [one["reference_id"] for one in ran.objects] == [str(reference)]
