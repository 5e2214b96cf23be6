"""No text that a caller controls runs as a script, or becomes an element, on any page."""

from __future__ import annotations

from decimal import Decimal
from itertools import cycle
from typing import TYPE_CHECKING
from urllib.parse import quote
from uuid import uuid4

import aiohttp
import pytest

from dollr_async import DollrClient, LineItem, MobileMoney, Payer
from tests.browser.situations import pay_hosted

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from dollr_async.sandbox import Sandbox
    from tests.browser.chromium import Window
    from tests.browser.server import RunningSandbox

pytestmark = pytest.mark.full(reason="drives a real browser")

PAYLOADS = (
    "<script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    '"><svg onload=window.pwned=1>',
    "'><iframe srcdoc='<script>parent.pwned=1</script>'>",
    "</title></code></pre></textarea><script>window.pwned=1</script>",
    '" autofocus onfocus=window.pwned=1 x="',
    "javascript:window.pwned=1",
    "&lt;script&gt;window.pwned=1&lt;/script&gt;",
    "<!--<img src=--><img src=x onerror=window.pwned=1>//",
    "\u2028<a href=javascript:window.pwned=1>x</a>{{7*7}}${7*7}",
    "<style>*{display:none}</style><meta http-equiv=refresh content=0;url=https://evil.example>",
)
_TAGS = """() => [...document.querySelectorAll('*')].map((one) => one.localName).filter((name) =>
  ['img', 'svg', 'iframe', 'style', 'object', 'embed', 'base', 'math', 'video', 'textarea'].includes(name))"""
_HANDLERS = """() => [...document.querySelectorAll('*')].flatMap((one) => [...one.attributes]).filter((one) =>
  one.name.startsWith('on') || one.name === 'style' || one.name === 'srcdoc'
  || /^\\s*(javascript|data|vbscript):/i.test(one.value) && one.name !== 'value').map((one) => one.name + one.value)"""


async def _poison(sandbox: Sandbox) -> list[str]:
    """Fill every field that a caller controls, and return the paths of the pages that show them."""
    bad = cycle(PAYLOADS)
    paths = ["/", "/requests", "/requests?answer=4", "/clock", "/faults", "/handset"]
    async with DollrClient(**sandbox.settings) as dollr:
        for payload in PAYLOADS:
            collection = await dollr.collect(
                payer=Payer(fullname=payload, phone="231770000004", email=f"a{next(bad)}@b.example"),
                items=[LineItem(name=payload, amount=Decimal(5)), LineItem(name=next(bad), amount=Decimal(1), qty=3)],
                currency="USD",
                pay_with=MobileMoney(account_name=payload),
                note=payload,
                document_reference=f"{payload}{uuid4()}",
            )
            paths.append(f"/payments/{collection.reference_id}")
            sandbox.decline(collection.reference_id, payload)
            await dollr.collect(
                payer=Payer(fullname=payload, phone="231770000004"),
                items=[LineItem(name=payload, amount=Decimal(5))],
                currency="USD",
            )
            checkout = await dollr.hosted_checkout(
                payer=Payer(fullname=payload, phone="231770000002"),
                items=[LineItem(name=payload, amount=Decimal(7))],
                currency="USD",
                note=payload,
                success_url=payload,
                cancel_url=payload,
            )
            await pay_hosted(sandbox, checkout.url)
            sandbox.advance(5)
            paths.append(checkout.url.removeprefix(sandbox.url))
    paths.append("/handset/231770000004")
    await _bare_requests(sandbox)
    paths += [f"/requests/{request.number}" for request in sandbox.requests if request.operation is None]
    return paths


async def _bare_requests(sandbox: Sandbox) -> None:
    """Send what the client would not: odd paths, parameters, headers and bodies."""
    async with aiohttp.ClientSession() as session:
        for payload in PAYLOADS:
            header = payload.encode("ascii", "ignore").decode()
            for path in (f"/v1/{quote(payload, safe='')}", "/v1/nothing"):
                async with session.post(
                    f"{sandbox.url}{path}",
                    params={payload: payload},
                    json={payload: [payload]},
                    headers={"User-Agent": header, "X-Note": header},
                ) as response:
                    assert response.status == 404


def _check(page: Page) -> None:
    assert page.evaluate("window.pwned") is None, page.url
    assert page.evaluate(_TAGS) == [], page.url
    assert page.evaluate(_HANDLERS) == [], page.url
    assert page.evaluate("document.scripts.length") == 1, page.url


def test_no_text_of_a_caller_runs(window: Window, running: RunningSandbox) -> None:
    paths = running.run(_poison(running.sandbox))
    page = window.context.new_page()
    shown = 0
    for path in paths:
        page.goto(running.url + path)
        _check(page)
        shown += page.content().count("pwned")
    assert shown > 100


def test_no_text_in_an_address_or_a_form_runs(window: Window, running: RunningSandbox) -> None:
    page = window.context.new_page()
    for payload in PAYLOADS:
        text = quote(payload, safe="")
        for path in (
            f"/?status={text}",
            f"/?show={text}",
            f"/handset/{text}",
            f"/handset?phone={text}",
            f"/payments/{text}",
            f"/pay/{text}",
            f"/requests/{text}",
            f"/requests?text={text}&operation={text}&answer={text}",
            f"/faults?fault={text}&times={text}&chance={text}",
        ):
            page.goto(running.url + path)
            _check(page)
    for path, field in (("/clock", "seconds"), ("/handset", "phone"), ("/faults", "latency")):
        for payload in PAYLOADS:
            page.goto(running.url + path)
            page.locator(f"input[name={field}]").fill(payload)
            page.locator(f"input[name={field}]").press("Enter")
            page.get_by_role("alert").wait_for()
            _check(page)


def test_an_update_of_an_open_page_runs_nothing_either(window: Window, running: RunningSandbox) -> None:
    page = window.open(running.url)
    running.run(_poison(running.sandbox))
    page.get_by_text("FAILED").first.wait_for()
    page.wait_for_timeout(1000)
    assert "pwned" in page.content()
    _check(page)


def test_a_page_that_had_a_script_in_it_would_be_stopped_by_its_policy(window: Window, running: RunningSandbox) -> None:
    page = window.open(running.url)
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {id: 'late'}))")
    refused = page.evaluate(
        """() => { try { document.body.innerHTML = '<img src=x onerror=window.pwned=1>'; return 'set'; }
        catch (error) { return error.name; } }"""
    )
    assert (refused, page.evaluate("window.pwned")) == ("TypeError", None)
    assert any("TrustedHTML" in trouble for trouble in window.troubles)
    window.troubles.clear()
