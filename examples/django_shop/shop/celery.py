"""Celery's own entry: `celery -A shop.celery worker --beat`."""

import os
from typing import Any

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
EVERY = float(os.environ.get("DOLLR_SWEEP_EVERY", "60"))
app: Any = Celery("shop", broker=os.environ.get("CELERY_BROKER_URL"))
app.conf.update(task_default_queue=os.environ.get("DOLLR_QUEUE", "dollr"), task_ignore_result=True)
app.conf.beat_schedule = {"sweep": {"task": "shop.tasks.sweep", "schedule": EVERY, "options": {"expires": EVERY}}}
app.autodiscover_tasks()
