"""The state machine of one execution: every outcome of a send, times every outcome of a status check, at every time."""

from __future__ import annotations

import asyncio
import logging
import math
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

import attrs
import pytest

from dollr_async.base.answered import FieldProblem
from dollr_async.base.clock import LoopClock
from dollr_async.base.enums import ExecutionKind
from dollr_async.base.errors import (
    APIStatusError,
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    ConnectError,
    DecodeError,
    DollrError,
    InvalidInputError,
    InvalidRequestError,
    JournalError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ReferenceUsedError,
    RequestTimeoutError,
    ServerError,
    TransportError,
)
from dollr_async.base.observing import DoubtBegan, DoubtEnded
from dollr_async.flows.attempt import (
    DOUBTFUL,
    REFUSALS,
    TEXT_REFUSAL_CHECKS,
    TEXT_REFUSAL_PERIOD,
    Action,
    Attempt,
    CheckResult,
    SendResult,
)
from dollr_async.flows.check_limit import CHECKS_AT_ONCE, CHECKS_PER_SECOND, CheckLimit
from dollr_async.flows.recovery import NotRun, OutcomeUnknown, execute
from dollr_async.flows.refusals import result_of
from dollr_async.wire.retry import RetryPolicy
from tests.resources.cases.shapes import an_execution
from tests.support.collections import REFERENCE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dollr_async import Execution

    _End = DollrError | Execution

_GRACE = 30.0
_RECOVERY = 120.0
_SESSION = 50.0
_ATTEMPTS = 3
_FIRST = Attempt(attempts=_ATTEMPTS, recovery=_RECOVERY, grace=_GRACE, session_expires_at=_SESSION)


# One send


@pytest.mark.parametrize(
    ("outcome", "action"),
    [
        (SendResult.LANDED, Action.ADOPT),
        (SendResult.NOT_ARRIVED, Action.SEND),
        (SendResult.LIMITED, Action.SEND),
        (SendResult.NO_TOKEN, Action.STOP),
        (SendResult.REFUSED, Action.CHECK),
        (SendResult.REFUSED_BY_TEXT, Action.CHECK),
        (SendResult.CONFLICT, Action.CHECK),
        (SendResult.UNREACHABLE, Action.CHECK),
        (SendResult.AMBIGUOUS, Action.CHECK),
    ],
)
def test_what_follows_the_first_send(outcome: SendResult, action: Action) -> None:
    assert _FIRST.after_send(outcome, 0.0)[1] is action


@pytest.mark.parametrize(
    ("outcome", "last"), [(SendResult.NOT_ARRIVED, Action.STOP), (SendResult.LIMITED, Action.CHECK)]
)
def test_what_was_not_accepted_is_sent_as_often_as_the_policy_says(outcome: SendResult, last: Action) -> None:
    attempt, actions = _FIRST, []
    for _ in range(_ATTEMPTS):
        attempt, action = attempt.after_send(outcome, 0.0)
        actions.append(action)
    assert actions == [Action.SEND] * (_ATTEMPTS - 1) + [last]


def test_a_limit_that_asks_for_too_long_a_pause_is_checked_once_and_then_believed() -> None:
    attempt, action = _FIRST.after_send(SendResult.LIMITED, 0.0, may_wait=False)
    assert action is Action.CHECK
    assert attempt.after_check(CheckResult.NOT_FOUND, 0.0)[1] is Action.STOP
    assert attempt.after_check(CheckResult.NOT_ANSWERED, 0.0)[1] is Action.CHECK
    assert attempt.after_check(CheckResult.FOUND, 0.0)[1] is Action.ADOPT
    assert attempt.is_contested, "what is found may be another run's"


# One send and one status check

_LATER = [0.0, _GRACE - 0.1, _GRACE, _SESSION, _SESSION + _GRACE - 0.1, _SESSION + _GRACE, _RECOVERY, 10_000.0]
_CHECKED = sorted(DOUBTFUL | REFUSALS, key=str)


@pytest.mark.parametrize("later", _LATER)
@pytest.mark.parametrize("outcome", _CHECKED)
def test_whatever_is_found_is_adopted(outcome: SendResult, later: float) -> None:
    attempt, _ = _FIRST.after_send(outcome, 0.0)
    assert attempt.after_check(CheckResult.FOUND, later) == (attempt, Action.ADOPT)


@pytest.mark.parametrize("outcome", _CHECKED)
def test_what_is_found_after_a_refusal_may_be_another_runs(outcome: SendResult) -> None:
    attempt, _ = _FIRST.after_send(outcome, 0.0)
    assert attempt.is_contested == (outcome in REFUSALS)


@pytest.mark.parametrize("outcome", [SendResult.AMBIGUOUS, SendResult.UNREACHABLE])
@pytest.mark.parametrize(
    ("later", "action"),
    [
        (0.0, Action.CHECK),
        (_GRACE - 0.1, Action.CHECK),
        (_GRACE, Action.SEND),
        (_SESSION + _GRACE - 0.1, Action.SEND),
        (_SESSION + _GRACE, Action.RENEW),
        (_RECOVERY, Action.RENEW),
    ],
)
def test_a_lost_send_that_is_not_found(outcome: SendResult, later: float, action: Action) -> None:
    attempt, _ = _FIRST.after_send(outcome, 0.0)
    assert attempt.after_check(CheckResult.NOT_FOUND, later)[1] is action


@pytest.mark.parametrize(("later", "action"), [(_RECOVERY - 0.1, Action.SEND), (_RECOVERY, Action.GIVE_UP)])
def test_a_lost_send_under_a_session_without_end_is_given_up(later: float, action: Action) -> None:
    endless = attrs.evolve(_FIRST, session_expires_at=math.inf)
    attempt, _ = endless.after_send(SendResult.AMBIGUOUS, 0.0)
    assert attempt.after_check(CheckResult.NOT_FOUND, later)[1] is action


