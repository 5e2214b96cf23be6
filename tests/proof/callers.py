"""What the callers of a program do with their payments, and what must hold for each answer that they get."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID, uuid4

from dollr_async import (
    CollectError,
    ConfigurationError,
    DollrError,
    LineItem,
    NotFoundError,
    OutcomeUnknownError,
    Payer,
    PaymentFailedError,
    ReferenceUsedError,
    StatusChange,
)
from dollr_async.journal.entry import REFUSED
from dollr_async.sandbox.world.settlement import settle_due
from tests.proof.crashing_process import CrashedError
from tests.proof.orders import JOURNAL
from tests.proof.routes import collect_terms
from tests.proof.scripts import RUNS

if TYPE_CHECKING:
    from collections import Counter

    from dollr_async import Collection, DollrClient
    from dollr_async.sandbox import Sandbox
    from dollr_async.sandbox.recording import RecordedRequest
    from tests.proof.crashing_process import Process
    from tests.proof.orders import Orders

_REFUSED = ("answer 400", "answer 403", "answer 404", "answer 409", "answer 422")
_DIFFERENT = "names a payment with different terms"


class PaymentTerms(NamedTuple):
    """The terms of a payment, kept so that it can be collected again."""

    route: str
    phone: str
    known: dict[str, int]

    def keywords(self, amount: str = "") -> dict[str, Any]:
        """Return the keywords of `collect`, with another amount if one is given."""
        terms = collect_terms(self.route, self.known)
        if not self.known:
            terms["payer"] = Payer(fullname="Amara Kamara", phone=self.phone, country_code="LR")
        if amount and "items" in terms:
            terms["items"] = [LineItem(name="Strategy session", amount=Decimal(amount))]
        return terms


class Callers:
    """The callers of one program."""

    def __init__(self, sandbox: Sandbox, orders: Orders[str], met: Counter[str]) -> None:
        self._sandbox, self._orders, self._met = sandbox, orders, met
        self.terms: dict[str, PaymentTerms] = {}
        self.known: set[str] = set()
        self.used: set[str] = set()

    @property
    def moved(self) -> set[str]:
        """The references of all movements, without making the whole ledger anew."""
        return set(self._sandbox._world.payments)

    def status_of(self, reference_id: str) -> str | None:
        """Return the status of a movement, or None when there is none."""
        settle_due(self._sandbox._world)
        payment = self._sandbox._world.payments.get(reference_id)
        return None if payment is None else payment.status

    def add(self, terms: PaymentTerms, reference_id: str) -> None:
        """Add a new order, with the reference of its first payment."""
        self._orders.add(reference_id)
        self._keep(terms, reference_id)

    def start_anew(self, old: str, new: str) -> None:
        """Give an order a new reference, as the error about its old one says."""
        self._orders.start_anew(old, new)
        self._keep(self.terms[old], new)
        self._met["orders paid anew"] += 1

    def _keep(self, terms: PaymentTerms, reference_id: str) -> None:
        self.terms[reference_id] = terms
        self.known.add(reference_id)

    async def collect_without(self, process: Process, run: str, terms: PaymentTerms) -> None:
        """Collect once under a reference that the client makes."""
        try:
            collection = await process.clients[run].collect(**terms.keywords())
        except CollectError as error:
            reference_id = str(error.reference_id)
            self.add(terms, reference_id)
            self._orders.begin(reference_id, run)
            self._end(reference_id, run, is_not_run=True)
        except OutcomeUnknownError as error:
            self.known.add(str(error.reference_id))
        except CrashedError:
            return
        else:
            self.known.add(str(collection.reference_id))
            self._accepted(collection)

    async def collect(
        self, process: Process, run: str, reference_id: str, *, amount: str = "", waits: bool = False
    ) -> None:
        """Collect once under a reference of the caller's, with another amount if one is given, and await the end."""
        self._met["runs beside another"] += self._orders.begin(reference_id, run)
        collection: Collection | None = None
        is_not_run: bool | None = False
        terms = self.terms[reference_id].keywords(amount)
        try:
            collection = await process.clients[run].collect(**terms, reference_id=reference_id)
        except CollectError:
            is_not_run = True
        except ReferenceUsedError as error:
            is_not_run = self._found_used(reference_id, error)
        except (OutcomeUnknownError, CrashedError):
            pass
        finally:
            self._end(reference_id, run, is_not_run=is_not_run)
        if collection is not None:
            self._accepted(collection)
            if waits:
                await self._wait(collection, is_contested=run != JOURNAL and self._is_refused(collection))

    def _end(self, reference_id: str, run: str, *, is_not_run: bool | None) -> None:
        self._orders.end(reference_id, run, is_not_run=is_not_run)
        if self._orders.is_not_run(reference_id):
            self._met["payments that were not run"] += 1
            assert self.status_of(reference_id) is None, "no money moved, it says, and yet it did"

    def _found_used(self, reference_id: str, error: ReferenceUsedError) -> bool | None:
        if _DIFFERENT in str(error):
            return None
        assert not self._orders.has_one_owner(reference_id), "its own payment, and it is called another run's"
        self.used.add(reference_id)
        self._met["payments of another run"] += 1
        return False

    def _accepted(self, collection: Collection) -> None:
        status = self.status_of(str(collection.reference_id))
        assert status is not None
        assert not collection.execution.status.is_final or status == collection.status

    def _is_refused(self, collection: Collection) -> bool:
        """Whether every execution of a run was refused, so that what it found may be another run's."""
        requests = [request for request in self._sandbox.requests_to("collect") if _uses(request, collection)]
        return all((request.fault or f"answer {request.status}").startswith(_REFUSED) for request in requests)

    async def _wait(self, collection: Collection, *, is_contested: bool) -> None:
        reference_id = str(collection.reference_id)
        try:
            await collection.wait(raise_on_action=False)
        except PaymentFailedError:
            assert self.status_of(reference_id) == "FAILED"
        except ReferenceUsedError:
            assert not self._orders.has_one_owner(reference_id), "its own payment, and it is called another run's"
            assert self._paid_by(collection) != reference_id
            self._met["payments of another run"] += 1
        except (DollrError, CrashedError):
            return
        else:
            assert self.status_of(reference_id) == "COMPLETED"
            # What is found after a lost answer is not compared: there another run's payment counts as this run's.
            is_compared = is_contested or self._orders.has_one_owner(reference_id)
            assert not is_compared or self._paid_by(collection) == reference_id, (
                "COMPLETED, and its document is not paid"
            )

    def _paid_by(self, collection: Collection) -> str | None:
        documents = self._sandbox._world.documents[str(collection.source_type)]
        return documents[collection.source_id or 0].paid_by

    async def watch(self, dollr: DollrClient, reference_id: str) -> None:
        """Follow a payment to its end."""
        with suppress(DollrError, CrashedError):
            async for change in dollr.watch(reference_id):
                if change.is_final:
                    assert self.status_of(reference_id) == change.status

    async def watch_many(self, dollr: DollrClient, references: list[str], *, pauses: float) -> None:
        """Follow many payments at once, slowly."""
        left = set(references)
        with suppress(ConfigurationError, CrashedError):
            async for news in dollr.watch_many(references):
                if isinstance(news, StatusChange) and news.is_final:
                    assert self.status_of(str(news.reference_id)) == news.status
                if not isinstance(news, StatusChange) or news.is_final:
                    left.remove(str(news.reference_id))
                await asyncio.sleep(min(pauses, 40.0))
            assert not left, "a payment that reached no final status and was not given up"

    async def _end_of(self, dollr: DollrClient, reference_id: str) -> str:
        """Await the end of a payment, and return it."""
        try:
            return str((await dollr.wait(reference_id, raise_on_action=False)).status)
        except PaymentFailedError:
            return "FAILED"
        except NotFoundError:
            assert self.status_of(reference_id) is None
            return "not there"

    async def reconcile(self, process: Process) -> None:
        """Resume what the journal lists, pay what was not run, and find each movement, now that nothing fails."""
        found: dict[str, str] = {}
        async for payment in process.journaled.unfinished():
            if payment.executed:
                reference_id = str(payment.reference_id)
                found[reference_id] = await self._end_of(process.journaled, reference_id)
        for number, old in enumerate(self._orders.ready):
            await self._pay_anew(process, old, RUNS[number % len(RUNS)])
        for reference_id in self.moved:
            await self._check_found(process, reference_id, found.get(reference_id))

    async def _pay_anew(self, process: Process, old: str, run: str) -> None:
        new = str(uuid4())
        self.start_anew(old, new)
        # With a journal, a document that exists is kept for its payment, which can be tried again.
        await self.collect(process, "plain" if self.terms[old].known else run, new)
        assert self.status_of(new) is not None, "an order that cannot be paid any more"

    async def _check_found(self, process: Process, reference_id: str, found: str | None) -> None:
        end = await self._end_of(process.journaled, reference_id)
        assert end == self.status_of(reference_id)
        assert found in (None, end)
        journaled = await process.journal.read(UUID(reference_id))
        if journaled is None or journaled.outcome == end:
            return
        # A run without the journal paid, and a run with it was refused: each of them is right.
        assert journaled.outcome == REFUSED, "a movement whose outcome the journal does not know"
        assert not self._orders.has_one_owner(reference_id)


def _uses(request: RecordedRequest, collection: Collection) -> bool:
    return isinstance(request.body, dict) and request.body["session_id"] == str(collection.session_id)
