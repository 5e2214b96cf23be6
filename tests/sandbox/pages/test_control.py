"""`/__control`: the same as the pages, as JSON; every answer is as its OpenAPI file says."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from openapi_core import OpenAPI
from openapi_core.testing import MockRequest, MockResponse

from dollr_async.sandbox import FAULT_WORDS
from dollr_async.sandbox.pages.control.bodies import OPERATION_IDS
from dollr_async.sandbox.pages.control.routes import CONTROL_PATH, ROUTES

if TYPE_CHECKING:
    from tests.sandbox.merchant import Merchant
    from tests.sandbox.pages.visitor import Seen, Visitor

DESCRIPTION: dict[str, Any] = json.loads(
    (files("dollr_async.sandbox.pages.control") / "openapi.json").read_text(encoding="utf-8")
)
_CHECKER = OpenAPI.from_dict(DESCRIPTION)
_PHONE = "231880001122"


async def control(visitor: Visitor, method: str, path: str = "", body: object = None) -> Seen:
    """Ask, and check the answer against the description."""
    seen = await visitor.control(method, path, body)
    _CHECKER.validate_response(
        MockRequest(visitor.url, method.lower(), f"{CONTROL_PATH}{path.partition('?')[0]}"),
        MockResponse(seen.text.encode(), seen.status, content_type="application/json"),
    )
    return seen


def test_the_description_has_every_operation_and_no_other() -> None:
    described = {(method.upper(), path) for path, methods in DESCRIPTION["paths"].items() for method in methods}
    assert described == {(route.method, f"{CONTROL_PATH}{route.path}") for route in ROUTES}


def test_the_description_has_every_field_and_every_word() -> None:
    schemas = DESCRIPTION["components"]["schemas"]
    for route in ROUTES:
        operation = DESCRIPTION["paths"][f"{CONTROL_PATH}{route.path}"][route.method.lower()]
        named = {one["name"] for one in operation.get("parameters", ())}
        shapes = [shape for shape in (route.query, route.values) if shape is not None]
        assert named == {field.name for shape in shapes for field in attrs.fields(shape)}
        if route.body is not None:
            name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
            required = {field.name for field in attrs.fields(route.body) if field.default is attrs.NOTHING}
            assert set(schemas[name]["properties"]) == {field.name for field in attrs.fields(route.body)}
            assert set(schemas[name].get("required", ())) == required
    fault = schemas["NewFault"]["properties"]
    assert fault["operation"]["enum"] == list(OPERATION_IDS)
    assert fault["fault"]["anyOf"][0]["enum"] == list(FAULT_WORDS)


async def test_the_description_is_served(visitor: Visitor) -> None:
    assert (await visitor.control("GET", "/openapi.json")).body == DESCRIPTION


@pytest.mark.parametrize(
    ("word", "body", "status", "message"),
    [
        ("approve", None, "COMPLETED", None),
        ("decline", None, "FAILED", "The payer declined the payment"),
        ("decline", {"message": "Wrong PIN"}, "FAILED", "Wrong PIN"),
        ("ring", None, "PENDING", None),
    ],
)
async def test_a_payment_is_answered(
    merchant: Merchant, visitor: Visitor, word: str, body: object, status: str, message: str | None
) -> None:
    payment = await merchant.collect()
    seen = await control(visitor, "POST", f"/payments/{payment['reference_id'].upper()}/{word}", body)
    assert (seen.status, seen.body["status"], seen.body["gateway_message"]) == (200, status, message)
    again = await control(visitor, "POST", f"/payments/{payment['reference_id']}/{word}", body)
    assert again.status == (200 if status == "PENDING" else 409)


async def test_a_card_is_confirmed(merchant: Merchant, visitor: Visitor) -> None:
    location = (await visitor.press("/checkouts")).headers["Location"]
    await visitor.press(location, means="pm_card_3ds")
    path = f"/payments/{merchant.sandbox.ledger[0].reference_id}"
    assert (await control(visitor, "POST", f"{path}/ring")).status == 409
    assert (await control(visitor, "POST", f"{path}/confirm")).body["requires_action"] is False
    assert (await control(visitor, "POST", f"{path}/confirm")).status == 409


async def test_payments_are_listed_with_their_story(merchant: Merchant, visitor: Visitor) -> None:
    payment = await merchant.collect()
    merchant.sandbox.advance(5)
    await merchant.collect()
    assert len((await control(visitor, "GET", "/payments")).body) == 2
    assert len((await control(visitor, "GET", "/payments?limit=1")).body) == 1
    (found,) = (await control(visitor, "GET", "/payments?status=COMPLETED")).body
    assert (found["reference_id"], found["payer_amount"], found["phone"]) == (payment["reference_id"], "257.00", _PHONE)
    story = (await control(visitor, "GET", f"/payments/{payment['reference_id']}")).body
    assert [one["status"] for one in story["history"]] == ["PENDING", "PROCESSING", "COMPLETED"]
    assert "collect" in [one["operation"] for one in story["requests"]]
    assert (await control(visitor, "GET", "/payments/unknown")).status == 404


async def test_requests_are_followed_by_number_and_forgotten(merchant: Merchant, visitor: Visitor) -> None:
    await merchant.get("fees/tiers")
    (token, fees) = (await control(visitor, "GET", "/requests")).body
    assert (token["body"]["client_secret"], token["answer"]["access_token"]) == ("*****", "*****")
    assert (await control(visitor, "GET", f"/requests?after={token['number']}")).body == [fees]
    assert (await control(visitor, "GET", "/requests?operation=list_fee_tier&limit=5")).body == [fees]
    assert (await control(visitor, "DELETE", "/requests")).status == 204
    assert (await control(visitor, "GET", "/requests")).body == []


async def test_faults_latency_phones_clock_and_tokens(merchant: Merchant, visitor: Visitor) -> None:
    planned = await control(visitor, "POST", "/faults", {"operation": "collect", "fault": "lose_answer", "times": 2})
    assert planned.body == [{"operation": "collect", "fault": "lose_answer", "left": 2, "chance": 1.0}]
    planned = await control(visitor, "POST", "/faults", {"operation": "*", "fault": "503_after", "always": True})
    assert planned.body[1]["left"] is None
    await control(visitor, "DELETE", "/faults?operation=collect")
    assert len((await control(visitor, "GET", "/faults")).body) == 1
    await control(visitor, "DELETE", "/faults")
    assert (await control(visitor, "GET", "/faults")).body == []
    assert (await control(visitor, "PUT", "/latency", {"seconds": 0.5})).body == {"*": 0.5}
    assert (await control(visitor, "PUT", f"/phones/{_PHONE}", {"by_hand": True})).body["by_hand"] == [_PHONE]
    payment = await merchant.collect()
    assert (await control(visitor, "GET", "/phones")).body["ringing"] == [payment and _PHONE]
    assert (await control(visitor, "PUT", "/phones", {"by_hand": True})).body["every_by_hand"] is True
    assert 119 < (await control(visitor, "GET", "/clock")).body["next_event_in"] <= 120
    assert (await control(visitor, "POST", "/clock", {"seconds": 120})).body["next_event_in"] is None
    assert (await control(visitor, "PUT", "/tokens", {"minutes": 5})).body["minutes"] == 5
    assert len((await control(visitor, "GET", "/tokens")).body["valid"]) == 1
    await control(visitor, "DELETE", "/tokens")
    assert (await control(visitor, "GET", "/tokens")).body["valid"] == []
    assert (await control(visitor, "GET", "/sessions")).body[0]["status"] == "USED"
    state = (await control(visitor, "GET")).body
    assert (state["payments"]["FAILED"], state["url"]) == (1, visitor.url)


async def test_a_test_checkout_is_made(visitor: Visitor) -> None:
    made = (await control(visitor, "POST", "/checkouts")).body
    assert (await visitor.get(made["url"].removeprefix(visitor.url))).status == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/faults", {"operation": "collect", "fault": "no_such_fault"}, None),
        ("POST", "/faults", {"operation": "nothing", "fault": "drop"}, "operation"),
        ("POST", "/faults", {"operation": "collect"}, "fault"),
        ("POST", "/faults", {"operation": "collect", "fault": "drop", "times": 0}, "times"),
        ("POST", "/faults", {"operation": "collect", "fault": "drop", "chance": 0}, "chance"),
        ("POST", "/faults", {"operation": "collect", "fault": "drop", "always": "yes"}, "always"),
        ("POST", "/faults", [], "body"),
        ("POST", "/clock", {"seconds": -1}, "seconds"),
        ("POST", "/clock", {"seconds": "1"}, "seconds"),
        ("POST", "/clock", {"seconds": True}, "seconds"),
        ("PUT", "/latency", {}, "seconds"),
        ("PUT", "/phones", {"by_hand": None}, "by_hand"),
        ("PUT", "/phones/1", {"by_hand": True}, "phone"),
        ("GET", "/payments?status=DONE", None, "status"),
        ("GET", "/payments?limit=0", None, "limit"),
        ("GET", "/requests?after=-1", None, "after"),
        ("GET", "/requests?operation=nothing", None, "operation"),
    ],
)
async def test_what_is_wrong_is_named(
    visitor: Visitor, method: str, path: str, body: object, field: str | None
) -> None:
    seen = await control(visitor, method, path, body)
    assert seen.status == 422
    named = [one["loc"][-1] for one in seen.body["detail"]] if field else None
    assert named == ([field] if field else None)


async def test_unknown_paths_methods_and_bodies_are_refused(visitor: Visitor) -> None:
    assert (await visitor.control("GET", "/nothing")).status == 404
    seen = await visitor.control("PATCH", "/faults")
    assert (seen.status, seen.headers["Allow"]) == (405, "GET, POST, DELETE")
    assert (await visitor.ask("POST", "/__control/clock", data={"seconds": "1"})).status == 415
    broken = await visitor.ask("POST", "/__control/clock", data=b"{", headers={"Content-Type": "application/json"})
    assert (broken.status, broken.body["detail"][0]["type"]) == (422, "json_invalid")
    assert (await visitor.ask("HEAD", "/__control/clock")).status == 200


async def test_the_clock_has_an_end(merchant: Merchant, visitor: Visitor) -> None:
    merchant.sandbox.advance(2_911_500 * 86_400.0)
    assert (await control(visitor, "POST", "/clock", {"seconds": 366 * 86_400})).status == 409
