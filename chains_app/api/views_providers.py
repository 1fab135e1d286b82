"""Providers' health, and the circuit breakers: read, tripped and reset."""

from __future__ import annotations

from collections.abc import Callable

from django.db.models import QuerySet
from django.urls import URLPattern, path
from rest_framework.request import Request
from rest_framework.response import Response

from acteon_site.base.principals import Principal, Role
from acteon_site.base.replica import reads_replica
from acteon_site.http.endpoint import Endpoint, caller_of, page_of, require_global, source_of
from chains_app.api.shapes import breaker_shape
from chains_app.models import CircuitBreaker
from chains_app.services.breakers import breaker_reset, breaker_trip, breaker_unknown
from chains_app.services.health import provider_health


class ProviderHealth(Endpoint):
    """Totals and errors tell of all tenants, so this is for keys of scope `*`."""

    @reads_replica
    def get(self, request: Request) -> Response:
        require_global(request)
        providers = caller_of(request).providers
        return Response({"providers": provider_health(names=None if "*" in providers else providers)})


class BreakerList(Endpoint):
    """A breaker's state tells of calls for all tenants, so this is for keys of scope `*`."""

    def get(self, request: Request) -> Response:
        require_global(request)
        page = page_of(request)
        rows = _seen_by(caller_of(request))[page.offset : page.offset + page.limit]
        shown = [breaker_shape(breaker) for breaker in rows]
        return Response({"circuit_breakers": shown, "count": len(shown)})


class BreakerTrip(Endpoint):
    write_role = Role.OPERATOR

    def post(self, request: Request, provider: str) -> Response:
        return _switched(request, provider, breaker_trip, "open")


class BreakerReset(Endpoint):
    write_role = Role.OPERATOR

    def post(self, request: Request, provider: str) -> Response:
        return _switched(request, provider, breaker_reset, "closed")


def _switched(request: Request, provider: str, switch: Callable[..., CircuitBreaker], state: str) -> Response:
    require_global(request)
    caller = caller_of(request)
    if not _seen_by(caller).filter(provider=provider).exists():
        raise breaker_unknown(provider)
    breaker = switch(provider=provider, actor=caller.caller_id, source=source_of(request))
    message = f"circuit breaker of {provider} is {state}"
    return Response({"provider": breaker.provider, "state": breaker.state, "message": message})


def breaker_urls(prefix: str) -> list[URLPattern]:
    """The breakers' paths below `v1/circuit-breakers` or `admin/circuit-breakers`."""
    return [
        path(prefix, BreakerList.as_view()),
        path(f"{prefix}/<path:provider>/trip", BreakerTrip.as_view()),
        path(f"{prefix}/<path:provider>/reset", BreakerReset.as_view()),
    ]


def _seen_by(caller: Principal) -> QuerySet[CircuitBreaker]:
    covered = {} if "*" in caller.providers else {"provider__in": caller.providers}
    return CircuitBreaker.objects.filter(**covered).order_by("provider")
