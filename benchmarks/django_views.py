"""Milliseconds a collection in Django's views, beside `requests` as the API's own guide writes it.

`python -m benchmarks.django_views`: every answer of the sandbox takes 50 ms. Both collect the same, in the same run, by
turns, and each row says how many tokens its process fetched.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django
import requests
from django.conf import settings
from django.core.management import call_command
from django.db import connections

from benchmarks.rivals.by_hand import ByHand
from dollr_async.sandbox import SandboxThread

if TYPE_CHECKING:
    from collections.abc import Callable

COLLECTIONS = 100
THREADS = 10
LATENCY = 0.05
PHONE = "231771234567"


def as_in_the_guide(sandbox: SandboxThread) -> None:
    """Collect by one request after the other, with a token and a connection for each, as the guide shows it."""

    async def call(method: str, path: str, *, query: Any = None, body: Any = None) -> Any:  # noqa: ANN401 - JSON
        credentials = {"client_id": sandbox.client_id, "client_secret": sandbox.client_secret}
        token = requests.post(f"{sandbox.url}/v1/jwt/client/obtain/token", json=credentials, timeout=30).json()  # noqa: ASYNC210 - nothing else waits
        headers = {"Authorization": f"Bearer {token['access_token']}"}
        url = f"{sandbox.url}/v1/{path}"
        answer = requests.request(method, url, params=query, json=body, headers=headers, timeout=30)  # noqa: ASYNC210 - as above
        answer.raise_for_status()
        return answer.json()

    asyncio.run(ByHand(call).document_first())


def set_up(sandbox: SandboxThread, directory: Path) -> None:
    """Set Django up, with a journal in a file."""
    settings.configure(
        INSTALLED_APPS=["dollr_async.integrations.django"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": directory / "shop.sqlite3",
                "CONN_MAX_AGE": 60,
                "OPTIONS": {"transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode = WAL"},
            }
        },
        DOLLR={"CLIENT_ID": sandbox.client_id, "CLIENT_SECRET": sandbox.client_secret, "BASE_URL": sandbox.url},
    )
    django.setup()
    call_command("migrate", verbosity=0)


def measured(name: str, sandbox: SandboxThread, work: Callable[[], object], count: int) -> str:
    """Return a row: milliseconds a collection, and the tokens that were fetched for all of them."""
    tokens, began = sandbox.tokens_issued, time.perf_counter()
    work()
    each = (time.perf_counter() - began) * 1000 / count
    return f"{name:<44}{each:8.1f} ms a collection, {sandbox.tokens_issued - tokens:4} tokens"


def main() -> None:
    """Print a row for each way, one payment after the other and in ten threads or a hundred tasks."""
    with SandboxThread(latency=LATENCY) as sandbox, tempfile.TemporaryDirectory() as directory:
        set_up(sandbox, Path(directory))
        from dollr_async import LineItem, Payer  # noqa: PLC0415 - as below
        from dollr_async.integrations.django import dollr, run  # noqa: PLC0415 - it needs the settings

        terms: dict[str, Any] = {
            "payer": Payer("Amara Kamara", PHONE, country_code="LR"),
            "items": [LineItem("Ticket", 25)],
            "currency": "USD",
        }

        def ours(_: object = None) -> None:
            run(lambda dollr: dollr.collect(**terms))
            connections.close_all()

        def theirs(_: object = None) -> None:
            as_in_the_guide(sandbox)

        def threads(work: Callable[[object], None]) -> None:
            with ThreadPoolExecutor(THREADS) as pool:
                list(pool.map(work, range(COLLECTIONS)))

        async def tasks() -> None:
            await asyncio.gather(*(dollr().collect(**terms) for _ in range(COLLECTIONS)))

        one = COLLECTIONS // 10
        for name, work in (("requests, as in the guide", theirs), ("run(), a sync view", ours)):
            print(measured(f"{name}, one by one", sandbox, lambda work=work: [work() for _ in range(one)], one))  # type: ignore[misc] # a default
            print(measured(f"{name}, {THREADS} threads", sandbox, lambda work=work: threads(work), COLLECTIONS))  # type: ignore[misc] # a default
        print(measured(f"dollr(), {COLLECTIONS} async views", sandbox, lambda: asyncio.run(tasks()), COLLECTIONS))


if __name__ == "__main__":
    main()
