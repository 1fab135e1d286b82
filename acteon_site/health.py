"""Is the process alive, can it work, and what has it counted."""

from __future__ import annotations

import time
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpResponse
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from acteon_site.authentication import authenticate_request, is_loopback
from acteon_site.base.clock import db_now
from acteon_site.base.errors import AppError
from acteon_site.models import Heartbeat
from acteon_site.prometheus import exposition
from audit_app.selectors import counters

log = structlog.get_logger()
# The canary task is sent every five seconds; one that finished this lately shows broker and worker at work.
WORKER_SECONDS = 30


class OpenEndpoint(APIView):
    authentication_classes = ()
    permission_classes = ()


class Health(OpenEndpoint):
    """200 while the process serves; with the metrics for callers who may read them."""

    def get(self, request: Request) -> Response:
        shown: dict[str, Any] = {"status": "ok"}
        if may_read_metrics(request):
            try:
                shown["metrics"] = counters()
            except DatabaseError:
                log.warning("health_without_metrics")
        return Response(shown)


class Ready(OpenEndpoint):
    """200, or 503 where a dependency does not answer, by dependency."""

    def get(self, request: Request) -> Response:
        checks = {"database": _database(), "broker": _broker(), "worker": _worker()}
        ready = all(state == "ok" for state in checks.values())
        return Response(
            {"status": "ready" if ready else "not_ready", "checks": checks}, status=200 if ready else 503
        )


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "does not answer"
    return "ok"


def _broker() -> str:
    if not settings.REDIS_URL:
        return "ok"  # in this process
    import redis

    try:
        redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2).ping()
    except redis.RedisError:
        return "does not answer"
    return "ok"


def _worker() -> str:
    try:
        beat = Heartbeat.objects.filter(name="worker").first()
        if beat is None:
            return "no worker has finished a task yet"
        silent = (db_now() - beat.at).total_seconds()
    except DatabaseError:
        return "unknown"
    return "ok" if silent < WORKER_SECONDS else f"no task finished for {int(silent)} s"


class Metrics(OpenEndpoint):
    def get(self, request: Request) -> Response:
        _require_metrics(request)
        return Response(counters())


class PrometheusMetrics(OpenEndpoint):
    def get(self, request: Request) -> HttpResponse:
        _require_metrics(request)
        started = time.monotonic()
        text, kind = exposition()
        log.debug("metrics_read", seconds=round(time.monotonic() - started, 4))
        return HttpResponse(text, content_type=kind)


def may_read_metrics(request: Request) -> bool:
    """Totals tell of all tenants: a key for all of them, or a caller on this machine in the embedded mode."""
    if settings.API_OPEN_ON_LOOPBACK and is_loopback(request.META.get("REMOTE_ADDR", "")):
        return True
    try:
        return authenticate_request(request._request).is_global
    except AuthenticationFailed:
        return False


def _require_metrics(request: Request) -> None:
    if not may_read_metrics(request):
        raise AppError("the metrics need a key whose namespaces and tenants are *", "FORBIDDEN", 403)
