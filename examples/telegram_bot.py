"""A bot with python-telegram-bot, with one ticket for each chat: `/pay 231771234567` begins its payment."""

import os
from contextlib import AsyncExitStack, suppress
from typing import Any

from telegram import Update
from telegram.error import Forbidden
from telegram.ext import Application, ApplicationBuilder, CommandHandler, ContextTypes

from dollr_async import DollrClient, DollrError, Payer
from dollr_async.journal import SQLiteJournal
from ticket_shop import ENDS, TICKET, Order, Shop, explain

App = Application[Any, Any, Any, Any, Any, Any]


async def pay(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    shop: Shop = context.bot_data["shop"]
    user, message = update.effective_user, update.effective_message
    if user is None or message is None:
        return
    try:
        payer = Payer(user.full_name, "".join(context.args or []), country_code="LR")
        async with shop.attempt(str(message.chat_id), payer) as order:
            await shop.dollr.collect(payer=order.payer, items=TICKET, currency="USD", reference_id=order.payment)
    except DollrError as error:
        await message.reply_text(explain(error)[1])
    else:
        await message.reply_text("Please confirm the payment on your phone.")


async def open_shop(app: App) -> None:
    async def tell(order: Order) -> None:
        with suppress(Forbidden):  # they have blocked the bot
            await app.bot.send_message(int(order.id), ENDS[order.status])

    stack = app.bot_data["stack"] = AsyncExitStack()
    journal = await stack.enter_async_context(SQLiteJournal("payments.db"))
    dollr = await stack.enter_async_context(DollrClient(journal=journal, **app.bot_data.get("settings", {})))
    await dollr.ready()
    app.bot_data["shop"] = await stack.enter_async_context(Shop(dollr).delivering(tell))


async def close_shop(app: App) -> None:
    await app.bot_data["stack"].aclose()


def make_app(builder: ApplicationBuilder[Any, Any, Any, Any, Any, Any]) -> App:
    builder = builder.concurrent_updates(256).post_init(open_shop).post_stop(close_shop).post_shutdown(close_shop)
    app: App = builder.build()
    app.add_handler(CommandHandler("pay", pay))
    return app


if __name__ == "__main__":
    make_app(Application.builder().token(os.environ["BOT_TOKEN"])).run_polling()
