"""One line of JSON for each event of a payment, by structlog.

python3 -m pip install structlog && python3 examples/observe_structlog.py 231771234567
"""

import asyncio
import sys

import structlog

from dollr_async import DollrClient, LineItem, Payer
from dollr_async.observing import Event, RequestEnded


class StructlogObserver:
    def __init__(self) -> None:
        self.log = structlog.get_logger("dollr")

    def observe(self, event: Event) -> None:
        if not isinstance(event, RequestEnded):  # one for each request: for most programs too much
            self.log.info(**event.to_json())


structlog.configure(
    processors=[structlog.processors.TimeStamper(fmt="iso"), structlog.processors.JSONRenderer()],
    cache_logger_on_first_use=True,
)


async def main(phone: str) -> None:
    async with DollrClient(observer=StructlogObserver()) as dollr:
        items = [LineItem("Ticket", 25)]
        await (await dollr.collect(payer=Payer("Amara Kamara", phone), items=items, currency="USD")).wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
