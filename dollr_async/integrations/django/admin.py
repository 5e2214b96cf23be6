"""The admin of the payments: to read, to filter, and to check a status now."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from django.contrib import admin, messages
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from dollr_async.base.errors import DollrError
from dollr_async.integrations.django.clients import run
from dollr_async.integrations.django.models import Payment

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest

    from dollr_async import DollrClient

_MOST = 100
"""Payments that one action checks."""


@admin.register(Payment)
class PaymentAdmin(admin.ModelAdmin):  # type: ignore[type-arg] # it takes them only in its types
    """Payments cannot be changed here: only the journal writes them."""

    list_display = ("reference_id", "kind", "amount", "status", "outcome", "began_at", "ended_at", "handled_at")
    list_filter = (
        "kind",
        "outcome",
        ("handled_at", admin.EmptyFieldListFilter),
        "in_doubt",
        "is_contested",
        "began_at",
    )
    search_fields = ("=reference_id", "=source_number", "=source_id")
    search_help_text = _("A reference, or the number or id of a document")
    show_full_result_count = False
    actions = ("check_now",)
    fieldsets = (
        (None, {"fields": ("reference_id", "kind", "amount", "status", "outcome", "reason")}),
        (_("When"), {"fields": ("began_at", "updated_at", "ended_at", "handled_at")}),
        (_("Document"), {"fields": ("source_type", "source_id", "source_number", "party_id", "counterparty_id")}),
        (
            _("Execution"),
            {
                "fields": (
                    "step",
                    "session_id",
                    "session_expires_at",
                    "payment_account_id",
                    "payer_currency",
                    "sends",
                    "in_doubt",
                    "is_contested",
                )
            },
        ),
    )
    readonly_fields = ("amount",)

    @admin.display(description=_("amount"))
    def amount(self, payment: Payment) -> str:
        """Show the amount and its currency."""
        return f"{payment.terms_amount} {payment.terms_currency or ''}".strip()

    @admin.action(description=_("Check the status now"), permissions=["view"])
    def check_now(self, request: HttpRequest, queryset: QuerySet[Payment]) -> None:
        """Check the status of the selected payments, each once. The journal keeps what is found."""
        chosen = list(queryset.values_list("reference_id", "kind")[:_MOST])

        async def check_chosen(dollr: DollrClient) -> list[str]:
            return await asyncio.gather(*(_status(dollr, str(reference), kind) for reference, kind in chosen))

        try:
            found = Counter(run(check_chosen))
        except DollrError as error:
            self.message_user(request, str(error), messages.ERROR)
            return
        words = ", ".join(f"{status}: {count}" for status, count in sorted(found.items()))
        self.message_user(request, _t("Checked %(count)d payments. %(found)s") % {"count": len(chosen), "found": words})

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 - Django's own arguments
        """Nobody may."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Payment | None = None) -> bool:  # noqa: ARG002 - as above
        """Nobody may."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Payment | None = None) -> bool:  # noqa: ARG002 - as above
        """Nobody may."""
        return False


async def _status(dollr: DollrClient, reference: str, kind: str) -> str:
    try:
        checked = await dollr.check(reference, kind)
    except DollrError as error:
        return type(error).__name__
    return "NOT FOUND YET" if checked.execution is None else str(checked.execution.status)
