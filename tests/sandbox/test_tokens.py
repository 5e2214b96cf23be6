"""Tokens: how a client gets one, how long it is valid, and what happens without a valid one."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from dollr_async.sandbox import Quirks, Sandbox

if TYPE_CHECKING:
    from tests.sandbox.merchant import Body, Merchant


def _claims(token: str) -> Body:
    part = token.split(".")[1]
    claims: Body = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


@pytest.mark.parametrize(
    ("client_id", "client_secret"),
    [("somebody", "sandbox-secret"), ("sandbox-client", "guess"), ("", ""), ("sandbox-client", "sécret")],
)
async def test_wrong_credentials_are_a_401(anonymous: Merchant, client_id: str, client_secret: str) -> None:
    body = {"client_id": client_id, "client_secret": client_secret}
    reply = await anonymous.post("jwt/client/obtain/token", body)
    assert (reply.status, reply.body) == (401, {"detail": "Could not validate credentials"})
    assert anonymous.sandbox.tokens_issued == 0


async def test_a_token_has_its_lifetime_in_minutes_and_in_its_claims(anonymous: Merchant) -> None:
    reply = await anonymous.log_in()
    claims = _claims(reply.body["access_token"])
    assert reply.body["expires_in"] == 60
    assert claims["exp"] - claims["iat"] in {3599, 3600, 3601}


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", "Bearer guess", "Basic c2FuZGJveA=="])
async def test_a_call_without_a_valid_token_is_a_401(anonymous: Merchant, authorization: str) -> None:
    reply = await anonymous.send("GET", "parties/list", b"", {}, Authorization=authorization)
    assert (reply.status, reply.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert anonymous.sandbox.requests[-1].token is None


async def test_a_call_without_a_token_is_refused_before_its_fields_are_read(anonymous: Merchant) -> None:
    assert (await anonymous.post("parties/create", {})).status == 401
    assert (await anonymous.get("invoices/retrieve/300001")).status == 401


async def test_the_scheme_may_be_in_any_case(merchant: Merchant) -> None:
    reply = await merchant.send("GET", "parties/list", b"", {}, Authorization=f"bEARER {merchant.token}")
    assert (reply.status, merchant.sandbox.requests[-1].token) == (200, 1)


async def test_a_token_expires_after_an_hour(merchant: Merchant) -> None:
    merchant.sandbox.advance(3599)
    assert (await merchant.get("fees/tiers")).status == 200
    merchant.sandbox.advance(1)
    assert (await merchant.get("fees/tiers")).status == 401
    await merchant.log_in()
    assert (await merchant.get("fees/tiers")).status == 200


async def test_two_tokens_are_valid_side_by_side_until_they_are_revoked(merchant: Merchant) -> None:
    first = merchant.token
    await merchant.log_in()
    second = merchant.token
    for merchant.token in (first, second):
        assert (await merchant.get("fees/tiers")).status == 200
    merchant.sandbox.revoke_tokens()
    for merchant.token in (first, second):
        assert (await merchant.get("fees/tiers")).status == 401
    assert merchant.sandbox.tokens_issued == 2


async def test_the_lifetime_of_later_tokens_can_be_set(merchant: Merchant) -> None:
    merchant.sandbox.set_token_lifetime(0.5)
    assert (await merchant.log_in()).body["expires_in"] == 0
    merchant.sandbox.advance(30)
    assert (await merchant.get("fees/tiers")).status == 401


async def test_a_token_of_another_sandbox_is_not_valid(merchant: Merchant) -> None:
    async with (
        Sandbox() as other,
        merchant.http.get(
            f"{other.url}/v1/fees/tiers", headers={"Authorization": f"Bearer {merchant.token}"}
        ) as response,
    ):
        assert response.status == 401


@pytest.mark.parametrize("quirks", [Quirks(no_token_status=403)])
async def test_a_missing_header_may_be_a_403(anonymous: Merchant) -> None:
    reply = await anonymous.get("parties/list")
    assert (reply.status, reply.body) == (403, {"detail": "Not authenticated"})
    anonymous.token = "expired"
    assert (await anonymous.get("parties/list")).status == 401
