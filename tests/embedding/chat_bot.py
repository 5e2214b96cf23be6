"""What every example bot has to do, seen by somebody who writes to it. A framework's tests feed it with updates."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Protocol

import pytest

from tests.embedding.web_shop import DECLINES, DO_NOT_PAY_AGAIN, NO_OPERATOR, PAYS, moved

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from dollr_async.testing.fixtures import QuickSandbox

CONFIRM = "Please confirm the payment on your phone."
THANKS = "Thank you, you have paid. The ticket is yours."


class Chat(Protocol):
    """A chat with a running bot."""

    heard: list[str]
    """What the bot wrote."""

    async def pay(self, phone: str) -> None:
        """Send the command, and return when the bot has answered it."""


async def heard(chat: Chat, sentence: str) -> None:
    """Wait until the bot has written a sentence by itself."""
    async with asyncio.timeout(10):
        while not chat.heard or sentence not in chat.heard[-1]:  # noqa: ASYNC110 - no framework tells what it sent
            await asyncio.sleep(0.02)


@pytest.mark.real_time  # the sandbox has a thread of its own
class ChatBotTests(ABC):
    """The tests of one bot."""

    @abstractmethod
    @pytest.fixture
    def open_bot(self, dollr_sandbox: QuickSandbox) -> Callable[[], AbstractAsyncContextManager[Chat]]:
        """Return what starts the bot by its own hooks, and stops it at the end."""

    async def test_two_commands_at_once_are_one_charge_and_one_ticket(
        self, open_bot: Callable[[], AbstractAsyncContextManager[Chat]], dollr_sandbox: QuickSandbox
    ) -> None:
        async with open_bot() as chat:
            await asyncio.gather(chat.pay(PAYS), chat.pay(PAYS))
            await heard(chat, THANKS)
            await chat.pay(PAYS)
        assert chat.heard == [CONFIRM, CONFIRM, THANKS, "You have paid for this order, and the ticket is yours."]
        assert moved(dollr_sandbox) == [True]
        assert [entry.sends for entry in dollr_sandbox.ledger] == [1]
        assert dollr_sandbox.tokens_issued == 1

    async def test_a_phone_that_cannot_pay_is_refused_with_a_sentence_and_may_be_corrected(
        self, open_bot: Callable[[], AbstractAsyncContextManager[Chat]], dollr_sandbox: QuickSandbox
    ) -> None:
        async with open_bot() as chat:
            await chat.pay("077")
            await chat.pay(NO_OPERATOR)
            await chat.pay(PAYS)
            await heard(chat, THANKS)
        invalid, unknown, *rest = chat.heard
        assert "Nothing was charged. phone 0… (3 characters)" in invalid
        assert "Nothing was charged. No mobile-money operator" in unknown
        assert rest == [CONFIRM, THANKS]
        assert moved(dollr_sandbox) == [True]

    async def test_a_payer_who_declined_may_pay_from_another_phone(
        self, open_bot: Callable[[], AbstractAsyncContextManager[Chat]], dollr_sandbox: QuickSandbox
    ) -> None:
        async with open_bot() as chat:
            await chat.pay(DECLINES)
            await heard(chat, "The payment failed, and nothing was charged.")
            await chat.pay(PAYS)
            assert chat.heard[-1] == CONFIRM
        assert [entry.kind for entry in dollr_sandbox.ledger] == ["COLLECTION"] * 2

    async def test_a_doubt_says_not_to_pay_again_and_ends_in_one_charge(
        self, open_bot: Callable[[], AbstractAsyncContextManager[Chat]], dollr_sandbox: QuickSandbox
    ) -> None:
        dollr_sandbox.fail("executions.collection", "drop", times=None)
        async with open_bot() as chat:
            await chat.pay(PAYS)
            dollr_sandbox.clear_faults()
            await chat.pay(PAYS)
        assert chat.heard == [DO_NOT_PAY_AGAIN, CONFIRM]
        assert [entry.sends for entry in dollr_sandbox.ledger] == [1]

    async def test_a_failure_before_the_charge_says_that_nothing_was_charged(
        self, open_bot: Callable[[], AbstractAsyncContextManager[Chat]], dollr_sandbox: QuickSandbox
    ) -> None:
        dollr_sandbox.fail("parties.create", "forbidden")
        async with open_bot() as chat:
            await chat.pay(PAYS)
        assert chat.heard == ["Nothing was charged. Try again later."]
        assert dollr_sandbox.ledger == ()

    @pytest.mark.dollr(outcome="stay_pending")
    async def test_a_restart_delivers_what_was_open(
        self, open_bot: Callable[[], AbstractAsyncContextManager[Chat]], dollr_sandbox: QuickSandbox
    ) -> None:
        async with open_bot() as chat:
            await chat.pay("231771234567")
        (entry,) = dollr_sandbox.ledger
        dollr_sandbox.settle(entry.reference_id)
        async with open_bot() as chat:
            await heard(chat, THANKS)
        assert chat.heard == [THANKS]
        assert moved(dollr_sandbox) == [True]
