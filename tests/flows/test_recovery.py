"""The state machine of one execution: every outcome of a send, times every outcome of a look, at every time."""

from __future__ import annotations

import asyncio
import math
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

import attrs
import pytest

from dollr_async.base.clock import LoopClock
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
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    RequestTimeoutError,
    ServerError,
    TransportError,
)
from dollr_async.flows.attempt import Action, Attempt, CheckResult, SendResult
from dollr_async.flows.recovery import NotRun, OutcomeUnknown, execute, sent
from dollr_async.wire.retry import RetryPolicy
from tests.support.collections import REFERENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dollr_async import Execution

_GRACE = 30.0
_RECOVERY = 120.0
_SESSION = 50.0
_ATTEMPTS = 3
_FIRST = Attempt(attempts=_ATTEMPTS, recovery=_RECOVERY, grace=_GRACE, session_expires_at=_SESSION)


# One send


@pytest.mark.parametrize(
    ("outcome", "act"),
    [
        (SendResult.LANDED, Action.ADOPT),
        (SendResult.NOT_ARRIVED, Action.SEND),
        (SendResult.LIMITED, Action.SEND),
        (SendResult.NO_TOKEN, Action.STOP),
        (SendResult.REFUSED, Action.CHECK),
        (SendResult.AMBIGUOUS, Action.CHECK),
    ],
)
def test_what_follows_the_first_send(outcome: SendResult, act: Action) -> None:
    assert _FIRST.after_send(outcome, 0.0)[1] is act


@pytest.mark.parametrize("outcome", [SendResult.NOT_ARRIVED, SendResult.LIMITED])
def test_what_never_arrives_is_sent_as_often_as_the_policy_says(outcome: SendResult) -> None:
    attempt, acts = _FIRST, []
    for _ in range(_ATTEMPTS):
        attempt, act = attempt.after_send(outcome, 0.0)
        acts.append(act)
    assert acts == [Action.SEND] * (_ATTEMPTS - 1) + [Action.STOP]


# One send and one look

_LATER = [0.0, _GRACE - 0.1, _GRACE, _SESSION, _SESSION + _GRACE - 0.1, _SESSION + _GRACE, _RECOVERY, 10_000.0]


@pytest.mark.parametrize("later", _LATER)
@pytest.mark.parametrize("outcome", [SendResult.REFUSED, SendResult.AMBIGUOUS])
def test_whatever_is_found_is_adopted(outcome: SendResult, later: float) -> None:
    attempt, _ = _FIRST.after_send(outcome, 0.0)
    assert attempt.after_check(CheckResult.FOUND, later) == (attempt, Action.ADOPT)


@pytest.mark.parametrize(
    ("later", "act"),
    [
        (0.0, Action.CHECK),
        (_GRACE - 0.1, Action.CHECK),
        (_GRACE, Action.SEND),
        (_SESSION + _GRACE - 0.1, Action.SEND),
        (_SESSION + _GRACE, Action.RENEW),
        (_RECOVERY, Action.RENEW),
    ],
)
def test_a_lost_send_that_is_not_found(later: float, act: Action) -> None:
    attempt, _ = _FIRST.after_send(SendResult.AMBIGUOUS, 0.0)
    assert attempt.after_check(CheckResult.NOT_FOUND, later)[1] is act


@pytest.mark.parametrize(("later", "act"), [(_RECOVERY - 0.1, Action.SEND), (_RECOVERY, Action.GIVE_UP)])
def test_a_lost_send_under_a_session_without_end_is_given_up(later: float, act: Action) -> None:
    endless = attrs.evolve(_FIRST, session_expires_at=math.inf)
    attempt, _ = endless.after_send(SendResult.AMBIGUOUS, 0.0)
    assert attempt.after_check(CheckResult.NOT_FOUND, later)[1] is act


