"""An order. It has the reference of its payment before anything is sent."""

from uuid import uuid4

from django.db import models


class Order(models.Model):
    """An order of one customer."""

    fullname = models.CharField(max_length=100)
    phone = models.CharField(max_length=15)
    amount = models.DecimalField(max_digits=10, decimal_places=2)
    reference_id = models.UUIDField(default=uuid4, unique=True, editable=False)
    paid_at = models.DateTimeField(null=True, editable=False)

    def __str__(self) -> str:
        """Show the number."""
        return f"Order {self.pk}"
