"""`DollrClient`: where everything is put together."""

from __future__ import annotations

from dollr_async.client.following import Following
from dollr_async.client.money_in import Collecting
from dollr_async.client.money_out import PayingOut

__all__ = ["DollrClient"]


class DollrClient(Collecting, PayingOut, Following):
    """A client of the Dollr API for one event loop.

    It can be made without a running loop and opens at first use. Close it with `async with` or `await close()`.
    The API's operations are methods of its groups: `parties`, `invoices`, `executions`, and so on.

    Args:
        client_id: from the portal; by default the environment's DOLLR_CLIENT_ID.
        client_secret: from the portal; by default the environment's DOLLR_CLIENT_SECRET.
        base_url: by default the environment's DOLLR_BASE_URL, else the API's own address. It must be https, except on
            loopback.
        session: an aiohttp session of yours, used as it is (proxy, traces and middlewares apply) and never closed.
        timeout: seconds for one request, from the wait for a connection to the last byte of its answer.
        retry: how often and how patiently a request is sent again.
        polling: how a payment is followed.
        journal: a durable record of your payments, such as `dollr_async.journal.SQLiteJournal(path)`. With one, a
            payment is taken up where a process that died has left it, and never forgotten. It is yours to close.
        max_polls_per_second: how often this client asks how far its payments are, at most; None is no limit. At the
            limit all are asked more rarely, the old ones most.
        realtime: where collections are followed by push as well, `RealtimeSettings(url, anon_key)`. What is pushed is
            a hint to look, and while it is down polling alone tells the same changes.

    Raises:
        ConfigurationError: a credential is missing, or the base URL is not https.
        InvalidInputError: a number is out of its range.
    """
