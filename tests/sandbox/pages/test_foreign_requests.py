"""A page of another origin, or a foreign name that leads to this machine, changes nothing and reads nothing."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import aiohttp
import attrs
import pytest

from dollr_async.sandbox.origins import foreign_origin, is_local
from dollr_async.sandbox.push.server import ANON_KEY

if TYPE_CHECKING:
    from dollr_async.sandbox import Sandbox
    from tests.sandbox.merchant import Merchant
    from tests.sandbox.pages.visitor import Visitor


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:80", "127.9.9.9:1", "localhost", "LOCALHOST:3000", "shop.localhost", "[::1]:8080"]
)
def test_names_of_this_machine_are_local(host: str) -> None:
    assert is_local(host)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:80", "127.0.0.1.nip.io", "localhost.evil.example", "", "[", "0.0.0.1", "192.168.1.5",
     "localhost@evil.example", "notlocalhost"],
)  # fmt: skip
def test_other_names_are_not(host: str) -> None:
    assert not is_local(host)


@pytest.mark.parametrize(
    ("headers", "refused"),
    [
        ({}, False),
        ({"Origin": "http://127.0.0.1:8080"}, False),
        ({"Origin": "http://127.0.0.1:8080", "Sec-Fetch-Site": "same-origin"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, True),
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:8080"}, True),
        ({"Origin": "http://127.0.0.1:3000"}, True),
        ({"Origin": "http://localhost:8080"}, True),
        ({"Origin": "https://evil.example"}, True),
        ({"Origin": "null"}, True),
        ({"Origin": "file://"}, True),
        ({"Origin": ""}, True),
    ],
)
def test_a_foreign_origin_is_what_a_browser_says_it_is(headers: dict[str, str], refused: bool) -> None:  # noqa: FBT001 - a parameter of the table
    assert (foreign_origin({"Host": "127.0.0.1:8080", **headers}) is not None) is refused


_FOREIGN = (
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "same-site"},
    {"Host": "evil.example:8080"},
    {"Host": "evil.example", "Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"},
)


@attrs.frozen
class _Change:
    """A request that changes something: a form, or JSON."""

    method: str
    path: str
    form: dict[str, str] | None = None
    json: object = None


def _changes(references: list[str], token: str) -> list[_Change]:
    """Every kind of request that changes something."""
    return [
        _Change("POST", "/checkouts", {}),
        _Change("POST", "/handset", {"do": "by_hand"}),
        _Change("POST", "/handset/231880001122", {"do": "by_hand"}),
        _Change("POST", "/handset/231880001122", {"do": "decline", "reference": references[0]}),
        _Change("POST", f"/pay/{token}", {"means": "phone"}),
        _Change("POST", f"/payments/{references[1]}", {"do": "approve"}),
        _Change("POST", "/faults", {"on": "collect", "fault": "drop", "times": "1", "chance": "1"}),
        _Change("POST", "/clock", {"seconds": "30"}),
        _Change("POST", "/clock", {"do": "revoke"}),
        _Change("POST", f"/__control/payments/{references[2]}/approve"),
        _Change("POST", f"/__control/payments/{references[3]}/decline", json={}),
        _Change("DELETE", "/__control/requests"),
        _Change("POST", "/__control/faults", json={"operation": "collect", "fault": "drop"}),
        _Change("PUT", "/__control/latency", json={"seconds": 5}),
        _Change("POST", "/__control/clock", json={"seconds": 30}),
        _Change("PUT", "/__control/phones", json={"by_hand": True}),
        _Change("PUT", "/__control/tokens", json={"minutes": 1}),
        _Change("DELETE", "/__control/tokens"),
        _Change("POST", "/__control/checkouts"),
        _Change("POST", "/v1/parties/create", json={"fullname": "x", "phone": "231880001122"}),
    ]


def _state(sandbox: Sandbox) -> object:
    """Everything that those requests would change."""
    world = sandbox._world
    return (
        sandbox.ledger,
        len(sandbox.requests),
        sandbox._plan.planned(),
        dict(sandbox._server.latencies),
        world.handsets.every,
        set(world.handsets.by_hand),
        len(world.pages),
        len(world.parties),
        world.tokens.valid(),
        world.tokens.lifetime,
        int(world.clock.seconds()),
        sandbox._server.changes.count,
    )


async def test_no_foreign_request_changes_anything(merchant: Merchant, visitor: Visitor) -> None:
    merchant.sandbox.set_outcome("stay_pending")
    references = [(await merchant.collect())["reference_id"] for _ in range(4)]
    await visitor.press("/checkouts")
    token = next(reversed(merchant.sandbox._world.pages))
    before = _state(merchant.sandbox)
    changes = _changes(references, token)
    for foreign, change in itertools.product(_FOREIGN, changes):
        headers = {**foreign, "Authorization": f"Bearer {merchant.token}"}
        seen = await visitor.ask(change.method, change.path, data=change.form, json=change.json, headers=headers)
        assert (seen.status, _state(merchant.sandbox)) == (403, before), (foreign, change)
        assert "127.0.0.1" in seen.text or "own pages" in seen.text
    for change in changes:
        headers = {"Authorization": f"Bearer {merchant.token}"}
        await visitor.ask(change.method, change.path, data=change.form, json=change.json, headers=headers)
        after = _state(merchant.sandbox)
        assert after != before, change
        before = after


async def test_a_foreign_page_spends_no_fault_and_leaves_no_request(merchant: Merchant, visitor: Visitor) -> None:
    merchant.sandbox.fail("*", "drop")
    seen = await visitor.get("/v1/fees/tiers", **{"Sec-Fetch-Site": "cross-site"})
    assert (seen.status, list(merchant.sandbox._plan.planned())) == (403, ["*"])
    assert [request.operation for request in merchant.sandbox.requests] == ["client_obtain_token"]


async def test_nothing_answers_under_a_foreign_name(visitor: Visitor) -> None:
    for path in ("/", "/events", "/requests", "/__control", "/__pages/page.css", "/v1/fees/tiers", "/favicon.ico"):
        seen = await visitor.get(path, Host="evil.example")
        assert (seen.status, "evil.example" in seen.text) == (403, True)


async def test_the_push_channel_is_refused_under_a_foreign_name_and_open_to_a_shops_own_page(
    http: aiohttp.ClientSession, sandbox: Sandbox
) -> None:
    address = f"{sandbox.url}/realtime/v1/websocket?apikey={ANON_KEY}"
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await http.ws_connect(address, headers={"Host": "evil.example"})
    assert caught.value.status == 403
    async with http.ws_connect(address, headers={"Origin": "http://localhost:3000"}) as channel:
        assert not channel.closed


async def test_a_link_from_another_site_may_open_a_page(visitor: Visitor) -> None:
    for path in ("/", "/pay/unknown"):
        seen = await visitor.get(path, **{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"})
        assert seen.status in {200, 404}
    assert (await visitor.get("/__control", **{"Sec-Fetch-Site": "cross-site"})).status == 403
