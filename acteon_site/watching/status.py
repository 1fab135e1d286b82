"""GET /status: for uptime checks and status pages, without a key; it says how each part does and nothing more."""

from __future__ import annotations

from collections.abc import Callable

from django.db import Error as DatabaseProblem
from rest_framework.request import Request
from rest_framework.response import Response

from acteon_site.base.clock import db_now
from acteon_site.base.findings import state_by_wait
from acteon_site.base.registry import Hook, Registry
from acteon_site.models import Heartbeat
from acteon_site.watching.health import OpenEndpoint, Remembered, database_state

OK, DEGRADED, DOWN = "ok", "degraded", "down"
# Each answers OK, DEGRADED or DOWN; it is asked once a second at most, whoever asks how often.
STATUS_PARTS: Registry[Hook[Callable[[], str]]] = Registry("part of the status")


class Status(OpenEndpoint):
    """200 while orders are accepted, with what is degraded; 503 where they are not."""

    def get(self, request: Request) -> Response:
        parts = dict(part.split("=") for part in _parts.now().split())
        status = next((word for word in (DOWN, DEGRADED) if word in parts.values()), OK)
        return Response({"status": status, "parts": parts}, status=503 if status == DOWN else 200)


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


_parts = Remembered(_all_parts)


def forget() -> None:
    _parts.forget()
    database_state.forget()


def workers() -> str:
    beat = Heartbeat.objects.filter(name="worker").first()
    return DEGRADED if beat is None else state_by_wait((db_now() - beat.at).total_seconds())
