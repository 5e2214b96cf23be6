"""What a page weighs, and how long 1,000 payments take to show: `python -m tests.browser.weight` prints both."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import attrs

from dollr_async import DollrClient
from tests.browser.chromium import DESKTOP, PHONE, Window, running_browser
from tests.browser.pages import every_page
from tests.browser.server import RunningSandbox
from tests.browser.situations import NAMES, collect

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Request

    from dollr_async.sandbox import Sandbox

MANY = 1000
_AT_ONCE = 20


@attrs.frozen
class Weight:
    """How many requests a first visit makes, and how many bytes their answers have."""

    requests: int
    kilobytes: float


@attrs.frozen
class Shown:
    """How a page with many payments does: times in milliseconds, memory in megabytes."""

    rows: int
    first_paint: float
    loaded: float
    update: float
    heap: float
    renderer: float


def weights(browser: Browser) -> dict[str, Weight]:
    """Visit every page for the first time."""
    found = {}
    with every_page() as pages:
        for name, address in pages.items():
            with Window(browser, PHONE) as window:
                found[name] = _weight(window, address)
    return found


def _weight(window: Window, address: str) -> Weight:
    requests: list[Request] = []
    page = window.context.new_page()

    def note(request: Request) -> None:
        requests.append(request)

    page.on("request", note)
    page.goto(address, wait_until="load")
    page.wait_for_timeout(200)
    ended = [request.response() for request in requests if urlsplit(request.url).path != "/events"]
    return Weight(len(requests), sum(len(response.body()) for response in ended if response is not None) / 1024)


async def pay_often(sandbox: Sandbox, times: int = MANY) -> None:
    """Collect many payments, some of which wait."""
    gate = asyncio.Semaphore(_AT_ONCE)
    endings = ("001", "002", "004", "006", "008")

    async def one(dollr: DollrClient, number: int) -> None:
        async with gate:
            await collect(dollr, f"231770000{endings[number % 5]}", NAMES[number % 6], f"{number + 1}.25")

    async with DollrClient(**sandbox.settings) as dollr:
        await asyncio.gather(*(one(dollr, number) for number in range(times)))
    sandbox.advance(5)


def show(browser: Browser, address: str, running: RunningSandbox) -> Shown:
    """Open a page with many payments, then let one payment change."""
    with Window(browser, DESKTOP) as window:
        page = window.open(address)
        paint = _first_paint(page)
        loaded = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
        page.wait_for_timeout(500)
        began = time.perf_counter()
        waiting = next(entry for entry in running.do(lambda sandbox: sandbox.ledger)[::-1] if entry.status == "PENDING")
        running.do(lambda sandbox: sandbox.settle(waiting.reference_id))
        row = page.locator("tbody tr").filter(has_text=waiting.reference_id[:8])
        row.get_by_text("COMPLETED").wait_for()
        update = (time.perf_counter() - began) * 1000
        return Shown(page.locator("tbody tr").count(), paint, loaded, update, _heap(page), _renderer(browser))


def _first_paint(page: Page) -> float:
    # Not `wait_for_function`, which the policy of the pages refuses.
    for _ in range(100):
        found: list[float] = page.evaluate(
            "performance.getEntriesByName('first-contentful-paint').map((one) => one.startTime)"
        )
        if found:
            return found[0]
        page.wait_for_timeout(50)
    message = "Nothing was painted within five seconds."
    raise TimeoutError(message)


def _heap(page: Page) -> float:
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    used: float = session.send("Runtime.getHeapUsage")["usedSize"]
    return used / 1024**2


def _renderer(browser: Browser) -> float:
    """The private memory of the largest renderer process."""
    processes = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    found = [_private(one["id"]) for one in processes if one["type"] == "renderer"]
    return max(found)


def _private(process: int) -> float:
    text = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii")
    return sum(int(kilobytes) for kilobytes in re.findall(r"^Private_\w+: +(\d+)", text, flags=re.MULTILINE)) / 1024


def main() -> None:
    """Print both tables."""
    with running_browser() as browser:
        for name, weight in weights(browser).items():
            print(f"{name:<24} {weight.requests} requests  {weight.kilobytes:6.1f} KB")  # noqa: T201 - a program
        running = RunningSandbox()
        running.run(pay_often(running.sandbox, 3))
        print("3 payments", show(browser, running.url, running))  # noqa: T201 - the same
        running.run(pay_often(running.sandbox))
        for query in ("/", f"/?show={MANY}"):
            print(query, show(browser, running.url + query, running))  # noqa: T201 - the same
        running.close()


if __name__ == "__main__":
    main()
