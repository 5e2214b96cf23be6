"""The contract suites over the journal in Django's database, without pytest."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import redis
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db.models import F
from django.test import TransactionTestCase

from dollr_async.integrations.django.journal import DjangoJournal
from dollr_async.integrations.django.models import Payment, Worker
from dollr_async.integrations.django.token_cache import CacheTokenStore
from dollr_async.testing import (
    IndexedJournalContract,
    JournalContract,
    OutcomeJournalContract,
    SearchableOutcomeJournalContract,
    TokenStoreContract,
)
from tests.support.many_statuses import MANY, statuses_written_before_a_read

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ALIAS = "payments"


class Store:
    """A contract over a database of the project that is not the default one."""

    @asynccontextmanager
    async def journal(self) -> AsyncIterator[DjangoJournal]:
        await sync_to_async(_clear)()
        async with DjangoJournal(ALIAS) as journal:
            yield journal

    @asynccontextmanager
    async def another(self, journal: object) -> AsyncIterator[DjangoJournal]:
        async with DjangoJournal(ALIAS) as other:
            yield other

    async def pass_time(self, seconds: float) -> None:
        """Move every lease into the past, since the clock is the database server's."""
        await sync_to_async(_move)(seconds)


def _clear() -> None:
    Payment.objects.using(ALIAS).all().delete()
    Worker.objects.using(ALIAS).all().delete()


def _move(seconds: float) -> None:
    Payment.objects.using(ALIAS).update(
        lease_until=F("lease_until") - seconds, hand_out_until=F("hand_out_until") - seconds
    )
    Payment.objects.using(ALIAS).filter(check_at__gt=0).update(check_at=F("check_at") - seconds)
    Worker.objects.using(ALIAS).update(until=F("until") - seconds)


class OfJournal(Store, JournalContract):
    """The journal."""


class OfOutcomes(Store, OutcomeJournalContract):
    """The outcomes."""


class OfIndexes(Store, IndexedJournalContract):
    """The narrow questions."""


class OfSearch(Store, SearchableOutcomeJournalContract):
    """The outcomes that are found without a lease."""


class OfTokens(TokenStoreContract):
    """The token in a cache in Redis."""

    @asynccontextmanager
    async def store(self) -> AsyncIterator[CacheTokenStore]:
        store = CacheTokenStore("default")
        yield store
        await store.close()

    @asynccontextmanager
    async def another(self, store: object) -> AsyncIterator[CacheTokenStore]:
        async with self.store() as other:
            yield other


class Contracts(TransactionTestCase):
    databases = {"default", ALIAS}

    async def test_tokens(self) -> None:
        try:
            with redis.Redis.from_url(settings.CACHES["default"]["LOCATION"]) as server:
                server.ping()
        except redis.ConnectionError:
            self.skipTest("needs a Redis server: set SHOP_REDIS to its URL")
        await OfTokens().check()

    async def test_journal(self) -> None:
        await OfJournal().check()

    async def test_outcomes(self) -> None:
        await OfOutcomes().check()

    async def test_indexes(self) -> None:
        await OfIndexes().check()

    async def test_search(self) -> None:
        await OfSearch().check()

    async def test_many_statuses_do_not_hold_up_others(self) -> None:
        async with Store().journal() as journal:
            self.assertLess(await statuses_written_before_a_read(journal), MANY / 3)
