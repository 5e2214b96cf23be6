"""The bot with python-telegram-bot: it is fed with updates, and its request object keeps what it sends."""

from __future__ import annotations

import itertools
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from telegram import Update
from telegram.ext import Application
from telegram.request import BaseRequest, RequestData

from tests.embedding.chat_bot import Chat, ChatBotTests

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from dollr_async.testing.fixtures import QuickSandbox

CHAT = {"id": 42, "type": "private", "first_name": "Amara"}
USER = {"id": 42, "is_bot": False, "first_name": "Amara", "last_name": "Kamara"}


class Recorded(BaseRequest):
    """Takes the place of Telegram, and keeps each text that a bot sends."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    @property
    def read_timeout(self) -> float:
        return 1.0

    async def initialize(self) -> None:
        """Do nothing: there is no connection."""

    async def shutdown(self) -> None:
        """Do nothing either."""

    async def do_request(
        self, url: str, method: str, request_data: RequestData | None = None, *_: object, **__: object
    ) -> tuple[int, bytes]:
        if url.endswith("/getMe"):
            return self._answer({"id": 1, "is_bot": True, "first_name": "Shop", "username": "shop_bot"})
        assert url.endswith("/sendMessage")
        assert request_data
        assert request_data.parameters["chat_id"] == CHAT["id"]
        self.texts.append(str(request_data.parameters["text"]))
        return self._answer({"message_id": len(self.texts), "date": 0, "chat": CHAT, "text": self.texts[-1]})

    @staticmethod
    def _answer(result: object) -> tuple[int, bytes]:
        return 200, json.dumps({"ok": True, "result": result}).encode()


class FedChat:
    """Writes to the bot as its application gets it from Telegram."""

    def __init__(self, app: Application[Any, Any, Any, Any, Any, Any], heard: list[str]) -> None:
        self._app = app
        self._numbers = itertools.count(1)
        self.heard = heard

    async def pay(self, phone: str) -> None:
        number = next(self._numbers)
        command = {"type": "bot_command", "offset": 0, "length": 4}
        message = {"message_id": number, "date": 0, "chat": CHAT, "from": USER, "text": f"/pay {phone}"}
        update = {"update_id": number, "message": {**message, "entities": [command]}}
        await self._app.process_update(Update.de_json(update, self._app.bot))


class TestTelegram(ChatBotTests):
    @pytest.fixture
    def open_bot(
        self, dollr_sandbox: QuickSandbox, load: Callable[[str], dict[str, Any]]
    ) -> Callable[[], AbstractAsyncContextManager[Chat]]:
        @asynccontextmanager
        async def opened() -> AsyncIterator[Chat]:
            request, example = Recorded(), load("telegram_bot")
            builder = Application.builder().token("42:TEST").request(request).get_updates_request(Recorded())
            app = example["make_app"](builder)
            app.bot_data["settings"] = dollr_sandbox.settings
            # In the order in which run_polling() calls them.
            await app.initialize()
            await app.post_init(app)
            await app.start()
            yield FedChat(app, request.texts)
            await app.stop()
            await app.post_stop(app)
            await app.shutdown()
            await app.post_shutdown(app)

        return opened
