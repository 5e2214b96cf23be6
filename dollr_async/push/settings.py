"""The settings of the push connection."""

from __future__ import annotations

from urllib.parse import quote

import attrs

from dollr_async.base import fields
from dollr_async.base.errors import ConfigurationError, InvalidInputError
from dollr_async.base.record import Record
from dollr_async.wire.addresses import checked_base_url


def _project_url(value: str) -> str:
    try:
        return checked_base_url(value, name="url", example="https://abcdefghijklmnopqrst.supabase.co")
    except ConfigurationError as error:
        raise InvalidInputError(str(error)) from None


@attrs.frozen(eq=False, repr=False)
class RealtimeSettings(Record):
    """How collections are followed by push too; `url` and `anon_key` are in the portal, under developer settings.

    Args:
        url: the address of the Supabase project.
        anon_key: the project's public key; it is never shown.
        poll_interval: the seconds between polls of a collection whose channel is live; if the policy's own interval is
            longer, that one counts.
        max_channels: the most collections that are followed by push at once; the others are polled. Supabase allows
            100 on one connection unless more were agreed.

    Raises:
        InvalidInputError: the address is not https (http is allowed on loopback), or a number is out of its range.
    """

    url: str = attrs.field(converter=_project_url)
    anon_key: str = attrs.field(validator=fields.text, repr=False)
    poll_interval: float = attrs.field(default=30.0, kw_only=True, validator=fields.Number(above=0))
    max_channels: int = attrs.field(default=100, kw_only=True, validator=fields.Number(from_=1))

    @property
    def websocket_url(self) -> str:
        """The address of the websocket; the key is part of it."""
        scheme, _, rest = self.url.partition("://")
        secure = "wss" if scheme.lower() == "https" else "ws"
        return f"{secure}://{rest}/realtime/v1/websocket?apikey={quote(self.anon_key, safe='')}&vsn=1.0.0"
