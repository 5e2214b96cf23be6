"""`killed_worker K`: a worker whose process is killed at its statement number K, before or after it is carried out."""

from __future__ import annotations

import itertools
import os
import signal
from typing import TYPE_CHECKING, Any

from django.db.backends.signals import connection_created

from dollr_async.integrations.django import payment_settled
from dollr_async.integrations.django.management.commands.dollr_watch import Command as Watch
from tests.integrations.django.project.shop.models import Order

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable

    from dollr_async import Outcome


class Command(Watch):
    idle = 1.0

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--at", type=int, default=0)
        parser.add_argument("--after", action="store_true")
        parser.add_argument("--raise-for", default="", help="the receiver raises for references with this first digit")

    def handle(self, **options: Any) -> None:
        if options["at"]:
            count = itertools.count(1)

            def kill_at(execute: Callable[..., Any], *arguments: Any) -> Any:
                is_last = next(count) == options["at"]
                if is_last and not options["after"]:
                    os.kill(os.getpid(), signal.SIGKILL)
                result = execute(*arguments)
                if is_last:
                    os.kill(os.getpid(), signal.SIGKILL)
                return result

            def watch(connection: Any, **_: Any) -> None:
                connection.execute_wrappers.append(kill_at)

            connection_created.connect(watch, weak=False)

        def pay(outcome: Outcome, **_: Any) -> None:
            order = Order.objects.get(reference_id=outcome.reference_id)
            order.paid += 1
            order.save()
            if options["raise_for"] and str(outcome.reference_id).startswith(options["raise_for"]):
                raise ZeroDivisionError

        payment_settled.connect(pay, weak=False)
        super().handle(**options)
