"""Signals that runs wait for. One that comes before its step is kept until then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from acteon_site.base.clock import db_now
from acteon_site.base.doorbell import ring_on_commit
from acteon_site.base.retrying import retry_on_deadlock
from chains_app.models import Run, Signal
from chains_app.services.incidents import not_running, open_incident
from chains_app.services.locks import lock_run
from chains_app.services.runs import ADVANCE_TASK
from chains_app.states import TERMINAL, RunStatus


@retry_on_deadlock
def run_signal(*, run_id: UUID, name: str, payload: Mapping[str, Any] | None, actor: str) -> Run:
    """Send a signal; one that no step waits for yet is kept. Raises 404, 409 where the run has ended."""
    with transaction.atomic():
        # Locked: a turn that is about to wait must see the signal, or be seen waiting.
        run = lock_run(run_id)
        if run.status in TERMINAL:
            raise not_running(run)
        now = db_now()
        Signal.objects.create(run=run, name=name, payload=dict(payload or {}), sent_by=actor, received_at=now)
        if run.status == RunStatus.WAITING_SIGNAL and open_incident(run) is None:
            Run.objects.filter(pk=run.pk).update(next_run_at=now)
            ring_on_commit(ADVANCE_TASK, [str(run.pk)])
    return run
