"""The sandbox is written from the contract alone: it has the same operations, and shares nothing with the client."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import pytest

import dollr_async.sandbox
from dollr_async.sandbox.api.operations import OPERATIONS, PREFIX, Operation, operation_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract import Contract
    from tests.sandbox.merchant import Merchant

_PACKAGE = Path(dollr_async.sandbox.__file__).parent


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield f"{'.' * node.level}{node.module or ''}"


@pytest.mark.parametrize("path", sorted(_PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(_PACKAGE)))
def test_the_sandbox_imports_nothing_of_the_client(path: Path) -> None:
    ours = {name for name in _imported(path) if name.startswith((".", "dollr_async"))}
    allowed = {name for name in ours if name.startswith("dollr_async.sandbox")}
    assert ours <= allowed


def test_the_routes_are_the_operations_of_the_contract(contract: Contract) -> None:
    served = {operation.id: (operation.method, PREFIX + operation.path) for operation in OPERATIONS}
    assert served == contract.operations
    assert len(OPERATIONS) == 59


def test_bodies_have_the_fields_of_the_contract(contract: Contract) -> None:
    differing = {}
    for operation, schema in _bodies(contract):
        assert operation.body is not None
        required = {field.name for field in attrs.fields(operation.body) if field.default is attrs.NOTHING}
        optional = {field.name for field in attrs.fields(operation.body)} - required
        wanted = set(schema["required"]) if "required" in schema else set()
        # Orders ignore a due date, and a test card's token has to come in somehow.
        ours = optional - {"payment_method_id"} - ({"due_date"} if "order" in operation.id else set())
        if (required, ours) != (wanted, set(schema["properties"]) - wanted):
            differing[operation.id] = (required, ours)
    assert not differing


def test_queries_have_the_parameters_of_the_contract(contract: Contract) -> None:
    for operation in OPERATIONS:
        declared = contract.document["paths"][PREFIX + operation.path][operation.method.lower()].get("parameters", [])
        for place, shape in (("query", operation.query), ("path", operation.path_shape)):
            wanted = {one["name"]: bool(one.get("required")) for one in declared if one["in"] == place}
            fields = attrs.fields(shape) if shape else ()
            assert {field.name: field.default is attrs.NOTHING for field in fields} == wanted, operation.id


def _bodies(contract: Contract) -> Iterator[tuple[Operation, dict[str, dict[str, object]]]]:
    for operation in OPERATIONS:
        declared = contract.document["paths"][PREFIX + operation.path][operation.method.lower()]
        if operation.body is None:
            assert "requestBody" not in declared, operation.id
        else:
            name = declared["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
            yield operation, contract.document["components"]["schemas"][name]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("collect", "collect"),
        ("executions/collection", "collect"),
        ("executions.collection", "collect"),
        ("/v1/executions/collection", "collect"),
        ("invoices/retrieve", "retrieve_invoice_by_id"),
        ("invoices.retrieve_by_number", "retrieve_invoice_by_number"),
        ("invoices/retrieve/number/{invoice_number}", "retrieve_invoice_by_number"),
        ("orders.add_item", "add_order_item"),
        ("orders/{order_id}/items/add", "add_order_item"),
        ("invoices.receipt_by_number", "retrieve_invoice_receipt_by_number"),
        ("payment_accounts.create", "create_payment_account"),
        ("predictions.payment_source_amount_and_fees", "predict_payment_source_amount_and_fee"),
        ("status.source", "get_payment_source_status"),
        ("*", "*"),
    ],
)
def test_an_operation_has_several_names(name: str, expected: str) -> None:
    assert operation_id(name) == expected


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.id)
def test_each_name_of_an_operation_is_its_own(operation: Operation) -> None:
    assert {operation_id(name) for name in operation.names} == {operation.id}


def test_an_unknown_name_shows_near_ones() -> None:
    with pytest.raises(ValueError, match=r"'executions/colection' is not an operation.*executions_collection"):
        operation_id("executions/colection")
    with pytest.raises(ValueError, match="Near names: none"):
        operation_id("0")


async def test_an_unknown_path_is_a_404(merchant: Merchant) -> None:
    for path in ("/v0", "/v2/parties/list", "/v1/", "/v1/parties", "/v1/parties/list/", "/v1/parties/retrieve/"):
        async with merchant.http.get(merchant.sandbox.url + path) as response:
            assert (response.status, await response.json()) == (404, {"detail": "Not Found"})


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("POST", "parties/list", "GET"), ("GET", "invoices/publish/300001", "PUT")],
)
async def test_a_wrong_method_is_a_405(merchant: Merchant, method: str, path: str, allowed: str) -> None:
    reply = await merchant.call(method, path)
    assert (reply.status, reply.headers["Allow"]) == (405, allowed)


async def test_ids_in_paths_may_be_percent_encoded(merchant: Merchant) -> None:
    document = await merchant.draft()
    number = document["invoice_number"].replace("-", "%2D")
    async with merchant.http.get(
        f"{merchant.sandbox.url}/v1/invoices/retrieve/number/{number}",
        headers={"Authorization": f"Bearer {merchant.token}"},
    ) as response:
        assert (await response.json())["id"] == document["id"]
