"""A merchant that calls the sandbox by bare HTTP; every answer is checked against the contract."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import attrs
import msgspec

if TYPE_CHECKING:
    import aiohttp

    from dollr_async.sandbox import Sandbox
    from tests.contract import Contract

APPROVED = "231880000001"
ORDINARY = "231880001122"
DEVICE = {"name": "till", "type": "SERVER", "platform": "LINUX", "user_agent": "tests", "client_ip": "127.0.0.1"}
LONG_FROM_NOW = "2099-01-01T00:00:00Z"

# Ids, references, times and tokens; to check every one of them would take most of these tests' time.
_VARYING = re.compile(rb"\b(\d{6}\b|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|20\d\d-\d\d-\d\dT[\d:.]+Z|eyJ[\w.-]+)")
_CHECKED: set[object] = set()
_json = msgspec.json.Encoder(decimal_format="number")

Body = dict[str, Any]  # JSON, whose depths only a test knows


@attrs.frozen(kw_only=True)
class Reply:
    """An answer of the sandbox; `body` is parsed JSON with exact numbers."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = attrs.field(factory=dict)

    @property
    def errors(self) -> dict[tuple[object, ...], str]:
        """The fields that a validation answer reports, each with its error type."""
        detail = self.body.get("detail")
        return {tuple(one["loc"]): one["type"] for one in detail} if isinstance(detail, list) else {}


