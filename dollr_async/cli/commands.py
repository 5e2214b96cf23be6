"""The commands of `dollr`, and the output of the demo. A new command is registered where `app` is made."""

from __future__ import annotations

import os
import sys
import webbrowser
from typing import TYPE_CHECKING

import attrs
import msgspec
from cyclopts import App, CycloptsError
from rich.console import Console
from rich.text import Text

from dollr_async.base.errors import InvalidInputError
from dollr_async.base.version import VERSION
from dollr_async.cli import demo
from dollr_async.cli.check import check
from dollr_async.cli.collect import collect
from dollr_async.cli.completion import completion_of
from dollr_async.cli.journal import journal
from dollr_async.cli.options import Flag
from dollr_async.cli.output import Output, silence
from dollr_async.cli.quote import quote
from dollr_async.cli.reconcile import reconcile
from dollr_async.cli.sandbox import sandbox
from dollr_async.cli.signals import stopped
from dollr_async.cli.status import status
from dollr_async.cli.watch import watch

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

app = App(
    name="dollr",
    help="Collect money through Dollr, follow payments until they end, and develop against a local sandbox.",
    version=VERSION,
)

for command in (check, collect, status, watch, reconcile, quote, journal, sandbox):
    app.command(command)
app.command(completion_of(app), name="completion")

_STATUS_STYLES = {"COMPLETED": "bold green", "FAILED": "bold red"}


@app.command(name="demo")
async def run_demo(
    *,
    phone: str = "231770000001",
    order: Flag = False,
    direct: Flag = False,
    card: Flag = False,
    seconds: float = 3.0,
    open: Flag = False,  # noqa: A002 - the option's name
    json: Flag = False,
    no_color: Flag = False,
) -> int:
    """Collect one payment on a new sandbox, from the request to the receipt. No real money moves.

    The exit code is 0 when the money arrived, 1 when it did not, and 2 when an argument was refused.

    Args:
        phone: The payer's phone. It decides the outcome: 231770000002 declines, 231770000008 has too little money,
            231770000004 never answers, 231770000007 has no known operator.
        order: Pay an order instead of an invoice.
        direct: Make payer, document and lines in one request instead of one request for each.
        card: Pay by card instead of mobile money.
        seconds: How long the payment takes to reach its final status.
        open: Show the sandbox's pages in a browser, and leave the sandbox running until Ctrl-C.
        json: Print one JSON object per line.
        no_color: Print without colours, also on a terminal. The environment variable NO_COLOR does the same.
    """
    plain = no_color or bool(os.environ.get("NO_COLOR"))
    console = _PipeConsole(color_system=None if plain else "auto", highlight=False)
    show: Callable[[demo.Event], None] = _JsonOutput(console) if json else _TextOutput(console)
    options = demo.Options(phone=phone, order=order, direct=direct, card=card, seconds=seconds)
    try:
        stay = demo.Stay(open_page=webbrowser.open, until_stopped=stopped) if open else None
        return 0 if await demo.run(options, show, stay) else 1
    except InvalidInputError as error:
        sys.stderr.write(f"{error}\n")
        return 2


def run(words: list[str]) -> int:
    """Run the command line, and return its exit code."""
    try:
        result = app(words, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        output = Output(json="--json" in words)
        output.fail(InvalidInputError(f"{error} See {' '.join(('dollr', *(error.command_chain or ())))} --help"))
        return output.code
    return result if isinstance(result, int) else 0


class _PipeConsole(Console):
    """A console that stops printing when the reader of its pipe has gone, as in `dollr demo | head`.

    The program goes on, so the payment still reaches its final status.
    """

    def on_broken_pipe(self) -> None:
        self.quiet = True
        silence(sys.stdout)


class _JsonOutput:
    """Prints each event as one line of JSON, with exact amounts as text."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __call__(self, event: demo.Event) -> None:
        self._console.out(msgspec.json.encode(attrs.asdict(event)).decode(), highlight=False)


class _TextOutput:
    """Prints each event as text for people."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._is_first_status = True

    def __call__(self, event: demo.Event) -> None:
        match event:
            case demo.Began():
                self._began(event)
            case demo.StepDone():
                self._line(f"  {event.step:<16} ", (f"{event.id!s:<37}", "cyan"), (f"{event.ms:>6.0f} ms", "dim"))
            case demo.StatusSeen():
                self._status(event)
            case demo.ReceiptFetched():
                self._receipt(event)
            case demo.Ended():
                self._ended(event)
            case demo.Staying():
                self._staying(event)

    def _line(self, *parts: str | tuple[str, str]) -> None:
        text = Text.assemble(*parts)
        text.rstrip()
        self._console.print(text, soft_wrap=True)

    def _title(self, words: str, more: str = "") -> None:
        self._line()
        self._line((words, "bold"), (more, "dim"))

    def _began(self, began: demo.Began) -> None:
        self._line(("Dollr demo", "bold"), ": one payment, from the request to the receipt.")
        self._line(("This is a sandbox", "bold yellow"), f": {began.url} stands in for the API. No real money moves.")
        self._line()
        document = f"{'order' if began.source_type == 'ORDER' else 'invoice'}{' made in one call' * began.direct}"
        amount = (f"{began.amount} {began.currency}", "bold")
        self._line(f"{began.payer} ({began.phone}) pays ", amount, f" by {began.pay_with}, for an {document}.")
        self._title("Steps", "  each with the id that it made, and its time. The first ones also wait for the token")

    def _status(self, seen: demo.StatusSeen) -> None:
        if self._is_first_status:
            self._is_first_status = False
            self._title("Status", f"  of payment {seen.reference_id}, since it was accepted")
        self._line((f"  {seen.seconds:>6.1f} s  ", "dim"), (seen.status, _STATUS_STYLES.get(seen.status, "yellow")))

    def _receipt(self, receipt: demo.ReceiptFetched) -> None:
        self._title("Receipt", f"  {receipt.number}")
        for line in receipt.lines:
            self._line(f"  {line.qty} x {line.name:<24} {line.amount:>12}")
        self._amount("paid by the payer", receipt.paid, receipt.paid_currency)
        self._amount("gateway fee", receipt.gateway_fee, receipt.received_currency)
        self._amount("platform fee", receipt.platform_fee, receipt.received_currency)
        self._amount("received by you", receipt.received, receipt.received_currency)

    def _amount(self, words: str, amount: Decimal | None, currency: str | None) -> None:
        if amount is not None:
            self._line(f"  {words:<28} ", (f"{amount:>12} {currency}", "bold"))

    def _ended(self, ended: demo.Ended) -> None:
        self._line()
        if ended.ok:
            times = "once" if ended.charges == 1 else f"{ended.charges} times"
            self._line(("Paid", "bold green"), f" after {ended.seconds:.1f} s. The payer was charged {times}.")
            self._line("See a payer decline: python3 -m dollr_async demo --phone 231770000002")
        else:
            self._line("Your program gets a ", (f"{ended.error}", "bold red"), f", after {ended.seconds:.1f} s:")
            self._line(f"  {ended.message}")

    def _staying(self, staying: demo.Staying) -> None:
        self._line()
        where = "The page is open in your browser" if staying.opened else "Open the page in a browser"
        self._line(f"{where}: ", (staying.url, "bold cyan"))
        self._line('Press "Make a test checkout", pay, and then approve or decline on the phone that rings.')
        self._line("The sandbox runs until Ctrl-C.")
