"""The bot with aiogram: its dispatcher is fed with updates, and its session keeps what it sends."""

from __future__ import annotations

import itertools
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from aiogram import Bot, Dispatcher
from aiogram.client.session.base import BaseSession
from aiogram.methods import SendMessage, TelegramMethod
from aiogram.types import Chat as TelegramChat
from aiogram.types import Message, MessageEntity, Update, User

from tests.embedding.chat_bot import Chat, ChatBotTests

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from dollr_async.testing.fixtures import QuickSandbox

CHAT = TelegramChat(id=42, type="private")
NOW = datetime(2026, 11, 29, tzinfo=UTC)


class Recorded(BaseSession):
    """Takes the place of Telegram, and keeps each text that a bot sends."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.is_closed = False

    async def make_request(self, bot: Bot, method: TelegramMethod[Any], timeout: int | None = None) -> Any:  # noqa: ANN401, ASYNC109 - of the base class
        assert isinstance(method, SendMessage)
        assert method.chat_id == CHAT.id
        self.texts.append(method.text)
        return Message(message_id=len(self.texts), date=NOW, chat=CHAT, text=method.text)

    async def close(self) -> None:
        self.is_closed = True

    def stream_content(self, *_: object, **__: object) -> AsyncGenerator[bytes, None]:
        raise NotImplementedError


class FedChat:
    """Writes to the bot as its dispatcher gets it from Telegram."""

    def __init__(self, feed: Callable[[Update], Any], heard: list[str]) -> None:
        self._feed = feed
        self._numbers = itertools.count(1)
        self.heard = heard

    async def pay(self, phone: str) -> None:
        message = Message(
            message_id=(number := next(self._numbers)),
            date=NOW,
            chat=CHAT,
            from_user=User(id=42, is_bot=False, first_name="Amara", last_name="Kamara"),
            text=f"/pay {phone}",
            entities=[MessageEntity(type="bot_command", offset=0, length=4)],
        )
        await self._feed(Update(update_id=number, message=message))


class TestAiogram(ChatBotTests):
    @pytest.fixture
    def open_bot(
        self, dollr_sandbox: QuickSandbox, load: Callable[[str], dict[str, Any]]
    ) -> Callable[[], AbstractAsyncContextManager[Chat]]:
        @asynccontextmanager
        async def opened() -> AsyncIterator[Chat]:
            example, session = load("aiogram_bot"), Recorded()
            dispatcher = Dispatcher()
            dispatcher.include_router(example["router"])
            async with (
                Bot("42:TEST", session=session) as bot,
                example["open_shop"](bot, dict(dollr_sandbox.settings)) as shop,
            ):
                yield FedChat(lambda update: dispatcher.feed_update(bot, update, shop=shop), session.texts)
            assert session.is_closed

        return opened