@pytest.mark.parametrize("outcome", _CHECKED)
@pytest.mark.parametrize(("later", "action"), [(_RECOVERY - 0.1, Action.CHECK), (_RECOVERY, Action.GIVE_UP)])
def test_a_check_without_an_answer_is_repeated_until_the_budget_is_spent(
    outcome: SendResult, later: float, action: Action
) -> None:
    attempt, _ = _FIRST.after_send(outcome, 0.0)
    assert attempt.after_check(CheckResult.NOT_ANSWERED, later)[1] is action


@pytest.mark.parametrize(
    ("later", "action"), [(0.0, Action.STOP), (_SESSION - 0.1, Action.STOP), (_SESSION, Action.RENEW)]
)
def test_a_refusal_that_shows_that_nothing_ran_is_believed_after_one_check(later: float, action: Action) -> None:
    attempt, _ = _FIRST.after_send(SendResult.REFUSED, 0.0)
    assert attempt.after_check(CheckResult.NOT_FOUND, later)[1] is action


@pytest.mark.parametrize(
    ("times", "action"),
    [
        ([0.0, 2.0, 5.0, TEXT_REFUSAL_PERIOD - 0.1], Action.CHECK),
        ([0.0, 5.0, TEXT_REFUSAL_PERIOD], Action.CHECK),
        ([0.0, 2.0, 5.0, TEXT_REFUSAL_PERIOD], Action.STOP),
        ([40.0, 41.0, 42.0, _SESSION], Action.RENEW),
    ],
    ids=["too early", "too few", "enough", "the session ran out"],
)
def test_a_refusal_by_text_is_believed_after_a_while_and_enough_checks(times: list[float], action: Action) -> None:
    attempt, following = _FIRST.after_send(SendResult.REFUSED_BY_TEXT, 0.0)
    for at in times:
        assert following is Action.CHECK
        attempt, following = attempt.after_check(CheckResult.NOT_FOUND, at)
    assert following is action
    assert len(times) <= TEXT_REFUSAL_CHECKS


@pytest.mark.parametrize(("later", "action"), [(0.0, Action.STOP), (_SESSION, Action.RENEW)])
def test_a_conflict_is_checked_across_the_grace_then_under_the_other_kinds_and_then_believed(
    later: float, action: Action
) -> None:
    attempt, _ = _FIRST.after_send(SendResult.CONFLICT, 0.0)
    for at in (0.0, 1.0, _GRACE - 0.1):
        attempt, following = attempt.after_check(CheckResult.NOT_FOUND, at)
        assert following is Action.CHECK
    attempt, following = attempt.after_check(CheckResult.NOT_FOUND, max(later, _GRACE))
    assert following is Action.CHECK_OTHER_KINDS
    known, following = attempt.after_other_kinds(max(later, _GRACE))
    assert following is action
    assert known.after_check(CheckResult.NOT_FOUND, max(later, _GRACE))[1] is action, "they are asked once"


def test_the_other_kinds_are_asked_again_after_another_conflict() -> None:
    attempt, _ = _FIRST.after_send(SendResult.CONFLICT, 0.0)
    attempt, _ = attempt.after_other_kinds(_GRACE)
    again, _ = attempt.after_send(SendResult.CONFLICT, _GRACE)
    assert again.after_check(CheckResult.NOT_FOUND, 2 * _GRACE)[1] is Action.CHECK_OTHER_KINDS


def test_connections_that_fail_alone_end_the_checks_early() -> None:
    attempt, _ = _FIRST.after_send(SendResult.UNREACHABLE, 0.0)
    actions = []
    for _ in range(_ATTEMPTS):
        attempt, action = attempt.after_check(CheckResult.UNREACHABLE, 1.0)
        actions.append(action)
    assert actions == [Action.CHECK] * (_ATTEMPTS - 1) + [Action.GIVE_UP]


@pytest.mark.parametrize("other", [CheckResult.NOT_FOUND, CheckResult.NOT_ANSWERED])
def test_any_answer_meanwhile_makes_the_checks_go_on(other: CheckResult) -> None:
    attempt, _ = _FIRST.after_send(SendResult.UNREACHABLE, 0.0)
    attempt, _ = attempt.after_check(other, 1.0)
    for _ in range(2 * _ATTEMPTS):
        attempt, action = attempt.after_check(CheckResult.UNREACHABLE, _RECOVERY - 0.1)
        assert action is Action.CHECK
    assert attempt.after_check(CheckResult.UNREACHABLE, _RECOVERY)[1] is Action.GIVE_UP


@pytest.mark.parametrize("first", [SendResult.AMBIGUOUS, SendResult.UNREACHABLE])
def test_a_lost_answer_is_checked_until_the_budget_is_spent_whatever_comes_after_it(first: SendResult) -> None:
    attempt, _ = _FIRST.after_send(first, 0.0)
    attempt, _ = attempt.after_check(CheckResult.NOT_FOUND, _GRACE)
    attempt, _ = attempt.after_send(SendResult.UNREACHABLE, _GRACE)
    for _ in range(2 * _ATTEMPTS):
        attempt, action = attempt.after_check(CheckResult.UNREACHABLE, _GRACE)
        assert action is Action.CHECK


def test_a_session_is_not_replaced_when_its_refused_send_was_not_the_only_one() -> None:
    attempt, _ = _FIRST.after_send(SendResult.LIMITED, 0.0)
    attempt, _ = attempt.after_send(SendResult.REFUSED, 1.0)
    assert attempt.after_check(CheckResult.NOT_FOUND, _SESSION)[1] is Action.STOP


def test_the_clock_of_the_doubt_begins_with_the_first_lost_answer_and_that_of_the_grace_with_the_last() -> None:
    attempt, _ = _FIRST.after_send(SendResult.AMBIGUOUS, 10.0)
    attempt, _ = attempt.after_send(SendResult.AMBIGUOUS, 40.0)
    assert (attempt.doubt_since, attempt.asking_since, attempt.last_lost_at) == (10.0, 10.0, 40.0)
    assert attempt.after_check(CheckResult.NOT_FOUND, 40.0 + _GRACE - 0.1)[1] is Action.CHECK