@pytest.mark.parametrize("outcome", [SendResult.REFUSED, SendResult.AMBIGUOUS])
@pytest.mark.parametrize(("later", "act"), [(_RECOVERY - 0.1, Action.CHECK), (_RECOVERY, Action.GIVE_UP)])
def test_who_cannot_ask_asks_again_until_the_budget_is_spent(outcome: SendResult, later: float, act: Action) -> None:
    attempt, _ = _FIRST.after_send(outcome, 0.0)
    assert attempt.after_check(CheckResult.NOT_ASKED, later)[1] is act


@pytest.mark.parametrize(
    ("later", "act"), [(0.0, Action.STOP), (_SESSION - 0.1, Action.STOP), (_SESSION, Action.RENEW)]
)
def test_a_refused_send_that_is_not_found_was_not_run(later: float, act: Action) -> None:
    attempt, _ = _FIRST.after_send(SendResult.REFUSED, 0.0)
    assert attempt.after_check(CheckResult.NOT_FOUND, later)[1] is act


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
    attempt, _ = _FIRST.after_send(SendResult.AMBIGUOUS, 10.0)
    attempt, _ = attempt.after_send(SendResult.REFUSED, 20.0)
    assert (attempt.asking_since, attempt.last_lost_at, attempt.is_refused) == (10.0, 10.0, True)
    renewed = attempt.renewed(900.0)
    assert (renewed.asking_since, renewed.last_lost_at, renewed.is_refused) == (None, None, False)


def test_a_refusal_is_forgotten_with_the_next_send() -> None:
    attempt, _ = _FIRST.after_send(SendResult.REFUSED, 10.0)
    for outcome in (SendResult.NOT_ARRIVED, SendResult.AMBIGUOUS, SendResult.LANDED):
        assert not attempt.after_send(outcome, 20.0)[0].is_refused


def test_a_session_that_nothing_was_sent_under_does_not_count_as_replaced() -> None:
    renewed = _FIRST.renewed(900.0)
    assert not renewed.is_renewed
    attempt, _ = renewed.after_send(SendResult.REFUSED, 0.0)
    assert attempt.after_check(CheckResult.NOT_FOUND, 900.0)[1] is Action.RENEW


# Every path


class _Event(NamedTuple):
    at: float
    outcome: SendResult | CheckResult | None
    act: Action


_STEPS = (0.0, _GRACE, _SESSION)


def _paths(length: int) -> Iterator[tuple[_Event, ...]]:
    """Yield every path of at most `length` events, over every outcome and a choice of times between them."""

    def walk(attempt: Attempt, path: tuple[_Event, ...], act: Action, now: float) -> Iterator[tuple[_Event, ...]]:
        yield path
        if len(path) >= length or act in (Action.ADOPT, Action.STOP, Action.GIVE_UP):
            return
        if act is Action.RENEW:
            renewed = attempt.renewed(now + _SESSION)
            yield from walk(renewed, (*path, _Event(now, None, Action.SEND)), Action.SEND, now)
            return
        for step in _STEPS:
            for outcome in SendResult if act is Action.SEND else CheckResult:
                known, following = _after(attempt, outcome, now + step)
                yield from walk(known, (*path, _Event(now + step, outcome, following)), following, now + step)

    return walk(_FIRST, (), Action.SEND, 0.0)


def _after(attempt: Attempt, outcome: SendResult | CheckResult, now: float) -> tuple[Attempt, Action]:
    if isinstance(outcome, SendResult):
        return attempt.after_send(outcome, now)
    return attempt.after_check(outcome, now)


def _since_renewal(path: tuple[_Event, ...]) -> tuple[_Event, ...]:
    renewals = [number for number, event in enumerate(path) if event.outcome is None]
    return path[renewals[-1] + 1 :] if renewals else path


def _lost(path: tuple[_Event, ...]) -> list[float]:
    return [event.at for event in path if event.outcome is SendResult.AMBIGUOUS]


