"""A Telegram bot with aiogram, with one ticket for each chat: `/pay 231771234567` begins its payment."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiogram import Bot, Dispatcher, Router
from aiogram.exceptions import TelegramForbiddenError
from aiogram.filters import Command, CommandObject
from aiogram.types import Message

from dollr_async import DollrClient, DollrError, Payer
from dollr_async.journal import SQLiteJournal
from ticket_shop import ENDS, TICKET, Order, Shop, explain

router = Router()


@router.message(Command("pay"))
async def pay(message: Message, command: CommandObject, shop: Shop) -> None:
    name = message.from_user.full_name if message.from_user else str(message.chat.id)
    try:
        payer = Payer(name, command.args or "", country_code="LR")
        async with shop.attempt(str(message.chat.id), payer) as order:
            await shop.dollr.collect(payer=order.payer, items=TICKET, currency="USD", reference_id=order.payment)
    except DollrError as error:
        await message.answer(explain(error)[1])
    else:
        await message.answer("Please confirm the payment on your phone.")


@asynccontextmanager
async def open_shop(bot: Bot, settings: dict[str, Any]) -> AsyncIterator[Shop]:
    async def tell(order: Order) -> None:
        with suppress(TelegramForbiddenError):  # they have blocked the bot
            await bot.send_message(int(order.id), ENDS[order.status])

    async with SQLiteJournal("payments.db") as journal, DollrClient(journal=journal, **settings) as dollr:
        await dollr.ready()
        async with Shop(dollr).delivering(tell) as shop:
            yield shop


async def main() -> None:
    dispatcher = Dispatcher()
    dispatcher.include_router(router)
    async with Bot(os.environ["BOT_TOKEN"]) as bot, open_shop(bot, {}) as shop:
        await dispatcher.start_polling(bot, shop=shop, close_bot_session=False)  # until SIGTERM


if __name__ == "__main__":
    asyncio.run(main())
