"""Links to the hosted pages of a document (`/v1/links`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from dollr_async.resources import enum_values
from dollr_async.resources.base import Resource
from dollr_async.wire.codec import Answer

if TYPE_CHECKING:
    from dollr_async.base.enums import SourceType


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Link(Answer):
    """The address of a hosted page, to send to the payer."""

    url: str


class Links(Resource):
    """Links to the hosted pages of a document, by its number (`/v1/links`)."""

    async def pay(self, *, source_type: SourceType | str, source_number: str) -> Link:
        """Fetch the link to the page where a published document is paid (`get_payment_link`)."""
        return await self._get("links/pay", Link, **_source(source_type, source_number))

    async def receipt(self, *, source_type: SourceType | str, source_number: str) -> Link:
        """Fetch the link to the receipt of a PAID document (`get_receipt_link`)."""
        return await self._get("links/receipt", Link, **_source(source_type, source_number))


def _source(source_type: SourceType | str, source_number: str) -> dict[str, str]:
    return {"source_type": enum_values.source_type(source_type), "source_number": source_number}
