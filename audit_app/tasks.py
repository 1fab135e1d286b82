"""Celery's doors into the relay and the reaper."""

from __future__ import annotations

from celery import shared_task

from audit_app.services import reaper
from audit_app.services import relay as relaying
from audit_app.services.patrol import patrol


@shared_task(name="audit_app.relay")
def relay() -> None:
    relaying.relay()


@shared_task(name="audit_app.reap")
def reap() -> None:
    reaper.reap()
    patrol()
