"""How the execution of an outcome is read: what is put off and for how long, and what is left out in the end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import attrs
import pytest

from dollr_async.base.enums import ExecutionKind, ExecutionStatus
from dollr_async.base.errors import (
    AuthenticationError,
    ConfigurationError,
    DecodeError,
    DollrError,
    NotFoundError,
    PermissionDeniedError,
    ReferenceUsedError,
    TransportError,
)
from dollr_async.following.status_checks import StatusCheck
from dollr_async.journal.outcome_protocol import EndedPayment
from dollr_async.journal.outcome_reader import Deferred, OutcomeReader
from dollr_async.testing.support import an_entry
from tests.resources.cases.shapes import an_execution
from tests.support.fakes import MORNING, FakeClock

if TYPE_CHECKING:
    from uuid import UUID

    from dollr_async.base.progress import Progress
    from dollr_async.journal import Entry
    from dollr_async.resources.executions import Execution

_GRACE, _RECOVERY = 30.0, 120.0
_KIND = ExecutionKind.COLLECTION
_COMPLETED = attrs.evolve(an_execution(_KIND), status=ExecutionStatus.COMPLETED)


def _refused(cls: type[NotFoundError | PermissionDeniedError | AuthenticationError], status: int) -> DollrError:
    return cls(status=status, detail="no", method="GET", path="/v1/status/collection")


def _name(value: object) -> str:
    return str(getattr(value, "status", None) or type(value).__name__)


class _Api:
    """Answers status checks, and says whose document was paid."""

    def __init__(self, answer: Execution | DollrError, whose: DollrError | None = None) -> None:
        self.answer, self.whose = answer, whose
        self.asked: list[tuple[UUID, ExecutionKind, float]] = []
        self.reader = OutcomeReader(self, self.check_is_ours, clock=FakeClock(), recovery=_RECOVERY, grace=_GRACE)

    async def check(self, reference_id: UUID, kind: ExecutionKind, *, age: float) -> StatusCheck:
        self.asked.append((reference_id, kind, age))
        if isinstance(self.answer, DollrError):
            raise self.answer
        is_final = self.answer.status.is_final
        return StatusCheck(execution=self.answer, is_final=is_final, next_in=None if is_final else 2.0)

    async def check_is_ours(self, execution: Execution, progress: Progress) -> None:
        assert execution is self.answer
        assert progress is not None
        if self.whose is not None:
            raise self.whose

    async def put_off(self, ended: EndedPayment) -> float:
        """Read an outcome that cannot be handed out now; return after how many seconds it is tried again."""
        with pytest.raises(Deferred) as deferred:
            await self.reader.read(ended, None, _mark)
        return deferred.value.seconds

    async def read(self, ended: EndedPayment, seen: Execution | None = None) -> tuple[str, Execution | None]:
        outcome = await self.reader.read(ended, seen, _mark)
        assert (outcome.reference_id, outcome.kind) == (ended.entry.reference_id, _KIND)
        return str(outcome.status), outcome.execution


async def _mark(connection: object) -> None:
    raise AssertionError(f"nothing is marked here, with {connection}")


def _ended(outcome: str = "COMPLETED", *, is_contested: bool = False, reason: str | None = None) -> EndedPayment:
    entry: Entry = attrs.evolve(an_entry(), sends=1, outcome=outcome, is_contested=is_contested)
    return EndedPayment(entry=entry, ended_at=MORNING, number=1, reason=reason)


async def test_the_execution_is_read_by_one_check_unless_it_was_seen_just_now(caplog: pytest.LogCaptureFixture) -> None:
    api, ended = _Api(_COMPLETED), _ended()
    assert await api.read(ended, _COMPLETED) == ("COMPLETED", _COMPLETED)
    assert api.asked == []
    assert await api.read(ended) == ("COMPLETED", _COMPLETED)
    assert api.asked == [(ended.entry.reference_id, _KIND, 0.0)]
    assert caplog.records == []


async def test_an_outcome_has_what_the_journal_keeps_of_the_payment() -> None:
    ended = _ended(reason="the customer showed the receipt")
    outcome = await _Api(_COMPLETED).reader.read(ended, None, _mark)
    assert (outcome.began_at, outcome.ended_at) == (ended.entry.began_at, MORNING)
    assert (outcome.progress, outcome.reason) == (ended.entry.progress, ended.reason)


async def test_a_payment_that_did_not_run_is_not_asked_for() -> None:
    api = _Api(_COMPLETED)
    assert await api.read(_ended("REFUSED")) == ("NOT_RUN", None)
    assert api.asked == []


@pytest.mark.parametrize("error", [TransportError("dropped"), _refused(NotFoundError, 404)])
async def test_an_api_that_cannot_be_asked_says_nothing_however_long_it_lasts(error: DollrError) -> None:
    api, ended = _Api(error), _ended()
    for _ in range(3):
        assert await api.put_off(ended) == 2.0
        await asyncio.sleep(_RECOVERY)
    assert not api.reader.is_retrying


@pytest.mark.parametrize(
    "answer", [DecodeError("not JSON"), _refused(PermissionDeniedError, 403), an_execution(_KIND)], ids=_name
)
async def test_an_execution_that_is_unreadable_for_long_is_left_out(answer: Execution | DollrError) -> None:
    api, ended = _Api(answer), _ended()
    assert not api.reader.is_retrying
    assert await api.put_off(ended) == 2.0
    await asyncio.sleep(_RECOVERY - 0.1)
    assert await api.put_off(ended) == 2.0
    assert api.reader.is_retrying
    await asyncio.sleep(0.1)
    assert await api.read(ended) == ("COMPLETED", None)
    assert not api.reader.is_retrying
    assert await api.put_off(ended) == 2.0, "the time begins anew"


async def test_an_unreadable_execution_that_nobody_asks_for_any_more_is_not_being_retried() -> None:
    api = _Api(DecodeError("not JSON"))
    await api.put_off(_ended())
    await asyncio.sleep(_RECOVERY + 3.9)
    assert api.reader.is_retrying
    await asyncio.sleep(0.1)
    assert not api.reader.is_retrying


@pytest.mark.parametrize("error", [_refused(AuthenticationError, 401), ConfigurationError("closed")])
@pytest.mark.parametrize("reason", [None, "not on the bill"])
async def test_refused_credentials_and_a_closed_client_are_raised(error: DollrError, reason: str | None) -> None:
    with pytest.raises(type(error)) as caught:
        await _Api(error).read(_ended(reason=reason))
    assert caught.value is error


# What may be another run's


async def test_a_document_that_may_lag_is_asked_for_again_until_the_grace_is_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ended = _ended(is_contested=True)
    used = ReferenceUsedError("another document was paid", reference_id=ended.entry.reference_id)
    api = _Api(_COMPLETED, used)
    await asyncio.sleep(_GRACE - 0.1 - asyncio.get_running_loop().time())
    assert await api.put_off(ended) == 2.0
    assert caplog.records == []
    await asyncio.sleep(0.1)
    for _ in range(3):
        assert await api.put_off(ended) == 3600.0
    (warning,) = caplog.records
    assert vars(warning)["reference_id"] == ended.entry.reference_id
    close = f"dollr.close_payment('{ended.entry.reference_id}', as_=..., reason=...)"
    words = f"another document was paid. Its outcome is not handed out: decide with {close}"
    assert (warning.levelname, warning.getMessage()) == ("WARNING", words)
    api.whose = None
    assert await api.read(ended) == ("COMPLETED", _COMPLETED)


async def test_a_document_that_cannot_be_read_is_asked_for_again() -> None:
    api = _Api(_COMPLETED, TransportError("dropped"))
    await asyncio.sleep(2 * _GRACE)
    assert await api.put_off(_ended(is_contested=True)) == 2.0


@pytest.mark.parametrize(("status", "is_contested"), [("FAILED", True), ("COMPLETED", False)])
async def test_only_a_contested_payment_that_is_completed_is_compared_with_its_document(
    status: str,
    is_contested: bool,  # noqa: FBT001 - a column of the table
) -> None:
    ended = _ended(status, is_contested=is_contested)
    execution = attrs.evolve(_COMPLETED, status=ExecutionStatus(status))
    used = ReferenceUsedError("another document was paid", reference_id=ended.entry.reference_id)
    assert await _Api(execution, used).read(ended) == (status, execution)


# Where the journal, a person and the API disagree


async def test_what_the_api_says_now_counts_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    ended = _ended("FAILED")
    assert await _Api(_COMPLETED).read(ended) == ("COMPLETED", _COMPLETED)
    (warning,) = caplog.records
    assert vars(warning)["reference_id"] == ended.entry.reference_id
    words = f"payment {ended.entry.reference_id} was FAILED, and the API says COMPLETED now"
    assert (warning.levelname, warning.getMessage()) == ("WARNING", words)


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        (_COMPLETED, _COMPLETED),
        (an_execution(_KIND), None),
        (DecodeError("not JSON"), None),
        (TransportError("dropped"), None),
        (_refused(NotFoundError, 404), None),
    ],
    ids=_name,
)
async def test_a_persons_verdict_stays_and_has_the_execution_where_the_api_agrees(
    answer: Execution | DollrError, shown: Execution | None
) -> None:
    api, ended = _Api(answer), _ended(reason="the customer showed the receipt")
    assert await api.read(ended) == ("COMPLETED", shown)
    assert api.asked == [(ended.entry.reference_id, _KIND, 0.0)]


async def test_a_person_who_says_that_a_payment_did_not_run_is_handed_out_without_an_execution() -> None:
    assert await _Api(_COMPLETED).read(_ended("REFUSED", reason="no trace of it")) == ("NOT_RUN", None)
