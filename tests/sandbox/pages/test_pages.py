"""Every page: what it shows, what it says when there is nothing, and what it refuses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import aiohttp
import pytest

from dollr_async.sandbox import FAULT_WORDS, Sandbox
from dollr_async.sandbox.pages.secrets import STARS
from dollr_async.sandbox.pages.views.faults import FAULT_MEANINGS
from tests.sandbox.pages.visitor import Visitor

if TYPE_CHECKING:
    from tests.sandbox.merchant import Merchant

PAGES = ("/", "/handset", "/handset/231771234567", "/requests", "/faults", "/clock")
_UNKNOWN = "1b671a64-40d5-491e-99b0-da01ff1f3341"


@pytest.mark.parametrize("path", [*PAGES, "/pay/unknown", f"/payments/{_UNKNOWN}", "/requests/99"])
async def test_a_page_loads_nothing_from_elsewhere_and_runs_no_script_of_its_own_text(
    visitor: Visitor, path: str
) -> None:
    seen = await visitor.get(path)
    policy = seen.headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert seen.headers["X-Content-Type-Options"] == "nosniff"
    assert seen.headers["Content-Type"] == "text/html; charset=utf-8"
    loaded = re.findall(r'<(?:script|link|img|iframe)[^>]*(?:src|href)="([^"]*)"', seen.text)
    assert len(loaded) == 3
    assert all(address.startswith("/__pages/") for address in loaded)
    assert re.findall(r"<script[^>]*>[^<]", seen.text) == []
    for address in loaded:
        assert (await visitor.get(address)).status == 200


async def test_pages_leave_no_request_and_are_not_counted(merchant: Merchant, visitor: Visitor) -> None:
    seen = (len(merchant.sandbox.requests), merchant.sandbox.most_in_flight)
    for path in (*PAGES, "/favicon.ico", "/__pages/page.js", "/__control"):
        await visitor.get(path)
    assert (len(merchant.sandbox.requests), merchant.sandbox.most_in_flight) == seen


@pytest.mark.parametrize("path", ["/", "/requests", "/handset/231771234567"])
async def test_an_empty_page_says_what_to_do_next(visitor: Visitor, path: str) -> None:
    assert f"export DOLLR_BASE_URL={visitor.url}" in (await visitor.get(path)).text


async def test_only_the_made_up_secret_is_shown(http: aiohttp.ClientSession, visitor: Visitor) -> None:
    assert "export DOLLR_CLIENT_SECRET=sandbox-secret" in (await visitor.get("/")).text
    async with Sandbox(client_secret="of-my-own") as sandbox:
        text = (await Visitor(http, sandbox.url).get("/")).text
    assert ("of-my-own" in text, "DOLLR_CLIENT_SECRET=(the one" in text) == (False, True)


async def test_the_overview_lists_the_latest_payments_first(merchant: Merchant, visitor: Visitor) -> None:
    first = await merchant.collect()
    merchant.sandbox.advance(5)
    second = await merchant.collect()
    text = (await visitor.get("/")).text
    assert 0 < text.rindex(second["reference_id"][:8]) < text.rindex(first["reference_id"][:8])
    assert "1 waiting for their payer, 1 completed, 0 failed." in text
    failed = (await visitor.get("/?status=failed")).words
    assert "No payment is FAILED now." in failed
    only = (await visitor.get("/?status=completed")).text
    assert (first["reference_id"][:8] in only, f"payments/{second['reference_id']}" in only) == (True, False)


async def test_the_overview_has_pages(merchant: Merchant, visitor: Visitor) -> None:
    for _ in range(3):
        await merchant.collect()
    seen = await visitor.get("/?show=2")
    assert ("1 to 2 of 3" in seen.words, "Older" in seen.words, "Newer" in seen.words) == (True, True, False)
    seen = await visitor.get("/?show=2&from=2")
    assert ("3 to 3 of 3" in seen.words, "Older" in seen.words, "Newer" in seen.words) == (True, False, True)
    for wrong in ("show=x", "from=-1", "show=<b>"):
        assert (await visitor.get(f"/?{wrong}")).status == 422
    assert (await visitor.get("/?show=99999999999&from=99999999999")).status == 200


async def test_transfers_payouts_and_refunds_are_shown_too(merchant: Merchant, visitor: Visitor) -> None:
    transfer = await merchant.create("executions/transfer", await merchant.transfer_body(amount=15))
    payout = await merchant.create("executions/payout", await merchant.payout_body(amount=100))
    paid = await merchant.collect()
    merchant.sandbox.settle(paid["reference_id"])
    refund = await merchant.create("executions/refund", await merchant.refund_body(paid, 5))
    words = (await visitor.get("/")).words
    assert all(word in words for word in ("Transfer", "Payout", "Refund"))
    for one in (transfer, payout, refund):
        assert one["reference_id"] in (await visitor.get(f"/payments/{one['reference_id']}")).words


async def test_a_payments_story_has_steps_sends_faults_checks_and_receipt(merchant: Merchant, visitor: Visitor) -> None:
    body = await merchant.collection_body()
    merchant.sandbox.fail("executions.collection", "lose_answer")
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await merchant.create("executions/collection", body)
    await merchant.status(body["reference_id"])
    await merchant.create("executions/collection", body)
    await merchant.collect()
    merchant.sandbox.advance(5)
    await merchant.status(body["reference_id"])
    seen = await visitor.get(f"/payments/{body['reference_id']}")
    for words in (
        "PENDING",
        "COMPLETED",
        "2 executions arrived, and the money moved once.",
        "drop after the work",
        "the work was done",
        "2 in all",
        "Paid by the payer",
        "257.00 USD",
        "publish_invoice",
        "create_checkout_session",
        "create_party",
    ):
        assert words in seen.words, words
    assert seen.words.count("publish_invoice") == 1


async def test_a_payment_that_nobody_executed_or_checked_says_so(merchant: Merchant, visitor: Visitor) -> None:
    location = (await visitor.press("/checkouts")).headers["Location"]
    await visitor.press(location, means="phone")
    reference = merchant.sandbox.ledger[0].reference_id
    words = (await visitor.get(f"/payments/{reference}")).words
    assert "no program has executed it" in words
    assert "Nobody has asked for its status" in words


@pytest.mark.parametrize(
    ("key", "status"), [("approve", "COMPLETED"), ("decline", "FAILED"), ("ring", "PENDING"), ("x", "PENDING")]
)
async def test_a_payments_page_has_the_same_buttons(
    merchant: Merchant, visitor: Visitor, key: str, status: str
) -> None:
    payment = await merchant.collect()
    seen = await visitor.press(f"/payments/{payment['reference_id']}", do=key)
    assert (seen.status, merchant.sandbox.ledger[0].status) == (422 if key == "x" else 303, status)


async def test_requests_can_be_filtered(merchant: Merchant, visitor: Visitor) -> None:
    merchant.sandbox.fail("fees/tiers", 503)
    await merchant.get("fees/tiers")
    payment = await merchant.collect()
    merchant.checks_answers = False
    await merchant.get("nothing")

    async def shown(query: str) -> int:
        return (await visitor.get(f"/requests?{query}")).text.count('href="/requests/')

    total = len(merchant.sandbox.requests)
    assert await shown("") == total
    assert await shown("operation=list_fee_tier") == 1
    assert await shown("operation=-") == 1
    assert await shown("answer=4") == 1
    assert await shown("answer=fault") == 1
    assert await shown("answer=none") == 1
    assert await shown(f"text={payment['reference_id']}") == 1
    assert "No request matches." in (await visitor.get("/requests?text=zzz")).words


async def test_secrets_are_starred_wherever_they_stand(merchant: Merchant, visitor: Visitor) -> None:
    sandbox = merchant.sandbox
    await merchant.create("executions/payout", await merchant.payout_body(amount=10))
    await merchant.send("GET", "fees/tiers", b"", {"api_key": "hush", "page": "1"}, Cookie="session=hush")
    await merchant.send("GET", "fees/tiers", b"", {"note": f"{merchant.token}"})
    await merchant.send("POST", "jwt/client/obtain/token", b"client_secret=sandbox-secret", {})
    pages = [await visitor.get(f"/requests/{request.number}") for request in sandbox.requests]
    text = "".join(
        page.text for page in [*pages, await visitor.get("/requests"), await visitor.control("GET", "/requests")]
    )
    for secret in ("sandbox-secret", f"{merchant.token}", "hush", '"0000"', "&quot;0000&quot;"):
        assert secret not in text, secret
    assert STARS in text
    assert "sandbox-client" in text
    for secret in ("sandbox-secret", "%220000%22", "eyJ"):
        assert "No request matches" in (await visitor.get(f"/requests?text={secret}")).words


async def test_faults_are_switched_on_and_off(merchant: Merchant, visitor: Visitor) -> None:
    assert "Nothing goes wrong now." in (await visitor.get("/faults")).words
    pressed = await visitor.press("/faults", on="collect", fault="lose_answer", times="3", chance="1")
    assert "lose_answer: 3 left" in (await visitor.get(pressed.headers["Location"])).words
    await visitor.press("/faults", on="*", fault="hang", times="always", chance="0.1")
    words = (await visitor.get("/faults")).words
    assert ("2 faults are planned." in words, "hang: always, chance 0.1" in words) == (True, True)
    await visitor.press("/faults", off="collect")
    assert "lose_answer: 3 left" not in (await visitor.get("/faults")).words
    await visitor.press("/faults", off="all")
    assert "Nothing goes wrong now." in (await visitor.get("/faults")).words
    await visitor.press("/faults", latency="1.5")
    assert merchant.sandbox._server.latencies == {"*": 1.5}


@pytest.mark.parametrize(
    "fields",
    [
        {"on": "no_such_operation", "fault": "drop"},
        {"on": "collect", "fault": "no_such_fault"},
        {"on": "collect", "fault": "drop", "times": "0"},
        {"on": "collect", "fault": "drop", "times": "x"},
        {"on": "collect", "fault": "drop", "chance": "2"},
        {"off": "no_such_operation"},
        {"latency": "-1"},
        {"latency": "nan"},
        {"latency": "1e9"},
        {},
    ],
)
async def test_a_fault_that_cannot_be_is_refused(merchant: Merchant, visitor: Visitor, fields: dict[str, str]) -> None:
    seen = await visitor.press("/faults", **fields)
    assert (seen.status, merchant.sandbox._plan.planned(), merchant.sandbox._server.latencies) == (422, {}, {})


def test_the_page_explains_every_fault() -> None:
    assert FAULT_MEANINGS.keys() == FAULT_WORDS.keys()


async def test_the_clock_moves_forward_and_tokens_end(merchant: Merchant, visitor: Visitor) -> None:
    await merchant.collect()
    words = (await visitor.get("/clock")).words
    assert ("1 issued, 1 valid." in words, "500001 INV-2026-00001 USED" in words) == (True, True)
    await visitor.press("/clock", seconds="10")
    assert merchant.sandbox.ledger[0].status == "COMPLETED"
    await visitor.press("/clock", lifetime="5")
    assert (await merchant.log_in()).body["expires_in"] == 5
    await visitor.press("/clock", do="revoke")
    assert "2 issued, 0 valid." in (await visitor.get("/clock")).words
    merchant.checks_answers = False
    assert (await merchant.get("fees/tiers")).status == 401


@pytest.mark.parametrize("fields", [{"seconds": "-1"}, {"seconds": "x"}, {"seconds": "inf"}, {"lifetime": "-1"}, {}])
async def test_a_time_that_cannot_be_is_refused(visitor: Visitor, fields: dict[str, str]) -> None:
    assert (await visitor.press("/clock", **fields)).status == 422


async def test_the_clock_stops_before_the_end_of_the_calendar(sandbox: Sandbox, visitor: Visitor) -> None:
    sandbox.advance(2_911_500 * 86_400.0)
    assert (await visitor.press("/clock", seconds=f"{366 * 86_400}")).status == 409
    assert (await visitor.get("/clock")).status == 200


async def test_wrong_methods_bodies_and_forms_are_refused(visitor: Visitor) -> None:
    assert (await visitor.ask("DELETE", "/")).status == 405
    assert (await visitor.ask("POST", "/requests")).status == 405
    assert (await visitor.ask("POST", "/clock", json={"seconds": 1})).status == 415
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await visitor.ask("POST", "/clock", data=b"seconds=%ff\xff", headers=form)).status == 422
    assert (await visitor.ask("POST", "/clock", data=b"&".join([b"a=1"] * 50), headers=form)).status == 422
    assert (await visitor.ask("HEAD", "/")).status == 200
    assert (await visitor.get("/__pages/../site.py")).status == 404
    assert (await visitor.get("/__pages/nothing.js")).status == 404


async def test_what_is_kept_of_a_sandbox_without_requests_is_still_shown(http: aiohttp.ClientSession) -> None:
    async with Sandbox(keep_requests=0) as sandbox:
        visitor = Visitor(http, sandbox.url)
        await visitor.press("/checkouts")
        assert "No requests yet" in (await visitor.get("/requests")).words
        assert (await visitor.get("/requests/1")).status == 404


async def test_a_reset_empties_the_pages_too(merchant: Merchant, visitor: Visitor) -> None:
    await visitor.press("/handset", do="by_hand")
    await visitor.press("/handset/231771234567", do="by_hand")
    await merchant.collect()
    merchant.sandbox.reset()
    assert "No payments yet" in (await visitor.get("/")).words
    state = (await visitor.control("GET", "/phones")).body
    assert state == {"every_by_hand": False, "by_hand": [], "ringing": []}
