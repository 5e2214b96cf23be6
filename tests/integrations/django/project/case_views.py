"""Views, sync and async, in the test client of each kind, with and without a transaction around the test."""

from __future__ import annotations

import asyncio
import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.request import urlopen

from asgiref.sync import async_to_sync, sync_to_async
from django.db import connections, transaction
from django.http import StreamingHttpResponse
from django.test import AsyncClient, Client, LiveServerTestCase, TestCase, TransactionTestCase

from dollr_async import JournalError
from dollr_async.base.errors import ConfigurationError
from dollr_async.integrations.django import dollr, run
from dollr_async.integrations.django.models import Payment
from tests.integrations.django.project.base import WithSandbox
from tests.integrations.django.project.views import TERMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dollr_async import DollrClient

REQUESTS = 100


class Views(WithSandbox, TransactionTestCase):
    def test_a_hundred_sync_requests_of_ten_threads_fetch_one_token(self) -> None:
        def ask(_: int) -> int:
            try:
                return Client().get("/sync/").status_code
            finally:
                connections.close_all()

        with ThreadPoolExecutor(10) as threads:
            answered = list(threads.map(ask, range(REQUESTS)))
        self.assertEqual(answered, [200] * REQUESTS)
        self.assertEqual(len(self.requests_to("obtain/token")), 1)
        self.assertEqual(Payment.objects.count(), REQUESTS)

    async def test_a_hundred_async_requests_fetch_one_token(self) -> None:
        answers = await asyncio.gather(*(AsyncClient().get("/async/") for _ in range(REQUESTS)))
        self.assertEqual({answer.status_code for answer in answers}, {200})
        self.assertEqual(len(self.requests_to("obtain/token")), 1)
        self.assertEqual(await Payment.objects.acount(), REQUESTS)

    async def test_a_status_is_streamed_to_the_last(self) -> None:
        reference = (await AsyncClient().get("/async/")).json()["reference_id"]
        streamed = await AsyncClient().get(f"/status/{reference}/")
        assert isinstance(streamed, StreamingHttpResponse)
        lines = b"".join([line async for line in aiter(streamed)])
        self.assertTrue(lines.endswith(b"COMPLETED\n"), lines)
        payment = await Payment.objects.aget(pk=reference)
        self.assertEqual((payment.status, payment.outcome), ("COMPLETED", "COMPLETED"))

    def test_an_async_view_under_the_sync_client_has_a_client_for_its_loop(self) -> None:
        for _ in range(2):
            self.assertEqual(Client().get("/async/").status_code, 200)
        self.assertEqual(len(self.requests_to("obtain/token")), 2)

    def test_no_loop_is_kept_alive(self) -> None:
        async def collect() -> weakref.ref[asyncio.AbstractEventLoop]:
            await dollr().collect(**TERMS)
            self.assertIs(dollr(), dollr())
            return weakref.ref(asyncio.get_running_loop())

        loops = [asyncio.run(collect()), async_to_sync(collect)()]
        # asgiref itself remembers the last loop that each of its threads has worked for.
        asyncio.run(sync_to_async(int)())
        async_to_sync(sync_to_async(int))()
        gc.collect()
        self.assertEqual([loop() for loop in loops], [None, None])

    def test_outside_of_a_loop_the_sentence_names_run(self) -> None:
        with self.assertRaisesRegex(ConfigurationError, r"run\(lambda"):
            dollr()

    async def test_inside_a_loop_the_sentence_names_dollr(self) -> None:
        with self.assertRaisesRegex(ConfigurationError, r"await dollr\(\)"):
            run(lambda dollr: dollr.collect(**TERMS))


class TokenInACache(WithSandbox, TransactionTestCase):
    also = {"TOKEN_CACHE": "memory"}

    def test_loops_share_the_token(self) -> None:
        for _ in range(3):
            self.assertEqual(Client().get("/async/").status_code, 200)
        self.assertEqual(Client().get("/sync/").status_code, 200)
        self.assertEqual(len(self.requests_to("obtain/token")), 1)


