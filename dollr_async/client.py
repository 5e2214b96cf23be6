"""`DollrClient`: where everything is put together."""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING, Self

from dollr_async import fields
from dollr_async.caller import HttpCaller
from dollr_async.clock import LoopClock
from dollr_async.collect import Chain
from dollr_async.enums import ExecutionKind, FeeBearer, SourceType
from dollr_async.errors import ConfigurationError, InvalidInputError
from dollr_async.flows import run
from dollr_async.payments import Collection, final_execution
from dollr_async.polling import PollPolicy
from dollr_async.resources.groups import Groups
from dollr_async.retry import RetryPolicy
from dollr_async.session import SessionManager
from dollr_async.steps import Steps
from dollr_async.terms import MobileMoney, Terms
from dollr_async.transport import Transport
from dollr_async.watching import Watch, Watcher

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from types import TracebackType

    import aiohttp

    from dollr_async.enums import CheckoutMode
    from dollr_async.resources.executions import Execution
    from dollr_async.terms import Card, KnownPayer, LineItem, Payer, SavedAccount

DEFAULT_BASE_URL = "https://api.heydollr.app"
_RETRY = RetryPolicy()
_POLLING = PollPolicy()


class DollrClient(Groups):
    """A client of the Dollr API for one event loop.

    It can be made without a running loop and opens at first use. Close it with `async with` or `await close()`.
    The API's operations are methods of its groups: `parties`, `invoices`, `executions`, and so on.

    Args:
        client_id: from the portal; by default the environment's DOLLR_CLIENT_ID.
        client_secret: from the portal; by default the environment's DOLLR_CLIENT_SECRET.
        base_url: by default the environment's DOLLR_BASE_URL, else the API's own address. It must be https, except on
            loopback.
        session: an aiohttp session of yours, used as it is (proxy, traces and middlewares apply) and never closed.
        timeout: seconds for one request, from the wait for a connection to the last byte of its answer.
        retry: how often and how patiently a request is sent again.
        polling: how a payment is followed.

    Raises:
        ConfigurationError: a credential is missing, or the base URL is not https.
        InvalidInputError: a number is out of its range.
    """

    def __init__(
        self,
        client_id: str | None = None,
        client_secret: str | None = None,
        *,
        base_url: str | None = None,
        session: aiohttp.ClientSession | None = None,
        timeout: float = 30.0,
        retry: RetryPolicy = _RETRY,
        polling: PollPolicy = _POLLING,
    ) -> None:
        """Keep the settings."""
        self._retry = retry
        self._polling = polling
        if self._retry.recovery <= self._polling.not_found_grace:
            sentence = (
                f"RetryPolicy.recovery ({self._retry.recovery:g} s) must exceed PollPolicy.not_found_grace "
                f"({self._polling.not_found_grace:g} s): a payment cannot be given up before it may be missing"
            )
            raise InvalidInputError(sentence)
        self._clock = LoopClock()
        transport = Transport(
            base_url or os.environ.get("DOLLR_BASE_URL") or DEFAULT_BASE_URL,
            timeout=fields.seconds("timeout", timeout),
            session=session,
        )
        self._session = SessionManager(
            transport,
            client_id=_credential(client_id, "client_id"),
            client_secret=fields.Secret(_credential(client_secret, "client_secret")),
            retry=self._retry,
            clock=self._clock,
        )
        super().__init__(HttpCaller(self._session, retry=self._retry, clock=self._clock))
        self._watcher = Watcher(self.status, policy=self._polling, clock=self._clock)

    async def __aenter__(self) -> Self:
        """Return the client; it opens at its first request."""
        self._session.check_open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the client."""
        await self.close()

    async def close(self) -> None:
        """End the background work and close the connections; closing twice is fine.

        Raises:
            ConfigurationError: the client was opened in another event loop, which is still running.
        """
        await self._session.close()

    async def collect(
        self,
        *,
        payer: Payer | KnownPayer,
        items: Sequence[LineItem],
        currency: str,
        pay_with: MobileMoney | Card | SavedAccount | None = None,
        source_type: SourceType = SourceType.INVOICE,
        direct: bool = False,
        mode: CheckoutMode | str | None = None,
        payer_currency: str | None = None,
        fee_bearer: FeeBearer = FeeBearer.PAYER,
        note: str | None = None,
        due_date: datetime | None = None,
        document_reference: str | None = None,
        reference_id: uuid.UUID | str | None = None,
    ) -> Collection:
        """Collect money: make the document, publish it, and execute a session for it.

        Returns once the API has accepted the execution; follow the handle to its end.

        Args:
            payer: who pays: `Payer(fullname, phone)`, or `KnownPayer(counterparty_id)`.
            items: what is paid for; amounts are in major units of `currency`, as `Decimal`.
            currency: what is billed in, three letters.
            pay_with: `MobileMoney()` (the default: the payer's own phone), `Card(account_name)` or `SavedAccount(id)`.
            source_type: the kind of document, an invoice or an order.
            direct: make payer, document and lines in one call instead of one by one.
            mode: the mode of that one call; DIRECT unless given.
            payer_currency: what the payer is charged in, when it is not `currency`; the document's quote decides.
            fee_bearer: who pays the fees.
            note: text on the document; by default the names of the items.
            due_date: an aware time on the invoice.
            document_reference: your own text on the document; by default the payment's reference.
            reference_id: the payment's key, a version-4 UUID. Make and store one before you call, and a repeat can
                never charge twice; when absent, one is made.

        Raises:
            InvalidInputError: an argument was refused; nothing was sent.
            ConfigurationError: the client is closed, or belongs to another event loop.
            ReferenceUsedError: the reference names a payment already; nothing was published.
            CollectError: a step failed, and no money moved.
            OutcomeUnknownError: the execution was sent, and its fate could not be learned in time.
            DecodeError: the execution was accepted, in a shape that is not the documented one.
        """
        terms = Terms(
            payer=payer,
            items=items,
            currency=currency,
            pay_with=pay_with if pay_with is not None else MobileMoney(),
            source_type=source_type,
            direct=direct,
            mode=mode,
            payer_currency=payer_currency if payer_currency is not None else currency,
            fee_bearer=fee_bearer,
            note=note,
            due_date=due_date,
            document_reference=document_reference,
            reference_id=uuid.uuid4() if reference_id is None else reference_id,
            is_own_reference=reference_id is None,
        )
        self._session.check_open()
        steps = Steps(terms.reference_id, self._clock)
        execution = await run(
            Chain(self, terms, steps, self._clock),
            steps,
            is_own_reference=terms.is_own_reference,
            retry=self._retry,
            grace=self._polling.not_found_grace,
            clock=self._clock,
        )
        return Collection(
            execution,
            progress=steps.progress,
            api=self,
            watcher=self._watcher,
            polling=self._polling,
            clock=self._clock,
        )

    def watch(
        self,
        reference_id: uuid.UUID | str,
        kind: ExecutionKind | str = ExecutionKind.COLLECTION,
        *,
        policy: PollPolicy | None = None,
        began_at: datetime | None = None,
    ) -> Watch:
        """Return an async iterator over the changes of a payment, from its reference alone.

        Args:
            reference_id: the payment's key.
            kind: the direction of the money.
            policy: how to follow this one; by default the client's.
            began_at: when the payment began (aware), so that an old one is asked rarely; it changes nothing else.

        Raises:
            InvalidInputError: the reference is not a version-4 UUID, the kind is unknown, or the time has no zone.
        """
        return self._watcher.watch(
            fields.reference(reference_id),
            fields.word(ExecutionKind, kind),
            policy=policy,
            began_at=fields.aware(began_at),
        )

    async def wait(
        self,
        reference_id: uuid.UUID | str,
        kind: ExecutionKind | str = ExecutionKind.COLLECTION,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - the face is fixed, and running out of time is an error of ours
        policy: PollPolicy | None = None,
        began_at: datetime | None = None,
        raise_on_action: bool = True,
    ) -> Execution:
        """Follow a payment to its end, from its reference alone, and return the COMPLETED execution.

        Takes what `watch` takes, and `timeout` in seconds (None means the policy's).

        Raises:
            PaymentFailedError: it ended in FAILED.
            ActionRequiredError: its payer has to confirm a card, unless `raise_on_action` is False.
            PollTimeoutError: it was not final in time, which says nothing against it.
        """
        watch = self.watch(reference_id, kind, policy=policy, began_at=began_at)
        return await final_execution(watch.within(timeout), raise_on_action=raise_on_action)


def _credential(given: str | None, name: str) -> str:
    variable = f"DOLLR_{name.upper()}"
    value = given if given is not None else os.environ.get(variable, "")
    if not isinstance(value, str) or not value.strip():
        message = f"{name} is missing: pass DollrClient({name}=...), or set the environment variable {variable}"
        raise ConfigurationError(message)
    return value
