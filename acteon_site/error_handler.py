"""Every error leaves in the contract's form, the framework's own included."""

from __future__ import annotations

from typing import Any

import structlog
from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from acteon_site.base.errors import AppError, forbidden, not_found, unavailable

log = structlog.get_logger()

CODES = {
    400: "MALFORMED",
    401: "UNAUTHENTICATED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    406: "NOT_ACCEPTABLE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    429: "RATE_LIMITED",
}


def handle(error: Exception, context: dict[str, Any]) -> Response:
    """DRF's exception handler."""
    app_error = translate(error)
    set_rollback()
    if app_error.status >= 500 and app_error.code == "INTERNAL":
        log.exception("request_failed", exc_info=error)
    return Response(app_error.body(), status=app_error.status, headers=dict(app_error.headers))


def translate(error: Exception) -> AppError:
    if isinstance(error, AppError):
        return error
    if isinstance(error, exceptions.APIException):
        return _from_drf(error)
    if isinstance(error, Http404):
        return not_found("there is nothing here")
    if isinstance(error, PermissionDenied):
        return forbidden("this caller may not do that")
    if isinstance(error, OperationalError):
        return unavailable("the database does not answer; try again")
    return AppError(
        "an unexpected error; the request id finds it in the log", "INTERNAL", 500, retryable=True
    )


def _from_drf(error: exceptions.APIException) -> AppError:
    code = CODES.get(error.status_code, "ERROR")
    headers: dict[str, str] = {}
    if (wait := getattr(error, "wait", None)) is not None:
        headers["Retry-After"] = str(int(wait) + 1)
    if error.status_code == 401:
        headers["WWW-Authenticate"] = getattr(error, "auth_header", 'Bearer realm="acteon"')
    return AppError(str(error.detail), code, error.status_code, error.status_code == 429, headers=headers)


def page_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's handler404: paths outside any DRF view. The clients' further areas are named as such."""
    if request.path.startswith("/v1/"):
        error = AppError(
            f"this gateway has no {request.path}; the API description is at /api-doc/openapi.json",
            "NOT_SUPPORTED",
            404,
        )
    else:
        error = not_found("there is nothing here")
    return JsonResponse(error.body(), status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    error = AppError(
        "an unexpected error; the request id finds it in the log", "INTERNAL", 500, retryable=True
    )
    return JsonResponse(error.body(), status=500)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return JsonResponse(AppError("the request is malformed", "MALFORMED", 400).body(), status=400)
