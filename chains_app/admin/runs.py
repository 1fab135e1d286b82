"""Runs as evidence: what happened step by step, with every payload redacted as the trail is."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import action, display

from acteon_site.admin.buttons import actor_of, answer_dialog, change_url, source_of
from acteon_site.admin.cells import id_cell, shop_cell, text_cell
from acteon_site.admin.read_only import ReadOnlyAdmin, is_list, pretty_json
from acteon_site.admin.scoped import sees_one_tenant, visible
from acteon_site.base.clock_text import span_text
from acteon_site.base.ids import as_uuid
from acteon_site.base.principals import Role
from audit_app.admin.filters import ScopeFilter, within_scopes
from chains_app.admin.pages import NamingChangeList, ReasonDialog, SettleDialog, dialog, order_link
from chains_app.admin.timeline import picture_html, steps_html, timeline_html
from chains_app.models import Run
from chains_app.services.cancelling import chain_cancel
from chains_app.services.redacting import scrubber_of
from chains_app.services.resuming import STOPPED, run_retry
from chains_app.services.run_trees import graph_of
from chains_app.services.settling import ENDED, doubt_settle, doubts_of
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
SETTLE = dialog(
    "Settle what is in doubt?",
    "Look at the provider first. If it was carried out, it is undone where its step says how. If it was not, its order "
    "may be placed anew.",
    "Settle",
    SettleDialog,
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
    list_display = ("chain", "shown_status", "order", "shop", "began", "took", "run_id")
    exports: ClassVar = {
        **{name: name for name in ("id", "chain_name", "status", "namespace", "tenant", "provider")},
        **{name: name for name in ("action_type", "action_id", "started_at", "updated_at", "ended_at")},
        **{name: name for name in ("error_code", "error", "cancel_reason", "cancelled_by")},
    }
    act_role = Role.OPERATOR
    list_filter = (ScopeFilter, StatusFilter)
    search_fields = ("id",)
    search_help_text = "The exact id of a run"
    show_facets = admin.ShowFacets.NEVER
    actions_detail = ("resume", "settle", "cancel")  # type: ignore[assignment]
    fieldsets = (
        (None, {"fields": ("shown_status", "error", "error_code", "cancel_reason", "cancelled_by")}),
        ("What it did", {"fields": ("picture", "timeline", "shown_steps", "shown_incidents")}),
        ("For", {"fields": ("order_page", "shop", "action_type", "action_id", "shown_payload")}),
        (
            "When",
            {"fields": ("started_at", "ended_at", "took", "expires_at", "next_run_at", "waits_since")},
        ),
        ("By which chain", {"fields": ("chain_name", "version", "parent", "parent_step", "branch", "id")}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        sets = super().get_fieldsets(request, obj)
        # What did not happen has no line of its own, and of a run that goes on nobody knows how long it takes.
        absent = set() if obj is None else {name for name in ("shown_incidents", "took") if _lacks(obj, name)}
        return [
            (title, {**told, "fields": [name for name in told["fields"] if name not in absent]})
            for title, told in sets
        ]

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Run | None:
        run: Run | None = super().get_object(request, object_id, from_field)
        if run is not None:
            run.shown_order = order_link(request, run)  # type: ignore[attr-defined]
        return run

    @display(description="Order")
    def order_page(self, run: Any) -> Shown:
        return run.shown_order  # type: ignore[no-any-return]

    def has_cancel_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Runs are read-only here; the permission to change them is that to cancel what still runs."""
        return self._may_change(request, object_id, ended_at__isnull=True)

    def has_resume_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Of a run that failed as a whole; one that is parked is resumed by its incident."""
        return self._may_change(request, object_id, status__in=STOPPED, parent=None)

    def has_settle_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Of a run that has ended with a call of which nobody knows what came of it."""
        if not self._may_change(request, object_id, status__in=ENDED, parent=None):
            return False
        # What was pressed although somebody was faster is answered with a message.
        if object_id is None or request.method == "POST":
            return True
        return bool(doubts_of(Run.objects.get(pk=object_id)))

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
        return rows.defer("origin", "spec", "reply") if is_list(request) else rows

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

    def get_changelist(self, request: HttpRequest, **options: Any) -> Any:
        return NamingChangeList

    @display(description="Chain")
    def chain(self, run: Run) -> Shown:
        return text_cell(run.chain_name)

    @display(description="Order")
    def order(self, run: Any) -> Shown:
        return text_cell(run.order_name)

    @display(description="Shop")
    def shop(self, run: Run) -> str:
        return shop_cell(run)

    @display(description="Took")
    def took(self, run: Run) -> str:
        return span_text((run.ended_at - run.started_at).total_seconds()) if run.ended_at else "-"

    @display(description="Run")
    def run_id(self, run: Run) -> Shown:
        return id_cell(run.pk)

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

    @action(description="Settle the doubt", permissions=["settle"], dialog=SETTLE)  # type: ignore[arg-type, operator]
    def settle(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        def act() -> str:
            found = {"outcome": form.cleaned_data["outcome"], "step": form.cleaned_data["step"].strip()}
            who = {"actor": actor_of(request), "source": source_of(request)}
            doubt_settle(run_id=UUID(object_id), **found, **who)  # type: ignore[arg-type]
            return "Settled. What took effect is undone, where its step says how."

        return answer_dialog(self, request, change_url(Run, object_id), act)

    @action(description="Cancel", permissions=["cancel"], dialog=CANCEL)  # type: ignore[arg-type, operator]
    def cancel(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        def act() -> str:
            reason = form.cleaned_data["reason"] or "cancelled in the admin"
            who = {"actor": actor_of(request), "source": source_of(request)}
            chain_cancel(run_id=UUID(object_id), **who, reason=reason)  # type: ignore[arg-type]
            return "The run was asked to stop."

        return answer_dialog(self, request, change_url(Run, object_id), act)


def _lacks(run: Run, name: str) -> bool:
    return run.ended_at is None if name == "took" else not run.incidents.exists()