class OpenTransactions(WithSandbox, TransactionTestCase):
    def test_no_payment_is_begun_inside_a_transaction(self) -> None:
        with transaction.atomic(), self.assertRaisesRegex(JournalError, "non_atomic_requests"):
            run(lambda dollr: dollr.collect(**TERMS))
        self.assertEqual(self.sandbox.requests, ())

    def test_nor_by_async_code_that_it_calls(self) -> None:
        async def collect() -> None:
            await dollr().collect(**TERMS)

        with transaction.atomic(), self.assertRaisesRegex(JournalError, "non_atomic_requests"):
            async_to_sync(collect)()
        self.assertEqual(self.sandbox.requests, ())

    def test_nor_where_autocommit_is_off(self) -> None:
        transaction.set_autocommit(False)
        try:
            with self.assertRaisesRegex(JournalError, "non_atomic_requests"):
                run(lambda dollr: dollr.collect(**TERMS))
        finally:
            transaction.rollback()
            transaction.set_autocommit(True)

    def test_a_transaction_of_another_database_does_not_matter(self) -> None:
        with transaction.atomic(using="payments"):
            run(lambda dollr: dollr.collect(**TERMS))
        self.assertEqual(Payment.objects.count(), 1)

    databases = {"default", "payments"}

    def test_a_task_that_outlives_its_call_has_nothing_to_do_with_the_transaction(self) -> None:
        async def begin(dollr: DollrClient) -> tuple[asyncio.Event, asyncio.Task[None]]:
            returned = asyncio.Event()

            async def collect_later() -> None:
                await returned.wait()
                await dollr.collect(**TERMS)

            return returned, asyncio.create_task(collect_later())

        async def end(_: DollrClient) -> None:
            returned.set()
            await task

        with transaction.atomic():
            returned, task = run(begin)
        run(end)
        self.assertEqual(Payment.objects.count(), 1)

    def test_what_begins_no_payment_is_not_refused(self) -> None:
        collection = run(lambda dollr: dollr.collect(**TERMS))
        with transaction.atomic():
            run(lambda dollr: dollr.check(collection.reference_id))


class AtomicRequests(WithSandbox, TransactionTestCase):
    def test_a_view_in_a_transaction_begins_no_payment_and_one_outside_does(self) -> None:
        with atomic_requests():
            with self.assertRaisesRegex(JournalError, "non_atomic_requests"):
                Client().get("/atomic/")
            self.assertEqual(Client().get("/sync/").status_code, 200)
            self.assertEqual(async_to_sync(AsyncClient().get)("/async/").status_code, 200)
        self.assertEqual(Payment.objects.count(), 2)


@contextmanager
def atomic_requests() -> Iterator[None]:
    """Turn the setting ATOMIC_REQUESTS on."""
    connections["default"].settings_dict["ATOMIC_REQUESTS"] = True
    try:
        yield
    finally:
        connections["default"].settings_dict["ATOMIC_REQUESTS"] = False


class InTestCase(WithSandbox, TestCase):
    def test_first_a_payment_is_seen_by_the_test(self) -> None:
        collection = run(lambda dollr: dollr.collect(**TERMS))
        self.assertEqual(Payment.objects.get().reference_id, collection.reference_id)
        run(lambda dollr: dollr.wait(collection.reference_id))
        self.assertEqual(Payment.objects.get().outcome, "COMPLETED")

    def test_second_it_was_rolled_back_with_the_test(self) -> None:
        self.assertEqual(Payment.objects.count(), 0)

    async def test_the_same_with_async_code(self) -> None:
        self.assertEqual(await Payment.objects.acount(), 0)
        collection = await dollr().collect(**TERMS)
        await collection.wait()
        payment = await Payment.objects.aget()
        self.assertEqual((payment.reference_id, payment.outcome), (collection.reference_id, "COMPLETED"))

    def test_a_transaction_inside_the_test_is_refused_all_the_same(self) -> None:
        with transaction.atomic(), self.assertRaisesRegex(JournalError, "non_atomic_requests"):
            run(lambda dollr: dollr.collect(**TERMS))


class Live(WithSandbox, LiveServerTestCase):
    def test_a_live_server_collects(self) -> None:
        with urlopen(f"{self.live_server_url}/sync/", timeout=10) as answer:  # noqa: S310 - the live server
            self.assertEqual(answer.status, 200)
        self.assertEqual(Payment.objects.count(), 1)


class AnAsyncProgram(WithSandbox, TransactionTestCase):
    def test_a_busy_thread_of_sync_code_does_not_matter_to_another_loop(self) -> None:
        async def collect() -> None:
            await sync_to_async(Payment.objects.count)()
            await asyncio.gather(*(dollr().collect(**TERMS) for _ in range(3)))

        async_to_sync(collect)()
        self.assertEqual(Payment.objects.count(), 3)
