"""What the three commands share: their arguments, their output, and how they end."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

from asgiref.sync import async_to_sync
from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS

from dollr_async.base.errors import DollrError
from dollr_async.base.health import health_file
from dollr_async.base.signals import stop_event
from dollr_async.integrations.django.app_settings import journal_alias
from dollr_async.integrations.django.callers import open_transaction
from dollr_async.integrations.django.worker import Report, work

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable, Coroutine, Iterator

    from dollr_async import Outcome

T = TypeVar("T")


class WorkerCommand(BaseCommand):
    """A command that hands outcomes to the receivers of `payment_settled`."""

    idle: float | None = None
    """When to stop; see `DollrClient.outcomes`."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("--json", action="store_true", help="write one JSON object per line, also for an error")
        parser.add_argument(
            "--lease",
            type=float,
            default=60.0,
            help="seconds that the receivers may take for one payment; after that another worker may get it too",
        )

    def report(self, *, lease: float, as_json: bool, file: str | None = None) -> Report:
        """Work until it is over, or until SIGTERM or Ctrl-C, and return what was done.

        Raises:
            DollrError: the settings lack something, the credentials were refused, or the journal cannot be read.
        """

        def show(outcome: Outcome) -> None:
            line = json.dumps(outcome.to_json()) if as_json else f"{outcome.reference_id} {outcome.status}"
            self.stdout.write(line)
            self.stdout.flush()

        async def main() -> Report:
            is_main = threading.current_thread() is threading.main_thread()
            with stop_event() if is_main else nullcontext(asyncio.Event()) as stop:
                async with health_file(file):
                    return await work(idle=self.idle, lease=lease, stop=stop, on_handled=show)

        return run_command(main)


def run_command(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run an async function from a command, and return its result."""
    if open_transaction(DEFAULT_DB_ALIAS if (alias := journal_alias()) is None else alias) is None:
        return asyncio.run(main())
    # A test in a transaction: its connection belongs to this thread, which has to be there for synchronous code.
    return async_to_sync(main)()


@contextmanager
def told_errors(command: BaseCommand, *, as_json: bool) -> Iterator[None]:
    """Print the error that ends the body as a JSON object, or leave it to Django as a sentence. The exit code is 1.

    Raises:
        CommandError: what Django prints.
        SystemExit: it was printed as JSON.
    """
    try:
        yield
    except (DollrError, CommandError) as error:
        if not as_json:
            raise CommandError(str(error)) from error
        command.stdout.write(json.dumps({"error": type(error).__name__, "message": str(error)}))
        raise SystemExit(1) from error


def as_line(values: dict[str, Any], *, as_json: bool) -> str:
    """Return values as one JSON object, or as words."""
    if as_json:
        return json.dumps(values)
    return "\n".join(f"{name.replace('_', ' ')}: {value}" for name, value in values.items())
