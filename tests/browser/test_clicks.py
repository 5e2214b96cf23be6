"""What a person presses changes the ledger, and a program in another process sees it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.browser.chromium import PHONE, Window
from tests.browser.collecting import OtherProcess
from tests.browser.situations import BY_HAND, NAMES, hosted

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.browser.server import RunningSandbox

pytestmark = pytest.mark.full(reason="drives a real browser")


@pytest.mark.parametrize(
    ("key", "seen"),
    [
        ("Approve", ["COMPLETED", "None"]),
        ("Decline", ["FAILED", "The payer declined the payment"]),
    ],
)
def test_a_program_in_another_process_sees_what_the_payer_presses(
    window: Window, running: RunningSandbox, key: str, seen: list[str]
) -> None:
    page = window.open(f"{running.url}/handset/{BY_HAND}")
    page.get_by_role("button", name="Answer by hand").click()
    program = OtherProcess(running, BY_HAND)
    page.get_by_role("button", name=key).click()
    page.get_by_text("Nothing rings.").wait_for()
    assert (program.first_status, program.finish()) == ("PENDING", seen)
    (entry,) = running.do(lambda sandbox: sandbox.ledger)
    assert (entry.reference_id, entry.status) == (program.reference, seen[0])


def test_a_payment_that_is_left_to_ring_waits_until_its_own_end(window: Window, running: RunningSandbox) -> None:
    program = OtherProcess(running, BY_HAND)
    page = window.open(f"{running.url}/handset/{BY_HAND}")
    page.get_by_role("button", name="Let it ring").click()
    page.get_by_text("It rings until").wait_for()
    page.wait_for_timeout(3500)
    assert [entry.status for entry in running.do(lambda sandbox: sandbox.ledger)] in (["PENDING"], ["PROCESSING"])
    page.get_by_role("link", name="Clock").click()
    page.get_by_role("button", name="10 min").click()
    page.get_by_text("Nothing is scheduled.").wait_for()
    assert program.finish()[-2:] == ["FAILED", "The payer did not answer in time"]


def test_the_overview_shows_each_payment_as_it_happens(window: Window, running: RunningSandbox) -> None:
    page = window.open(running.url)
    page.get_by_role("heading", name="No payments yet").wait_for()
    program = OtherProcess(running, "231770000001")
    row = page.get_by_role("row").filter(has_text=program.reference[:8])
    row.get_by_text("PENDING").wait_for()
    row.get_by_text("PROCESSING").wait_for()
    row.get_by_text("COMPLETED").wait_for()
    assert page.get_by_role("status").filter(has_text="1 completed").count() == 1
    assert program.finish()[-2] == "COMPLETED"
    row.get_by_role("link").click()
    page.get_by_role("heading", name=f"Payment {program.reference[:8]}").wait_for()


def test_a_lost_answer_is_switched_on_and_the_money_moves_once(window: Window, running: RunningSandbox) -> None:
    page = window.open(f"{running.url}/faults")
    page.get_by_label("Fault").select_option("lose_answer")
    page.get_by_role("button", name="Switch on for collect", exact=True).click()
    page.get_by_text("lose_answer: 1 left").wait_for()
    program = OtherProcess(running, "231770000006")
    assert [program.first_status, *program.finish()][-2] == "COMPLETED"
    page.get_by_text("Nothing goes wrong now.").wait_for()
    page.goto(f"{running.url}/payments/{program.reference}")
    page.get_by_text("drop after the work").wait_for()
    assert [entry.status for entry in running.do(lambda sandbox: sandbox.ledger)] == ["COMPLETED"]


def _pay(page: Page, means: str) -> None:
    page.get_by_label(means).check()
    page.get_by_role("button", name="Pay", exact=True).click()


def test_a_checkout_goes_from_the_test_button_to_paid_on_the_phone(browser: Browser, running: RunningSandbox) -> None:
    with Window(browser, PHONE) as window:
        page = window.open(running.url)
        page.get_by_role("button", name="Make a test checkout").click()
        _pay(page, "Mobile money")
        phone = window.open(running.url + f"{page.get_by_role('link', name='Open the phone').get_attribute('href')}")
        phone.get_by_role("button", name="Decline").click()
        page.get_by_role("heading", name="Declined").wait_for()
        _pay(page, "Mobile money")
        phone.get_by_role("button", name="Approve").click()
        page.get_by_role("heading", name="Paid. Thank you").wait_for()
        page.get_by_role("link", name="Receipt").click()
        page.get_by_text("Total: 20.50 USD").wait_for()
        assert window.troubles == []
    assert [entry.status for entry in running.do(lambda sandbox: sandbox.ledger)] == ["FAILED", "COMPLETED"]


@pytest.mark.parametrize(("key", "end"), [("Confirm", "Paid. Thank you"), ("Refuse", "Declined")])
def test_a_card_asks_for_three_d_secure(window: Window, running: RunningSandbox, key: str, end: str) -> None:
    page = window.open(running.run(hosted(running.sandbox)))
    _pay(page, "Visa 4000 0027 6000 3184")
    page.get_by_role("button", name=key).click()
    page.get_by_role("heading", name=end).wait_for()


def test_a_page_that_expires_says_so_without_a_reload(window: Window, running: RunningSandbox) -> None:
    url = running.run(hosted(running.sandbox))
    running.do(
        lambda sandbox: setattr(
            sandbox._world.pages[url.rpartition("/")[2]], "expires_at", sandbox._world.clock.at(600)
        )
    )
    page = window.open(url)
    clock = window.open(f"{running.url}/clock")
    clock.get_by_role("button", name="10 min").click()
    page.get_by_role("heading", name="This page has expired").wait_for()
    assert page.get_by_role("button", name="Pay").count() == 0


def test_everything_can_be_done_by_keyboard(window: Window, running: RunningSandbox) -> None:
    page = window.open(running.run(hosted(running.sandbox)))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    assert page.get_by_label("Visa 4242").is_checked()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Paid. Thank you").wait_for()


def test_an_update_keeps_the_focus_and_what_is_being_typed(window: Window, running: RunningSandbox) -> None:
    page = window.open(f"{running.url}/handset")
    page.get_by_label("Phone number").fill("2317")
    page.get_by_role("button", name="Answer every phone by hand").focus()
    program = OtherProcess(running, "231770000006")
    page.wait_for_timeout(1200)
    assert page.evaluate("document.activeElement.textContent") == "Answer every phone by hand"
    page.goto(f"{running.url}/requests")
    page.get_by_label("Contains").fill("inv")
    running.do(lambda sandbox: sandbox.fail("collect", "drop"))
    program.finish()
    page.wait_for_timeout(800)
    assert page.get_by_label("Contains").input_value() == "inv"


def test_more_pages_can_be_open_than_a_browser_has_connections(window: Window, running: RunningSandbox) -> None:
    pages = [window.open(f"{running.url}/clock")]
    for _ in range(9):
        _hide(pages[-1])
        pages.append(window.open(f"{running.url}/clock"))
    running.do(lambda sandbox: sandbox.revoke_tokens())
    pages[-1].get_by_role("button", name="1 day").click()
    assert running.do(lambda sandbox: sandbox._world.clock.seconds()) > 86_400
    _hide(pages[0], hidden=False)
    until = running.do(lambda sandbox: f"{sandbox._world.clock.now():%d %B %Y}")
    pages[0].get_by_text(until).wait_for()


def _hide(page: Page, *, hidden: bool = True) -> None:
    """Let a page believe that nobody sees it, as when another tab lies before it."""
    state = "hidden" if hidden else "visible"
    page.evaluate(f"Object.defineProperty(document, 'visibilityState', {{value: '{state}', configurable: true}})")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_lines_are_copied(window: Window, running: RunningSandbox) -> None:
    page = window.open(running.url)
    page.get_by_role("button", name="Copy the settings").click()
    page.get_by_text("Copied").wait_for()
    assert f"export DOLLR_BASE_URL={running.url}\n" in page.evaluate("navigator.clipboard.readText()")


def test_the_pages_work_without_scripts(browser: Browser, running: RunningSandbox) -> None:
    with Window(browser, PHONE, scripts=False) as window:
        page = window.open(running.url)
        page.get_by_role("button", name="Make a test checkout").click()
        _pay(page, "Mobile money")
        page.get_by_role("link", name="Open the phone").click()
        page.get_by_role("button", name="Approve").click()
        page.get_by_text("Nothing rings.").wait_for()
        page.get_by_role("link", name=re.compile("Payments")).click()
        page.get_by_role("row").filter(has_text=NAMES[0]).get_by_text("COMPLETED").wait_for()


def test_a_page_says_when_the_sandbox_has_stopped(browser: Browser, running: RunningSandbox) -> None:
    with Window(browser, PHONE) as window:
        page = window.open(running.url)
        page.get_by_role("heading", name="No payments yet").wait_for()
        running.run(running.sandbox.close())
        page.get_by_text("The sandbox does not answer.").wait_for()
        running.run(running.sandbox.start())
        page.get_by_text("The sandbox does not answer.").wait_for(state="hidden")
