"""Circuit breakers: their settings, the state that all processes share, and the two switches."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from unfold.decorators import action, display

from acteon_site.admin.buttons import actor_of, answer_dialog, change_url, source_of
from acteon_site.admin.config_pages import ConfigAdmin, origin_of
from chains_app.admin.forms import BreakerForm
from chains_app.admin.pages import dialog
from chains_app.models import CircuitBreaker
from chains_app.services.breakers import breaker_reset, breaker_trip
from chains_app.services.providers import breaker_delete, breaker_save

TRIP = dialog(
    "Open this breaker?", "Calls go to the fallback or wait until the recovery time is over.", "Open it"
)
RESET = dialog(
    "Close this breaker?", "Calls go to the provider at once; its failures are forgotten.", "Close it"
)
COLORS = {"closed": "success", "half_open": "warning", "open": "danger"}


@admin.register(CircuitBreaker)
class CircuitBreakerAdmin(ConfigAdmin):
    form = BreakerForm
    list_display = ("provider", "shown_state", "enabled", "fallback_provider", "failures", "opened_at")
    list_filter = ("state", "enabled")
    search_fields = ("provider",)
    ordering = ("provider",)
    actions_detail = ("trip", "reset")  # type: ignore[assignment]
    readonly_fields = (
        *("shown_state", "failures", "successes", "opened_at", "probe_until"),
        *("origin", "edited_by", "edited_at"),
    )
    fieldsets = (
        (None, {"fields": ("provider", "enabled", "fallback_provider")}),
        ("When", {"fields": ("failure_threshold", "recovery_timeout_seconds", "success_threshold")}),
        ("Now", {"fields": ("shown_state", "failures", "successes", "opened_at", "probe_until")}),
        ("History", {"fields": ("origin", "edited_by", "edited_at")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: CircuitBreaker | None = None) -> tuple[str, ...]:
        return ("provider", *self.readonly_fields) if obj else self.readonly_fields

    @display(description="State", label=COLORS, ordering="state")
    def shown_state(self, breaker: CircuitBreaker) -> str:
        return str(breaker.state)

    @display(description="From", ordering="source")
    def origin(self, breaker: CircuitBreaker) -> str:
        return origin_of(breaker)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.pk = breaker_save(spec=form.spec(), actor=actor_of(request)).pk

    def delete_model(self, request: HttpRequest, obj: CircuitBreaker) -> None:
        breaker_delete(provider=obj.provider)

    @action(description="Trip", permissions=["change"], dialog=TRIP)  # type: ignore[arg-type, operator]
    def trip(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        return self._switch(request, object_id, breaker_trip)

    @action(description="Reset", permissions=["change"], dialog=RESET)  # type: ignore[arg-type, operator]
    def reset(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        return self._switch(request, object_id, breaker_reset)

    def _switch(self, request: HttpRequest, object_id: str, switch: Any) -> HttpResponse:
        breaker = CircuitBreaker.objects.filter(pk=object_id).first()

        def act() -> str:
            who = {"actor": actor_of(request), "source": source_of(request)}
            changed = switch(provider=breaker.provider if breaker else "", **who)
            return f"The breaker of {changed.provider} is {changed.state}."

        return answer_dialog(self, request, change_url(CircuitBreaker, object_id), act)
