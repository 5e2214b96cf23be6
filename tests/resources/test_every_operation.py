"""Every operation: what it sends, what it returns, and that each operation has its method."""

from __future__ import annotations

import ast
import inspect
import json
import re
import runpy
import textwrap
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from dollr_async import (
    InvalidInputError,
    InvalidRequestError,
    LineItemChanges,
    NewCheckout,
    NewCheckoutSession,
    NewCounterparty,
    NewInvoice,
    NewPayout,
    NewPayoutSession,
    NewRefund,
    NewRefundSession,
    NewTransfer,
    NotFoundError,
    OrderChanges,
    Passcode,
)
from dollr_async.resources.base import Resource
from dollr_async.sandbox.api.operations import OPERATIONS, PREFIX
from tests.resources.cases import CASES, WireCase, Wired, money, shapes
from tests.resources.cases.case import answered

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from dollr_async.wire.answers import RawAnswer
    from tests.contract import Contract

_DOCS = Path(__file__).parents[2] / "docs"
# It calls one of the other status operations by its kind, and is not an operation itself.
_NOT_OPERATIONS = {"status.of"}
_MOST_LINES = 3
_NAIVE = datetime(2026, 7, 1)  # noqa: DTZ001 - naive on purpose
_REFERENCE = shapes.REFERENCE


@pytest.mark.parametrize("case", CASES, ids=[case.operation for case in CASES])
async def test_an_operation_sends_and_returns_what_the_contract_says(case: WireCase, contract: Contract) -> None:
    answer = answered(case.answer)
    wired = Wired(answer)
    value = await case.call(wired)
    assert value == case.value
    assert repr(value) == repr(case.value), "equal, but with other types"
    sent = wired.transport.sent[-1]
    assert (sent.method, sent.path, sent.query) == (case.method, case.path, case.query)
    assert _body(sent.content) == case.body
    contract.check_request(sent.method, sent.path, query=sent.query, headers=sent.headers, content=sent.content)
    contract.check_answer(sent.method, sent.path, status=200, content=answer.content, content_type="application/json")
    await wired.session.close()


def _body(content: bytes) -> object:
    return json.loads(content, parse_float=Decimal) if content else None


def test_the_contract_the_cases_the_methods_the_sandbox_and_the_page_have_the_same_operations(
    contract: Contract,
) -> None:
    generated = runpy.run_path(str(_DOCS / "generate_api.py"))
    routes = {_anonymous(route) for route in contract.operations.values()}
    assert len(routes) == 59
    assert {case.operation for case in CASES} == contract.operations.keys()
    assert len(CASES) == 59
    assert {case.name for case in CASES} - {"session.token"} == set(_methods()) - _NOT_OPERATIONS
    assert {(operation.id, operation.method, PREFIX + operation.path) for operation in OPERATIONS} == {
        (name, *route) for name, route in contract.operations.items()
    }
    assert {_anonymous((row.method, row.route)) for row in generated["rows"]()} == routes
    assert {row.name.strip("`") for row in generated["rows"]()} >= {case.name for case in CASES} - {"session.token"}


def test_the_page_of_operations_is_current() -> None:
    generated = runpy.run_path(str(_DOCS / "generate_api.py"))
    assert (_DOCS / "api.md").read_text() == generated["page"](), "run python3 docs/generate_api.py"


def test_a_method_of_an_operation_has_at_most_three_lines() -> None:
    long = {name: lines for name, call in _methods().items() if (lines := _lines_of_body(call)) > _MOST_LINES}
    assert not long


def _anonymous(route: tuple[str, str]) -> tuple[str, str]:
    return route[0], re.sub(r"\{\w+\}", "{}", route[1])


def _methods() -> dict[str, Callable[..., object]]:
    return {
        f"{name}.{method}": call
        for name, group in vars(Wired(answered({}))).items()
        if isinstance(group, Resource)
        for method, call in inspect.getmembers(type(group), inspect.iscoroutinefunction)
        if not method.startswith("_")
    }


def _lines_of_body(call: Callable[..., object]) -> int:
    function = ast.parse(textwrap.dedent(inspect.getsource(call))).body[0]
    assert isinstance(function, ast.AsyncFunctionDef)
    body = function.body[1:]  # without the docstring, which each one has
    return (body[-1].end_lineno or 0) - body[0].lineno + 1


_REFUSALS = [
    answered({"detail": "gone"}, 404),
    answered({"detail": [{"loc": ["path"], "msg": "no", "type": "x"}]}, 422),
]
_GONE = {**shapes.INVOICE_DETAIL, "status": "IDLE", "invoice_items": []}
_CANCELED = {**shapes.INVOICE_DETAIL, "status": "CANCELED"}


@pytest.mark.parametrize("refusal", _REFUSALS, ids=["404", "422"])
@pytest.mark.parametrize(
    ("state", "call"),
    [
        (shapes.INVOICE_DETAIL, lambda api: api.invoices.publish(501)),
        (_CANCELED, lambda api: api.invoices.cancel(501)),
        (_GONE, lambda api: api.invoices.remove_item(501, 12)),
        (shapes.INVOICE_DETAIL, lambda api: api.invoices.remove_item(501, "13")),
    ],
    ids=["publish", "cancel", "remove_the_last_item", "remove_an_item"],
)
async def test_a_change_that_arrived_twice_is_a_success(
    state: object, call: Callable[[Wired], Awaitable[object]], refusal: RawAnswer
) -> None:
    wired = Wired(refusal, answered(state))
    await call(wired)
    assert [sent.path for sent in wired.requests][1:] == ["/v1/invoices/retrieve/501"]
    await wired.session.close()


