"""A report has no secret and no personal data: 0 bytes, whatever the API answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dollr_async.checking.check import shown_address
from dollr_async.sandbox import Fault, Sandbox
from tests.checking.merchant import NAMES, PHONE, merchant, report_of

if TYPE_CHECKING:
    from dollr_async.checking.contract import Contract

SECRETS = {"client_id": "merchant-4711", "client_secret": "s3cr3t-of-the-shop"}
_PERSONAL = {"fullname", "phone", "email", "name", "note", "reference_id", "account_name", "url", "id", "total_amount"}


def _texts(value: object) -> set[str]:
    """Return what answers say under names that tell who somebody is, and every id and number."""
    if isinstance(value, list):
        return set().union(*map(_texts, value))
    if not isinstance(value, dict):
        return set()
    found = {str(inner) for name, inner in value.items() if name in _PERSONAL or name.endswith(("_id", "_number"))}
    return found.union(*map(_texts, value.values()))


async def test_a_report_has_no_byte_of_a_secret_or_of_anybody(checked_contract: Contract) -> None:
    async with merchant(**SECRETS) as sandbox:
        report = await report_of(sandbox, checked_contract)
    tokens = {request.headers.get("Authorization", "").removeprefix("Bearer ") for request in sandbox.requests} - {""}
    assert len(tokens) == 1
    answers = [request.answer.body for request in sandbox.requests if request.answer is not None]
    said = {text for text in _texts(answers) if len(text) > 2 and text not in {"None", "default", "Sandbox"}}
    hidden = {*SECRETS.values(), *tokens, PHONE, *NAMES, "amara@example.com", "Brass lamp", "for the veranda", *said}
    assert len(hidden) > 30
    assert [text for text in hidden if text.casefold() in report.text.casefold()] == []
    assert SECRETS["client_secret"] not in repr(report)


_ANYBODY = "Amara"


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("list_parties", [{"id": 1, "fullname": _ANYBODY, "phone": None, _ANYBODY: 1}]),
        ("list_counterparties", [{"id": 1, "relationship_type": _ANYBODY, "party": {"fullname": f"{_ANYBODY} K"}}]),
        ("list_invoice", [{"id": 1, "note": f"for {_ANYBODY}", "status": _ANYBODY, "invoice_number": _ANYBODY * 3}]),
        ("list_order", [{"id": 1, "note": _ANYBODY, "currency": _ANYBODY, "owner_type": _ANYBODY, "owner_id": 1}]),
        ("retrieve_order_by_id", {"id": 1, "note": _ANYBODY, _ANYBODY: [{"qty": 1}]}),
        ("get_collection_status", {"status": _ANYBODY, "account_name": _ANYBODY, f"intent_{_ANYBODY}": 1}),
        ("get_receipt_link", {"url": f"https://{_ANYBODY}"}),
        ("predict_mmo_provider_info", {"phone": PHONE, "gateway_provider": PHONE, "payment_method": "X_LBR"}),
        ("list_fee_tier", [{"name": _ANYBODY, "is_default": _ANYBODY}]),
    ],
    ids=str,
)
async def test_an_answer_with_somebodys_name_in_any_place_is_not_repeated(
    operation: str,
    body: object,
    checked_contract: Contract,
) -> None:
    async with merchant() as sandbox:
        sandbox.fail(operation, Fault.answer(200, body), times=None)
        report = await report_of(sandbox, checked_contract)
    shown = report.text.replace(f"intent_{_ANYBODY}", "")
    assert _ANYBODY not in shown
    assert PHONE not in report.text


@pytest.mark.parametrize("body", ["<html>", '"text"', "[]", "[[]]", "null", "5", "[null, 3]", '{"data": []}', "{", ""])
async def test_an_answer_of_any_form_ends_in_a_report(body: str, checked_contract: Contract) -> None:
    async with merchant() as sandbox:
        for operation in (name for name in _READ if name != "client_obtain_token"):
            sandbox.fail(operation, Fault.answer(200, body.encode()), times=None)
        report = await report_of(sandbox, checked_contract)
    assert "## The open questions" in report.text
    assert report.left is None


_READ = (
    *("list_fee_tier", "list_parties", "list_counterparties", "list_invoice", "list_order", "get_gateway_fees"),
    *("get_platform_fees", "predict_mmo_provider_info", "predict_amount_and_fee", "get_collection_status"),
)


async def test_the_address_of_a_proxy_of_the_users_own_is_not_named() -> None:
    assert shown_address("https://api.heydollr.app/") == "https://api.heydollr.app"
    assert shown_address("https://dollr.intern.example") == "another address"
    async with Sandbox() as sandbox:
        assert shown_address(sandbox.url) == "a sandbox on this machine"