def _check(path: tuple[_Event, ...]) -> None:
    """Hold the last event of a path against the rules, told from the events alone."""
    *_, last = path
    current, lost = _since_renewal(path), _lost(_since_renewal(path))
    sends = [event for event in current if isinstance(event.outcome, SendResult)]
    all_sends = [event for event in path if isinstance(event.outcome, SendResult)]
    renewals = [event for event in path if event.outcome is None]
    ends_well = last.outcome in (SendResult.LANDED, CheckResult.FOUND)
    assert (last.act is Action.ADOPT) == ends_well, "what landed is adopted, and nothing else"
    if last.outcome in (SendResult.AMBIGUOUS, SendResult.REFUSED):
        assert last.act is Action.CHECK, "ask first"
    if last.act is Action.STOP:
        assert not lost, "doubt is sticky"
    if last.act is Action.SEND and lost and last.outcome is not None:
        assert last.outcome is CheckResult.NOT_FOUND, "nothing is resent blind"
        assert last.at - lost[-1] >= _GRACE, "not found is not yet"
        assert sends[-1].outcome is not SendResult.REFUSED, "a refused resend confirms nothing"
        assert len(all_sends) < _ATTEMPTS
    if last.act is Action.RENEW:
        assert not renewals, "a session is replaced once"
        assert last.outcome is CheckResult.NOT_FOUND
        refused_alone = [event.outcome for event in sends] == [SendResult.REFUSED]
        assert last.at >= (_SESSION if refused_alone else _SESSION + _GRACE), "only a session that is over"
        assert refused_alone or lost
    if last.act is Action.GIVE_UP:
        asking = [event.at for event in sends if event.outcome in (SendResult.AMBIGUOUS, SendResult.REFUSED)]
        assert last.at - asking[0] >= _RECOVERY, "not before the budget is spent"


def test_every_path_keeps_the_rules() -> None:
    seen = set()
    for path in _paths(6):
        if path and path[-1].outcome is not None:
            _check(path)
            seen.add((path[-1].outcome, path[-1].act))
    # Every outcome was met, and every act was reached.
    assert {outcome for outcome, _ in seen} == {*SendResult, *CheckResult}
    assert {act for _, act in seen} == set(Action)


# The walk


class _Operation:
    """An execution whose sends and looks end as they are told to, one after the other."""

    session_expires_at = math.inf

    def __init__(self, sends: list[DollrError], looks: list[DollrError], *, look_takes: float = 0.0) -> None:
        self.sends, self.looks, self.look_takes = sends, looks, look_takes
        self.begun = 0
        self.acts: list[tuple[str, float]] = []

    def _note(self, act: str) -> None:
        self.acts.append((act, asyncio.get_running_loop().time()))

    async def before_send(self, attempt: Attempt) -> None:
        assert attempt.sends == self.begun
        self.begun += 1

    async def after_send(self, attempt: Attempt) -> None:
        assert attempt.sends == self.begun

    async def send(self) -> Execution:
        self._note("send")
        raise self.sends.pop(0)

    async def look(self) -> Execution:
        self._note("look")
        await asyncio.sleep(self.look_takes)
        raise self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]

    async def renew(self) -> None:
        raise AssertionError("a session without an end is not replaced")


_RETRY = RetryPolicy(attempts=_ATTEMPTS, recovery=_RECOVERY, base_delay=1.0, max_delay=8.0, max_retry_after=60.0)


async def _walked(sends: list[DollrError], looks: list[DollrError]) -> BaseException:
    return await _end_of(_Operation(sends, looks))


async def _end_of(operation: _Operation, first: Action = Action.SEND, **known: float) -> BaseException:
    attempt = attrs.evolve(Attempt(attempts=_ATTEMPTS, recovery=_RECOVERY, grace=_GRACE), **known)  # type: ignore[arg-type] # times
    with pytest.raises((DollrError, NotRun, OutcomeUnknown)) as caught:
        await execute(operation, attempt, first, retry=_RETRY, clock=LoopClock())
    return caught.value