def test_a_new_session_begins_without_doubt_but_with_the_sends_counted() -> None:
    attempt, _ = _FIRST.after_send(SendResult.AMBIGUOUS, 0.0)
    renewed = attempt.renewed(900.0)
    assert renewed.must_renew_first
    assert (renewed.sends, renewed.session_sends, renewed.doubt_since, renewed.is_renewed) == (1, 0, None, True)
    assert renewed.session_expires_at == 900.0


def test_nothing_of_an_old_sessions_refusal_or_doubt_is_left_under_a_new_one() -> None:
    attempt, _ = _FIRST.after_send(SendResult.UNREACHABLE, 10.0)
    attempt, _ = attempt.after_send(SendResult.REFUSED, 20.0)
    attempt, _ = attempt.after_check(CheckResult.NOT_FOUND, 21.0)
    assert (attempt.asking_since, attempt.last_lost_at, attempt.refusal) == (10.0, 10.0, SendResult.REFUSED)
    renewed = attempt.renewed(900.0)
    left = (renewed.asking_since, renewed.last_lost_at, renewed.refusal, renewed.absences, renewed.unreachable_checks)
    assert left == (None, None, None, 0, None)
    assert _FIRST.after_send(SendResult.UNREACHABLE, 10.0)[0].renewed(900.0).unreachable_checks is None


def test_a_refusal_is_forgotten_with_the_next_send_but_not_that_there_was_one() -> None:
    attempt, _ = _FIRST.after_send(SendResult.REFUSED_BY_TEXT, 10.0)
    attempt, _ = attempt.after_check(CheckResult.NOT_FOUND, 11.0)
    for outcome in (SendResult.NOT_ARRIVED, SendResult.AMBIGUOUS, SendResult.LANDED):
        after, _ = attempt.after_send(outcome, 20.0)
        assert (after.refusal, after.absences, after.is_contested) == (None, 0, True)


def test_a_session_that_nothing_was_sent_under_does_not_count_as_replaced() -> None:
    renewed = _FIRST.renewed(900.0)
    assert not renewed.is_renewed
    attempt, _ = renewed.after_send(SendResult.REFUSED, 0.0)
    assert attempt.after_check(CheckResult.NOT_FOUND, 900.0)[1] is Action.RENEW


# Every path


class _Event(NamedTuple):
    at: float
    outcome: SendResult | CheckResult | None
    action: Action


_STEPS = (0.0, _GRACE, _SESSION)
_ENDS = (Action.ADOPT, Action.STOP, Action.GIVE_UP)


def _paths(length: int) -> Iterator[tuple[_Event, ...]]:
    """Yield every path of at most `length` events, over every outcome and a choice of times between them."""

    def extend(attempt: Attempt, path: tuple[_Event, ...], action: Action, now: float) -> Iterator[tuple[_Event, ...]]:
        yield path
        if len(path) >= length or action in _ENDS:
            return
        if action in (Action.RENEW, Action.CHECK_OTHER_KINDS):
            renews = action is Action.RENEW
            known, following = (
                (attempt.renewed(now + _SESSION), Action.SEND) if renews else attempt.after_other_kinds(now)
            )
            yield from extend(known, (*path, _Event(now, None, following)), following, now)
            return
        for step in _STEPS:
            for outcome in SendResult if action is Action.SEND else CheckResult:
                known, following = _after(attempt, outcome, now + step)
                yield from extend(known, (*path, _Event(now + step, outcome, following)), following, now + step)

    return extend(_FIRST, (), Action.SEND, 0.0)


def _after(attempt: Attempt, outcome: SendResult | CheckResult, now: float) -> tuple[Attempt, Action]:
    if isinstance(outcome, SendResult):
        return attempt.after_send(outcome, now)
    return attempt.after_check(outcome, now)


def _since_renewal(path: tuple[_Event, ...]) -> tuple[_Event, ...]:
    renewals = [number for number, event in enumerate(path) if event.outcome is None and event.action is Action.SEND]
    return path[renewals[-1] + 1 :] if renewals else path


def _checks_after_last_send(path: tuple[_Event, ...]) -> list[_Event]:
    last = max(number for number, event in enumerate(path) if isinstance(event.outcome, SendResult))
    return [event for event in path[last + 1 :] if isinstance(event.outcome, CheckResult)]


def _check_stop(path: tuple[_Event, ...], sends: list[_Event]) -> None:
    """Hold a path that ends in "no money moved" against rule 2."""
    assert not [event for event in sends if event.outcome in DOUBTFUL], "doubt is sticky"
    refused, checks = sends[-1], _checks_after_last_send(path)
    absent = [event for event in checks if event.outcome is CheckResult.NOT_FOUND]
    if refused.outcome in REFUSALS or refused.outcome is SendResult.LIMITED:
        assert absent, "a refusal is checked before it is believed"
    if refused.outcome is SendResult.REFUSED_BY_TEXT:
        assert len(absent) >= TEXT_REFUSAL_CHECKS
        assert absent[-1].at - refused.at >= TEXT_REFUSAL_PERIOD
    if refused.outcome is SendResult.CONFLICT:
        assert absent[-1].at - refused.at >= _GRACE, "not found is not yet"
        assert [event for event in path if event.outcome is None], "the other kinds were asked"


def _check_renewal(path: tuple[_Event, ...], sends: list[_Event], lost: list[float]) -> None:
    """Hold a path that replaces the session against rule 8."""
    last = path[-1]
    earlier = [event for event in path[:-1] if event.outcome is None and event.action is Action.SEND]
    assert not earlier, "a session is replaced once"
    assert last.outcome in (CheckResult.NOT_FOUND, None)
    refused_alone = len(sends) == 1 and sends[0].outcome in REFUSALS
    assert last.at >= (_SESSION if refused_alone else _SESSION + _GRACE), "only a session that is over"
    assert refused_alone or lost
    if refused_alone:
        _check_stop(path, sends)


