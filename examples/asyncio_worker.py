"""A worker without a queue: handles outcomes until SIGTERM, and touches a health file while it is alive.

    python3 examples/asyncio_worker.py /run/payments/health

Settings: DATABASE_URL (PostgreSQL, with the orders and the journal), and those of the client. The loop that does the
work touches the file every five seconds. The file is removed at the end.
"""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import psycopg

from dollr_async import AlreadyHandledError, DollrClient, Outcome
from dollr_async.journal import PostgresJournal


async def deliver(database: str, outcome: Outcome) -> None:
    async with await psycopg.AsyncConnection.connect(database) as connection:
        order = (outcome.status, outcome.reference_id)
        await connection.execute("UPDATE orders SET status = %s WHERE payment = %s", order)
        await outcome.handled(connection)  # the order and the mark commit together


async def handle_outcomes(database: str) -> None:
    async with PostgresJournal(database) as journal, DollrClient(journal=journal) as dollr:
        async for outcome in dollr.outcomes():
            try:
                await deliver(database, outcome)
            except (AlreadyHandledError, psycopg.Error) as error:  # rolled back
                print(f"payment {outcome.reference_id}: {error}", file=sys.stderr)


async def stay_healthy(health: Path) -> None:
    while True:
        await asyncio.to_thread(health.touch)
        await asyncio.sleep(5.0)


async def main(health: Path) -> None:
    # When one of the two fails, the program ends, and is restarted from outside.
    work = asyncio.gather(handle_outcomes(os.environ["DATABASE_URL"]), stay_healthy(health))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, work.cancel)
    with suppress(asyncio.CancelledError):
        await work


if __name__ == "__main__":
    try:
        asyncio.run(main(Path(sys.argv[1])))
    finally:
        Path(sys.argv[1]).unlink(missing_ok=True)
