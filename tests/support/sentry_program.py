"""Run the recipe for Sentry, and print what Sentry would get: `python -m tests.support.sentry_program`.

In a process of its own, since Sentry's SDK changes aiohttp for the whole process. The payer's phone is in the
environment. With `--unfiltered` the recipe's filter lets everything through.
"""

from __future__ import annotations

import asyncio
import os
import runpy
import sys
from typing import TYPE_CHECKING

import sentry_sdk
from sentry_sdk.transport import Transport

from tests.support.paths import ROOT

if TYPE_CHECKING:
    from sentry_sdk.envelope import Envelope


class Printing(Transport):
    """Prints what would be sent."""

    def capture_envelope(self, envelope: Envelope) -> None:
        print(envelope.serialize().decode())  # noqa: T201 - the result


async def main(*options: str) -> None:
    """Collect as the recipe does, and report an error after it."""
    recipe = runpy.run_path(str(ROOT / "examples" / "observe_sentry.py"))["main"]
    if "--unfiltered" in options:
        recipe.__globals__["without_query"] = lambda record, _: record
    await recipe(os.environ["PHONE"], dsn="https://key@127.0.0.1/1", transport=Printing)
    sentry_sdk.capture_message("an error after the payment")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
