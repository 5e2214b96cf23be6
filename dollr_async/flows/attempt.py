"""What is known of one execution, and what to do next (docs/design.md, rules 1, 2 and 8).

The state machine is pure: it has no clock and no connection. `recovery.py` runs it.
"""

from __future__ import annotations

import enum
import math

import attrs

from dollr_async.base.record import Record

TEXT_REFUSAL_PERIOD = 10.0
"""Seconds for which the status is checked before a refusal is believed that gives its reason as plain text."""

TEXT_REFUSAL_CHECKS = 4
"""The fewest status checks in that period."""


class SendResult(enum.Enum):
    """How a send ended."""

    LANDED = "landed"
    NOT_ARRIVED = "not arrived"
    NO_TOKEN = "no token"  # noqa: S105 - a word, not a secret
    LIMITED = "limited"
    REFUSED = "refused"
    REFUSED_BY_TEXT = "refused by text"
    CONFLICT = "conflict"
    UNREACHABLE = "unreachable"
    AMBIGUOUS = "ambiguous"


class CheckResult(enum.Enum):
    """What a status check said."""

    FOUND = "found"
    NOT_FOUND = "not found"
    NOT_ANSWERED = "not answered"
    UNREACHABLE = "no connection"


class Action(enum.Enum):
    """What to do next."""

    SEND = "send"
    CHECK = "check the status"
    CHECK_OTHER_KINDS = "check the other kinds, once"
    RENEW = "renew the session, then send"
    ADOPT = "accept: it is this payment"
    STOP = "stop: no money moved"
    GIVE_UP = "give up: the outcome is unknown"


DOUBTFUL = frozenset({SendResult.AMBIGUOUS, SendResult.UNREACHABLE})
"""After these the execution may have run, and nothing later turns that into "not run"."""

