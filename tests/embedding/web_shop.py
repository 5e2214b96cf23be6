"""What every example shop on the web has to do, seen by a browser. A framework's tests say how its app is opened."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol
from uuid import uuid4

import attrs
import pytest

from dollr_async.sandbox import AfterStatusChecks

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from dollr_async.testing.fixtures import QuickSandbox

NO_OPERATOR, DECLINES, PAYS = "231770000007", "231770000002", "0771234567"
DO_NOT_PAY_AGAIN = "We do not know yet whether you have paid. Please do not pay again: we will tell you."


@attrs.frozen
class Answer:
    """The answer to a request."""

    status: int
    text: str


class Browser(Protocol):
    """Sends requests to a running app."""

    def get(self, path: str) -> Answer:
        """Return the answer to a GET."""

    def post(self, path: str, form: dict[str, str]) -> Answer:
        """Return the answer to a form, as the app takes it."""


class FormClient(Protocol):
    """A framework's own test client, as far as a browser needs it."""

    def get(self, path: str, /) -> Any:  # noqa: ANN401 - each framework has a class of its own for an answer
        """Return the answer to a GET."""

    def post(self, path: str, /, *, data: dict[str, str]) -> Any:  # noqa: ANN401 - as above
        """Return the answer to a form."""


class FormBrowser:
    """Sends forms with a framework's test client."""

    def __init__(self, client: FormClient) -> None:
        self._client = client

    def get(self, path: str) -> Answer:
        answer = self._client.get(path)
        return Answer(answer.status_code, answer.text)

    def post(self, path: str, form: dict[str, str]) -> Answer:
        answer = self._client.post(path, data=form)
        return Answer(answer.status_code, answer.text)


def pay(browser: Browser, order: str, phone: str = PAYS, name: str = "Amara Kamara") -> Answer:
    return browser.post(f"/orders/{order}/pay", {"name": name, "phone": phone})


def wait_for(status: str, browser: Browser, order: str) -> None:
    """Wait until an order has a status, which the shop's worker writes."""
    until = time.monotonic() + 10.0
    while status not in (last := browser.get(f"/orders/{order}").text):
        assert time.monotonic() < until, last
        time.sleep(0.02)


def last_status(browser: Browser, order: str) -> str:
    """Follow an order's payment to the end of the stream, and return what came last."""
    return browser.get(f"/orders/{order}/events").text.split()[-1]


def moved(sandbox: QuickSandbox) -> list[bool]:
    """Return for each payment that the API accepted whether it moved money."""
    return [entry.moved for entry in sandbox.ledger]


