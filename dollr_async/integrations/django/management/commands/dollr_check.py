"""`manage.py dollr_check`: whether the settings, the credentials and the journal work."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.core.management.base import BaseCommand

from dollr_async.integrations.django.app_settings import DollrSettings, read_settings
from dollr_async.integrations.django.callers import close_connections
from dollr_async.integrations.django.clients import dollr
from dollr_async.integrations.django.commands import as_line, run_command, told_errors
from dollr_async.integrations.django.database import journal_errors
from dollr_async.integrations.django.models import NOT_HANDLED, OPEN
from dollr_async.integrations.django.payments import rows

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    """Fetch a token and read the journal. No payment is made."""

    help = "Fetches a token, reads the journal, and reports what does not work. No payment is made."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the option."""
        parser.add_argument("--json", action="store_true", help="write one JSON object, also for an error")

    def handle(self, **options: Any) -> None:  # noqa: ANN401 - what the options are
        """Check, and write what was found."""
        with told_errors(self, as_json=options["json"]):
            found = run_command(_check)
        self.stdout.write(as_line(found, as_json=options["json"]))


async def _check() -> dict[str, Any]:
    found = read_settings()
    began = datetime.now(UTC)
    await dollr().ready()
    answered = {"credentials": "accepted", "milliseconds": round((datetime.now(UTC) - began).total_seconds() * 1000)}
    return answered | await sync_to_async(_journal)(found)


def _journal(found: DollrSettings) -> dict[str, Any]:
    if found.journal is None:
        return {"journal": None}
    try:
        with journal_errors(found.journal):
            return {
                "journal": found.journal,
                "open_payments": rows(found.journal).filter(OPEN).count(),
                "outcomes_not_handled": rows(found.journal).filter(NOT_HANDLED).count(),
            }
    finally:
        close_connections()
