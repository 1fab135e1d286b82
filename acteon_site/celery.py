"""Celery is the doorbell: messages carry ids, rows say what is due, sweepers find what was not rung."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from celery import Celery
from celery.schedules import schedule
from celery.signals import import_modules, task_prerun, worker_process_init, worker_process_shutdown
from kombu import Queue
from kombu.transport import TRANSPORT_ALIASES

from acteon_site.base.registry import parts_load
from acteon_site.serving.stopping import end_parts
from acteon_site.serving.worker_end import CALLS_SECONDS, end_in_time

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "acteon_site.settings")
# Celery would run all of Django's checks, which import every page, and look at none of what they say.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

SWEEPS = (
    *("chains_app.sweep", "orders_app.sweep", "orders_app.recur", "orders_app.assess"),
    *("audit_app.relay", "audit_app.reap", "acteon_site.canary"),
    "subscriptions_app.sweep",
)

# A message that waited this long is worth nothing. Far longer than any interval: whether it is over is told by the
# worker's clock, and a scheduler whose clock is behind that by more would have all its messages thrown away.
WORTHLESS = {"expires": 7200}
TASKS_PER_CONNECTION = 500
_begun, _began_at = time.monotonic(), datetime.now(UTC)


def steady_now() -> datetime:
    """Goes on evenly whatever is done to the clock: stepped back, that would hold the schedule up for as long."""
    return _began_at + timedelta(seconds=time.monotonic() - _begun)


def every(seconds: float) -> schedule:
    return schedule(seconds, nowfun=steady_now)


TRANSPORT_ALIASES.update(dict.fromkeys(("redis", "rediss"), "acteon_site.serving.broker:LosableTransport"))
end_in_time()
app = Celery("acteon")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
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
    beat_schedule={
        "chains": {"task": "chains_app.sweep", "schedule": every(1), "options": WORTHLESS},
        "orders": {"task": "orders_app.sweep", "schedule": every(1), "options": WORTHLESS},
        "recur": {"task": "orders_app.recur", "schedule": every(1), "options": WORTHLESS},
        "assess": {"task": "orders_app.assess", "schedule": every(1), "options": WORTHLESS},
        "subscriptions": {"task": "subscriptions_app.sweep", "schedule": every(1), "options": WORTHLESS},
        "relay": {"task": "audit_app.relay", "schedule": every(1), "options": WORTHLESS},
        "canary": {"task": "acteon_site.canary", "schedule": every(5), "options": WORTHLESS},
        "reap": {"task": "audit_app.reap", "schedule": every(60), "options": WORTHLESS},
    },
)
# Celery's own name for it; without, it closes the connection around every task.
app.conf.CELERY_DB_REUSE_MAX = TASKS_PER_CONNECTION
app.autodiscover_tasks(
    ["acteon_site", "audit_app", "rules_app", "chains_app", "orders_app", "subscriptions_app"]
)


@import_modules.connect
def load_parts(**_: Any) -> None:
    """With the tasks: a mistake in them ends the start, and the processes of a worker's pool share what is loaded."""
    parts_load()


@worker_process_init.connect
def keep_one_connection(**_: Any) -> None:
    """A process of the prefork pool does one task at a time: it keeps one connection, and no pool of them.

    Celery would open a whole pool before every task there, and close it again.
    """
    from django.db import connections  # here: this module is imported before Django is set up, or without it

    for connection in connections.all():
        connection.settings_dict["OPTIONS"].pop("pool", None)
        connection.settings_dict["CONN_MAX_AGE"] = None


@task_prerun.connect
def replace_broken_connections(**_: Any) -> None:
    """A connection that the last task left broken is closed, and one kept from it tried before it is used."""
    from django.db import connections  # here: as above

    for connection in connections.all(initialized_only=True):
        connection.close_if_unusable_or_obsolete()


@worker_process_shutdown.connect
def let_calls_end(**_: Any) -> None:
    """In the process of the pool, which has taken its last task."""
    end_parts(CALLS_SECONDS)
