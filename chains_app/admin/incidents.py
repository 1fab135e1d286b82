"""Incidents: runs that wait for a person, and what that person may do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import action, display

from acteon_site.admin.buttons import actor_of, answer_dialog, change_url, source_of
from acteon_site.admin.read_only import ReadOnlyAdmin
from acteon_site.admin.scoped import visible
from acteon_site.base.clock_text import ago
from acteon_site.base.errors import conflict
from acteon_site.base.ids import as_uuid
from acteon_site.base.principals import Role
from chains_app.admin.pages import (
    FoundDialog,
    NamingChangeList,
    ReasonDialog,
    dialog,
    order_link,
)
from chains_app.admin.repair import Bulk, Stop, Verb, repair_page
from chains_app.models import Incident, Run
from chains_app.services.cancelling import chain_cancel
from chains_app.services.repair import INCIDENT_COLUMNS, incidents_preview, incidents_resume, open_incidents
from chains_app.services.resuming import run_retry, run_skip_step

RETRY = dialog(
    "Try the step again?", "It is sent with the same Idempotency-Key as before.", "Try again", FoundDialog
)
SKIP = dialog("Go on without the step?", "It counts as done by other means.", "Go on", FoundDialog)
CANCEL = dialog("Cancel the run?", "What is done is compensated.", "Cancel the run", ReasonDialog)
GOES_ON = "Done; the run goes on."


class OpenFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "open"), ("resolved", "resolved")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(resolved_at__isnull=self.value() == "open") if self.value() else queryset


@admin.register(Incident)
class IncidentAdmin(ReadOnlyAdmin):
    act_role = Role.OPERATOR
    list_display = ("opened_at", "order", "reason", "chain", "tenant", "step", "shown_state", "message")
    list_display_links = ("opened_at", "order")
    list_filter = (OpenFilter,)
    list_select_related = ("run",)
    # As they were opened: ids are in order of time, and their index is always there.
    ordering = ("-id",)
    actions_list = ("resume_many",)  # type: ignore[assignment]
    actions_detail = ("retry", "skip", "cancel")  # type: ignore[assignment]
    fields = (
        *("shown_state", "reason", "message", "order_page", "run_link", "step"),
        *("opened_at", "resolved_at", "resolution", "resolved_by"),
    )

    def has_resolve_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Without an incident: whether somebody may at all. A resolved one has no buttons."""
        if not (request.user.has_perm("chains_app.change_run") and self.reaches(request, self.act_role)):
            return False
        pk = as_uuid(str(object_id)) if object_id is not None else None
        # What was pressed although it is resolved by now is answered with a message.
        if pk is None or request.method == "POST":
            return True
        return self._waiting(request).filter(pk=pk).exists()

    def _waiting(self, request: HttpRequest) -> QuerySet[Incident]:
        return visible(request, Incident.objects.filter(resolved_at__isnull=True), self.act_role)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Incident]:
        rows: QuerySet[Incident] = super().get_queryset(request)
        return rows.select_related("run").defer("run__origin", "run__spec", "run__reply")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return NamingChangeList

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        if obj is not None:
            obj.shown_order = order_link(request, obj.run)
        return self.fields

    @display(description="State", label={"open": "danger", "resolved": "success"})
    def shown_state(self, incident: Incident) -> str:
        return "resolved" if incident.resolved_at else "open"

    @admin.display(description="Order")
    def order(self, incident: Any) -> str:
        return str(incident.order_name)

    @admin.display(description="Order")
    def order_page(self, incident: Any) -> SafeString | str:
        shown: SafeString | str = incident.shown_order
        return shown

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
        return self._decide(request, object_id, run_retry, GOES_ON, **_found(request, form))

    @action(description="Skip the step", permissions=["resolve"], dialog=SKIP)  # type: ignore[arg-type, operator]
    def skip(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        return self._decide(request, object_id, run_skip_step, GOES_ON, **_found(request, form))

    @action(description="Cancel the run", permissions=["resolve"], dialog=CANCEL)  # type: ignore[arg-type, operator]
    def cancel(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        given = {"reason": form.cleaned_data["reason"], "source": source_of(request)}
        return self._decide(request, object_id, chain_cancel, "The run was asked to stop.", **given)

    def _decide(
        self, request: HttpRequest, object_id: str, service: Any, words: str, **given: Any
    ) -> HttpResponse:
        pk = as_uuid(object_id)
        waiting = self._waiting(request).filter(pk=pk).first() if pk else None

        def act() -> str:
            if waiting is None:
                raise conflict("This incident is resolved already.", "INCIDENT_RESOLVED")
            service(run_id=waiting.run_id, incident=waiting.pk, actor=actor_of(request), **given)
            return words

        return answer_dialog(self, request, change_url(Incident, object_id), act)

    @action(description="Resume many", permissions=["resolve"], url_path="resume", icon="checklist")  # type: ignore[operator]
    def resume_many(self, request: HttpRequest) -> HttpResponse:
        return repair_page(request, INCIDENTS, self)


def _found(request: HttpRequest, form: Any) -> dict[str, Any]:
    return {"source": source_of(request), "outcome": form.cleaned_data["outcome"]}


def _stops(incidents: Sequence[Incident]) -> dict[UUID, Stop]:
    return {row.pk: Stop(row.reason, row.message, row.step, ago(row.opened_at)) for row in incidents}


INCIDENTS = Bulk(
    title="Resume incidents",
    intro="Each tries its step again, with the same Idempotency-Key; what is done already is kept.",
    nothing="No open incident matches.",
    columns=INCIDENT_COLUMNS,
    find=open_incidents,
    preview=lambda rows: incidents_preview(incidents=rows),
    stops=_stops,
    verbs=(
        Verb(
            "resume",
            "Resume the chosen",
            "Resume the chosen runs? Each tries its step again.",
            lambda rows, who: incidents_resume(incidents=rows, **who),
            "go on",
        ),
    ),
    list_page="admin:chains_app_incident_changelist",
)