def _pauses(operation: _Operation) -> list[float]:
    """Return the seconds between what was done, where nothing takes any time itself."""
    times = [at for _, at in operation.acts]
    return [later - earlier for earlier, later in pairwise(times)]


async def test_a_first_look_comes_at_once_and_the_next_ones_ever_more_rarely() -> None:
    unreachable = ConnectError("no way")
    operation = _Operation([TransportError("dropped")], [unreachable])
    ended = await _end_of(operation)
    assert (type(ended), ended.__cause__) == (OutcomeUnknown, unreachable)
    first, *waits = _pauses(operation)
    assert first == 0.0
    for wait, longest in zip(waits, [1.0, 2.0, 4.0, *[8.0] * len(waits)], strict=False):
        assert longest / 2 <= wait < longest
    assert _RECOVERY <= operation.acts[-1][1] <= _RECOVERY + 8.0


async def test_whoever_takes_up_a_doubt_looks_at_once() -> None:
    now = asyncio.get_running_loop().time()
    operation = _Operation([], [ConnectError("no way")])
    await _end_of(operation, Action.CHECK, asking_since=now, doubt_since=now, last_lost_at=now)
    assert operation.acts[0] == ("look", now)


@pytest.mark.parametrize(("left", "renewals"), [(-1.0, 1), (0.0, 1), (1.0, 0)])
async def test_a_session_that_nothing_was_sent_under_is_renewed_from_its_end_on(left: float, renewals: int) -> None:
    class Renewing(_Operation):
        renewals = 0

        async def renew(self) -> None:
            self.renewals += 1

    operation = Renewing([_unsent(_status(ServerError, 503))], [])
    await _end_of(operation, session_expires_at=asyncio.get_running_loop().time() + left)
    assert operation.renewals == renewals


async def test_the_looks_after_a_resend_begin_at_once_again() -> None:
    operation = _Operation([TransportError("dropped")] * _ATTEMPTS, [_status(NotFoundError, 404)])
    await _end_of(operation)
    acts = [act for act, _ in operation.acts]
    after = [pause for act, pause in zip(acts, _pauses(operation), strict=False) if act == "send"]
    assert after == [0.0] * _ATTEMPTS
    begun = [at for act, at in operation.acts if act == "send"]
    assert all(later - earlier >= _GRACE for earlier, later in pairwise(begun))


async def test_time_that_is_lost_in_a_look_counts_as_spent() -> None:
    operation = _Operation([TransportError("dropped")], [RequestTimeoutError("late")], look_takes=_RECOVERY)
    assert isinstance(await _end_of(operation), OutcomeUnknown)
    assert [act for act, _ in operation.acts] == ["send", "look"]


async def test_not_found_counts_from_when_it_was_asked() -> None:
    lost, missing = TransportError("dropped"), _status(NotFoundError, 404)
    operation = _Operation([lost] * _ATTEMPTS, [missing], look_takes=_GRACE * 0.9)
    await _end_of(operation)
    assert [act for act, _ in operation.acts][:3] == ["send", "look", "look"]


@pytest.mark.parametrize(("asked", "waits"), [(20.0, 20.0), (60.0, 60.0), (60.1, 60.0), (900.0, 60.0)])
async def test_a_look_waits_as_long_as_the_api_asks_up_to_a_bound(asked: float, waits: float) -> None:
    operation = _Operation([TransportError("dropped")], [_limited(asked), ConnectError("no way")])
    await _end_of(operation)
    _, second, third, *_ = _pauses(operation)
    assert second == pytest.approx(waits)
    assert third <= 2.0, "it was asked for once"