def _check_resend(path: tuple[_Event, ...], sends: list[_Event], lost: list[float]) -> None:
    last = path[-1]
    assert last.outcome is CheckResult.NOT_FOUND, "nothing is resent without a status check"
    assert last.at - lost[-1] >= _GRACE, "not found is not yet"
    assert sends[-1].outcome not in REFUSALS, "a refused resend confirms nothing"
    assert len([event for event in path if isinstance(event.outcome, SendResult)]) < _ATTEMPTS


def _check_giving_up(path: tuple[_Event, ...], sends: list[_Event], lost: list[float]) -> None:
    last = path[-1]
    asking = [event.at for event in sends if event.action is Action.CHECK]
    if last.at - asking[0] >= _RECOVERY:
        return
    assert [event.outcome for event in sends if event.outcome in DOUBTFUL] == [SendResult.UNREACHABLE] * len(lost)
    checks = [event.outcome for event in _checks_after_last_send(path)]
    assert checks == [CheckResult.UNREACHABLE] * _ATTEMPTS, "not before the budget is spent"


def _check(path: tuple[_Event, ...]) -> None:
    """Hold the last event of a path against the rules, from the events alone."""
    *_, last = path
    current = _since_renewal(path)
    sends = [event for event in current if isinstance(event.outcome, SendResult)]
    lost = [event.at for event in sends if event.outcome in DOUBTFUL]
    ends_well = last.outcome in (SendResult.LANDED, CheckResult.FOUND)
    assert (last.action is Action.ADOPT) == ends_well, "what landed is adopted, and nothing else"
    if last.outcome in DOUBTFUL | REFUSALS:
        assert last.action is Action.CHECK, "ask first"
    if last.action is Action.STOP:
        _check_stop(current, sends)
    if last.action is Action.SEND and lost and last.outcome is not None:
        _check_resend(path, sends, lost)
    if last.action is Action.RENEW:
        _check_renewal(path, sends, lost)
    if last.action is Action.GIVE_UP:
        _check_giving_up(path, sends, lost)


def test_every_path_keeps_the_rules() -> None:
    seen = set()
    for path in _paths(5):
        if (path and path[-1].action is not Action.SEND) or (path and path[-1].outcome is not None):
            _check(path)
            seen.add((path[-1].outcome, path[-1].action))
    # Every outcome was met, and every action was reached.
    assert {outcome for outcome, _ in seen} >= {*SendResult, *CheckResult}
    assert {action for _, action in seen} == set(Action)


# Running it


_LANDED = an_execution(ExecutionKind.COLLECTION)


def _found(end: _End) -> Execution:
    if isinstance(end, DollrError):
        raise end
    return end


class _Operation:
    """An execution whose sends and checks end as they are told to, one after the other."""

    reference_id = UUID("7bdf1a9c-8c70-4a7e-9d6e-2f5d2f1d2f11")
    session_expires_at = math.inf
    other_kinds: DollrError | None = None

    def __init__(self, sends: Sequence[_End], checks: Sequence[_End], *, check_takes: float = 0.0) -> None:
        self.sends, self.checks, self.check_takes = list(sends), list(checks), check_takes
        self.begun = 0
        self.kept = 0
        self.actions: list[tuple[str, float]] = []

    def _note(self, action: str) -> None:
        self.actions.append((action, asyncio.get_running_loop().time()))

    async def before_send(self, attempt: Attempt) -> None:
        assert attempt.sends == self.begun
        self.begun += 1

    async def after_send(self, attempt: Attempt) -> None:
        assert attempt.sends == self.begun
        self.kept += 1

    async def send(self) -> Execution:
        self._note("send")
        return _found(self.sends.pop(0))

    async def check(self) -> Execution:
        self._note("check")
        await asyncio.sleep(self.check_takes)
        return _found(self.checks.pop(0) if len(self.checks) > 1 else self.checks[0])

    async def check_other_kinds(self) -> None:
        self._note("check other kinds")
        if self.other_kinds is not None:
            raise self.other_kinds

    async def renew(self) -> None:
        raise AssertionError("a session without an end is not replaced")


_RETRY = RetryPolicy(attempts=_ATTEMPTS, recovery=_RECOVERY, base_delay=1.0, max_delay=8.0, max_retry_after=60.0)


async def _ended(sends: Sequence[_End], checks: Sequence[_End]) -> BaseException:
    return await _end_of(_Operation(sends, checks))


async def _end_of(
    operation: _Operation, first: Action = Action.SEND, *, retry: RetryPolicy = _RETRY, **known: float
) -> BaseException:
    attempt = attrs.evolve(Attempt(attempts=_ATTEMPTS, recovery=_RECOVERY, grace=_GRACE), **known)  # type: ignore[arg-type] # times
    with pytest.raises((DollrError, NotRun, OutcomeUnknown)) as caught:
        await execute(operation, attempt, first, retry=retry, clock=LoopClock(), limit=CheckLimit(LoopClock()))
    return caught.value


def _pauses(operation: _Operation) -> list[float]:
    """Return the seconds between what was done, where nothing takes any time itself."""
    times = [at for _, at in operation.actions]
    return [later - earlier for earlier, later in pairwise(times)]


async def _adopted(sends: Sequence[_End], checks: Sequence[_End], session: float = math.inf) -> tuple[bool, int]:
    """Return whether what is adopted may be another run's, and how many ends of a send were kept."""

    class Renewing(_Operation):
        async def renew(self) -> None:
            self._note("renew")

    operation, clock = Renewing(sends, checks), LoopClock()
    attempt = Attempt(attempts=_ATTEMPTS, recovery=_RECOVERY, grace=_GRACE, session_expires_at=session)
    found, may_be_anothers = await execute(
        operation, attempt, Action.SEND, retry=_RETRY, clock=clock, limit=CheckLimit(clock)
    )
    assert found is _LANDED
    return may_be_anothers, operation.kept


