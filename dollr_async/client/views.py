"""`with_options`, a view of the client with other settings for its calls, and `ready` for the start of a program."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from copy import copy
from typing import TYPE_CHECKING, Self

from dollr_async.client.core import ClientCore, checked_policies
from dollr_async.resources.groups import Groups
from dollr_async.wire.caller import HttpCaller

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dollr_async.wire.retry import RetryPolicy

_SECOND_WITHIN = 2.0
"""How many seconds `ready` waits for its second connection."""


class ViewMethods(ClientCore):
    """The methods of `DollrClient` that are about the client itself."""

    def with_options(
        self,
        *,
        timeout: float | None = None,
        retry: RetryPolicy | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Self:
        """Return a view of this client with other settings for the calls that are made through it.

        In `dollr.with_options(timeout=5).invoices.list()` the request may take five seconds. The view shares the
        connections, the token, the journal and the polls with the client. Following and the handles keep the settings
        of the client. A view can make another view. Closing a view does nothing.

        Args:
            timeout: seconds for one request; None leaves it as it is.
            retry: how often a request is retried, and for how long the outcome of an execution is checked; None leaves
                it as it is.
            headers: headers to add to each request. Authorization, Accept, Content-Type and those about the body are
                set by the client itself.

        Raises:
            InvalidInputError: a setting has the wrong type, is out of range, or is a header that cannot be set.
        """
        options = self._options.with_more(timeout, headers)
        own_retry, _ = checked_policies(self._retry if retry is None else retry, self._polling)
        view = copy(self)
        vars(view).update(_client=self._client or self, _options=options, _retry=own_retry)
        Groups.__init__(
            view, HttpCaller(self._session, retry=own_retry, clock=self._clock, options=options, notify=self._notify)
        )
        return view

    async def ready(self) -> None:
        """Fetch the token and open connections, so that the first payment does not wait for them.

        Call it when your program starts: it shows at once whether the credentials are right. Where nothing is open yet,
        it also opens a second connection, since a payment begins with two requests at once. It does so with a GET that
        changes nothing (`fees/tiers`). A failure of this second request is ignored. It changes nothing in a session of
        your own.

        The token lasts for minutes or hours. A connection closes after 15 seconds without a request. So the first
        payment after a pause takes three round trips longer, with or without `ready`. To keep connections open for
        longer, pass a `session` of your own. But if the API closes an idle connection just as an execution is sent, the
        outcome of that execution is unknown until its status is checked.

        Raises:
            AuthenticationError: the credentials were refused.
            ConfigurationError: the client is closed, or was opened in another event loop.
            TransportError, ServerError: the API could not be reached, or did not answer, after the usual retries.
            DecodeError: the API's answer has no usable token.
        """
        is_open = self._session.has_token
        token = await self._session.token()
        if not is_open:
            with suppress(TimeoutError):
                async with asyncio.timeout(_SECOND_WITHIN):
                    await self._session.open_another_connection(token)
