"""Parties, counterparties and payment accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dollr_async.sandbox import Quirks

if TYPE_CHECKING:
    from tests.sandbox.merchant import Body, Merchant

_MTN = {"account_name": "Fatu Kollie", "provider": "PAWAPAY", "method": "MTN_MOMO_LBR"}


async def _party(merchant: Merchant, fullname: str = "Fatu Kollie", phone: str = "231880001122") -> Body:
    return await merchant.create("parties/create", {"fullname": fullname, "phone": phone, "country_code": "LR"})


@pytest.mark.parametrize("path", ["parties/retrieve/5", "counterparties/retrieve/100001", "parties/retrieve/-1"])
async def test_an_unknown_id_is_a_404(merchant: Merchant, path: str) -> None:
    await _party(merchant)
    reply = await merchant.get(path)
    assert (reply.status, reply.body["detail"].endswith("not found")) == (404, True)


async def test_a_party_is_kept_as_it_was_created(merchant: Merchant) -> None:
    party = await _party(merchant)
    assert (party["fullname"], party["phone"], party["country_code"], party["email"]) == (
        "Fatu Kollie",
        "231880001122",
        "LR",
        None,
    )
    assert (await merchant.get(f"parties/retrieve/{party['id']}")).body == party


async def test_parties_are_found_by_part_of_their_name(merchant: Merchant) -> None:
    fatu, amara = await _party(merchant), await _party(merchant, "Amara Kamara", "231771234567")
    assert (await merchant.get("parties/list")).body == [fatu, amara]
    assert (await merchant.get("parties/list", fullname="KAM")).body == [amara]
    assert (await merchant.get("parties/list", fullname="nobody")).body == []


@pytest.mark.parametrize("party_id", [None, 5, 200001])
async def test_a_counterparty_needs_a_party_that_exists(merchant: Merchant, party_id: int | None) -> None:
    body = {"relationship_type": "CUSTOMER", "party_id": party_id}
    assert (await merchant.post("counterparties/create", body)).status == 422


async def test_counterparties_are_found_by_name_and_by_relationship(merchant: Merchant) -> None:
    first, second = await merchant.counterparty(), await merchant.counterparty("231770001122")
    await merchant.put(f"counterparties/update/{second['id']}", {"relationship_type": "SUPPLIER"})
    listed = (await merchant.get("counterparties/list", fullname="kollie")).body
    assert [one["party"]["phone"] for one in listed] == ["231880001122", "231770001122"]
    suppliers = (await merchant.get("counterparties/list", relationship_type="SUPPLIER")).body
    assert [one["id"] for one in suppliers] == [second["id"]]
    assert (await merchant.get(f"counterparties/retrieve/{first['id']}")).body == listed[0]


async def test_a_counterparty_changes_its_party(merchant: Merchant) -> None:
    counterparty, party = await merchant.counterparty(), await _party(merchant, "Amara Kamara", "231771234567")
    path = f"counterparties/update/{counterparty['id']}"
    assert (await merchant.put(path, {"party_id": 5})).status == 422
    assert (await merchant.put("counterparties/update/5", {"party_id": party["id"]})).status == 404
    changed = (await merchant.put(path, {"party_id": party["id"]})).body
    assert (changed["party_id"], changed["relationship_type"]) == (party["id"], "CUSTOMER")


@pytest.mark.parametrize("quirks", [Quirks(counterparty_party_id=False)])
async def test_a_counterparty_may_come_without_its_party_id(merchant: Merchant) -> None:
    assert "party_id" not in await merchant.counterparty()


@pytest.mark.parametrize(
    ("changes", "operation"),
    [
        ({"party_id": 5}, "COLLECTION"),
        ({"insensitive_account_number": None}, "COLLECTION"),
        ({"provider": "STRIPE"}, "COLLECTION"),
        ({"provider": "ORANGE_MONEY_LBR"}, "COLLECTION"),
        ({"method": "MTN_MOMO_RWA", "provider": "MTN_MOMO_RWA"}, "COLLECTION"),
        ({"method": "CASH"}, "COLLECTION"),
        ({"method": "WALLET", "provider": "PLATFORM"}, "COLLECTION"),
        ({"method": "MTN_MOMO_LBR"}, "TRANSFER"),
    ],
)
async def test_an_account_without_a_fitting_method_and_provider_is_refused(
    merchant: Merchant, changes: Body, operation: str
) -> None:
    party = await _party(merchant)
    body = {**_MTN, "party_id": party["id"], "insensitive_account_number": party["phone"], **changes}
    reply = await merchant.post("payment-accounts/create", body, operation_type=operation)
    assert (reply.status, type(reply.body["detail"])) == (422, str)


@pytest.mark.parametrize("country", ["LR", "LBR", "lbr", None])
async def test_the_country_of_an_account_has_two_or_three_letters_or_is_left_out(
    merchant: Merchant, country: str | None
) -> None:
    party = await _party(merchant)
    body = {**_MTN, "party_id": party["id"], "insensitive_account_number": party["phone"], "country_code": country}
    account = await merchant.create("payment-accounts/create", body, operation_type="COLLECTION")
    assert account["country_code"] == country


@pytest.mark.parametrize("quirks", [Quirks(account_country="alpha2"), Quirks(account_country="alpha3")])
async def test_only_one_form_of_an_accounts_country_may_be_accepted(merchant: Merchant, quirks: Quirks) -> None:
    party = await _party(merchant)
    for country, form in (("LR", "alpha2"), ("LBR", "alpha3"), (None, quirks.account_country)):
        body = {**_MTN, "party_id": party["id"], "insensitive_account_number": party["phone"], "country_code": country}
        reply = await merchant.post("payment-accounts/create", body, operation_type="COLLECTION")
        refused = {("body", "country_code"): "string_pattern_mismatch"}
        assert (reply.status, reply.errors) == ((200, {}) if form == quirks.account_country else (422, refused))


@pytest.mark.parametrize("provider", ["PAWAPAY", "MTN_MOMO_LBR"])
async def test_a_liberian_account_takes_either_provider_and_does_not_show_its_number(
    merchant: Merchant, provider: str
) -> None:
    party = await _party(merchant)
    body = {**_MTN, "provider": provider, "party_id": party["id"], "insensitive_account_number": party["phone"]}
    account = await merchant.create("payment-accounts/create", body, operation_type="PAYOUT")
    assert (account["provider"], account["is_active"]) == (provider, True)
    assert party["phone"] not in str(account)


@pytest.mark.parametrize("quirks", [Quirks(only_predicted_provider=True, liberian_provider="OPERATOR")])
async def test_only_the_predicted_provider_may_be_accepted(merchant: Merchant) -> None:
    party = await _party(merchant)
    body = {**_MTN, "party_id": party["id"], "insensitive_account_number": party["phone"]}
    route = await merchant.get("predictions/mmo-provider-info", phone=party["phone"], operation_type="COLLECTION")
    assert (await merchant.post("payment-accounts/create", body, operation_type="COLLECTION")).status == 422
    predicted = {**body, "provider": route.body["gateway_provider"]}
    assert (await merchant.post("payment-accounts/create", predicted, operation_type="COLLECTION")).status == 200


@pytest.mark.parametrize(
    ("phone", "method", "carrier", "country", "currencies"),
    [
        ("231880001122", "MTN_MOMO_LBR", "MTN", "LR", ["USD", "LRD"]),
        ("231770001122", "ORANGE_MONEY_LBR", "ORANGE", "LR", ["USD", "LRD"]),
        ("250720001122", "AIRTEL_RWA", "AIRTEL", "RW", ["RWF"]),
        ("250750001122", "ORANGE_MONEY_RWA", "ORANGE", "RW", ["RWF"]),
        ("250780001122", "MTN_MOMO_RWA", "MTN", "RW", ["RWF"]),
    ],
)
async def test_a_phone_has_an_operator(
    merchant: Merchant, phone: str, method: str, carrier: str, country: str, currencies: list[str]
) -> None:
    reply = await merchant.get("predictions/mmo-provider-info", phone=phone, operation_type="COLLECTION")
    assert reply.body == {
        "carrier": carrier,
        "country": country,
        "currencies": currencies,
        "phone": phone,
        "payment_method": method,
        "gateway_provider": "PAWAPAY",
        "operation_type": "COLLECTION",
    }


@pytest.mark.parametrize("phone", ["231880000007", "231770000007", "250780000007", "4915112345678"])
async def test_an_unknown_operator_is_a_422(merchant: Merchant, phone: str) -> None:
    reply = await merchant.get("predictions/mmo-provider-info", phone=phone, operation_type="COLLECTION")
    assert (reply.status, phone in reply.body["detail"]) == (422, True)


@pytest.mark.parametrize("quirks", [Quirks(prediction_country="alpha3", liberian_provider="OPERATOR")])
async def test_the_prediction_may_write_country_and_provider_in_another_form(merchant: Merchant) -> None:
    query = {"phone": "231880001122", "operation_type": "COLLECTION"}
    route = (await merchant.get("predictions/mmo-provider-info", **query)).body
    assert (route["country"], route["gateway_provider"]) == ("LBR", "MTN_MOMO_LBR")


async def test_a_card_token_has_a_method_and_a_provider(merchant: Merchant) -> None:
    query = {"payment_method_id": "pm_card_3ds", "operation_type": "COLLECTION", "provider": "STRIPE"}
    route = (await merchant.get("predictions/card-provider-info", **query)).body
    assert (route["brand"], route["payment_method"], route["gateway_provider"]) == ("visa", "CREDIT_CARD", "STRIPE")


@pytest.mark.parametrize("changes", [{"payment_method_id": "pm_card_nobody"}, {"provider": "PAWAPAY"}])
async def test_an_unknown_card_or_provider_is_a_422(merchant: Merchant, changes: Body) -> None:
    query = {"payment_method_id": "pm_card_visa", "operation_type": "COLLECTION", **changes}
    assert (await merchant.get("predictions/card-provider-info", **query)).status == 422
