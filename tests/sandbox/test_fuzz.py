"""Any request gets an answer that the contract allows; none makes the sandbox fail."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import attrs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dollr_async.sandbox.api.dispatch import Api, ApiRequest
from dollr_async.sandbox.api.operations import OPERATIONS, PREFIX, Operation
from dollr_async.sandbox.quirks import Quirks
from dollr_async.sandbox.world.clock import SandboxClock
from dollr_async.sandbox.world.realtime_keys import RealtimeKeys
from dollr_async.sandbox.world.tokens import Tokens
from dollr_async.sandbox.world.world import World
from tests.contract import the_contract

if TYPE_CHECKING:
    from collections.abc import Mapping

_WORDS = [
    "USD",
    "RWF",
    "231880001122",
    "INVOICE",
    "ORDER",
    "PAYER",
    "CUSTOMER",
    "MTN_MOMO_LBR",
    "PAWAPAY",
    "COLLECTION",
]
_TEXTS = st.sampled_from([*_WORDS, "1", "100001", "2099-01-01T00:00:00Z", "1b671a64-40d5-491e-99b0-da01ff1f3341"])
_SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
_VALUES = st.recursive(
    _SCALARS | st.text() | _TEXTS | st.sampled_from([1, 4, 100001, 200001, 300001, 600001]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)


def _bodies(operation: Operation) -> st.SearchStrategy[Any]:
    if operation.body is None:
        return st.none()
    return _VALUES | st.fixed_dictionaries({}, optional={field.name: _VALUES for field in attrs.fields(operation.body)})


def _queries(operation: Operation) -> st.SearchStrategy[Mapping[str, str]]:
    names = [field.name for field in attrs.fields(operation.query)] if operation.query else []
    return st.fixed_dictionaries({}, optional={name: st.text() | _TEXTS for name in names})


@settings(max_examples=150, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(operation=st.sampled_from(OPERATIONS), data=st.data())
def test_every_request_gets_an_answer_that_the_contract_allows(operation: Operation, data: st.DataObject) -> None:
    clock = SandboxClock()
    tokens = Tokens(clock, "id", "secret", 60)
    keys = RealtimeKeys(clock, tokens, 300)
    api = Api(World(clock=clock, quirks=Quirks(), tokens=tokens, realtime_keys=keys))
    credentials = {"client_id": "id", "client_secret": "secret"}
    token = json.loads(_send(api, "POST", "/v1/jwt/client/obtain/token", credentials, {}, None)[1])["access_token"]
    for path, body in _SETUP:
        assert _send(api, "POST", path, body, {"operation_type": "COLLECTION"}, token)[0] == 200
    path = PREFIX + operation.path
    for name in ("id", "invoice_id", "order_id", "invoice_number", "order_number", "reference_id"):
        part = data.draw(st.sampled_from(["1", "300001", "x"]) | st.text(min_size=1), label=name)
        path = path.replace(f"{{{name}}}", quote(part, safe=""))
    body = data.draw(_bodies(operation), label="body")
    query = data.draw(_queries(operation), label="query")
    status, content = _send(api, operation.method, path, body, query, token)
    method, template = the_contract().operations[operation.id]
    assert f"{status}" in the_contract().document["paths"][template][method.lower()]["responses"], content


_SETUP: list[tuple[str, dict[str, object]]] = [
    ("/v1/parties/create", {"fullname": "Fatu", "phone": "231880001122"}),
    ("/v1/counterparties/create", {"relationship_type": "CUSTOMER", "party_id": 100001}),
    (
        "/v1/checkouts/create",
        {
            "mode": "DIRECT",
            "source_kind": "INVOICE",
            "party_phone": "231880001122",
            "currency": "USD",
            "items": [{"name": "Panel", "currency": "USD", "amount": 5}],
        },
    ),
    (
        "/v1/payment-accounts/create",
        {
            "account_name": "Fatu",
            "provider": "PAWAPAY",
            "method": "MTN_MOMO_LBR",
            "party_id": 100001,
            "insensitive_account_number": "231880001122",
        },
    ),
]


def _send(
    api: Api, method: str, path: str, body: object, query: Mapping[str, str], token: str | None
) -> tuple[int, bytes]:
    match = api.match(method, path)
    used = query if match.operation and match.operation.query else {}
    request = ApiRequest(
        match=match,
        query=used,
        authorization=f"Bearer {token}",
        content_type="application/json",
        content=b"" if body is None else json.dumps(body).encode(),
    )
    answer = api.answer(request)
    return answer.status, answer.body
