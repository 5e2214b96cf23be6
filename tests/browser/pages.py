"""Every page of the sandbox, in every state that a person can see."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.browser.server import RunningSandbox
from tests.browser.situations import BY_HAND, busy_day, hosted, pay_hosted

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def every_page() -> Iterator[dict[str, str]]:
    """The addresses of all pages by name, on two sandboxes: one in which much has happened, and an empty one."""
    running, empty = RunningSandbox(), RunningSandbox()
    try:
        yield {**_busy_pages(running), **_empty_pages(empty)}
    finally:
        running.close()
        empty.close()


def _busy_pages(running: RunningSandbox) -> dict[str, str]:
    story = running.run(busy_day(running.sandbox))
    waiting = next(entry for entry in running.do(lambda sandbox: sandbox.ledger) if entry.status == "PENDING")
    checkouts = {name: running.run(hosted(running.sandbox)) for name in ("open", "phone", "card", "declined", "paid")}
    running.run(pay_hosted(running.sandbox, checkouts["phone"], means="phone"))
    running.run(pay_hosted(running.sandbox, checkouts["card"], means="pm_card_3ds"))
    running.run(pay_hosted(running.sandbox, checkouts["declined"], means="pm_card_declined"))
    running.run(pay_hosted(running.sandbox, checkouts["paid"], means="pm_card_visa"))
    running.do(lambda sandbox: sandbox.advance(5))
    expired = running.run(hosted(running.sandbox))
    pages = running.sandbox._world.pages
    pages[expired.rpartition("/")[2]].expires_at = running.do(lambda sandbox: sandbox._world.clock.now())
    return {
        "overview": f"{running.url}/",
        "overview, failed": f"{running.url}/?status=FAILED&show=1",
        "phones": f"{running.url}/handset",
        "phone that rings": f"{running.url}/handset/{BY_HAND}",
        "phone that is quiet": f"{running.url}/handset/231770000006",
        "story": f"{running.url}/payments/{story}",
        "story that goes on": f"{running.url}/payments/{waiting.reference_id}",
        "requests": f"{running.url}/requests",
        "requests, none fits": f"{running.url}/requests?text=nothing",
        "request": f"{running.url}/requests/8",
        "faults": f"{running.url}/faults",
        "clock": f"{running.url}/clock",
        "not found": f"{running.url}/payments/unknown",
        "checkout, expired": expired,
        "receipt": f"{checkouts['paid']}/receipt",
        **{f"checkout, {name}": address for name, address in checkouts.items()},
    }


def _empty_pages(empty: RunningSandbox) -> dict[str, str]:
    paths = {"overview": "/", "phones": "/handset", "phone": f"/handset/{BY_HAND}", "requests": "/requests"}
    paths |= {"faults": "/faults", "clock": "/clock"}
    return {f"empty {name}": f"{empty.url}{path}" for name, path in paths.items()}
