"""Runs as evidence: what happened step by step, with every payload redacted as the trail is."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import action, display

from acteon_site.admin.buttons import actor_of, answer_dialog, change_url, source_of
from acteon_site.admin.read_only import ReadOnlyAdmin, pretty_json
from acteon_site.admin.scoped import sees_one_tenant, visible
from acteon_site.base.ids import as_uuid
from acteon_site.base.principals import Role
from audit_app.admin.filters import ScopeFilter, within_scopes
from chains_app.admin.pages import ReasonDialog, dialog
from chains_app.admin.timeline import picture_html, steps_html, timeline_html
from chains_app.models import Run
from chains_app.services.cancelling import chain_cancel
from chains_app.services.redacting import scrubber_of
from chains_app.services.resuming import STOPPED, run_retry
from chains_app.services.run_trees import graph_of
from chains_app.states import RunStatus

Shown = SafeString | str
RESUME = dialog(
    "Resume this run?",
    "It goes on at the step where it failed, with the same Idempotency-Key as before.",
    "Resume",
)
CANCEL = dialog(
    "Cancel this run?",
    "The call in flight is awaited, and what is done is compensated.",
    "Cancel the run",
    ReasonDialog,
)
COLORS = {
    **dict.fromkeys(("running", "waiting_sub_chain", "waiting_timer"), "info"),
    **{"waiting_signal": "warning", "completed": "success", "failed": "danger", "timed_out": "danger"},
}


class StatusFilter(admin.SimpleListFilter):
    """A fixed vocabulary. It names the tenants too, since the index of statuses begins with them."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(status, status.replace("_", " ")) for status in RunStatus.values]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return within_scopes(queryset).filter(status=self.value()) if self.value() else queryset


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    act_role = Role.OPERATOR
    list_display = (
        "id",
        "chain_name",
        "shown_status",
        "namespace",
        "tenant",
        "action_type",
        "action_id",
        "began",
    )
    list_filter = (ScopeFilter, StatusFilter)
    search_fields = ("id",)
    search_help_text = "The exact id of a run"
    show_facets = admin.ShowFacets.NEVER
    actions_detail = ("resume", "cancel")  # type: ignore[assignment]
    fieldsets = (
        (
            None,
            {"fields": ("chain_name", "shown_status", "phase", "namespace", "tenant")},
        ),
        ("What it did", {"fields": ("picture", "timeline", "shown_steps")}),
        ("Order", {"fields": ("action_type", "action_id", "shown_payload", "parent", "version")}),
        (
            "When",
            {"fields": ("started_at", "updated_at", "ended_at", "expires_at", "next_run_at", "waits_since")},
        ),
        ("Why", {"fields": ("error_code", "error", "cancel_reason", "cancelled_by", "shown_incidents")}),
    )

    def has_cancel_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Runs are read-only here; the permission to change them is that to cancel what still runs."""
        return self._may_change(request, object_id, ended_at__isnull=True)

    def has_resume_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Of a run that failed as a whole; one that is parked is resumed by its incident."""
        return self._may_change(request, object_id, status__in=STOPPED, parent=None)

    def _may_change(self, request: HttpRequest, object_id: str | None, **which: Any) -> bool:
        allowed = request.user.has_perm("chains_app.change_run") and self.reaches(request, self.act_role)
        if not allowed or object_id is None:
            return allowed
        runs = visible(request, Run.objects.filter(**which), self.act_role)
        run_id = as_uuid(str(object_id))
        return run_id is not None and runs.filter(pk=run_id).exists()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        rows: QuerySet[Run] = super().get_queryset(request)
        # What is encrypted is opened on the detail page only.
        match = request.resolver_match
        on_list = match is not None and str(match.url_name).endswith("_changelist")
        return rows.defer("origin", "spec", "reply") if on_list else rows

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        # Ids are in order of time, and their index is the only one over all tenants.
        of_one = request.GET.get(ScopeFilter.parameter_name) or sees_one_tenant(request)
        return ("-started_at", "-id") if of_one else ("-id",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return (queryset.filter(pk=as_uuid(search_term.strip())) if search_term else queryset), False

    @display(description="Status", label=COLORS)
    def shown_status(self, run: Run) -> str:
        return str(run.status)

    @admin.display(description="Started", ordering="id")
    def began(self, run: Run) -> str:
        return f"{run.started_at:%Y-%m-%d %H:%M:%S}"

    @admin.display(description="Picture")
    def picture(self, run: Run) -> Shown:
        return picture_html(graph_of(run))

    @admin.display(description="Timeline")
    def timeline(self, run: Run) -> Shown:
        return timeline_html(run)

    @admin.display(description="Steps")
    def shown_steps(self, run: Run) -> Shown:
        return steps_html(run)

    @admin.display(description="Payload")
    def shown_payload(self, run: Run) -> Shown:
        return pretty_json(scrubber_of(run).payload)

    @admin.display(description="Incidents")
    def shown_incidents(self, run: Run) -> Shown:
        lines = (
            (f"{row.opened_at:%Y-%m-%d %H:%M:%S}", row.reason, row.message, row.resolution or "open")
            for row in run.incidents.order_by("-opened_at")
        )
        return format_html_join("", "<div>{} {}: {} ({})</div>", lines) or "-"

    @action(description="Resume", permissions=["resume"], dialog=RESUME)  # type: ignore[arg-type, operator]
    def resume(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        def act() -> str:
            run_retry(run_id=UUID(object_id), actor=actor_of(request), source=source_of(request))
            return "The run goes on where it failed."

        return answer_dialog(self, request, change_url(Run, object_id), act)

    @action(description="Cancel", permissions=["cancel"], dialog=CANCEL)  # type: ignore[arg-type, operator]
    def cancel(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        def act() -> str:
            reason = form.cleaned_data["reason"] or "cancelled in the admin"
            chain_cancel(run_id=UUID(object_id), actor=actor_of(request), reason=reason)
            return "The run was asked to stop."

        return answer_dialog(self, request, change_url(Run, object_id), act)
