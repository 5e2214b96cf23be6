"""The tables of the journal. They hold no name, no phone number and no secret."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

OPEN = Q(outcome__isnull=True)
"""Payments that have not ended."""

NOT_HANDLED = Q(outcome__isnull=False, handled_at__isnull=True)
"""Payments whose outcome nobody has marked as handled."""


KINDS = (
    ("COLLECTION", _("collection")),
    ("PAYOUT", _("payout")),
    ("TRANSFER", _("transfer")),
    ("REFUND", _("refund")),
)
OUTCOMES = (("COMPLETED", _("completed")), ("FAILED", _("failed")), ("REFUSED", _("did not run")))


class Payment(models.Model):
    """One payment and how far it has come, as `dollr_async.journal.Entry` describes it, and who works on it.

    Only the journal writes it. Leases are in seconds since 1970 by the clock of the database server.
    """

    reference_id = models.UUIDField(_("reference"), primary_key=True, editable=False)
    kind = models.CharField(_("kind"), max_length=16, choices=KINDS)
    began_at = models.DateTimeField(_("began at"))
    updated_at = models.DateTimeField(_("updated at"))
    step = models.TextField(_("last step"), blank=True)
    source_type = models.TextField(_("type of the document"), null=True, blank=True)
    source_id = models.BigIntegerField(_("id of the document"), null=True, blank=True)
    source_number = models.TextField(_("number of the document"), null=True, blank=True)
    party_id = models.BigIntegerField(_("party"), null=True, blank=True)
    counterparty_id = models.BigIntegerField(_("counterparty"), null=True, blank=True)
    payment_account_id = models.BigIntegerField(_("payment account"), null=True, blank=True)
    session_id = models.BigIntegerField(_("session"), null=True, blank=True)
    session_expires_at = models.DateTimeField(_("end of the session"), null=True, blank=True)
    payer_currency = models.TextField(_("currency of the payer"), null=True, blank=True)
    sends = models.IntegerField(_("sends of the execution"), default=0)
    session_sends = models.IntegerField(_("sends in this session"), default=0)
    is_renewed = models.BooleanField(_("session was renewed"), default=False)
    in_doubt = models.BooleanField(_("in doubt"), default=False)
    is_contested = models.BooleanField(_("contested"), default=False)
    status = models.TextField(_("status"), null=True, blank=True)
    outcome = models.CharField(_("outcome"), max_length=16, null=True, blank=True, choices=OUTCOMES)
    terms_key_id = models.CharField(_("key of the terms"), max_length=64)
    terms_digest = models.CharField(_("digest of the terms"), max_length=128)
    terms_amount = models.TextField(_("amount"))
    terms_currency = models.TextField(_("currency"), null=True, blank=True)
    terms_lines = models.TextField(_("amounts of the lines"), blank=True)

    lease_number = models.BigIntegerField(default=0, editable=False)
    lease_until = models.FloatField(null=True, editable=False)
    follower = models.CharField(max_length=64, null=True, editable=False)
    check_at = models.FloatField(default=0.0, editable=False)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    handled_at = models.DateTimeField(_("handled at"), null=True, blank=True)
    hand_out_number = models.BigIntegerField(default=0, editable=False)
    hand_out_until = models.FloatField(null=True, editable=False)
    reason = models.TextField(_("reason of a person's verdict"), null=True, blank=True)

    class Meta:
        """The table, and an index for each question that the journal asks."""

        db_table = "dollr_payment"
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        ordering = ("-began_at", "-reference_id")
        indexes = (
            models.Index("began_at", "reference_id", name="dollr_began"),
            models.Index("began_at", "reference_id", condition=OPEN, name="dollr_open"),
            models.Index("source_id", condition=OPEN & Q(source_id__isnull=False), name="dollr_open_of_source"),
            models.Index(
                "check_at",
                "began_at",
                condition=OPEN & Q(sends__gt=0, follower__isnull=True),
                name="dollr_not_followed",
            ),
            models.Index("follower", condition=Q(follower__isnull=False), name="dollr_followed"),
            models.Index("ended_at", "reference_id", condition=NOT_HANDLED, name="dollr_not_handled"),
            models.Index("handled_at", condition=Q(handled_at__isnull=False), name="dollr_handled"),
        )

    def __str__(self) -> str:
        """Show the reference."""
        return str(self.reference_id)


class Worker(models.Model):
    """One process that follows payments, as long as its lease lasts.

    It has a table of its own, since a worker renews its one lease every few seconds, and not a row for each payment.
    """

    name = models.CharField(max_length=64, primary_key=True, editable=False)
    until = models.FloatField(editable=False)

    class Meta:
        """The table."""

        db_table = "dollr_worker"
        verbose_name = _("worker")
        verbose_name_plural = _("workers")

    def __str__(self) -> str:
        """Show the name."""
        return str(self.name)
