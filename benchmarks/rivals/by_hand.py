"""What a careful user would write by hand on top of any HTTP library: it checks for errors, and for nothing else."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any, Protocol

from benchmarks.harness.stub_answers import REFERENCE

if TYPE_CHECKING:
    from collections.abc import Mapping

CREDENTIALS = {"client_id": "client", "client_secret": "secret"}
TOKEN_PATH = "jwt/client/obtain/token"  # noqa: S105 - a path
REFRESH_BEFORE = 300.0
PHONE = "231880001122"
NAME = "Fatu Kollie"
OPERATOR = "predictions/mmo-provider-info"
CUSTOMER = {"relationship_type": "CUSTOMER"}
COLLECTION = {"operation_type": "COLLECTION"}
LINE = {"name": "Panel", "currency": "USD", "amount": 120.5}


class ApiError(Exception):
    """The API refused a call."""

    def __init__(self, status: int, content: bytes) -> None:
        """Keep the status."""
        super().__init__(f"{status}: {content.decode(errors='replace')}")
        self.status = status


class Call(Protocol):
    """One call of the API: JSON in, JSON out, with a cached token."""

    async def __call__(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: object = None
    ) -> Any:  # noqa: ANN401 - JSON
        """Make the call."""
        ...


class ByHand:
    """The measured work by hand, one step after the other."""

    def __init__(self, call: Call) -> None:
        """Work with these calls."""
        self._call = call

    async def status(self) -> None:
        """Check a payment's status."""
        await self._call("GET", f"status/collection/{REFERENCE}")

    async def party(self) -> None:
        """Create a party."""
        await self._call("POST", "parties/create", body={"fullname": NAME, "phone": PHONE, "country_code": "LR"})

    async def direct(self) -> None:
        """Collect by one checkout."""
        reference = str(uuid.uuid4())
        checkout = await self._checkout(reference)
        account = await self._account(checkout["party_id"], await self._operator())
        await self._execute(reference, await self._session(checkout["source_id"]), account)

    async def document_first(self) -> None:
        """Collect for an invoice, step by step."""
        reference = str(uuid.uuid4())
        party = await self._party()
        invoice = await self._invoice(reference, party)
        account = await self._account(party, await self._operator())
        await self._execute(reference, await self._session(invoice), account)

    async def _party(self) -> int:
        body = {"fullname": NAME, "phone": PHONE, "country_code": "LR"}
        return int((await self._call("POST", "parties/create", body=body))["id"])

    async def _operator(self) -> dict[str, Any]:
        found: dict[str, Any] = await self._call("GET", OPERATOR, query={"phone": PHONE, **COLLECTION})
        return found

    async def _invoice(self, reference: str, party: int) -> int:
        counterparty = await self._call("POST", "counterparties/create", body={"party_id": party, **CUSTOMER})
        invoice = await self._call(
            "POST",
            "invoices/create",
            body={
                "counterparty_id": counterparty["id"],
                "currency": "USD",
                "note": "Panel",
                "fee_bearer": "PAYER",
                "as_payment_link": False,
                "reference_id": reference,
            },
        )
        await self._call("POST", f"invoices/{invoice['id']}/items/add", body={**LINE, "qty": 1})
        return int((await self._call("PUT", f"invoices/publish/{invoice['id']}"))["id"])

    async def _checkout(self, reference: str) -> dict[str, Any]:
        made: dict[str, Any] = await self._call(
            "POST",
            "checkouts/create",
            body={
                "party_phone": PHONE,
                "party_name": NAME,
                "currency": "USD",
                "items": [LINE],
                "mode": "DIRECT",
                "source_kind": "INVOICE",
                "reference_id": reference,
            },
        )
        return made

    async def _account(self, party: int, operator: dict[str, Any]) -> int:
        body = {
            "account_name": NAME,
            "provider": operator["gateway_provider"],
            "method": operator["payment_method"],
            "party_id": party,
            "country_code": "LR",
            "insensitive_account_number": PHONE,
        }
        return int((await self._call("POST", "payment-accounts/create", query=COLLECTION, body=body))["id"])

    async def _session(self, source: int) -> int:
        body = {"source_id": source, "source_type": "INVOICE"}
        return int((await self._call("POST", "sessions/checkout", body=body))["id"])

    async def _execute(self, reference: str, session: int, account: int) -> None:
        execution = await self._call(
            "POST",
            "executions/collection",
            body={
                "session_id": str(session),
                "payment_account_id": str(account),
                "currency": "USD",
                "reference_id": reference,
            },
        )
        if execution["status"] == "FAILED":
            raise ApiError(200, b"the payment failed")


class ConcurrentByHand(ByHand):
    """The same, with independent steps run concurrently, as the library does it."""

    async def direct(self) -> None:
        """Collect by one checkout."""
        reference = str(uuid.uuid4())
        async with asyncio.TaskGroup() as group:
            operator = group.create_task(self._operator())
            checkout = await self._checkout(reference)
            session = group.create_task(self._session(checkout["source_id"]))
            account = await self._account(checkout["party_id"], await operator)
        await self._execute(reference, session.result(), account)

    async def document_first(self) -> None:
        """Collect for an invoice, step by step."""
        reference = str(uuid.uuid4())
        async with asyncio.TaskGroup() as group:
            operator = group.create_task(self._operator())
            party = await self._party()
            account = group.create_task(self._account_of(party, operator))
            session = await self._session(await self._invoice(reference, party))
        await self._execute(reference, session, account.result())

    async def _account_of(self, party: int, operator: asyncio.Task[dict[str, Any]]) -> int:
        return await self._account(party, await operator)
