"""`python -m dollr_async.sandbox`: a local Dollr to develop against, with the core alone."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from typing import TYPE_CHECKING

from dollr_async.sandbox.outcomes import OUTCOMES, TEST_CARDS, TEST_PHONES, UNKNOWN_OPERATOR_PHONES, AfterSeconds
from dollr_async.sandbox.passcodes import PASSCODE, PASSCODE_PHONE
from dollr_async.sandbox.sandbox import Sandbox
from dollr_async.sandbox.server import check_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_KEEP_REQUESTS = 1000
"""How many requests a sandbox that runs for days remembers."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a sandbox until Ctrl-C or SIGTERM, and return the exit code.

    `argv` are the options, by default those of the command line. The code is 0 after a clean end and 1 when the port
    cannot be used; wrong options raise SystemExit with code 2, and `--help` raises it with 0.
    """
    options = parser().parse_args(argv)
    try:
        asyncio.run(serve(options))
    except KeyboardInterrupt:  # where the loop cannot handle signals itself
        return 0
    except OSError as error:
        sys.stderr.write(f"{cannot_listen(options, error)}\n")
        return 1
    return 0


async def serve(options: argparse.Namespace) -> None:
    """Run a sandbox with these options of `parser` until Ctrl-C or SIGTERM.

    Raises:
        OSError: it cannot listen on its port.
    """
    sandbox = Sandbox(
        host=options.host,
        port=options.port,
        latency=options.latency,
        settlement=AfterSeconds(processing=options.seconds / 3, final=options.seconds),
        confirm_cards_after=options.seconds,
        keep_requests=_KEEP_REQUESTS,
    )
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # Windows: Ctrl-C arrives as a KeyboardInterrupt
            break
    async with sandbox:
        for line in _json(sandbox) if options.json else _welcome(sandbox):
            sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
        await stop.wait()


def cannot_listen(options: argparse.Namespace, error: OSError) -> str:
    """Return the sentence that says why a sandbox with these options cannot listen."""
    return (
        f"The sandbox cannot listen on port {options.port} of {options.host}: {error.strerror}. Use another port, or 0 "
        "for a free one."
    )


def parser(*, exit_on_error: bool = True) -> argparse.ArgumentParser:
    """Return what reads the options. Without `exit_on_error` a value that is refused is an `ArgumentError`."""
    options = argparse.ArgumentParser(
        prog="dollr sandbox",
        description="Run a local Dollr to develop against. No real money moves, and all state is lost when it stops.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        exit_on_error=exit_on_error,
    )
    options.add_argument("--port", type=_port, default=0, help="the port to listen on; 0 for a free one")
    options.add_argument("--host", type=_host, default="127.0.0.1", help="a loopback address of this machine")
    options.add_argument("--seconds", type=_seconds, default=3.0, help="how many seconds each payment takes to end")
    options.add_argument("--latency", type=_seconds, default=0.0, help="how many seconds each answer takes")
    options.add_argument("--json", action="store_true", help="print the address and the credentials as JSON")
    return options


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port < 2**16:
        raise argparse.ArgumentTypeError(f"{port} is not a port: give a number from 0 to 65535")
    return port


def _host(text: str) -> str:
    try:
        return check_loopback(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds: give 0 or more")
    return seconds


def _json(sandbox: Sandbox) -> Iterator[str]:
    """What a program needs to know, as one JSON object: the one place where the secret is printed for it."""
    yield json.dumps(
        {
            "url": sandbox.url,
            "client_id": sandbox.client_id,
            "client_secret": sandbox.client_secret,
            "realtime": sandbox.realtime,
        }
    )


def _welcome(sandbox: Sandbox) -> Iterator[str]:
    """Everything a developer needs to know, line by line."""
    yield f"Dollr sandbox at {sandbox.url} until Ctrl-C. No real money moves."
    yield "Open it in a browser to see payments happen, to answer the payers' phones, and to make requests fail."
    yield ""
    yield "Point your program at it:"
    yield f"  export DOLLR_BASE_URL={sandbox.url}"
    yield f"  export DOLLR_CLIENT_ID={sandbox.client_id}"
    yield f"  export DOLLR_CLIENT_SECRET={sandbox.client_secret}"
    push = sandbox.realtime
    yield f"Live updates: the project's URL is {push['url']}, its anon key is {push['anon_key']}."
    yield ""
    yield "The payer's phone decides how a payment ends; a payment of any other number is approved:"
    for outcome in OUTCOMES.values():
        phones = [phone for phone, name in TEST_PHONES.items() if name == outcome.name]
        if phones:
            yield f"  {' '.join(phones)}  {outcome.about}"
    yield f"  {' '.join(sorted(UNKNOWN_OPERATOR_PHONES))}  no known operator"
    yield ""
    yield "Test cards; the sandbox finishes 3-D Secure by itself:"
    for token, card in TEST_CARDS.items():
        yield f"  {token:<18}  {OUTCOMES[card.outcome].about}"
    yield ""
    yield f"Payouts need the passcode {PASSCODE} with the phone {PASSCODE_PHONE}."


if __name__ == "__main__":
    sys.exit(main())
