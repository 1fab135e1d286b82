"""What the status is put together from, by name. Each app lists its part."""

from __future__ import annotations

from collections.abc import Callable

from django.db import Error as DatabaseProblem

from acteon_site.base.clock import db_now
from acteon_site.base.findings import state_by_wait
from acteon_site.base.registry import Hook, Registry
from acteon_site.models import Heartbeat
from acteon_site.watching.probes import Remembered, database_state

OK, DEGRADED, DOWN = "ok", "degraded", "down"
# Each answers OK, DEGRADED or DOWN; it is asked once a second at most, whoever asks how often.
STATUS_PARTS: Registry[Hook[Callable[[], str]]] = Registry("part of the status")


def _all_parts() -> str:
    names = list(STATUS_PARTS)
    if database_state.now() != OK:
        return " ".join(f"{name}={DOWN}" for name in names)
    return " ".join(f"{name}={_part(name)}" for name in names)


def _part(name: str) -> str:
    try:
        return STATUS_PARTS[name].call()
    except DatabaseProblem:
        return DOWN


parts_state = Remembered(_all_parts)


def forget() -> None:
    parts_state.forget()
    database_state.forget()


def workers() -> str:
    beat = Heartbeat.objects.filter(name="worker").first()
    return DEGRADED if beat is None else state_by_wait((db_now() - beat.at).total_seconds())
