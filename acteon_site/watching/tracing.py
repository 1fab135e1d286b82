"""Whether spans are exported, and to whom. The library is not imported where nobody has asked for it."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from acteon_site.base import spans
from acteon_site.watching.checks import INSTALLATION

log = structlog.get_logger()
PACKAGES = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")
INSTALL = (
    "Install them: pip install --constraint requirements.lock -r requirements-otel.txt; "
    "or unset ACTEON_OTEL_ENDPOINT."
)


def tracing_begin() -> None:
    """At a process's start, before it forks: threads and connections are made by each process at its first span."""
    if not settings.OTEL_ENDPOINT:
        return
    if _problem(settings.OTEL_ENDPOINT) or not _installed():
        log.warning("tracing_off", reason="`manage.py check` says what is wrong with it")
        return
    spans.tracer = import_module("acteon_site.watching.otel").OtelTracer()


@register(INSTALLATION)
def tracing_is_possible(**_: Any) -> list[CheckMessage]:
    if not settings.OTEL_ENDPOINT:
        return []
    if problem := _problem(settings.OTEL_ENDPOINT):
        hint = "Set it to the collector's address for OTLP over HTTP, as http://collector:4318."
        return [Error(f"ACTEON_OTEL_ENDPOINT {problem}.", hint, id="acteon.E030")]
    # A warning: orders matter more than how they are watched.
    return (
        []
        if _installed()
        else [
            Warning(
                "ACTEON_OTEL_ENDPOINT is set, and the packages that export traces are missing.",
                INSTALL,
                id="acteon.W031",
            )
        ]
    )


def _problem(endpoint: str) -> str:
    """What is wrong with it; the address itself is not told."""
    try:
        url = urlsplit(endpoint)
        _ = url.port
    except ValueError:
        return "is no address"
    if url.scheme not in ("http", "https") or not url.hostname:
        return "is no address of http:// or https://"
    if url.username or url.password or url.query or url.fragment:
        return "must hold no credentials and no query: what the collector wants stands in OTEL_EXPORTER_OTLP_HEADERS"
    return ""


def _installed() -> bool:
    try:
        return all(find_spec(name) is not None for name in PACKAGES)
    except ModuleNotFoundError:
        return False
