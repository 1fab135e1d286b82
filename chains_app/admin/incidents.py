"""Incidents: runs that wait for a person, and what that person may do."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import action, display

from acteon_site.admin_tools import ReadOnlyAdmin
from acteon_site.base.errors import AppError
from chains_app.admin.pages import actor_of, back_to, change_url
from chains_app.models import Incident, Run
from chains_app.services.control import chain_cancel, run_retry, run_skip_step


def _asks(title: str, description: str, submit: str) -> dict[str, Any]:
    return {"title": title, "description": description, "form_class": None, "form_submit_text": submit}


RETRY = _asks("Try the step again?", "It is sent with the same Idempotency-Key as before.", "Try again")
SKIP = _asks("Go on without the step?", "It counts as done by other means.", "Go on")
CANCEL = _asks("Cancel the run?", "What is done is compensated.", "Cancel the run")


class OpenFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "open"), ("resolved", "resolved")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(resolved_at__isnull=self.value() == "open") if self.value() else queryset


@admin.register(Incident)
class IncidentAdmin(ReadOnlyAdmin):
    list_display = ("opened_at", "reason", "chain", "tenant", "step", "shown_state", "message")
    list_filter = (OpenFilter,)
    list_select_related = ("run",)
    ordering = ("-opened_at",)
    actions_detail = ("retry", "skip", "cancel")  # type: ignore[assignment]
    fields = (
        *("shown_state", "reason", "message", "run_link", "step"),
        *("opened_at", "resolved_at", "resolution", "resolved_by"),
    )

    def has_resolve_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return request.user.has_perm("chains_app.change_run")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Incident]:
        rows: QuerySet[Incident] = super().get_queryset(request)
        return rows.select_related("run").defer("run__origin", "run__spec", "run__reply")

    @display(description="State", label={"open": "danger", "resolved": "success"})
    def shown_state(self, incident: Incident) -> str:
        return "resolved" if incident.resolved_at else "open"

    @admin.display(description="Chain")
    def chain(self, incident: Incident) -> str:
        return incident.run.chain_name

    @admin.display(description="Tenant")
    def tenant(self, incident: Incident) -> str:
        return f"{incident.run.namespace} / {incident.run.tenant}"

    @admin.display(description="Run")
    def run_link(self, incident: Incident) -> SafeString:
        return format_html('<a href="{}">{}</a>', change_url(Run, incident.run_id), incident.run)

    @action(description="Try again", permissions=["resolve"], dialog=RETRY)  # type: ignore[arg-type, operator]
    def retry(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        return self._resolve(request, object_id, run_retry)

    @action(description="Skip the step", permissions=["resolve"], dialog=SKIP)  # type: ignore[arg-type, operator]
    def skip(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        return self._resolve(request, object_id, run_skip_step)

    @action(description="Cancel the run", permissions=["resolve"], dialog=CANCEL)  # type: ignore[arg-type, operator]
    def cancel(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        return self._resolve(request, object_id, chain_cancel)

    def _resolve(self, request: HttpRequest, object_id: str, decide: Any) -> HttpResponse:
        """An incident that somebody else has resolved meanwhile decides nothing more."""
        incident = Incident.objects.filter(pk=object_id, resolved_at__isnull=True).first()
        try:
            if incident is None:
                self.message_user(request, "This incident is resolved already.", "warning")
            else:
                decide(run_id=incident.run_id, actor=actor_of(request))
                self.message_user(request, "Done; the run goes on.")
        except AppError as error:
            self.message_user(request, error.message, "error")
        return back_to(request, change_url(Incident, object_id))
