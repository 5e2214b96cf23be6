"""The signal of a payment that ended."""

from __future__ import annotations

from django.dispatch import Signal

payment_settled = Signal()
"""Sent once for each payment that ended, with `sender=Payment` and `outcome`, an `Outcome`.

It is sent inside the transaction that marks the outcome as handled. What a receiver writes to the journal's database
commits together with the mark. When a receiver raises, both are rolled back, and the signal is sent again later.
"""
