"""Payments as jobs of Procrastinate: `PaymentTasks`, for those who have PostgreSQL and no other queue.

Needs `pip install 'dollr-async[procrastinate]'`.
"""

from dollr_async.integrations.procrastinate.tasks import PaymentTasks

__all__ = ["PaymentTasks"]
