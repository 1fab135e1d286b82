"""Is the process alive, can it work, and what has it counted."""

from __future__ import annotations

import time
from typing import Any

import structlog
from django.conf import settings
from django.db import Error as DatabaseProblem
from django.http import HttpResponse
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from acteon_site.access.authentication import authenticate_request
from acteon_site.access.whence import is_local
from acteon_site.base.errors import AppError, forbidden
from acteon_site.base.replica import is_set
from acteon_site.watching.metrics import exposition, totals
from acteon_site.watching.probes import broker_state, database_state, replica_answer, worker_state

log = structlog.get_logger()


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
        worker = worker_state() if database == "ok" else "unknown"
        checks = {"database": database, "broker": broker_state(), "worker": worker}
        ready = all(state == "ok" for state in checks.values())
        if database == "ok" and is_set():
            checks["replica"] = replica_answer.now()  # without it lists are read from the primary
        return Response(
            {"status": "ready" if ready else "not_ready", "checks": checks}, status=200 if ready else 503
        )


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
