"""What is known of one execution, and what follows from it (docs/design.md, rules 1, 2 and 8).

The state machine is pure: it has no clock and no connection. `recovery.py` walks it.
"""

from __future__ import annotations

import enum
import math

import attrs

from dollr_async.base.record import Record


class SendResult(enum.Enum):
    """How a send ended."""

    LANDED = "landed"
    NOT_ARRIVED = "not arrived"
    NO_TOKEN = "no token"  # noqa: S105 - a word, not a secret
    LIMITED = "limited"
    REFUSED = "refused"
    AMBIGUOUS = "ambiguous"


class CheckResult(enum.Enum):
    """What a look at the status said."""

    FOUND = "found"
    NOT_FOUND = "not found"
    NOT_ASKED = "not asked"


class Action(enum.Enum):
    """What to do next."""

    SEND = "send"
    CHECK = "check the status"
    RENEW = "renew the session, then send"
    ADOPT = "adopt"
    STOP = "stop: no money moved"
    GIVE_UP = "give up: the outcome is unknown"


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Attempt(Record):
    """What is known of one execution; times are seconds on one clock.

    `doubt_since` is when an answer was first lost, and it stays: no later refusal turns doubt into "not run".
    """

    attempts: int
    recovery: float
    grace: float
    session_expires_at: float = math.inf
    sends: int = 0
    session_sends: int = 0
    is_renewed: bool = False
    is_refused: bool = False
    asking_since: float | None = None
    doubt_since: float | None = None
    last_lost_at: float | None = None

    @property
    def must_renew_first(self) -> bool:
        """Whether no send was ever begun under the session, so that it may be replaced when it has expired (8a)."""
        return self.session_sends == 0

    def renewed(self, expires_at: float) -> Attempt:
        """Return the attempt under a new session; one that no send was begun under was none (8a)."""
        return attrs.evolve(
            self,
            session_expires_at=expires_at,
            session_sends=0,
            is_renewed=self.is_renewed or not self.must_renew_first,
            is_refused=False,
            asking_since=None,
            doubt_since=None,
            last_lost_at=None,
        )

    def after_send(self, outcome: SendResult, now: float) -> tuple[Attempt, Action]:
        """Return what is known, and what to do, after a send."""
        known = attrs.evolve(self, sends=self.sends + 1, session_sends=self.session_sends + 1, is_refused=False)
        if outcome is SendResult.LANDED:
            return known, Action.ADOPT
        if outcome is SendResult.AMBIGUOUS:
            return attrs.evolve(
                known,
                asking_since=now if self.asking_since is None else self.asking_since,
                doubt_since=now if self.doubt_since is None else self.doubt_since,
                last_lost_at=now,
            ), Action.CHECK
        if outcome is SendResult.REFUSED:
            asking_since = now if self.asking_since is None else self.asking_since
            return attrs.evolve(known, is_refused=True, asking_since=asking_since), Action.CHECK
        if self.doubt_since is not None:
            return known, Action.CHECK
        if outcome is SendResult.NO_TOKEN or known.sends >= self.attempts:
            return known, Action.STOP
        return known, Action.SEND

    def after_check(self, outcome: CheckResult, now: float) -> tuple[Attempt, Action]:
        """Return what is known, and what to do, after a look that began at `now`."""
        if outcome is CheckResult.FOUND:
            return self, Action.ADOPT
        if outcome is CheckResult.NOT_FOUND:
            return self, self._absent(now)
        return self, Action.GIVE_UP if self._is_spent(now) else Action.CHECK

    def _absent(self, now: float) -> Action:
        if self.doubt_since is None or self.last_lost_at is None:
            # The only send was refused, and it is not there: it was not run (8b, when the session had run out).
            ran_out = self.session_sends == 1 and now >= self.session_expires_at
            return Action.RENEW if ran_out and not self.is_renewed else Action.STOP
        if now >= self.session_expires_at + self.grace and not self.is_renewed:
            return Action.RENEW  # 8c: what was sent under a session that is over can no longer land
        if self._is_spent(now):
            return Action.GIVE_UP
        # A resend that was refused confirms nothing, since the first may have used the session up: only look.
        may_send = self.sends < self.attempts and not self.is_refused
        return Action.SEND if may_send and now - self.last_lost_at >= self.grace else Action.CHECK

    def _is_spent(self, now: float) -> bool:
        return self.asking_since is not None and now - self.asking_since >= self.recovery
