"""`manage.py dollr_watch`: the worker that follows payments and sends `payment_settled`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dollr_async.integrations.django.commands import WorkerCommand, told_errors

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(WorkerCommand):
    """Run until SIGTERM or Ctrl-C, then exit with 0."""

    help = "Follows every open payment and sends the signal payment_settled for each that ends, until SIGTERM."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        super().add_arguments(parser)
        parser.add_argument(
            "--health-file", help="a file that is touched every few seconds while it works, and removed when it ends"
        )

    def handle(self, **options: Any) -> None:  # noqa: ANN401 - what the options are
        """Work."""
        with told_errors(self, as_json=options["json"]):
            self.report(lease=options["lease"], as_json=options["json"], file=options["health_file"])
