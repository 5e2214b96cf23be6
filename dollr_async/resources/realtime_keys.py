"""Realtime keys: short-lived keys for live updates (`/v1/realtime-keys`)."""

from __future__ import annotations

import attrs

from dollr_async.base import fields
from dollr_async.base.enums import SourceType
from dollr_async.base.record import SECRET
from dollr_async.resources import enum_values
from dollr_async.resources.base import Resource
from dollr_async.wire.codec import Answer, Body


@attrs.frozen(kw_only=True, eq=False, repr=False)
class NewRealtimeKey(Body):
    """The collection to receive updates about. `reference_id` is the payment's key.

    Raises:
        InvalidInputError: a value is not of the form shown.
    """

    # An integer here (`get_collection_realtime_key`), but text where the session is executed (`collect`).
    session_id: int = attrs.field(converter=fields.identifier)
    source_type: SourceType = attrs.field(converter=enum_values.source_type)
    reference_id: str = attrs.field(converter=fields.reference_text)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class RealtimeKey(Answer):
    """A key for the push channel of one collection. `expires_in` is in seconds. No `repr` shows the token."""

    access_token: str = attrs.field(repr=False, metadata=SECRET)
    # In seconds here (`get_collection_realtime_key`), in minutes for the API's own token.
    expires_in: int


class RealtimeKeys(Resource):
    """Realtime keys: short-lived keys for live updates (`/v1/realtime-keys`)."""

    async def collection(self, key: NewRealtimeKey) -> RealtimeKey:
        """Fetch a key for the push channel of one collection (`get_collection_realtime_key`)."""
        return await self._post("realtime-keys/collection", RealtimeKey, key)
