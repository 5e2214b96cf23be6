"""Every field of every request is checked, and all problems are reported at once, in the API's own form."""

from __future__ import annotations

import copy
import re
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.contract import the_contract

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.sandbox.merchant import Body, Merchant

DOCUMENT = the_contract().document
SCHEMAS = DOCUMENT["components"]["schemas"]
_WRONG_VALUES = {"string": 5, "integer": "5", "number": "1.0", "boolean": "yes", "object": 5, "array": 5}


def _operations(part: str) -> list[str]:
    return [name for name, (method, path) in the_contract().operations.items() if part in _declared(method, path)]


def _declared(method: str, path: str) -> Body:
    declared: Body = DOCUMENT["paths"][path][method.lower()]
    return declared


def _with_body() -> list[str]:
    return _operations("requestBody")


def _example(name: str) -> tuple[str, str, Body, Body]:
    """Return method, path, body and query of a request that the contract's own example makes."""
    method, path = the_contract().operations[name]
    declared = _declared(method, path)
    content = declared.get("requestBody", {}).get("content", {}).get("application/json", {})
    query = {"operation_type": "COLLECTION"} if name == "create_payment_account" else {}
    return method, re.sub(r"\{\w+\}", "1", path), copy.deepcopy(content.get("example", {})), query


def _schema(name: str) -> Body:
    method, path = the_contract().operations[name]
    content = _declared(method, path)["requestBody"]["content"]["application/json"]
    return _resolved(content["schema"])


def _resolved(schema: Body) -> Body:
    found: Body = SCHEMAS[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    return found


def _kind(schema: Body) -> str:
    schema = _resolved(schema)
    if "anyOf" in schema:
        return _kind(schema["anyOf"][0])
    kind = schema["type"]
    return str(kind[0] if isinstance(kind, list) else kind)


def _fields(schema: Body, where: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Body, bool]]:
    """Yield each field of a body with its place, its schema, and whether it is required."""
    for name, field in schema["properties"].items():
        yield (*where, name), field, name in schema.get("required", ())
        if _kind(field) == "object":
            yield from _fields(_resolved(field), (*where, name))
        elif _kind(field) == "array":
            yield from _fields(_resolved(_resolved(field)["items"]), (*where, name, 0))


def _put(body: Body, where: tuple[str | int, ...], value: object) -> None:
    *way, last = where
    inner = body
    for part in way:
        inner = inner[part]  # type: ignore[index]  # a part may be a list's index
    if value is KeyError:
        inner.pop(str(last), None)
    else:
        inner[last] = value  # type: ignore[index]  # the same


@pytest.mark.parametrize("name", _with_body())
async def test_each_field_of_a_body_must_have_its_type(merchant: Merchant, name: str) -> None:
    method, path, example, query = _example(name)
    for where, field, required in _fields(_schema(name)):
        if name.endswith("_order") and where == ("due_date",):
            continue
        body = copy.deepcopy(example)
        _put(body, where, _WRONG_VALUES[_kind(field)])
        reply = await merchant.call(method, path, body, **query)
        assert (reply.status, list(reply.errors)) == (422, [("body", *where)]), reply.body
        _put(body, where, None)
        reply = await merchant.call(method, path, body, **query)
        assert list(reply.errors) == ([("body", *where)] if required else [])


@pytest.mark.parametrize("name", _with_body())
async def test_each_required_field_of_a_body_is_reported_when_missing(merchant: Merchant, name: str) -> None:
    method, path, example, query = _example(name)
    for where, _, required in _fields(_schema(name)):
        body = copy.deepcopy(example)
        _put(body, where, KeyError)
        reply = await merchant.call(method, path, body, **query)
        assert reply.errors == ({("body", *where): "missing"} if required else {})


@pytest.mark.parametrize("name", _with_body())
async def test_a_body_that_is_not_a_json_object_is_refused(merchant: Merchant, name: str) -> None:
    method, path, _, query = _example(name)
    types: list[str] = []
    for content in (b"", b"[]", b'"text"', b"{", b"\xff"):
        reply = await merchant.send(method, path, content, query)
        assert reply.status == 422
        types += reply.errors.values()
    unlike = "model_attributes_type"
    assert types == ["missing", unlike, unlike, "json_invalid", "json_invalid"]


