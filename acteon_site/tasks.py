"""The canary: a task that finished lately is the only proof that broker and worker are at work."""

from __future__ import annotations

from celery import shared_task

from acteon_site.base.clock import db_now
from acteon_site.models import Heartbeat


@shared_task(name="acteon_site.canary")
def canary() -> None:
    Heartbeat.objects.update_or_create(name="worker", defaults={"at": db_now()})