async def test_only_what_a_check_finds_after_a_refusal_may_be_another_runs() -> None:
    lost, missing = TransportError("dropped"), _status(NotFoundError, 404)
    assert await _adopted([_LANDED], []) == (False, 0)
    assert await _adopted([lost], [_LANDED]) == (False, 1)
    assert await _adopted([lost, _LANDED], [_limited(20.0), missing]) == (False, 1)
    assert await _adopted([_limited(0.0), _LANDED], []) == (False, 1)
    assert await _adopted([_refused()], [_LANDED]) == (True, 1)
    # The session had run out, so a new one was made, and the send under it was accepted.
    now = asyncio.get_running_loop().time()
    assert await _adopted([_status(ConflictError, 409), _LANDED], [missing], session=now + 0.5) == (False, 1)


async def test_a_last_limit_that_cannot_be_checked_is_the_reason() -> None:
    limited = _limited(0.0)
    ended = await _ended([*[_limited(0.0)] * (_ATTEMPTS - 1), limited], [ConnectError("no way")])
    assert (type(ended), ended.__cause__) == (OutcomeUnknown, limited)


@pytest.mark.parametrize(("sends", "ended"), [(0, JournalError), (1, OutcomeUnknown)])
async def test_a_send_that_cannot_be_stored_is_not_made(sends: int, ended: type[BaseException]) -> None:
    full = JournalError("the disk is full")

    class Full(_Operation):
        async def before_send(self, attempt: Attempt) -> None:
            if self.begun == sends:
                raise full
            await super().before_send(attempt)

    operation = Full([TransportError("dropped")], [_status(NotFoundError, 404)])
    error = await _end_of(operation)
    assert type(error) is ended
    assert full in (error, error.__cause__)
    assert [act for act, _ in operation.actions].count("send") == sends


async def test_the_first_check_comes_at_once_and_the_next_ones_ever_more_rarely() -> None:
    unreachable = ConnectError("no way")
    operation = _Operation([TransportError("dropped")], [unreachable])
    ended = await _end_of(operation)
    assert (type(ended), ended.__cause__) == (OutcomeUnknown, unreachable)
    first, *waits = _pauses(operation)
    assert first == 0.0
    for wait, longest in zip(waits, [1.0, 2.0, 4.0, *[8.0] * len(waits)], strict=False):
        assert longest / 2 <= wait < longest
    assert _RECOVERY <= operation.actions[-1][1] <= _RECOVERY + 8.0


async def test_a_run_that_resumes_a_doubt_checks_at_once() -> None:
    now = asyncio.get_running_loop().time()
    operation = _Operation([], [ConnectError("no way")])
    await _end_of(operation, Action.CHECK, asking_since=now, doubt_since=now, last_lost_at=now)
    assert operation.actions[0] == ("check", now)


@pytest.mark.parametrize(("left", "renewals"), [(-1.0, 1), (0.0, 1), (1.0, 0)])
async def test_a_session_that_nothing_was_sent_under_is_renewed_from_its_end_on(left: float, renewals: int) -> None:
    class Renewing(_Operation):
        renewals = 0

        async def renew(self) -> None:
            self.renewals += 1

    operation = Renewing([_unsent(_status(ServerError, 503))], [])
    await _end_of(operation, session_expires_at=asyncio.get_running_loop().time() + left)
    assert operation.renewals == renewals


async def test_an_observer_sees_that_a_new_session_ends_the_doubt() -> None:
    class Renewing(_Operation):
        async def renew(self) -> None:
            self._note("renew")

    await asyncio.sleep(7.0)
    now = asyncio.get_running_loop().time()
    operation = Renewing([TransportError("dropped"), _refused()], [_status(NotFoundError, 404)])
    attempt = Attempt(attempts=1, recovery=_RECOVERY, grace=_GRACE, session_expires_at=now + _SESSION)
    events: list[object] = []
    clock = LoopClock()
    with pytest.raises(NotRun):
        await execute(
            operation, attempt, Action.SEND, retry=_RETRY, clock=clock, limit=CheckLimit(clock), notify=events.append
        )
    began, ended = events
    assert began == DoubtBegan(reference_id=operation.reference_id, error="TransportError")
    (renewed,) = (at for act, at in operation.actions if act == "renew")
    assert ended == DoubtEnded(reference_id=operation.reference_id, outcome="NOT_RUN", seconds=renewed - now)


@pytest.mark.parametrize(("status", "outcome"), [("PENDING", "ADOPTED"), (None, "UNKNOWN")])
async def test_an_observer_sees_that_a_payment_with_a_readable_status_is_adopted(
    status: str | None, outcome: str
) -> None:
    found = DecodeError("a field is missing", path="payer_amount", status=status)
    checks = [found, *([] if status else [ConfigurationError("closed")])]
    operation = _Operation([TransportError("dropped")], checks)
    events: list[object] = []
    attempt, clock = Attempt(attempts=1, recovery=_RECOVERY, grace=_GRACE), LoopClock()
    with pytest.raises((DecodeError, OutcomeUnknown)):
        await execute(
            operation, attempt, Action.SEND, retry=_RETRY, clock=clock, limit=CheckLimit(clock), notify=events.append
        )
    _, ended = events
    assert isinstance(ended, DoubtEnded)
    assert (ended.outcome, ended.seconds) == (outcome, sum(_pauses(operation)))


async def test_the_checks_after_a_resend_begin_at_once_again() -> None:
    operation = _Operation([TransportError("dropped")] * _ATTEMPTS, [_status(NotFoundError, 404)])
    await _end_of(operation)
    acts = [act for act, _ in operation.actions]
    after = [pause for act, pause in zip(acts, _pauses(operation), strict=False) if act == "send"]
    assert after == pytest.approx([0.0] * _ATTEMPTS, abs=0.01)
    begun = [at for act, at in operation.actions if act == "send"]
    assert all(later - earlier >= _GRACE for earlier, later in pairwise(begun))