async def test_whoever_answers_has_no_more_to_be_waited_for() -> None:
    operation = _Operation([TransportError("dropped")] * _ATTEMPTS, [_limited(20.0), _status(NotFoundError, 404)])
    await _end_of(operation)
    _, second, third, *_ = _pauses(operation)
    assert second == pytest.approx(20.0)
    assert third <= 2.0


@pytest.mark.parametrize(("asked", "waits"), [(0.0, [0.0, 0.0]), (7.0, [7.0, 7.0]), (60.0, [60.0, 60.0]), (60.1, [])])
async def test_a_resend_waits_as_long_as_the_api_asks_or_is_not_made(asked: float, waits: list[float]) -> None:
    limited = _limited(asked)
    operation = _Operation([limited] * _ATTEMPTS, [])
    ended = await _end_of(operation)
    assert (type(ended), ended.__cause__) == (NotRun, limited)
    assert _pauses(operation) == pytest.approx(waits)


async def test_a_resend_of_what_never_arrived_waits_ever_longer() -> None:
    operation = _Operation([ConnectError("no way")] * _ATTEMPTS, [])
    await _end_of(operation)
    first, second = _pauses(operation)
    assert 0.5 <= first <= 1.0 <= second <= 2.0


async def test_the_last_refusal_says_more_than_what_failed_after_it() -> None:
    refusal = _status(InvalidRequestError, 422)
    looks = [_status(NotFoundError, 404), _status(NotFoundError, 404), ConnectError("no way")]
    ended = await _end_of(_Operation([TransportError("dropped"), refusal], looks, look_takes=_GRACE + 1.0))
    assert (type(ended), ended.__cause__) == (OutcomeUnknown, refusal)


async def test_what_was_surely_not_run_says_whether_a_look_has_confirmed_it() -> None:
    refused = await _walked([_status(InvalidRequestError, 422)], [_status(NotFoundError, 404)])
    never_sent = await _walked([_unsent(_status(ServerError, 503))], [])
    for ended, is_confirmed in ((refused, True), (never_sent, False)):
        assert isinstance(ended, NotRun)
        assert (ended.is_renewed, ended.is_confirmed) == (False, is_confirmed)


async def test_a_client_that_is_closed_at_the_first_send_sent_nothing() -> None:
    error = ConfigurationError("closed")
    assert await _walked([error], []) is error


async def test_a_client_that_is_closed_at_a_resend_leaves_the_fate_unknown() -> None:
    closed = ConfigurationError("closed")
    ended = await _walked([TransportError("dropped"), closed], [_status(NotFoundError, 404)])
    assert (type(ended), ended.__cause__) == (OutcomeUnknown, closed)


async def test_a_client_that_is_closed_at_a_look_leaves_the_fate_unknown() -> None:
    closed = ConfigurationError("closed")
    ended = await _walked([TransportError("dropped")], [closed])
    assert (type(ended), ended.__cause__) == (OutcomeUnknown, closed)


# How a send ended


def _status(cls: type[APIStatusError], status: int) -> APIStatusError:
    return cls(status=status, detail="", method="POST", path="/v1/executions/collection")


def _limited(retry_after: float) -> APIStatusError:
    path = "/v1/executions/collection"
    return RateLimitError(status=429, detail="", method="POST", path=path, retry_after=retry_after)


def _unsent(error: DollrError) -> DollrError:
    error.nothing_sent = True
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
        (_status(APIStatusError, 400), SendResult.REFUSED),
        (_status(PermissionDeniedError, 403), SendResult.REFUSED),
        (_status(NotFoundError, 404), SendResult.REFUSED),
        (_status(ConflictError, 409), SendResult.REFUSED),
        (_status(InvalidRequestError, 422), SendResult.REFUSED),
    ],
    ids=lambda value: f"{type(value).__name__} {getattr(value, 'status', '')}".strip(),
)
def test_how_a_send_ended(error: DollrError, outcome: SendResult) -> None:
    assert sent(error) is outcome


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
        sent(error)
    assert caught.value is error
