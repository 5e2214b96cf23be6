"""No secret and no personal data in the journal's file, in a log line, or in the repr of an object."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from dollr_async import (
    Card,
    CollectError,
    DollrClient,
    LineItem,
    NotFoundError,
    OutcomeUnknownError,
    Passcode,
    Payer,
    RetryPolicy,
)
from dollr_async.journal import SQLiteJournal
from dollr_async.sandbox import PASSCODE_PHONE, Sandbox
from tests.support.collections import collect
from tests.support.observing import Recorder
from tests.support.payments import payout, transfer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

_SECRET = "the-secret-of-this-client"
_PERSONAL = {
    "name": "Amara Nyanquoi Kamara",
    "phone": "231771234567",
    "email": "amara@example.com",
    "line": "Session on grief",
    "note": "as said on the telephone",
    "text": "file 1847",
    "wallet": "231770000001",
    "account": "Kamara and daughters",
    "passcode's phone": PASSCODE_PHONE,
}
_PAYER = Payer(_PERSONAL["name"], _PERSONAL["phone"], email=_PERSONAL["email"], country_code="LR")
_TERMS: dict[str, Any] = {
    "payer": _PAYER,
    "items": [LineItem(_PERSONAL["line"], Decimal(40))],
    "note": _PERSONAL["note"],
    "document_reference": _PERSONAL["text"],
}
_CONFIRMED = "pm_card_3ds"
_WRONG = Passcode("73519264", phone=PASSCODE_PHONE)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(client_secret=_SECRET) as sandbox:
        yield sandbox


async def _every_kind_of_payment(sandbox: Sandbox, dollr: DollrClient) -> list[object]:
    """Make payments of every kind that succeed, fail, lose answers or hang, and return their results."""
    made: list[object] = [await collect(dollr, **_TERMS), await collect(dollr, **_TERMS, direct=True)]
    card = Card(_PERSONAL["account"], payment_method_id=_CONFIRMED)
    made += [await collect(dollr, **_TERMS, pay_with=card)]
    made += [await dollr.hosted_checkout(payer=_PAYER, items=_TERMS["items"], currency="USD")]
    made += [await transfer(dollr)]
    for fault, operation in ((422, "create_invoice"), (422, "collect"), (500, "create_party"), ("garbage", "collect")):
        sandbox.fail(operation, fault, times=4)
        if fault == "garbage":
            sandbox.fail("get_collection_status", 500, times=None)
        try:
            await collect(dollr, **_TERMS)
        except (CollectError, OutcomeUnknownError) as error:
            made.append(error)
        sandbox.clear_faults()
    try:
        await payout(dollr, to=_PAYER, passcode=_WRONG)
    except CollectError as error:
        made.append(error)
    sandbox.fail("collect", "hang")
    task = asyncio.create_task(collect(dollr, **_TERMS))
    await asyncio.sleep(5.0)
    task.cancel()
    await asyncio.wait([task])
    return made


def _secrets(sandbox: Sandbox) -> set[str]:
    """Return every secret: of the client, the tokens, the passcode, the card and the browser."""
    found = {_SECRET, _WRONG.code, _CONFIRMED}
    for request in sandbox.requests:
        body = request.answer.body if request.answer else None
        if isinstance(body, dict):
            found |= {str(body[name]) for name in ("access_token", "client_secret") if body.get(name)}
    return found


def _content(directory: Path) -> bytes:
    """Return the content of all files of a directory."""
    return b"".join(path.read_bytes() for path in directory.iterdir())


async def test_the_journals_file_has_no_secret_and_no_personal_data(sandbox: Sandbox, tmp_path: Path) -> None:
    async with (
        SQLiteJournal(tmp_path / "journal.db") as journal,
        DollrClient(**sandbox.settings, journal=journal, retry=RetryPolicy(attempts=2)) as dollr,
    ):
        made = await _every_kind_of_payment(sandbox, dollr)
        written = _content(tmp_path)
    assert len(made) == 10
    written += _content(tmp_path)
    assert b"INV-" in written, "the file was read too early"
    for word in _secrets(sandbox) | set(_PERSONAL.values()):
        assert word.encode() not in written
    assert _PERSONAL["phone"].removeprefix("231").encode() not in written


async def test_no_log_line_has_a_secret_or_personal_data(
    sandbox: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "dollr_async")
    async with (
        SQLiteJournal(tmp_path / "journal.db") as journal,
        DollrClient(**sandbox.settings, journal=journal, retry=RetryPolicy(attempts=2)) as dollr,
    ):
        await _every_kind_of_payment(sandbox, dollr)
    lines = [record for record in caplog.records if record.name.startswith("dollr_async")]
    assert len(lines) > 50
    for word in _secrets(sandbox) | set(_PERSONAL.values()):
        assert [record for record in lines if word in f"{record.getMessage()} {vars(record)}"] == [], word


async def test_no_event_of_an_observer_has_a_secret_or_personal_data(sandbox: Sandbox, tmp_path: Path) -> None:
    seen = Recorder()
    async with (
        SQLiteJournal(tmp_path / "journal.db") as journal,
        DollrClient(**sandbox.settings, journal=journal, retry=RetryPolicy(attempts=2), observer=seen) as dollr,
    ):
        made = await _every_kind_of_payment(sandbox, dollr)
        for look_up in (dollr.invoices.retrieve_by_number, dollr.orders.receipt_by_number):
            with pytest.raises(NotFoundError):
                await look_up(_PERSONAL["name"])
        await dollr.predictions.mmo_provider_info(phone=_PERSONAL["phone"])
    assert len(seen.events) > 150
    written = seen.written()
    assert str(getattr(made[0], "reference_id", None)) in written
    for word in _secrets(sandbox) | set(_PERSONAL.values()) | set(_PERSONAL["name"].split()):
        assert word not in written
    assert _PERSONAL["phone"].removeprefix("231") not in written


def _within(found: object) -> Iterator[object]:
    """Yield what an object of this package holds in its attributes, its slots, or as a collection."""
    if isinstance(found, Mapping):
        yield from found.values()
    elif isinstance(found, list | tuple | set):
        yield from found
    elif type(found).__module__.startswith("dollr_async."):
        yield from getattr(found, "__dict__", {}).values()
        slots = [name for cls in type(found).__mro__ for name in getattr(cls, "__slots__", ())]
        yield from (getattr(found, name, None) for name in slots if name != "__weakref__")
    if isinstance(found, BaseException):
        yield from (found.args, found.__cause__, found.__context__, getattr(found, "__notes__", []))


def _reachable(*roots: object) -> Iterator[object]:
    seen: dict[int, object] = {}
    waiting = list(roots)
    while waiting:
        found = waiting.pop()
        if id(found) in seen or isinstance(found, str | bytes | int | float | type):
            continue
        seen[id(found)] = found
        yield found
        waiting += list(_within(found))


def _shown(found: object) -> str:
    """Return what an object shows without being asked for an attribute by name."""
    values = getattr(found, "__dict__", {}) if type(found).__module__.startswith("dollr_async.") else {}
    # A plain value is only shown when its attribute is asked for by name, which is allowed.
    plain = {name: value for name, value in values.items() if not isinstance(value, str | bytes)}
    return f"{found!r} {found} {plain}"


async def test_no_object_shows_a_secret(sandbox: Sandbox, tmp_path: Path) -> None:
    async with (
        SQLiteJournal(tmp_path / "journal.db") as journal,
        DollrClient(**sandbox.settings, journal=journal, retry=RetryPolicy(attempts=2)) as dollr,
    ):
        made = await _every_kind_of_payment(sandbox, dollr)
        made += [payment async for payment in dollr.unfinished()]
        reference_id = getattr(made[0], "reference_id", None)
        made += [change async for change in dollr.watch(str(reference_id))]
        made += [dollr, journal, _WRONG]
        objects = list(_reachable(*made))
        kinds = {type(found).__name__ for found in objects}
        secrets = _secrets(sandbox)
        assert {
            "Collection",
            "Payment",
            "UnfinishedPayment",
            "HostedCheckout",
            "StatusChange",
            "ClientJournal",
        } <= kinds
        assert {"SessionManager", "Secret", "Execution", "Progress", "CollectError"} <= kinds
        for found in objects:
            shown = _shown(found)
            assert [word for word in secrets if word in shown] == [], type(found)
