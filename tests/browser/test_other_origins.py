"""A page of another site, and a foreign name that leads to this machine, press no button and read nothing."""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from tests.browser.situations import BY_HAND, busy_day, hosted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dollr_async.sandbox import Sandbox
    from tests.browser.chromium import Window
    from tests.browser.server import RunningSandbox

pytestmark = pytest.mark.full(reason="drives a real browser")

_EVIL = "evil.example"


def _state(sandbox: Sandbox) -> object:
    world = sandbox._world
    return (
        [(entry.reference_id, entry.status) for entry in sandbox.ledger],
        [request.number for request in sandbox.requests],
        {name: len(faults) for name, faults in sandbox._plan.planned().items()},
        dict(sandbox._server.latencies),
        (world.handsets.every, set(world.handsets.by_hand)),
        (len(world.pages), len(world.tokens.valid())),
        world.clock._skipped,
    )


class _Attack:
    """Everything that a hostile page may try on one sandbox."""

    def __init__(self, running: RunningSandbox, reference: str, checkout: str) -> None:
        self.forms = {
            "/checkouts": {},
            "/handset": {"do": "by_hand"},
            f"/handset/{BY_HAND}": {"do": "approve", "reference": reference},
            checkout.removeprefix(running.url): {"means": "pm_card_visa"},
            f"/payments/{reference}": {"do": "approve"},
            "/faults": {"on": "collect", "fault": "drop", "times": "1", "chance": "1"},
            "/clock": {"seconds": "600"},
            f"/__control/payments/{reference}/approve": {},
        }
        self.fetches = [
            *(
                ["POST", path, "application/x-www-form-urlencoded", "seconds=600&do=by_hand&on=*&fault=drop"]
                for path in self.forms
            ),
            ["POST", "/__control/clock", "text/plain", '{"seconds": 600}'],
            ["POST", "/__control/clock", "application/json", '{"seconds": 600}'],
            ["DELETE", "/__control/requests", None, None],
            ["GET", "/v1/fees/tiers", None, None],
            ["GET", "/__control", None, None],
            ["POST", "/v1/jwt/client/obtain/token", "application/json", json.dumps(dict(_credentials(running)))],
        ]


def _credentials(running: RunningSandbox) -> Iterator[tuple[str, str]]:
    settings = running.sandbox.settings
    yield "client_id", settings["client_id"]
    yield "client_secret", settings["client_secret"]


_FETCH_ALL = """async ([base, fetches]) => {
  const read = [];
  for (const [method, path, type, body] of fetches) {
    for (const mode of ['cors', 'no-cors']) {
      try {
        const answer = await fetch(base + path, {method, mode, body, headers: type ? {'Content-Type': type} : {}});
        read.push([mode, path, answer.status, (await answer.text()).slice(0, 200)]);
      } catch (error) { read.push([mode, path, 0, '']); }
    }
  }
  for (const tag of ['img', 'script', 'link', 'iframe']) {
    const one = document.createElement(tag);
    one.rel = 'stylesheet';
    try { one.src = one.href = base + '/v1/fees/tiers'; } catch (error) { continue; }
    document.body.append(one);
  }
  await new Promise((done) => setTimeout(done, 500));
  return read;
}"""


@pytest.fixture
def attack(running: RunningSandbox) -> _Attack:
    """A sandbox with a payment that waits, an open checkout, and nothing that changes by itself."""
    running.run(busy_day(running.sandbox))
    checkout = running.run(hosted(running.sandbox))
    waiting = next(entry for entry in running.do(lambda sandbox: sandbox.ledger) if entry.status == "PENDING")
    return _Attack(running, waiting.reference_id, checkout)


@pytest.fixture
def evil(running: RunningSandbox) -> Iterator[str]:
    """A hostile site on this machine, under another name and another port; it serves whatever is in its query."""

    async def serve(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text=request.query.get("page", "<body></body>"), content_type="text/html")

    async def start() -> tuple[web.ServerRunner, int]:
        runner = web.ServerRunner(web.Server(serve))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return runner, int(runner.addresses[0][1])

    runner, port = running.run(start())
    yield f"http://{_EVIL}:{port}"
    running.run(runner.cleanup())


def test_another_site_presses_no_button(window: Window, running: RunningSandbox, attack: _Attack, evil: str) -> None:
    before = running.do(_state)
    page = window.open(evil)
    read = page.evaluate(_FETCH_ALL, [running.url, attack.fetches])
    assert {(status, text) for _, _, status, text in read} == {(0, "")}
    assert running.do(_state) == before
    for path, fields in attack.forms.items():
        inputs = "".join(f"<input name={name} value={html.escape(value)}>" for name, value in fields.items())
        form = f"<form method=post action='{running.url}{path}'>{inputs}<button>Win a prize</button></form>"
        page.goto(f"{evil}/")
        page.set_content(form)
        with page.expect_navigation() as navigation:
            page.get_by_role("button").click()
        assert navigation.value is not None
        assert (navigation.value.status, running.do(_state)) == (403, before), path
    window.troubles.clear()  # the requests to the other site, and what the browser has refused


def test_another_site_cannot_frame_a_page(window: Window, running: RunningSandbox, evil: str) -> None:
    page = window.open(evil)
    page.set_content(f"<iframe src='{running.url}/handset/{BY_HAND}'></iframe>")
    page.wait_for_timeout(500)
    assert page.frames[-1].get_by_role("button").count() == 0
    assert any("frame" in trouble for trouble in window.troubles)
    window.troubles.clear()


def test_a_foreign_name_that_leads_here_presses_no_button(
    window: Window, running: RunningSandbox, attack: _Attack, evil: str
) -> None:
    before = running.do(_state)
    rebound = running.url.replace("127.0.0.1", _EVIL)
    page = window.context.new_page()
    first = page.goto(f"{rebound}/")
    assert first is not None
    assert first.status == 403
    # As if the name had led to the hostile site until now: its page is of the same origin as what it asks for.
    page.route(f"{rebound}/trap", lambda route: route.fulfill(body="<body></body>", content_type="text/html"))
    page.goto(f"{rebound}/trap")
    read = page.evaluate(_FETCH_ALL, [rebound, attack.fetches])
    assert {status for mode, _, status, _ in read if mode == "cors"} == {403}
    assert running.do(_state) == before
    window.troubles.clear()


def test_the_same_attack_by_the_sandboxs_own_origin_would_change_it(
    window: Window, running: RunningSandbox, attack: _Attack
) -> None:
    before = running.do(_state)
    page = window.open(running.url)
    read = page.evaluate(_FETCH_ALL, [running.url, attack.fetches])
    assert {status for _, _, status, _ in read} >= {200}
    assert running.do(_state) != before
    window.troubles.clear()
