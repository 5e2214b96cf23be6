"""Any queue: what the task of one status check has to do. Your queue calls it again after the seconds that it returns.

The journal knows what is open and what is not handled, so a lost task loses nothing: every minute, let your scheduler
start a task for each payment of `dollr.unfinished()` that is `executed`, and of `dollr.unhandled()`, that has none.
"""

from datetime import UTC, datetime
from uuid import UUID

from psycopg import AsyncConnection

from dollr_async import DollrClient, DollrError


async def check(dollr: DollrClient, database: str, reference_id: UUID, kind: str, began_at: datetime) -> float | None:
    age = (datetime.now(UTC) - began_at).total_seconds()
    try:
        pause = (await dollr.check(reference_id, kind, age=max(age, 0.0))).next_in
    except DollrError:
        pause = max(10.0, age / 10)  # it could not ask, which says nothing about the payment
    outcome = await dollr.outcome(reference_id)
    if outcome is None:
        return pause  # None: it has ended, and its outcome is handled
    async with await AsyncConnection.connect(database) as connection:
        await connection.execute("UPDATE orders SET status = %s WHERE payment = %s", (outcome.status, reference_id))
        await outcome.handled(connection)  # the order and the mark commit together
    return None