async def test_time_that_is_lost_in_a_check_counts_as_spent() -> None:
    operation = _Operation([TransportError("dropped")], [RequestTimeoutError("late")], check_takes=_RECOVERY)
    assert isinstance(await _end_of(operation), OutcomeUnknown)
    assert [act for act, _ in operation.actions] == ["send", "check"]


@pytest.mark.parametrize(("asked", "left"), [(0.0, _RECOVERY), (50.0, _RECOVERY - 50.0), (1000.0, 5.0)])
async def test_a_check_that_hangs_ends_with_the_budget_but_is_given_some_seconds(asked: float, left: float) -> None:
    began = asyncio.get_running_loop().time()
    operation = _Operation([], [ConnectError("no way")], check_takes=10_000.0)
    since = began - asked
    ended = await _end_of(operation, Action.CHECK, asking_since=since, doubt_since=since, last_lost_at=since)
    assert isinstance(ended, OutcomeUnknown)
    assert asyncio.get_running_loop().time() - began == pytest.approx(left)


async def test_not_found_counts_from_when_it_was_asked() -> None:
    lost, missing = TransportError("dropped"), _status(NotFoundError, 404)
    operation = _Operation([lost] * _ATTEMPTS, [missing], check_takes=_GRACE * 0.9)
    await _end_of(operation)
    assert [act for act, _ in operation.actions][:3] == ["send", "check", "check"]


@pytest.mark.parametrize(("asked", "waits"), [(20.0, 20.0), (60.0, 60.0), (60.1, 60.0), (900.0, 60.0)])
async def test_a_check_waits_as_long_as_the_api_asks_up_to_a_bound(asked: float, waits: float) -> None:
    operation = _Operation([TransportError("dropped")], [_limited(asked), ConnectError("no way")])
    await _end_of(operation)
    _, second, third, *_ = _pauses(operation)
    assert second == pytest.approx(waits)
    assert third <= 2.0, "it was asked for once"


async def test_an_answer_ends_the_pause_that_was_asked_for() -> None:
    operation = _Operation([TransportError("dropped")] * _ATTEMPTS, [_limited(20.0), _status(NotFoundError, 404)])
    await _end_of(operation)
    _, second, third, *_ = _pauses(operation)
    assert second == pytest.approx(20.0)
    assert third <= 2.0


@pytest.mark.parametrize(("asked", "waits"), [(0.0, [0.0, 0.0]), (7.0, [7.0, 7.0]), (60.0, [60.0, 60.0]), (60.1, [])])
async def test_a_resend_waits_as_long_as_the_api_asks_or_is_not_made(asked: float, waits: list[float]) -> None:
    limited = _limited(asked)
    operation = _Operation([limited] * _ATTEMPTS, [_status(NotFoundError, 404)])
    ended = await _end_of(operation)
    assert (type(ended), ended.__cause__) == (NotRun, limited)
    assert _pauses(operation) == pytest.approx([*waits, 0.0])
    assert operation.actions[-1][0] == "check", "only a 404 means that it did not run"


async def test_a_resend_of_what_never_arrived_waits_ever_longer() -> None:
    operation = _Operation([ConnectError("no way")] * _ATTEMPTS, [])
    await _end_of(operation)
    first, second = _pauses(operation)
    assert 0.5 <= first <= 1.0 <= second <= 2.0


async def test_the_last_refusal_says_more_than_what_failed_after_it() -> None:
    refusal = _refused()
    checks = [_status(NotFoundError, 404), _status(NotFoundError, 404), ConnectError("no way")]
    ended = await _end_of(_Operation([TransportError("dropped"), refusal], checks, check_takes=_GRACE + 1.0))
    assert (type(ended), ended.__cause__) == (OutcomeUnknown, refusal)


async def test_what_was_surely_not_run_says_whether_a_check_has_confirmed_it() -> None:
    refused = await _ended([_refused()], [_status(NotFoundError, 404)])
    never_sent = await _ended([_unsent(_status(ServerError, 503))], [])
    for ended, is_confirmed in ((refused, True), (never_sent, False)):
        assert isinstance(ended, NotRun)
        assert (ended.is_renewed, ended.is_confirmed) == (False, is_confirmed)


async def test_a_client_that_is_closed_at_the_first_send_sent_nothing() -> None:
    error = ConfigurationError("closed")
    assert await _ended([error], []) is error


async def test_a_client_that_is_closed_at_a_resend_leaves_the_outcome_unknown() -> None:
    closed = ConfigurationError("closed")
    ended = await _ended([TransportError("dropped"), closed], [_status(NotFoundError, 404)])
    assert (type(ended), ended.__cause__) == (OutcomeUnknown, closed)


async def test_a_client_that_is_closed_at_a_check_leaves_the_outcome_unknown() -> None:
    closed = ConfigurationError("closed")
    ended = await _ended([TransportError("dropped")], [closed])
    assert (type(ended), ended.__cause__) == (OutcomeUnknown, closed)


@pytest.mark.parametrize("base_delay", [0.0, 1.0, 100.0])
async def test_a_refusal_by_text_is_believed_within_twelve_seconds(base_delay: float) -> None:
    operation = _Operation([_status(InvalidRequestError, 422, "Invalid pair")], [_status(NotFoundError, 404)])
    retry = attrs.evolve(_RETRY, base_delay=base_delay, max_delay=200.0)
    attempt = Attempt(attempts=_ATTEMPTS, recovery=_RECOVERY, grace=_GRACE)
    with pytest.raises(NotRun):
        await execute(operation, attempt, Action.SEND, retry=retry, clock=LoopClock(), limit=CheckLimit(LoopClock()))
    checks = [at for action, at in operation.actions if action == "check"]
    assert TEXT_REFUSAL_PERIOD <= checks[-1] - operation.actions[0][1] <= TEXT_REFUSAL_PERIOD + 2.0
    assert len(checks) >= TEXT_REFUSAL_CHECKS