async def test_a_body_of_another_content_type_is_refused(merchant: Merchant) -> None:
    content = b"fullname=Fatu&phone=231880001122"
    named = {"Content-Type": "application/x-www-form-urlencoded"}
    reply = await merchant.send("POST", "parties/create", content, {}, **named)
    assert reply.errors == {("body",): "model_attributes_type"}


async def test_all_problems_are_reported_at_once(merchant: Merchant) -> None:
    body = {"name": 1, "currency": "dollars", "qty": 0, "amount": "10"}
    reply = await merchant.post("invoices/first/items/add", body)
    assert (reply.status, reply.errors) == (
        422,
        {
            ("path", "invoice_id"): "int_parsing",
            ("body", "name"): "string_type",
            ("body", "currency"): "string_pattern_mismatch",
            ("body", "qty"): "greater_than_equal",
            ("body", "amount"): "decimal_type",
        },
    )


@pytest.mark.parametrize("name", _operations("parameters"))
async def test_each_parameter_is_checked(merchant: Merchant, name: str) -> None:
    method, path = the_contract().operations[name]
    declared = [one for one in _declared(method, path)["parameters"] if one["in"] == "query"]
    path = re.sub(r"\{\w+\}", "1", path)
    required = {("query", one["name"]): "missing" for one in declared if one.get("required")}
    if required:
        reply = await merchant.call(method, path, {} if name == "create_payment_account" else None)
        problems = {where: kind for where, kind in reply.errors.items() if where[0] == "query"}
        assert (reply.status, problems) == (422, required)
    for one in declared:
        wrong = _wrong_word(_resolved(one["schema"]))
        if wrong is not None:
            reply = await merchant.call(method, path, None, **{one["name"]: wrong})
            assert reply.status == 422
            assert reply.errors[("query", one["name"])] != "missing"


def _wrong_word(schema: Body) -> str | None:
    """Return a text that breaks the rule of a parameter, or None where any text will do."""
    return None if schema == {"type": "string"} else "+1 of none"


@pytest.mark.parametrize("part", ["id", "invoice_id", "order_id"])
async def test_ids_in_paths_are_digits(merchant: Merchant, part: str) -> None:
    for name, (method, path) in the_contract().operations.items():
        if f"{{{part}}}" in path:
            wrong = re.sub(r"\{\w+\}", "1", path.replace(f"{{{part}}}", "1.5"))
            reply = await merchant.call(method, wrong, {} if name in _with_body() else None)
            assert reply.errors[("path", part)] == "int_parsing"


@pytest.mark.parametrize(
    ("amount", "kind"),
    [
        (0, "greater_than_equal"),
        (-5, "greater_than_equal"),
        (Decimal("0.009"), "greater_than_equal"),
        ("10.00", "decimal_type"),
        (True, "decimal_type"),
        (10**13, "less_than_equal"),
        (Decimal("1.000000001"), "decimal_max_places"),
    ],
)
async def test_an_amount_is_a_number_of_at_least_a_cent(merchant: Merchant, amount: object, kind: str) -> None:
    draft = await merchant.draft()
    body = {"name": "Panel", "currency": "USD", "qty": 1, "amount": amount}
    reply = await merchant.post(f"invoices/{draft['id']}/items/add", body)
    assert (reply.status, reply.errors) == (422, {("body", "amount"): kind})


@pytest.mark.parametrize("qty", [0, -1, 10**7, 1.5, "1", True])
async def test_a_quantity_is_a_whole_number_from_one_up(merchant: Merchant, qty: object) -> None:
    draft = await merchant.draft()
    body = {"name": "Panel", "currency": "USD", "qty": qty, "amount": 1}
    assert list((await merchant.post(f"invoices/{draft['id']}/items/add", body)).errors) == [("body", "qty")]