_NO_LINES_SHOWN = {**shapes.INVOICE_DETAIL, "status": "ACTIVE", "invoice_items": []}


@pytest.mark.parametrize("refusal", _REFUSALS, ids=["404", "422"])
@pytest.mark.parametrize(
    ("read", "call"),
    [
        (answered(_GONE), lambda api: api.invoices.publish(501)),
        (answered(shapes.INVOICE_DETAIL), lambda api: api.invoices.cancel(501)),
        (answered(shapes.INVOICE_DETAIL), lambda api: api.invoices.remove_item(501, "12")),
        (answered(_NO_LINES_SHOWN), lambda api: api.invoices.remove_item(501, 12)),
        (answered({"detail": "no such invoice"}, 404), lambda api: api.invoices.remove_item(501, 12)),
        (answered({"detail": "no such invoice"}, 404), lambda api: api.invoices.cancel(501)),
        (answered({"detail": "down"}, 503), lambda api: api.invoices.publish(501)),
    ],
    ids=["publish", "cancel", "remove", "remove_unshown", "remove_unknown", "cancel_unknown", "publish_unread"],
)
async def test_a_refused_change_that_was_not_made_stays_refused(
    read: RawAnswer, call: Callable[[Wired], Awaitable[object]], refusal: RawAnswer
) -> None:
    wired = Wired(refusal, read)
    with pytest.raises((NotFoundError, InvalidRequestError)) as caught:
        await call(wired)
    assert caught.value.status == refusal.status
    assert caught.value.method != "GET"
    await wired.session.close()


_SECRETS = ("4711", "pi_1_secret_2", "aaa.bbb.ccc", "231880001122", "not-a-real-secret")


@pytest.mark.parametrize("shown", [money.PASSCODE, money.PASSCODE.token, *(case.value for case in money.CASES)])
def test_a_secret_is_never_shown(shown: object) -> None:
    assert not [secret for secret in _SECRETS if secret in repr(shown) or secret in str(shown)]


_PASSCODE: Any = {"token": {"code": "4711"}, "device": {}}


@pytest.mark.parametrize(
    ("make", "shown"),
    [
        (lambda: NewCounterparty(party_id=0), "is not an id"),
        (lambda: NewCounterparty(party_id=1, relationship_type=" "), "CUSTOMER"),
        (lambda: NewCheckoutSession(source_id=1, source_type=cast("Any", 5)), "INVOICE"),
        (lambda: NewPayoutSession(payout_account_id=1, amount=cast("Any", 1.5), currency="USD"), "float"),
        (
            lambda: NewRefundSession(original_payment_intent_id=1, amount=1, expires_at=cast("Any", None)),
            "timezone-aware",
        ),
        (lambda: NewRefundSession(original_payment_intent_id=1, amount=1, expires_at=_NAIVE), "no time zone"),
        (lambda: NewPayout(session_id=1, payout_account_id=1, reference_id=_REFERENCE, passcode=_PASSCODE), "Device"),
        (lambda: NewTransfer(session_id="x", reference_id=_REFERENCE), "is not an id"),
        (lambda: NewRefund(session_id=1, reference_id="refund-7"), "uuid4"),
        (lambda: NewCheckout(party_phone="231880001122", currency="USD", items=[]), "at least one"),
        (lambda: NewCheckout(party_phone="231880001122", currency="USD", items=cast("Any", 5)), "items"),
        (lambda: Passcode(""), "code"),
        (lambda: Passcode("4711", phone="0880001122"), "international"),
        (lambda: LineItemChanges(amount=cast("Any", 1.5)), "Decimal"),
        (lambda: LineItemChanges(qty=0), "qty"),
        (lambda: OrderChanges(note=cast("Any", 5)), "note"),
        (lambda: NewInvoice(counterparty_id=1, currency="US"), "three letters"),
        (lambda: NewInvoice(counterparty_id=1, currency="USD", as_payment_link=cast("Any", 1)), "True or False"),
    ],
)
def test_an_invalid_field_is_refused_when_the_body_is_made(make: Callable[[], object], shown: str) -> None:
    with pytest.raises(InvalidInputError, match=shown) as caught:
        make()
    assert "4711" not in str(caught.value)


@pytest.mark.parametrize(
    "call",
    [
        lambda api: api.invoices.list(currency="dollars"),
        lambda api: api.parties.retrieve(".."),
        lambda api: api.orders.retrieve_by_number(""),
        lambda api: api.status.source("ORDER", "x"),
        lambda api: api.fees.merchant_tier(owner_type="", owner_id=9),
        lambda api: api.predictions.mmo_provider_info(phone="0770"),
    ],
)
async def test_an_invalid_argument_is_refused_before_anything_is_sent(
    call: Callable[[Wired], Awaitable[object]],
) -> None:
    wired = Wired(answered({}))
    with pytest.raises(InvalidInputError):
        await call(wired)
    assert not wired.transport.sent