async def test_a_conflict_is_checked_until_the_grace_is_over_and_then_under_the_other_kinds() -> None:
    conflict = _status(ConflictError, 409, "in progress")
    operation = _Operation([conflict], [_status(NotFoundError, 404)])
    ended = await _end_of(operation)
    assert (type(ended), ended.__cause__) == (NotRun, conflict)
    assert [action for action, _ in operation.actions][-2:] == ["check", "check other kinds"]
    assert operation.actions[-1][1] - operation.actions[0][1] == pytest.approx(_GRACE, abs=0.01)


@pytest.mark.parametrize("check_takes", [0.0, _GRACE - 0.5])
async def test_a_long_pause_ends_when_a_conflict_is_believed(check_takes: float) -> None:
    operation = _Operation([_status(ConflictError, 409)], [_status(NotFoundError, 404)], check_takes=check_takes)
    ended = await _end_of(operation, retry=attrs.evolve(_RETRY, base_delay=100.0, max_delay=200.0))
    assert isinstance(ended, NotRun)
    assert [action for action, _ in operation.actions] == ["send", "check", "check", "check other kinds"]
    assert _pauses(operation) == pytest.approx([0.0, _GRACE, check_takes], abs=0.01)


async def test_a_refusal_whose_check_is_not_answered_is_checked_again_after_a_pause() -> None:
    operation = _Operation([_refused()], [_status(ServerError, 503), _status(NotFoundError, 404)])
    assert isinstance(await _end_of(operation), NotRun)
    at_once, pause = _pauses(operation)
    assert at_once == 0.0
    assert 0.5 <= pause <= 1.0


async def test_a_reference_of_another_kind_is_raised_as_it_is() -> None:
    used = ReferenceUsedError("a payout has it", reference_id=UUID(REFERENCE))
    operation = _Operation([_status(ConflictError, 409)], [_status(NotFoundError, 404)])
    operation.other_kinds = used
    assert await _end_of(operation) is used


async def test_other_kinds_that_cannot_be_asked_leave_the_outcome_unknown() -> None:
    operation = _Operation([_status(ConflictError, 409)], [_status(NotFoundError, 404)])
    operation.other_kinds = ConnectError("no way")
    assert isinstance(await _end_of(operation), OutcomeUnknown)
    assert operation.actions[-1][1] - operation.actions[0][1] >= _RECOVERY


async def test_the_checks_after_a_refused_resend_come_ever_more_rarely_too() -> None:
    refusal = _status(InvalidRequestError, 422, "Invalid pair")
    operation = _Operation([TransportError("dropped"), refusal], [_status(NotFoundError, 404)])
    ended = await _end_of(operation)
    assert (type(ended), ended.__cause__) == (OutcomeUnknown, refusal)
    resent = max(number for number, (act, _) in enumerate(operation.actions) if act == "send")
    assert max(_pauses(operation)[resent:]) >= 4.0


async def test_other_kinds_that_ask_for_a_pause_get_it() -> None:
    operation = _Operation([_status(ConflictError, 409)], [_status(NotFoundError, 404)])
    operation.other_kinds = _limited(20.0)
    await _end_of(operation)
    acts = [act for act, _ in operation.actions]
    after = [pause for act, pause in zip(acts, _pauses(operation), strict=False) if act == "check other kinds"]
    assert after
    assert after == pytest.approx([20.0] * len(after))


async def test_another_kind_whose_execution_is_unreadable_is_raised_as_it_is() -> None:
    found = DecodeError("a field is missing", path="payer_amount", status="PENDING", reference_id=UUID(REFERENCE))
    operation = _Operation([_status(ConflictError, 409)], [_status(NotFoundError, 404)])
    operation.other_kinds = found
    assert await _end_of(operation) is found


async def test_a_client_that_is_closed_while_other_kinds_are_asked_leaves_the_outcome_unknown() -> None:
    closed = ConfigurationError("closed")
    operation = _Operation([_status(ConflictError, 409)], [_status(NotFoundError, 404)])
    operation.other_kinds = closed
    ended = await _end_of(operation)
    assert (type(ended), ended.__cause__) == (OutcomeUnknown, closed)
    assert operation.actions[-1][0] == "check other kinds"


async def test_a_lost_answer_is_logged_with_its_reference_and_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="dollr_async.collect")
    operation = _Operation([TransportError("dropped")], [ConnectError("no way")])
    await _end_of(operation)
    (record,) = caplog.records
    assert vars(record)["reference_id"] == operation.reference_id
    assert record.getMessage().startswith(f"payment {operation.reference_id}: no usable answer to its execution")
    assert record.getMessage().endswith("(dropped)")


async def test_an_answer_to_a_check_shows_that_the_api_can_be_reached() -> None:
    checks = [_status(ServerError, 503), _unreachable("no connection")]
    operation = _Operation([_unreachable("no connection; a middleware may have sent it before")], checks)
    assert isinstance(await _end_of(operation), OutcomeUnknown)
    assert operation.actions[-1][1] - operation.actions[0][1] >= _RECOVERY


async def test_failed_connections_through_a_middleware_end_soon_and_say_why() -> None:
    sent = _unreachable("no connection; a middleware may have sent it before")
    operation = _Operation([sent], [_unreachable("no connection either")])
    ended = await _end_of(operation)
    assert (type(ended), ended.__cause__) == (OutcomeUnknown, sent)
    assert [action for action, _ in operation.actions] == ["send", *["check"] * _ATTEMPTS]
    assert operation.actions[-1][1] < _GRACE