class Merchant:
    """Calls operations by method and path, with helpers for the usual flows."""

    def __init__(self, sandbox: Sandbox, http: aiohttp.ClientSession, contract: Contract) -> None:
        self.sandbox = sandbox
        self.http = http
        self._contract = contract
        self.token: str | None = None
        self.checks_answers = True

    async def call(self, method: str, path: str, body: object = None, **query: object) -> Reply:
        content = b"" if body is None else _json.encode(body)
        return await self.send(method, path, content, {name: str(value) for name, value in query.items()})

    async def send(self, method: str, path: str, content: bytes, query: dict[str, str], **headers: str) -> Reply:
        path = path if path.startswith("/") else f"/v1/{path}"
        named = {"Content-Type": "application/json", **headers}
        if self.token is not None:
            named.setdefault("Authorization", f"Bearer {self.token}")
        async with self.http.request(
            method, self.sandbox.url + path, params=query, data=content, headers=named, allow_redirects=False
        ) as response:
            raw = await response.read()
            status, content_type = response.status, response.headers.get("Content-Type", "")
        if self.checks_answers and status not in {204, 405, 503}:
            self._check(response.method, path, status, raw, content_type)
            if status == 200:
                self._contract.check_request(method, path, query=query, headers=named, content=content)
        parsed = json.loads(raw, parse_float=Decimal) if raw and "json" in content_type else raw
        return Reply(status=status, body=parsed, headers=response.headers)

    def _check(self, method: str, path: str, status: int, content: bytes, content_type: str) -> None:
        """Check an answer against the contract, unless one that differs only in ids, times and tokens has passed."""
        alike = (method, _VARYING.sub(b"", path.encode()), status, _VARYING.sub(b"", content))
        if alike not in _CHECKED:
            self._contract.check_answer(method, path, status=status, content=content, content_type=content_type)
            _CHECKED.add(alike)

    async def get(self, path: str, **query: object) -> Reply:
        return await self.call("GET", path, **query)

    async def post(self, path: str, body: Body, **query: object) -> Reply:
        return await self.call("POST", path, body, **query)

    async def put(self, path: str, body: Body | None = None) -> Reply:
        return await self.call("PUT", path, body)

    async def delete(self, path: str) -> Reply:
        return await self.call("DELETE", path)

    async def log_in_reply(self) -> Reply:
        credentials = {"client_id": self.sandbox.client_id, "client_secret": self.sandbox.client_secret}
        return await self.post("jwt/client/obtain/token", credentials)

    async def log_in(self) -> Reply:
        reply = await self.log_in_reply()
        self.token = reply.body["access_token"]
        return reply

    async def create(self, path: str, body: Body, **query: object) -> Body:
        reply = await self.post(path, body, **query)
        assert reply.status == 200, reply.body
        made: Body = reply.body
        return made

    async def counterparty(self, phone: str = ORDINARY) -> Body:
        party = await self.create("parties/create", {"fullname": "Fatu Kollie", "phone": phone})
        return await self.create("counterparties/create", {"relationship_type": "CUSTOMER", "party_id": party["id"]})

    async def draft(self, kind: str = "invoice", phone: str = ORDINARY, **changes: object) -> Body:
        body = {"currency": "USD", "note": "", "fee_bearer": "PAYER", "as_payment_link": False, **changes}
        if "counterparty_id" not in body:
            body["counterparty_id"] = (await self.counterparty(phone))["id"]
        return await self.create(f"{kind}s/create", body)

    async def published(
        self, kind: str = "invoice", phone: str = ORDINARY, amount: object = Decimal("250.00"), **changes: object
    ) -> Body:
        document = await self.draft(kind, phone, **changes)
        line = {"name": "Solar kit", "currency": document["currency"], "qty": 1, "amount": amount}
        await self.create(f"{kind}s/{document['id']}/items/add", line)
        reply = await self.put(f"{kind}s/publish/{document['id']}")
        assert reply.body["status"] == "ACTIVE"
        published: Body = reply.body
        return published

    async def account(self, party_id: int, operation: str = "COLLECTION", **changes: object) -> Body:
        phone = (await self.get(f"parties/retrieve/{party_id}")).body["phone"]
        method = {"231880": "MTN_MOMO_LBR", "231770": "ORANGE_MONEY_LBR", "250780": "MTN_MOMO_RWA"}[phone[:6]]
        usual = {"account_name": "Fatu Kollie", "provider": "PAWAPAY", "method": method}
        body = {**usual, "party_id": party_id, "insensitive_account_number": phone, **changes}
        return await self.create("payment-accounts/create", body, operation_type=operation)

    async def collection_body(self, kind: str = "invoice", phone: str = ORDINARY, **terms: Any) -> Body:  # noqa: ANN401 - JSON
        """Return the body of an execution that would collect for a new published document."""
        account_terms = terms.pop("account", {})
        currency = terms.pop("pay_in", terms.get("currency", "USD"))
        document = await self.published(kind, phone, **terms)
        counterparty = (await self.get(f"counterparties/retrieve/{document['counterparty_id']}")).body
        account = await self.account(counterparty["party"]["id"], **account_terms)
        session = await self.checkout_session(document, kind.upper())
        return _collection(session, account, currency)

    async def checkout_session(self, document: Body, source_type: str = "INVOICE") -> Body:
        return await self.create("sessions/checkout", {"source_id": document["id"], "source_type": source_type})

    async def collect(self, kind: str = "invoice", phone: str = ORDINARY, **terms: Any) -> Body:  # noqa: ANN401 - JSON
        """Return the answer of an execution for a new document."""
        return await self.create("executions/collection", await self.collection_body(kind, phone, **terms))

    async def collected(self, kind: str = "invoice", phone: str = ORDINARY, **terms: Any) -> Body:  # noqa: ANN401 - JSON
        """Collect for a new document and let it settle."""
        payment = await self.collect(kind, phone, **terms)
        self.sandbox.advance(600)
        return (await self.status(payment["reference_id"])).body  # type: ignore[no-any-return]  # JSON

    async def status(self, reference_id: object, kind: str = "collection") -> Reply:
        return await self.get(f"status/{kind}/{reference_id}")

    async def payout_body(self, phone: str = ORDINARY, **session_terms: object) -> Body:
        counterparty = await self.counterparty(phone)
        party_id = (await self.get(f"counterparties/retrieve/{counterparty['id']}")).body["party"]["id"]
        account = await self.account(party_id, "PAYOUT")
        terms = {"payout_account_id": account["id"], "amount": 40, "currency": "USD", **session_terms}
        session = await self.create("sessions/payout", terms)
        return {
            "session_id": str(session["id"]),
            "payout_account_id": str(account["id"]),
            "reference_id": str(uuid4()),
            "passcode": {"token": {"code": "0000", "phone": "231770009988"}, "device": DEVICE},
        }

    async def transfer_body(self, **session_terms: object) -> Body:
        counterparty = await self.counterparty()
        usual = {"from_wallet_id": 4, "amount": 15, "currency": "USD", "expires_at": LONG_FROM_NOW}
        terms = {**usual, "to_counterparty_id": counterparty["id"], **session_terms}
        return _execution(await self.create("sessions/transfer", terms))

    async def refund_body(self, payment: Body, amount: object, **session_terms: object) -> Body:
        terms = {"original_payment_intent_id": payment["payment_intent_id"], "amount": amount, **session_terms}
        return _execution(await self.create("sessions/refund", {"expires_at": LONG_FROM_NOW, **terms}))


def _collection(session: Body, account: Body, currency: str) -> Body:
    return {**_execution(session), "payment_account_id": str(account["id"]), "currency": currency}


def _execution(session: Body) -> Body:
    return {"session_id": str(session["id"]), "reference_id": str(uuid4())}
