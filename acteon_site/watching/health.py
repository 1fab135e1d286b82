"""Is the process alive, can it work, and what has it counted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import structlog
from django.conf import settings
from django.db import Error as DatabaseProblem
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import HttpResponse
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from acteon_site.access.authentication import authenticate_request
from acteon_site.access.whence import is_local
from acteon_site.base.clock import db_now
from acteon_site.base.errors import AppError, forbidden
from acteon_site.base.replica import is_set, replica_state
from acteon_site.models import Heartbeat
from acteon_site.watching.metrics import exposition, totals

log = structlog.get_logger()
# The canary task is sent every five seconds; one that finished this lately shows broker and worker at work.
WORKER_SECONDS = 30
CHECK_SECONDS = 2
REMEMBERED_SECONDS = 1.0


class OpenEndpoint(APIView):
    authentication_classes = ()
    permission_classes = ()


class Health(OpenEndpoint):
    """200 while the process serves; with the metrics for callers who may read them."""

    def get(self, request: Request) -> Response:
        shown: dict[str, Any] = {"status": "ok"}
        try:
            if _reader_refusal(request) is None:
                shown["metrics"] = totals()
        except DatabaseProblem as error:
            log.warning("health_without_metrics", error=type(error).__name__)
        return Response(shown)


class Ready(OpenEndpoint):
    """200, or 503 where a dependency does not answer, by dependency."""

    def get(self, request: Request) -> Response:
        database = database_state.now()
        # The worker's sign of life is in the database; without that there is nothing to ask, and no time to lose.
        worker = _worker() if database == "ok" else "unknown"
        checks = {"database": database, "broker": _broker(), "worker": worker}
        ready = all(state == "ok" for state in checks.values())
        if database == "ok" and is_set():
            checks["replica"] = replica_answer.now()  # without it lists are read from the primary
        return Response(
            {"status": "ready" if ready else "not_ready", "checks": checks}, status=200 if ready else 503
        )


class Remembered:
    """One probe's answer, good or bad, for all who ask within a second: a probe connects, and asking needs no key."""

    def __init__(self, probe: Callable[[], str]) -> None:
        self._probe = probe
        self._lock = threading.Lock()
        self._answer, self._until = "", 0.0

    def now(self) -> str:
        with self._lock:
            if time.monotonic() >= self._until:
                self._answer = self._probe()
                self._until = time.monotonic() + REMEMBERED_SECONDS
            return self._answer

    def forget(self) -> None:
        with self._lock:
            self._until = 0.0


def _database() -> str:
    probe = _probe()
    try:
        with probe.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseProblem:
        return "does not answer"
    finally:
        if probe is not connection:
            probe.close()
    return "ok"


database_state = Remembered(_database)


def _replica() -> str:
    try:
        return replica_state().problem or "ok"
    except DatabaseProblem:
        return "unknown"


replica_answer = Remembered(_replica)


def _probe() -> BaseDatabaseWrapper:
    """A connection of its own: whoever waits for the pool's waits longer than a check may take."""
    if connection.vendor != "postgresql":
        return connection
    probe = connection.copy(alias="probe")
    own = {name: value for name, value in probe.settings_dict["OPTIONS"].items() if name != "pool"}
    limits = {"connect_timeout": CHECK_SECONDS, "tcp_user_timeout": CHECK_SECONDS * 1000}
    probe.settings_dict["OPTIONS"] = own | limits
    return probe


def _broker() -> str:
    if not settings.REDIS_URL:
        return "ok"  # in this process
    import redis

    try:
        redis.Redis.from_url(
            settings.REDIS_URL, socket_timeout=CHECK_SECONDS, socket_connect_timeout=CHECK_SECONDS
        ).ping()
    except redis.RedisError:
        return "does not answer"
    return "ok"


def _worker() -> str:
    try:
        beat = Heartbeat.objects.filter(name="worker").first()
        if beat is None:
            return "no worker has finished a task yet"
        silent = (db_now() - beat.at).total_seconds()
    except DatabaseProblem:
        return "unknown"
    return "ok" if silent < WORKER_SECONDS else f"no task finished for {int(silent)} s"


class Metrics(OpenEndpoint):
    def get(self, request: Request) -> Response:
        _require_metrics(request)
        return Response(totals())


class PrometheusMetrics(OpenEndpoint):
    def get(self, request: Request) -> HttpResponse:
        _require_metrics(request)
        started = time.monotonic()
        text, kind = exposition()
        log.debug("metrics_read", seconds=round(time.monotonic() - started, 4))
        return HttpResponse(text, content_type=kind)


def _require_metrics(request: Request) -> None:
    refusal = _reader_refusal(request)
    if refusal is not None:
        raise refusal


def _reader_refusal(request: Request) -> AppError | None:
    """Totals tell of all tenants: a key for all of them, or a caller on this machine in the embedded mode."""
    if settings.API_OPEN_ON_LOOPBACK and is_local(request._request):
        return None
    try:
        caller = authenticate_request(request._request)
    except AuthenticationFailed as error:
        headers = {"WWW-Authenticate": 'Bearer realm="acteon"'}
        return AppError(str(error.detail), "UNAUTHENTICATED", 401, headers=headers)
    if caller.is_global:
        return None
    return forbidden("the metrics need a key whose namespaces and tenants are *")
