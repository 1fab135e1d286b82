"""Every error leaves in the contract's form, the framework's own included."""

from __future__ import annotations

from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import (
    DisallowedHost,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
)
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views import csrf
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from acteon_site.base.errors import (
    AppError,
    bad_query,
    database_gone,
    forbidden,
    malformed,
    not_found,
    unexpected,
)
from acteon_site.http.parsers import FastJSONRenderer
from acteon_site.http.problem_pages import problem_page, wants_page

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

API_ROOTS = ("/v1", "/a2a")


def handle(error: Exception, context: dict[str, Any]) -> Response:
    """DRF's exception handler. Also a view that answers something else refuses in JSON."""
    app_error = translate(error)
    set_rollback()
    if app_error.status >= 500 and app_error.code == "INTERNAL":
        log.exception("request_failed", exc_info=error)
    request = context["request"]
    request.accepted_renderer, request.accepted_media_type = FastJSONRenderer(), FastJSONRenderer.media_type
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
    if isinstance(error, (OperationalError, InterfaceError)):
        return database_gone()
    if isinstance(error, SuspiciousOperation):
        return _from_suspicion(error)
    return unexpected()


def _from_drf(error: exceptions.APIException) -> AppError:
    if isinstance(error, exceptions.UnsupportedMediaType):
        return AppError("a body must come with Content-Type: application/json, in UTF-8", CODES[415], 415)
    code = CODES.get(error.status_code, "ERROR")
    headers: dict[str, str] = {}
    if (wait := getattr(error, "wait", None)) is not None:
        headers["Retry-After"] = str(int(wait) + 1)
    if error.status_code == 401:
        headers["WWW-Authenticate"] = getattr(error, "auth_header", 'Bearer realm="acteon"')
    return AppError(str(error.detail), code, error.status_code, error.status_code == 429, headers=headers)


def _from_suspicion(error: SuspiciousOperation) -> AppError:
    """What Django itself finds wrong with a request. Bodies are read by `parsers`, so fields are the query's."""
    if isinstance(error, TooManyFieldsSent):
        return bad_query(f"the query has more than {settings.DATA_UPLOAD_MAX_NUMBER_FIELDS} parameters")
    if isinstance(error, RequestDataTooBig):
        return AppError(f"the body is larger than {settings.MAX_BODY_BYTES} bytes", "TOO_LARGE", 413)
    if isinstance(error, DisallowedHost):
        return malformed("the Host header names another host than this gateway")
    return bad_query("the request is malformed")


def page_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's handler404: paths outside any DRF view. The clients' further areas are named as such."""
    if _is_api(request):
        error = AppError(
            f"this gateway has no {request.path}; the API description is at /api-doc/openapi.json",
            "NOT_SUPPORTED",
            404,
        )
    elif wants_page(request):
        return problem_page(
            request, "There is nothing here", "Perhaps it was removed, or the address is misspelt.", 404
        )
    else:
        error = not_found("there is nothing here")
    return JsonResponse(error.body(), status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    if wants_page(request) and not _is_api(request):
        text = "Try again, or tell whoever runs the gateway the number below: the log says why."
        return problem_page(request, "That did not work", text, 500)
    return JsonResponse(unexpected().body(), status=500)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    suspicious = isinstance(exception, SuspiciousOperation)
    error = translate(exception) if suspicious else malformed("the request is malformed")
    if wants_page(request) and not _is_api(request):
        return problem_page(request, "That cannot be asked", f"Refused: {error.message}.", error.status)
    return JsonResponse(error.body(), status=error.status)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Forms of people meet Django's page; whoever came for the API gets JSON."""
    if not _is_api(request):
        return csrf.csrf_failure(request, reason=reason)
    return JsonResponse(forbidden("this request is not allowed from another site").body(), status=403)


def _is_api(request: HttpRequest) -> bool:
    """Also below /a2a, where some clients look for agents: they read JSON, too."""
    return any(request.path == root or request.path.startswith(f"{root}/") for root in API_ROOTS)
