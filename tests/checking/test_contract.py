"""The contract that ships with the package: what departs from it is named, and what an answer says is not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dollr_async.checking.contract import CONTRACT
from tests.checking.merchant import merchant, report_of
from tests.support.paths import PACKAGE, ROOT

if TYPE_CHECKING:
    from dollr_async.checking.contract import Contract

_PARTY = {"id": 1, "fullname": "Amara", "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"}
_STATUS = {"reference_id": "a", "payer_currency": "USD", "payee_currency": "USD", "operation_type": "COLLECTION"}


def test_the_contract_is_one_file_which_ships_with_the_package() -> None:
    places = (PACKAGE, *(ROOT / name for name in ("tests", "docs", "examples", "benchmarks")))
    assert [path for place in places for path in place.rglob("openapi.yaml")] == [PACKAGE / "checking" / "openapi.yaml"]
    assert CONTRACT.name == "openapi.yaml"


@pytest.mark.parametrize(
    ("operation", "status", "body", "expected"),
    [
        ("retrieve_parties", 200, _PARTY, []),
        ("list_parties", 200, [_PARTY, _PARTY], []),
        ("list_parties", 200, [{**_PARTY, "id": "1"}], [("[].id", "text instead of whole number", None)]),
        ("list_parties", 200, {}, [("", "object instead of array", None)]),
        ("retrieve_parties", 201, _PARTY, [("", "the status 201 is not in the contract", None)]),
        (
            "retrieve_parties",
            200,
            {**_PARTY, "created_at": "now"},
            [("created_at", "not of the format date-time", None)],
        ),
        ("retrieve_parties", 200, {**_PARTY, "age": 7}, [("age", "a field that is not in the contract", None)]),
        ("retrieve_parties", 200, {**_PARTY, "her age": 7}, [("-", "a field that is not in the contract", None)]),
        ("retrieve_parties", 409, {"detail": "no"}, [("", "the status 409 is not in the contract", None)]),
        ("retrieve_parties", 404, {"detail": "no"}, []),
        (
            "get_collection_status",
            200,
            {**_STATUS, "payer_amount": 1, "payee_amount": None, "status": "SUCCESSFUL"},
            [("payee_amount", "null instead of number", None), ("status", "an unknown word", "SUCCESSFUL")],
        ),
        (
            "get_collection_status",
            200,
            {**_STATUS, "payer_amount": 1, "payee_amount": 1, "status": "On hold"},
            [("status", "an unknown word", None)],
        ),
        ("get_payment_link", 200, {}, [("url", "missing", None)]),
    ],
    ids=str,
)
def test_what_departs_from_the_contract_is_named(
    operation: str, status: int, body: object, expected: list[object], checked_contract: Contract
) -> None:
    found = checked_contract.problems(operation, status, body, json.dumps(body).encode())
    assert [(problem.place, problem.rule, problem.word) for problem in found] == expected


def test_a_body_that_is_empty_or_no_json_is_named(checked_contract: Contract) -> None:
    empty = checked_contract.problems("cancel_invoice", 204, None, b"")
    assert [problem.rule for problem in empty] == ["the status 204 is not in the contract", "the body is empty"]
    page = checked_contract.problems("cancel_invoice", 200, None, b"<html>")
    assert [problem.rule for problem in page] == ["the body is not readable JSON"]


async def test_a_report_lists_departures_and_failures(checked_contract: Contract) -> None:
    async with merchant(amounts_as_strings=True) as sandbox:
        sandbox.fail("get_gateway_fees", 403)
        sandbox.fail("get_platform_fees", "drop", times=None)
        report = await report_of(sandbox, checked_contract)
    assert "| `total_amount` | text instead of number | `" in report.text
    assert "- `get_gateway_fees`: 403 with a text" in report.text
    assert "- `get_platform_fees`: no answer (TransportError)" in report.text
