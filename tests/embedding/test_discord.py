"""The bot for Discord: its command tree is fed with interactions, and its HTTP client keeps what it sends."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import discord
import pytest
from discord.http import HTTPClient, Route
from discord.webhook.async_ import AsyncWebhookAdapter, async_context

from tests.embedding.chat_bot import Chat, ChatBotTests

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from dollr_async.testing.fixtures import QuickSandbox

USER = {"id": "42", "username": "amara", "global_name": "Amara Kamara", "discriminator": "0", "avatar": None}
LISTS = ("attachments", "embeds", "mentions", "mention_roles", "components")
COMMAND = {"id": "5", "name": "pay", "type": 1}


class Recorded(HTTPClient):
    """Takes the place of Discord for messages to a user, and keeps their texts."""

    def __init__(self, loop: asyncio.AbstractEventLoop, texts: list[str]) -> None:
        super().__init__(loop)
        self.texts = texts
        self.commands: list[str] = []

    async def request(self, route: Route, **options: Any) -> Any:  # noqa: ANN401 - of the base class
        match route.method, route.path:
            case "PUT", "/applications/{application_id}/commands":
                self.commands = [command["name"] for command in options["json"]]
                return []
            case "GET", "/users/{user_id}":
                return USER
            case "POST", "/users/@me/channels":
                assert options["json"] == {"recipient_id": 42}
                return {"id": "7", "type": 1, "recipients": [USER]}
            case "POST", "/channels/{channel_id}/messages":
                self.texts.append(options["json"]["content"])
                return message(self.texts[-1])
        raise AssertionError(route)


class RecordedAnswers(AsyncWebhookAdapter):
    """Takes the place of Discord for the answers to a command, and keeps their texts."""

    def __init__(self, texts: list[str]) -> None:
        self.texts = texts

    async def request(self, route: Route, *_: object, **options: Any) -> Any:  # noqa: ANN401 - of the base class
        if route.path == "/interactions/{webhook_id}/{webhook_token}/callback":
            assert options["params"] or options["payload"]
            return {"interaction": {"id": "9", "type": 2}}
        assert (route.method, route.path) == ("POST", "/webhooks/{webhook_id}/{webhook_token}")
        self.texts.append(options["payload"]["content"])
        return message(self.texts[-1])


def message(text: str) -> dict[str, object]:
    parts: dict[str, object] = {name: [] for name in LISTS}
    flags = {"pinned": False, "mention_everyone": False, "tts": False, "type": 0, "edited_timestamp": None}
    when = "2026-11-29T00:00:00+00:00"
    return {**parts, **flags, "id": "8", "channel_id": "7", "author": USER, "content": text, "timestamp": when}


class FedChat:
    """Gives the command as the bot gets it from Discord."""

    def __init__(self, bot: Any, heard: list[str]) -> None:  # noqa: ANN401 - a class of the example
        self._bot = bot
        self.heard = heard

    async def pay(self, phone: str) -> None:
        options = [{"name": "phone", "type": 3, "value": phone}]
        payload: Any = {"id": "3", "application_id": "1", "type": 2, "token": "token", "version": 1, "user": USER}
        payload |= {"data": {**COMMAND, "options": options}, "attachment_size_limit": 0}
        await self._bot.tree._call(discord.Interaction(data=payload, state=self._bot._connection))


class TestDiscord(ChatBotTests):
    @pytest.fixture
    def open_bot(
        self, dollr_sandbox: QuickSandbox, load: Callable[[str], dict[str, Any]]
    ) -> Callable[[], AbstractAsyncContextManager[Chat]]:
        @asynccontextmanager
        async def opened() -> AsyncIterator[Chat]:
            texts: list[str] = []
            async with load("discord_bot")["TicketBot"](dict(dollr_sandbox.settings)) as bot:
                bot.http = bot._connection.http = bot.tree._http = Recorded(bot.loop, texts)
                bot._connection.application_id = 1
                answers = async_context.set(RecordedAnswers(texts))
                await bot.setup_hook()  # as `run` calls it after the login
                assert bot.http.commands == ["pay"]
                yield FedChat(bot, texts)
                async_context.reset(answers)

        return opened
