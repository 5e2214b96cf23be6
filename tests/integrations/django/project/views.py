"""Views that collect, in the ways that Django has."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.http import HttpRequest, JsonResponse, StreamingHttpResponse

from dollr_async import LineItem, Payer
from dollr_async.integrations.django import dollr, run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from uuid import UUID

TERMS: dict[str, Any] = {
    "payer": Payer("Amara Kamara", "231771234567", country_code="LR"),
    "items": [LineItem("Ticket", Decimal("25.00"))],
    "currency": "USD",
}


@transaction.non_atomic_requests
def sync_checkout(request: HttpRequest) -> JsonResponse:
    """Collect in a view that cannot await."""
    collection = run(lambda dollr: dollr.collect(**TERMS))
    return JsonResponse({"reference_id": str(collection.reference_id)})


def atomic_checkout(request: HttpRequest) -> JsonResponse:
    """Collect in a view that runs in a transaction, where the setting says so."""
    collection = run(lambda dollr: dollr.collect(**TERMS))
    return JsonResponse({"reference_id": str(collection.reference_id)})


@transaction.non_atomic_requests
async def async_checkout(request: HttpRequest) -> JsonResponse:
    """Collect in a view that can await."""
    collection = await dollr().collect(**TERMS)
    return JsonResponse({"reference_id": str(collection.reference_id)})


@transaction.non_atomic_requests
async def status(request: HttpRequest, reference_id: UUID) -> StreamingHttpResponse:
    """Stream each status."""

    async def lines() -> AsyncIterator[str]:
        async for change in dollr().watch(reference_id):
            yield f"{change.status}\n"

    return StreamingHttpResponse(lines())
