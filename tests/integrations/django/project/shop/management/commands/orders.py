"""`orders N` makes N orders, collects for them, and waits for their ends; `orders 0` writes what became of them.

With `--queue` a job of each order collects, in place of the command.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from asgiref.sync import async_to_sync, sync_to_async
from django.core.management.base import BaseCommand
from django.db import connections, transaction

from dollr_async.integrations.django import dollr
from dollr_async.integrations.django.models import Payment
from tests.integrations.django.project import queue
from tests.integrations.django.project.shop.models import Order
from tests.integrations.django.project.views import TERMS

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("number", type=int)
        parser.add_argument("--queue", action="store_true")

    def handle(self, **options: Any) -> None:
        if options["queue"]:
            for _ in range(options["number"]):
                with transaction.atomic():
                    reference_id = async_to_sync(queue.payments.collect)(**TERMS)
                    Order.objects.create(reference_id=reference_id)
        elif options["number"]:
            asyncio.run(collect(options["number"]))
        found = {
            "paid": Counter(Order.objects.values_list("paid", flat=True)),
            "not_handled": Payment.objects.filter(outcome__isnull=False, handled_at__isnull=True).count(),
            "open": Payment.objects.filter(outcome__isnull=True).count(),
        }
        self.stdout.write(json.dumps(found))


async def collect(number: int) -> None:
    limit = asyncio.Semaphore(8)

    async def one() -> None:
        async with limit:
            collection = await dollr().collect(**TERMS)
            await Order.objects.acreate(reference_id=collection.reference_id)
            await collection.wait()

    await asyncio.gather(*(one() for _ in range(number)))
    await sync_to_async(connections.close_all)()
