"""Declared intents, each executed once (`/v1/sessions`)."""

from __future__ import annotations

from datetime import datetime

import attrs

from dollr_async import fields
from dollr_async.codec import Answer, Body
from dollr_async.enums import SessionStatus, SourceType
from dollr_async.resources.base import Resource


@attrs.frozen(kw_only=True)
class NewCheckoutSession(Body):
    """The intent to collect for an ACTIVE document."""

    source_id: int = attrs.field(converter=fields.identifier)
    source_type: SourceType = attrs.field(converter=SourceType)


@attrs.frozen(kw_only=True)
class CheckoutSession(Answer):
    """An intent to collect; execute it before `expires_at`."""

    id: int
    source_id: int
    source_type: SourceType
    status: SessionStatus
    expires_at: datetime
    created_at: datetime
    updated_at: datetime
    # A number, an integer or null, as the sources have it.
    payment_account_id: int | None = None


class Sessions(Resource):
    """Declared intents, each executed once (`/v1/sessions`)."""

    async def checkout(self, session: NewCheckoutSession) -> CheckoutSession:
        """Declare the intent to collect (`create_checkout_session`)."""
        return await self._post("sessions/checkout", CheckoutSession, session)
