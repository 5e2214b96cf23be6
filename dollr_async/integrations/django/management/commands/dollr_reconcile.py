"""`manage.py dollr_reconcile`: one pass of the worker, for cron."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError

from dollr_async.integrations.django.commands import WorkerCommand, told_errors


class Command(WorkerCommand):
    """Check each open payment once, hand out each outcome that is not handled, and end."""

    help = "Checks each open payment once, sends payment_settled for each that has ended, and ends: for cron."
    idle = 0.0

    def handle(self, **options: Any) -> None:  # noqa: ANN401 - what the options are
        """Make one pass."""
        with told_errors(self, as_json=options["json"]):
            report = self.report(lease=options["lease"], as_json=options["json"])
            if report.failed:
                sentence = (
                    "%(failed)d payments were not handled, since a receiver raised an error: see the log. They are "
                    "handed out again."
                )
                raise CommandError(sentence % {"failed": report.failed})
