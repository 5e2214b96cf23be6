"""The checker that all other tests rely on finds violations of the contract."""

from __future__ import annotations

import pytest

from tests.contract import Contract, ContractViolationError

_REFERENCE = b"7bdf1a9c-8c70-4a7e-9d6e-2f5d2f1d2f11"
_HEADERS = {"Authorization": "Bearer token", "Content-Type": "application/json"}


def _check(contract: Contract, method: str, path: str, content: bytes = b"", **query: str) -> None:
    contract.check_request(method, path, query=query, headers=_HEADERS, content=content)


def test_the_contract_has_59_operations(contract: Contract) -> None:
    assert len(contract.operations) == 59


def test_a_good_request_passes(contract: Contract) -> None:
    _check(contract, "POST", "/v1/parties/create", b'{"fullname": "A", "phone": "231771234567"}')


@pytest.mark.parametrize(
    ("method", "path", "content", "query"),
    [
        ("POST", "/v1/parties/create", b'{"phone": "231771234567"}', {}),
        ("POST", "/v1/parties/create", b'{"fullname": "A", "phone": "+231"}', {}),
        ("POST", "/v1/parties/create", b"{", {}),
        ("GET", "/v1/parties/everything", b"", {}),
        ("GET", "/v1/status/source", b"", {"source_type": "CAR", "source_id": "1"}),
        ("GET", "/v1/status/source", b"", {"source_type": "ORDER"}),
        (
            "POST",
            "/v1/executions/collection",
            b'{"session_id": 5, "payment_account_id": "6", "currency": "USD", "reference_id": "%s"}' % _REFERENCE,
            {},
        ),
    ],
)
def test_a_bad_request_is_a_violation(
    contract: Contract, method: str, path: str, content: bytes, query: dict[str, str]
) -> None:
    with pytest.raises(ContractViolationError):
        _check(contract, method, path, content, **query)


def test_a_request_without_a_token_is_a_violation(contract: Contract) -> None:
    with pytest.raises(ContractViolationError):
        contract.check_request("GET", "/v1/parties/list", query={}, headers={}, content=b"")


def test_an_answer_that_lacks_a_field_is_a_violation(contract: Contract) -> None:
    with pytest.raises(ContractViolationError, match="access_token"):
        contract.check_answer(
            "POST",
            "/v1/jwt/client/obtain/token",
            status=200,
            content=b'{"expires_in": 60}',
            content_type="application/json",
        )
