"""`DollrClient`, in one class for each job: open the file that has the method you look for.

- `core`: the settings, opening and closing, and how a payment runs from its first step to an accepted execution
- `money_in`: `collect`, `hosted_checkout`, `payment_link`
- `money_out`: `payout`, `transfer`, `refund`
- `outcomes`: `outcomes`, `settle_unfinished`, `close_payment`
- `following`: `watch`, `watch_many`, `wait`, `check`, `unfinished`, `watch_source`, `verify_source`
- `views`: `with_options`, `ready`

The API's other operations are the groups of `dollr_async.resources`, such as `dollr.invoices`.
"""

from __future__ import annotations

from dollr_async.client.following import FollowingMethods
from dollr_async.client.money_in import MoneyInMethods
from dollr_async.client.money_out import MoneyOutMethods
from dollr_async.client.outcomes import OutcomeMethods
from dollr_async.client.views import ViewMethods

__all__ = ["DollrClient"]


class DollrClient(MoneyInMethods, MoneyOutMethods, FollowingMethods, OutcomeMethods, ViewMethods):
    """A client of the Dollr API for one event loop.

    You can create it without a running loop. It opens at its first request. Close it with `async with` or
    `await close()`. The API's operations are methods of its groups: `parties`, `invoices`, `executions`, and so on.

    Each operation may raise these errors:

    - `InvalidInputError`: an argument was refused. Nothing was sent.
    - `ConfigurationError`: the client is closed, or was opened in another event loop.
    - `APIStatusError`: the answer is not a success.
    - `TransportError`: no usable answer arrived.
    - `DecodeError`: the answer does not have the documented shape.

    Args:
        client_id: from the portal; by default the environment variable DOLLR_CLIENT_ID.
        client_secret: from the portal; by default the environment variable DOLLR_CLIENT_SECRET. It may be a function
            that returns it. The function is called at each token fetch, so a rotated secret needs no restart.
        base_url: by default the environment variable DOLLR_BASE_URL, else the API's address. It must be https, except
            for a sandbox on this machine.
        session: your own aiohttp session. Its proxy, traces and middlewares apply. The client never closes it.
        timeout: seconds for one request, from the wait for a connection to the last byte of the answer.
        retry: how often, and after which pauses, a request is retried.
        polling: how a payment is followed.
        journal: a durable record of your payments, such as `dollr_async.journal.SQLiteJournal(path)`. With it, calling
            again with the same reference resumes a payment that another process began. The client does not close it.
        max_polls_per_second: the most status checks that following makes in a second; None is no limit. At the limit
            every payment is polled less often, and old payments least often.
        realtime: `RealtimeSettings(url, anon_key)` to follow collections by push as well. A pushed change starts a
            status check. While push is down, polling finds the same changes.
        app_info: the name and the version (or None) of your program, for the User-Agent. A session of your own that
            has a User-Agent keeps it.
        token_store: where processes share one token, such as `dollr_async.fleet.SQLiteTokenStore(path)`. While the
            store is down, the client fetches a token for itself.
        poll_budget: one ceiling on the status checks of many processes, such as `dollr_async.fleet.RedisPollBudget`, in
            place of `max_polls_per_second`. While the budget is down, the client keeps its last pace.
        observer: an object whose `observe(event)` is called with each event of `dollr_async.observing`.

    `close()` also closes a token store or a poll budget that opened its connection itself, from a path or a URL.

    Raises:
        ConfigurationError: a credential is missing, or the base URL is not https.
        InvalidInputError: a setting has the wrong type, or a number is out of range.
    """