class WebShopTests(ABC):
    """The tests of one shop."""

    @abstractmethod
    @pytest.fixture
    def open_shop(self, dollr_sandbox: QuickSandbox) -> Callable[[], AbstractContextManager[Browser]]:
        """Return what starts the app, and stops it at the end."""

    @pytest.fixture
    def order(self) -> str:
        return str(uuid4())

    @pytest.mark.dollr(settlement=AfterStatusChecks(processing=1, final=3))
    def test_an_order_is_paid_and_its_ticket_delivered(
        self, open_shop: Callable[[], AbstractContextManager[Browser]], dollr_sandbox: QuickSandbox, order: str
    ) -> None:
        with open_shop() as browser:
            answer = pay(browser, order)
            assert answer.status == 202, answer.text
            assert '"PENDING"' in answer.text
            lines = browser.get(f"/orders/{order}/events").text.split()
            assert lines == ["data:", "PROCESSING", "data:", "COMPLETED"]
            wait_for("COMPLETED", browser, order)
            late = pay(browser, order)
            assert (late.status, "the ticket is yours" in late.text) == (409, True)
        assert moved(dollr_sandbox) == [True]
        assert dollr_sandbox.tokens_issued == 1

    def test_two_clicks_at_once_are_one_charge(
        self, open_shop: Callable[[], AbstractContextManager[Browser]], dollr_sandbox: QuickSandbox, order: str
    ) -> None:
        with open_shop() as browser:
            with ThreadPoolExecutor() as clicks:
                answers = list(clicks.map(lambda _: pay(browser, order), range(3)))
            assert {answer.status for answer in answers} == {202}
            assert last_status(browser, order) == "COMPLETED"
        assert moved(dollr_sandbox) == [True]
        assert [entry.sends for entry in dollr_sandbox.ledger] == [1]

    @pytest.mark.parametrize(("phone", "sentence"), [("077", "as in '231771234567'"), (NO_OPERATOR, "No mobile-money")])
    def test_a_phone_that_cannot_pay_is_refused_with_a_sentence_and_may_be_corrected(
        self,
        open_shop: Callable[[], AbstractContextManager[Browser]],
        dollr_sandbox: QuickSandbox,
        order: str,
        phone: str,
        sentence: str,
    ) -> None:
        with open_shop() as browser:
            refused = pay(browser, order, phone)
            assert refused.status == 422
            assert "Nothing was charged." in refused.text
            assert sentence in refused.text
            assert pay(browser, order).status == 202
            assert last_status(browser, order) == "COMPLETED"
        assert moved(dollr_sandbox) == [True]

    def test_a_payer_who_declined_may_pay_from_another_phone(
        self, open_shop: Callable[[], AbstractContextManager[Browser]], dollr_sandbox: QuickSandbox, order: str
    ) -> None:
        with open_shop() as browser:
            pay(browser, order, DECLINES)
            assert last_status(browser, order) == "FAILED"
            wait_for("FAILED", browser, order)
            assert pay(browser, order).status == 202
            assert last_status(browser, order) == "COMPLETED"
        assert moved(dollr_sandbox) == [False, True]

    def test_a_failure_before_the_charge_says_that_nothing_was_charged(
        self, open_shop: Callable[[], AbstractContextManager[Browser]], dollr_sandbox: QuickSandbox, order: str
    ) -> None:
        dollr_sandbox.fail("parties.create", "forbidden")
        with open_shop() as browser:
            answer = pay(browser, order)
            assert (answer.status, "Nothing was charged. Try again later." in answer.text) == (503, True)
        assert dollr_sandbox.ledger == ()

    def test_a_doubt_says_not_to_pay_again_and_ends_in_one_charge(
        self, open_shop: Callable[[], AbstractContextManager[Browser]], dollr_sandbox: QuickSandbox, order: str
    ) -> None:
        dollr_sandbox.fail("executions.collection", "drop", times=None)
        with open_shop() as browser:
            answer = pay(browser, order)
            assert (answer.status, DO_NOT_PAY_AGAIN in answer.text) == (202, True)
            dollr_sandbox.clear_faults()
            assert pay(browser, order).status == 202
            assert last_status(browser, order) == "COMPLETED"
        assert [entry.sends for entry in dollr_sandbox.ledger] == [1]

    @pytest.mark.dollr(outcome="stay_pending")
    def test_a_restart_delivers_what_was_open(
        self, open_shop: Callable[[], AbstractContextManager[Browser]], dollr_sandbox: QuickSandbox, order: str
    ) -> None:
        with open_shop() as browser:
            pay(browser, order, "231771234567")
        (entry,) = dollr_sandbox.ledger
        dollr_sandbox.settle(entry.reference_id)
        with open_shop() as browser:
            wait_for("COMPLETED", browser, order)
        assert moved(dollr_sandbox) == [True]

    def test_an_order_that_is_unknown_or_no_id_is_not_found(
        self, open_shop: Callable[[], AbstractContextManager[Browser]], order: str
    ) -> None:
        with open_shop() as browser:
            for path in (f"/orders/{order}", f"/orders/{order}/events"):
                assert browser.get(path).status == 404
            for path in ("/orders/7", "/orders/7/events"):
                assert browser.get(path).status in (404, 422)
            assert pay(browser, "7").status in (404, 422)
            assert browser.post(f"/orders/{order}/pay", {}).status in (400, 422)
