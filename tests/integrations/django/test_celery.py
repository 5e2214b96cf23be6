"""The tasks of the example shop with a worker of Celery, on the real brokers."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from dollr_async.sandbox import AfterSeconds, SandboxThread
from tests.support.paths import ROOT
from tests.support.recipes import BROKERS, own_queue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.real_time(reason="a worker in another process knows no virtual clock")

_WITHIN = 40.0
_ORDERS = """
import sys
import django; django.setup()
from decimal import Decimal
from django.utils import timezone
from dollr_async import LineItem, Payer
from dollr_async.integrations.django import run
from shop.celery import app
from shop.models import Order
from shop.tasks import check
for number in range(3):
    order = Order.objects.create(fullname="Amara Kamara", phone="231771234567", amount=Decimal("25.00"))
    run(lambda dollr: dollr.collect(
        payer=Payer(order.fullname, order.phone, country_code="LR"), items=[LineItem("Ticket", order.amount)],
        currency="USD", reference_id=order.reference_id,
    ))
    if sys.argv[1] == "check":
        check.delay(str(order.reference_id), timezone.now().isoformat())
"""
_PAID = """
import django; django.setup()
from shop.models import Order
from dollr_async.integrations.django.models import Payment
print(Order.objects.filter(paid_at__isnull=False).count(), Payment.objects.filter(handled_at__isnull=False).count())
"""


class Shop:
    """A copy of the example, with a database of its own."""

    def __init__(self, place: Path, settings: dict[str, str]) -> None:
        self.place = place
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("DOLLR_", "DJANGO_"))}
        self.environment = plain | settings | {"DJANGO_SETTINGS_MODULE": "shop.settings", "PYTHONPATH": str(place)}

    def run(self, *arguments: str) -> str:
        command = [sys.executable, *arguments]
        ran = subprocess.run(
            command, cwd=self.place, env=self.environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout


@pytest.fixture(params=BROKERS)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    place = tmp_path / "shop"
    shutil.copytree(ROOT / "examples" / "django_shop", place, ignore=shutil.ignore_patterns("*.sqlite3*"))
    with own_queue(request.param) as queue, SandboxThread(settlement=AfterSeconds(0.2, 1.0)) as sandbox:
        credentials = {
            "DOLLR_BASE_URL": sandbox.url,
            "DOLLR_CLIENT_ID": sandbox.client_id,
            "DOLLR_CLIENT_SECRET": sandbox.client_secret,
        }
        found = Shop(place, queue | credentials | {"DOLLR_SWEEP_EVERY": "1"})
        found.run("manage.py", "migrate", "--verbosity", "0")
        yield found


@pytest.mark.full(reason="it makes a database and starts a worker of Celery")
@pytest.mark.parametrize("how", ["check", "sweep"])
def test_each_order_is_paid_once(shop: Shop, how: str) -> None:
    shop.run("-c", _ORDERS, how)
    more = ["--beat", "--schedule", str(shop.place / "beat")] if how == "sweep" else []
    command = [sys.executable, "-m", "celery", "-A", "shop.celery", "worker", "--pool", "threads", "-c", "2", *more]
    worker = subprocess.Popen([*command, "--loglevel", "WARNING"], cwd=shop.place, env=shop.environment)
    try:
        end = time.monotonic() + _WITHIN
        while (paid := shop.run("-c", _PAID).split()) != ["3", "3"]:
            assert time.monotonic() < end, paid
    finally:
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=30) == 0
