"""A Discord bot, with one ticket for each user: the command `/pay` begins its payment."""

import os
from contextlib import AsyncExitStack, suppress
from typing import Any

import discord
from discord import app_commands

from dollr_async import DollrClient, DollrError, Payer
from dollr_async.journal import SQLiteJournal
from ticket_shop import ENDS, TICKET, Order, Shop, explain


class TicketBot(discord.Client):
    shop: Shop

    def __init__(self, settings: dict[str, Any]) -> None:
        super().__init__(intents=discord.Intents.none())
        self.tree = app_commands.CommandTree(self)
        self.tree.add_command(pay)
        self._settings = settings
        self._stack = AsyncExitStack()

    async def setup_hook(self) -> None:
        journal = await self._stack.enter_async_context(SQLiteJournal("payments.db"))
        dollr = await self._stack.enter_async_context(DollrClient(journal=journal, **self._settings))
        await dollr.ready()
        self.shop = await self._stack.enter_async_context(Shop(dollr).delivering(self.tell))
        await self.tree.sync()

    async def tell(self, order: Order) -> None:
        user = await self.fetch_user(int(order.id))
        with suppress(discord.Forbidden):  # they take no messages
            await user.send(ENDS[order.status])

    async def close(self) -> None:
        await self._stack.aclose()
        await super().close()


@app_commands.command(description="Buy a ticket by mobile money")
async def pay(interaction: discord.Interaction[TicketBot], phone: str) -> None:
    await interaction.response.defer(ephemeral=True)  # Discord waits three seconds for a first answer
    user, shop, said = interaction.user, interaction.client.shop, "Please confirm the payment on your phone."
    try:
        async with shop.attempt(str(user.id), Payer(user.display_name, phone, country_code="LR")) as order:
            await shop.dollr.collect(payer=order.payer, items=TICKET, currency="USD", reference_id=order.payment)
    except DollrError as error:
        _, said = explain(error)
    await interaction.followup.send(said, ephemeral=True)


if __name__ == "__main__":
    TicketBot({}).run(os.environ["BOT_TOKEN"])