async def test_a_whole_outage_is_no_stampede() -> None:
    loop, limit = asyncio.get_running_loop(), CheckLimit(LoopClock())
    retry, recovery = attrs.evolve(_RETRY, recovery=10.0), 10.0
    begun: list[float] = []
    at_once, most = 0, 0

    class Down(_Operation):
        async def check(self) -> Execution:
            nonlocal at_once, most
            begun.append(loop.time())
            at_once += 1
            most = max(most, at_once)
            try:
                await asyncio.sleep(0.05)
                raise ConnectError("down")
            finally:
                at_once -= 1

    async def in_doubt() -> None:
        attempt = Attempt(attempts=1, recovery=recovery, grace=1.0)
        with pytest.raises(OutcomeUnknown):
            await execute(
                Down([TransportError("cut")], []), attempt, Action.SEND, retry=retry, clock=LoopClock(), limit=limit
            )

    since = loop.time()
    await asyncio.gather(*(in_doubt() for _ in range(10_000)))
    assert most <= CHECKS_AT_ONCE
    assert len(begun) <= CHECKS_PER_SECOND * (loop.time() - since) + 1
    assert loop.time() - since <= recovery + 10.0, "nobody waits for a turn for ever"


# How a send ended


def _status(
    cls: type[APIStatusError], status: int, detail: str = "", *paths: str, message: str = "Field required"
) -> APIStatusError:
    fields = tuple(FieldProblem(path=path, message=message, type="missing") for path in paths)
    detail = detail or "; ".join(message for _ in fields)
    return cls(status=status, detail=detail, method="POST", path="/v1/executions/collection", fields=fields)


def _refused() -> APIStatusError:
    return _status(InvalidRequestError, 422, "", "body.provider")


def _limited(retry_after: float) -> APIStatusError:
    path = "/v1/executions/collection"
    return RateLimitError(status=429, detail="", method="POST", path=path, retry_after=retry_after)


def _unsent(error: DollrError) -> DollrError:
    error.nothing_sent = True
    return error


def _unreachable(message: str) -> TransportError:
    error = TransportError(message)
    error.is_unreachable = True
    return error


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (_status(AuthenticationError, 401), SendResult.NO_TOKEN),
        (_unsent(_status(ServerError, 503)), SendResult.NO_TOKEN),
        (_unsent(_status(RateLimitError, 429)), SendResult.NO_TOKEN),
        (_unsent(DecodeError("no token in it", path="access_token")), SendResult.NO_TOKEN),
        (_status(RateLimitError, 429), SendResult.LIMITED),
        (ConnectError("no way"), SendResult.NOT_ARRIVED),
        (_unsent(RequestTimeoutError("no token in time")), SendResult.NOT_ARRIVED),
        (TransportError("dropped"), SendResult.AMBIGUOUS),
        (RequestTimeoutError("late"), SendResult.AMBIGUOUS),
        (DecodeError("not JSON"), SendResult.AMBIGUOUS),
        (_status(ServerError, 500), SendResult.AMBIGUOUS),
        (_status(ServerError, 599), SendResult.AMBIGUOUS),
        (_status(APIStatusError, 408), SendResult.AMBIGUOUS),
        (_status(APIStatusError, 307), SendResult.AMBIGUOUS),
        (_unreachable("no connection, but a middleware may have sent it"), SendResult.UNREACHABLE),
        # The answer itself shows that nothing ran.
        (_status(InvalidRequestError, 422, "", "body.provider"), SendResult.REFUSED),
        (_status(InvalidRequestError, 422, "", "body.payment_account_id", "body.currency"), SendResult.REFUSED),
        (_status(APIStatusError, 400, "", "body.currency"), SendResult.REFUSED),
        (_status(PermissionDeniedError, 403, "Payouts are not enabled"), SendResult.REFUSED),
        # Text, which is checked for a while.
        (_status(InvalidRequestError, 422, "Invalid method / provider pair"), SendResult.REFUSED_BY_TEXT),
        (_status(InvalidRequestError, 422, "", "", "body.provider"), SendResult.REFUSED_BY_TEXT),
        (_status(NotFoundError, 404, "Not Found"), SendResult.REFUSED_BY_TEXT),
        (_status(NotFoundError, 404, "", "path.reference"), SendResult.REFUSED_BY_TEXT),
        # About the reference, the session, the account or the document.
        (_status(InvalidRequestError, 422, "", "body.reference_id"), SendResult.CONFLICT),
        (_status(InvalidRequestError, 422, "", "body.provider", "body.session_id"), SendResult.CONFLICT),
        (_status(InvalidRequestError, 422, "", "body.execution.reference_id"), SendResult.CONFLICT),
        (_status(InvalidRequestError, 422, "", "body", message="Duplicate reference"), SendResult.CONFLICT),
        (_status(InvalidRequestError, 422, "A payment is in progress"), SendResult.CONFLICT),
        (_status(InvalidRequestError, 422, "Session expired"), SendResult.CONFLICT),
        (_status(InvalidRequestError, 422, "Invoice is not ACTIVE"), SendResult.CONFLICT),
        (_status(PermissionDeniedError, 403, "This reference is taken"), SendResult.CONFLICT),
        (_status(NotFoundError, 404, "Session not found"), SendResult.CONFLICT),
        # No JSON reason: a proxy's.
        (_status(InvalidRequestError, 422), SendResult.CONFLICT),
        (_status(PermissionDeniedError, 403), SendResult.CONFLICT),
        (_status(NotFoundError, 404), SendResult.CONFLICT),
        # Statuses that the API does not document.
        *((_status(APIStatusError, status, "no"), SendResult.CONFLICT) for status in (400, 405, 425, 444, 460, 499)),
        (_status(ConflictError, 409, "", "body.provider"), SendResult.CONFLICT),
    ],
    ids=lambda value: f"{type(value).__name__} {getattr(value, 'status', '')} {getattr(value, 'detail', '')}".strip(),
)
def test_how_a_send_ended(error: DollrError, outcome: SendResult) -> None:
    assert result_of(error) is outcome


@pytest.mark.parametrize(
    "error",
    [
        DecodeError("a field is missing", path="payer_amount", status="PENDING", reference_id=UUID(REFERENCE)),
        ConfigurationError("closed"),
        InvalidInputError("not an id"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_says_nothing_of_the_send_is_raised_as_it_is(error: DollrError) -> None:
    with pytest.raises(type(error)) as caught:
        result_of(error)
    assert caught.value is error
