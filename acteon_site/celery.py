"""Celery is the doorbell: messages carry ids, rows say what is due, sweepers find what was not rung."""

from __future__ import annotations

import os

from celery import Celery
from kombu import Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "acteon_site.settings")

SWEEPS = ("chains_app.sweep", "orders_app.sweep", "audit_app.relay", "audit_app.reap", "acteon_site.canary")

app = Celery("acteon")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        "visibility_timeout": 3600,
        "socket_keepalive": True,
        "health_check_interval": 15,
    },
    # Sweeps have a queue of their own, which every worker serves in turn with the other: a long backlog of orders
    # must not keep schedules, expiries and the relay waiting.
    task_default_queue="orders",
    task_queues=(Queue("orders"), Queue("sweeps")),
    task_routes={name: {"queue": "sweeps"} for name in SWEEPS},
    timezone="UTC",
    beat_scheduler="celery.beat:Scheduler",
    beat_max_loop_interval=1,
    # Sweeps are due again at once, so a message that waited longer than its interval is worth nothing.
    beat_schedule={
        "chains": {"task": "chains_app.sweep", "schedule": 1.0, "options": {"expires": 2}},
        "orders": {"task": "orders_app.sweep", "schedule": 1.0, "options": {"expires": 2}},
        "relay": {"task": "audit_app.relay", "schedule": 1.0, "options": {"expires": 2}},
        "canary": {"task": "acteon_site.canary", "schedule": 5.0, "options": {"expires": 10}},
        "reap": {"task": "audit_app.reap", "schedule": 60.0, "options": {"expires": 60}},
    },
)
app.autodiscover_tasks(["acteon_site", "audit_app", "rules_app", "chains_app", "orders_app"])