REFUSALS = frozenset({SendResult.REFUSED, SendResult.REFUSED_BY_TEXT, SendResult.CONFLICT})
"""After these the status is checked, for as long as the kind of refusal asks for, before it is believed."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Attempt(Record):
    """What is known of one execution; times are seconds on one clock.

    `doubt_since` is when the answer to a send was first lost. It stays: no later refusal turns doubt into "not run".
    `refusal` is how the last send was refused, if it was; `absences` counts the status checks since then that said 404.
    `is_contested` says that a send was refused, so that an execution that is found may belong to another run.
    """

    attempts: int
    recovery: float
    grace: float
    session_expires_at: float = math.inf
    sends: int = 0
    session_sends: int = 0
    is_renewed: bool = False
    refusal: SendResult | None = None
    refused_at: float = 0.0
    absences: int = 0
    is_contested: bool = False
    other_kinds_are_checked: bool = False
    asking_since: float | None = None
    doubt_since: float | None = None
    last_lost_at: float | None = None
    unreachable_checks: int | None = None

    @property
    def must_renew_first(self) -> bool:
        """Whether no send was ever begun under the session, so that it may be replaced when it has expired (8a)."""
        return self.session_sends == 0

    @property
    def believed_at(self) -> float:
        """When the last refusal is believed, if every status check until then says 404."""
        if self.refusal is SendResult.CONFLICT:
            return self.refused_at + self.grace
        if self.refusal is SendResult.REFUSED_BY_TEXT:
            return self.refused_at + TEXT_REFUSAL_PERIOD
        return self.refused_at

    @property
    def is_refused(self) -> bool:
        """Whether the last send was refused. After a 429 alone the same session may still be sent again."""
        return self.refusal in REFUSALS

    def renewed(self, expires_at: float) -> Attempt:
        """Return the attempt under a new session; one that no send was begun under was none (8a)."""
        return attrs.evolve(
            self,
            session_expires_at=expires_at,
            session_sends=0,
            is_renewed=self.is_renewed or not self.must_renew_first,
            refusal=None,
            absences=0,
            asking_since=None,
            doubt_since=None,
            last_lost_at=None,
            unreachable_checks=None,
        )

    def after_send(self, outcome: SendResult, now: float, *, may_wait: bool = True) -> tuple[Attempt, Action]:
        """Return what is known, and what to do, after a send.

        `may_wait` is False when the API asked for a longer pause before a resend than the policy allows.
        """
        known = attrs.evolve(self, sends=self.sends + 1, session_sends=self.session_sends + 1, refusal=None, absences=0)
        if outcome is SendResult.LANDED:
            return known, Action.ADOPT
        if outcome in DOUBTFUL or outcome in REFUSALS:
            return known.noting(outcome, now), Action.CHECK
        if self.doubt_since is not None:
            return known, Action.CHECK
        if outcome is not SendResult.NO_TOKEN and known.sends < self.attempts and may_wait:
            return known, Action.SEND
        if outcome is SendResult.LIMITED:
            return known.noting(outcome, now), Action.CHECK
        return known, Action.STOP

    def noting(self, outcome: SendResult, now: float) -> Attempt:
        """Return what is known after a send whose outcome a status check has to show."""
        asking = attrs.evolve(self, asking_since=now if self.asking_since is None else self.asking_since)
        if outcome not in DOUBTFUL:
            return attrs.evolve(
                asking, refusal=outcome, refused_at=now, is_contested=True, other_kinds_are_checked=False
            )
        # Only where failed connections are all that was met may the checks end early: see `after_check`.
        is_first = self.doubt_since is None and outcome is SendResult.UNREACHABLE
        return attrs.evolve(
            asking,
            doubt_since=now if self.doubt_since is None else self.doubt_since,
            last_lost_at=now,
            unreachable_checks=0 if is_first else None,
        )

    def after_check(self, outcome: CheckResult, now: float) -> tuple[Attempt, Action]:
        """Return what is known, and what to do, after a status check that began at `now`."""
        if outcome is CheckResult.FOUND:
            return self, Action.ADOPT
        if outcome is CheckResult.NOT_FOUND:
            known = attrs.evolve(self, absences=self.absences + 1, unreachable_checks=None)
            return known, known.when_absent(now)
        count = self.unreachable_checks
        if count is None or outcome is not CheckResult.UNREACHABLE:
            known = attrs.evolve(self, unreachable_checks=None)
            return known, Action.GIVE_UP if self._is_spent(now) else Action.CHECK
        known = attrs.evolve(self, unreachable_checks=count + 1)
        return known, Action.GIVE_UP if count + 1 >= self.attempts or self._is_spent(now) else Action.CHECK

    def after_other_kinds(self, now: float) -> tuple[Attempt, Action]:
        """Return what is known, and what to do, when no execution of another kind has the reference either."""
        known = attrs.evolve(self, other_kinds_are_checked=True)
        return known, known.when_absent(now)

    def when_absent(self, now: float) -> Action:
        """Return what to do when the API does not know the reference."""
        if self.doubt_since is None or self.last_lost_at is None:
            return self._when_refused_and_absent(now)
        if now >= self.session_expires_at + self.grace and not self.is_renewed:
            return Action.RENEW  # 8c: what was sent under a session that is over can no longer land
        if self._is_spent(now):
            return Action.GIVE_UP
        # A resend that was refused confirms nothing, since the first send may have used the session up: only check.
        may_send = self.sends < self.attempts and self.refusal is None
        return Action.SEND if may_send and now - self.last_lost_at >= self.grace else Action.CHECK

    def _when_refused_and_absent(self, now: float) -> Action:
        by_text = self.refusal is SendResult.REFUSED_BY_TEXT
        if now < self.believed_at or (by_text and self.absences < TEXT_REFUSAL_CHECKS):
            return Action.CHECK
        if self.refusal is SendResult.CONFLICT and not self.other_kinds_are_checked:
            return Action.CHECK_OTHER_KINDS
        # 8b: the only send was refused, and the session had run out.
        ran_out = self.session_sends == 1 and now >= self.session_expires_at
        return Action.RENEW if ran_out and not self.is_renewed else Action.STOP

    def _is_spent(self, now: float) -> bool:
        return self.asking_since is not None and now - self.asking_since >= self.recovery
