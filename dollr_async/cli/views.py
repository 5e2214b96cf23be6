"""How payments that are followed are shown: a live table on a terminal, lines in a pipe, JSON for programs."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import attrs
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from dollr_async.base.errors import NotFoundError
from dollr_async.cli.exit_codes import NOT_KNOWN, code_of_status
from dollr_async.following.payments_to_watch import WatchFailure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dollr_async.base.errors import DollrError
    from dollr_async.cli.output import Output
    from dollr_async.following.watch import StatusChange
    from dollr_async.resources.executions import Execution

STATUS_STYLES = {"COMPLETED": "bold green", "FAILED": "bold red"}
_NOT_FOUND = (
    "payment {} is not known to the API: check the reference and its --kind. One that began less than a minute ago may "
    "not be known yet"
)

_MOST_ROWS = 500
"""Payments that a table keeps; a terminal shows fewer."""

_BESIDE_ROWS = 6
"""Lines of a terminal that a table needs beside its rows."""


@attrs.frozen(kw_only=True)
class PaymentState:
    """What is shown of one payment. `note` is the reason of a failure, or what has to be done."""

    reference_id: str
    status: str
    is_final: bool = False
    amount: str | None = None
    currency: str | None = None
    note: str | None = None
    at: str | None = None

    @property
    def words(self) -> str:
        """One line for people."""
        price = f" {self.amount} {self.currency}" if self.amount else ""
        return f"{self.reference_id} {self.status}{price}{f': {self.note}' if self.note else ''}"


def state_of(reference_id: object, execution: Execution, *, status: str | None = None) -> PaymentState:
    """Return what is shown of a payment in this state."""
    shown = execution.status if status is None else status
    note = "the payer has to confirm the card" if execution.requires_action and not execution.status.is_final else None
    return PaymentState(
        reference_id=str(reference_id),
        status=str(shown),
        is_final=execution.status.is_final,
        amount=f"{execution.payer_amount:f}",
        currency=execution.payer_currency,
        note=execution.reason if execution.status == "FAILED" else note,
    )


class PaymentView(Protocol):
    """Shows payments."""

    def show(self, state: PaymentState) -> None:
        """Show the state of a payment, in place of its last one."""
        ...


class Followed:
    """Payments that are followed: shows what happens to each, and gives the output the exit code of each one's end."""

    def __init__(self, output: Output, view: PaymentView) -> None:
        """Show nothing yet."""
        self._output, self._view = output, view
        self._open: set[str] = set()

    def expect(self, reference_id: object) -> None:
        """Count the end of a payment as not known, until it is."""
        self._open.add(str(reference_id))

    def show(self, state: PaymentState) -> None:
        """Show the state of a payment."""
        code = code_of_status(state.status)
        if code == NOT_KNOWN:
            self._open.add(state.reference_id)
        else:
            self._open.discard(state.reference_id)
            self._output.count(code)
        self._view.show(state)

    def news(self, news: StatusChange | WatchFailure) -> None:
        """Show a change of a payment, or why nothing more is known of it."""
        if isinstance(news, WatchFailure):
            self.fail(news.reference_id, news.error)
        else:
            self.change(news)

    def change(self, change: StatusChange) -> None:
        """Show a change of a payment."""
        state = state_of(change.reference_id, change.execution, status=change.status)
        self.show(attrs.evolve(state, at=change.at.isoformat()))

    def fail(self, reference_id: object, error: DollrError) -> None:
        """Show why nothing more is known of a payment."""
        self._open.discard(str(reference_id))
        words = _NOT_FOUND.format(reference_id) if isinstance(error, NotFoundError) else str(error)
        self._output.fail(error, words=words, reference_id=str(reference_id))

    def end(self) -> None:
        """Count the payments whose end is not known."""
        if self._open:
            self._output.count(NOT_KNOWN)


@contextmanager
def followed_payments(output: Output) -> Iterator[Followed]:
    """Show payments for as long as the body runs, and count their exit codes at its end."""
    is_table = sys.stdout.isatty() and not output.json
    with _table() if is_table else _lines(output) as view:
        followed = Followed(output, view)
        try:
            yield followed
        finally:
            followed.end()


@contextmanager
def _lines(output: Output) -> Iterator[PaymentView]:
    yield _Lines(output)


class _Lines:
    """A line, or a JSON object, for each change."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def show(self, state: PaymentState) -> None:
        facts = attrs.asdict(state)
        facts["reason"] = facts.pop("note")
        self._output.say(state.words, **facts)


@contextmanager
def _table() -> Iterator[PaymentView]:
    console = Console(highlight=False)
    table = _LiveTable(console)
    with Live(table, console=console, refresh_per_second=4):
        yield table


class _LiveTable:
    """A table with a row for each payment, the latest change last; it is drawn again and again, in a thread."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rows: dict[str, tuple[PaymentState, float]] = {}

    def show(self, state: PaymentState) -> None:
        self._rows.pop(state.reference_id, None)
        self._rows[state.reference_id] = (state, time.monotonic())
        while len(self._rows) > _MOST_ROWS:
            del self._rows[next(iter(self._rows))]

    def __rich__(self) -> Table:
        table = Table("Payment", "Status", "Amount", "Since", "Note", header_style="bold", expand=False)
        rows = tuple(self._rows.values())
        shown = rows[-max(self._console.height - _BESIDE_ROWS, 1) :]
        for state, since in shown:
            table.add_row(
                state.reference_id,
                Text(state.status, STATUS_STYLES.get(state.status, "yellow")),
                f"{state.amount} {state.currency}" if state.amount else "",
                "" if state.is_final else f"{time.monotonic() - since:.0f} s",
                Text(state.note or ""),
            )
        if len(rows) > len(shown):
            table.caption = f"{len(rows) - len(shown)} more above"
        return table