async def test_a_quantity_may_be_written_with_a_point(merchant: Merchant) -> None:
    draft = await merchant.draft()
    line = b'{"name": "Panel", "currency": "USD", "qty": 2.0, "amount": 1e1}'
    reply = await merchant.send("POST", f"invoices/{draft['id']}/items/add", line, {})
    assert (reply.body["qty"], reply.body["amount"]) == (2, 10)


@pytest.mark.parametrize(
    "phone",
    [
        "+231880001122",
        "0880001122",
        "2318800",
        "2318800011223344",
        "231 880",
        "\u0662\u0663\u0661\u0668\u0668\u0660\u0660\u0660",
    ],
)
async def test_a_phone_is_digits_without_a_plus(merchant: Merchant, phone: str) -> None:
    reply = await merchant.post("parties/create", {"fullname": "Fatu", "phone": phone})
    assert (reply.status, reply.errors) == (422, {("body", "phone"): "string_pattern_mismatch"})
    reply = await merchant.get("predictions/mmo-provider-info", phone=phone, operation_type="COLLECTION")
    assert reply.errors == {("query", "phone"): "string_pattern_mismatch"}


@pytest.mark.parametrize(
    ("reference_id", "kind"),
    [
        ("not-a-uuid", "uuid_parsing"),
        ("6fa459ea-ee8a-11e4-8a73-6003088c7a53", "uuid_version"),
        ("2961c038a74d4a6a9525474227d2ff50", "uuid_version"),
    ],
)
async def test_a_reference_is_a_uuid_of_version_4(merchant: Merchant, reference_id: str, kind: str) -> None:
    for path in ("transfer", "refund"):
        reply = await merchant.post(f"executions/{path}", {"session_id": "1", "reference_id": reference_id})
        assert reply.errors == {("body", "reference_id"): kind}


@pytest.mark.parametrize(
    "time", ["tomorrow", "2026-07-31", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+14:00", 1785456000]
)
async def test_a_time_is_iso_8601(merchant: Merchant, time: object) -> None:
    _, path, body, _ = _example("create_invoice")
    assert list((await merchant.post(path, {**body, "due_date": time})).errors) == [("body", "due_date")]


@pytest.mark.parametrize("time", ["2026-07-31T12:00:00", "2026-07-31T14:00:00+02:00", "2026-07-31T12:00:00.000Z"])
async def test_a_time_without_an_offset_is_read_as_utc(merchant: Merchant, time: str) -> None:
    merchant.checks_answers = False  # which asks for an offset, as the API itself does not
    assert (await merchant.draft(due_date=time))["due_date"] == "2026-07-31T12:00:00Z"


@pytest.mark.parametrize(
    ("operation", "field"),
    [
        ("create_counterparty", "relationship_type"),
        ("create_invoice", "fee_bearer"),
        ("create_checkout_source", "mode"),
        ("create_checkout_source", "source_kind"),
        ("create_checkout_session", "source_type"),
        ("get_collection_realtime_key", "source_type"),
    ],
)
async def test_an_unknown_enum_word_is_refused(merchant: Merchant, operation: str, field: str) -> None:
    method, path, body, _ = _example(operation)
    reply = await merchant.call(method, path, {**body, field: "SOMETHING"})
    assert (reply.status, reply.errors) == (422, {("body", field): "enum"})


async def test_a_checkout_needs_a_line(merchant: Merchant) -> None:
    _, path, body, _ = _example("create_checkout_source")
    assert (await merchant.post(path, {**body, "items": []})).errors == {("body", "items"): "too_short"}


@pytest.mark.parametrize(
    ("amount", "kind"), [("ten", "decimal_parsing"), ("NaN", "finite_number"), ("0", "greater_than_equal")]
)
async def test_an_amount_in_a_query_is_a_number(merchant: Merchant, amount: str, kind: str) -> None:
    reply = await merchant.get("predictions/amount-and-fees", base_amount=amount)
    assert reply.errors[("query", "base_amount")] == kind


async def test_unknown_fields_are_ignored(merchant: Merchant) -> None:
    party = await merchant.create("parties/create", {"fullname": "Fatu", "phone": "231880001122", "shoe_size": 41})
    assert "shoe_size" not in party
