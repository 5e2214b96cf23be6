"""An order that is paid by one payment."""

from __future__ import annotations

from django.db import models


class Order(models.Model):
    """An order."""

    reference_id = models.UUIDField(unique=True)
    paid = models.IntegerField(default=0)
    """How often it was marked as paid."""

    def __str__(self) -> str:
        return str(self.reference_id)
