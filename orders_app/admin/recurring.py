"""Recurring actions: when each fires, what came of it, and what people do about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from unfold.decorators import display

from acteon_site.admin.buttons import Button, change_url, source_of
from acteon_site.admin.config_pages import ConfigAdmin, origin_of
from acteon_site.admin.times import countdown
from acteon_site.admin.zones import zone_of
from acteon_site.base.clock import db_now
from acteon_site.base.errors import AppError
from acteon_site.base.principals import Role
from acteon_site.base.source import Source
from orders_app.admin.recurring_forms import BackfillForm, RecurringForm
from orders_app.admin.recurring_views import LABELS, cron_preview, firing_lines, shown_times
from orders_app.models import RecurringAction
from orders_app.recurring.cron import cron_words
from orders_app.services.recurring.by_hand import (
    LEFT,
    Made,
    Span,
    backfill_plan,
    recurring_backfill,
    recurring_run_now,
)
from orders_app.services.recurring.edits import (
    recurring_create,
    recurring_delete,
    recurring_pause,
    recurring_resume,
    recurring_update,
)
from orders_app.services.recurring.hidden import shown
from orders_app.services.recurring.history import upcoming, with_last_outcome

BUTTONS = ("pause", "resume", "run")
VIEW = "orders_app.view_recurringaction"
ACT = "orders_app.change_recurringaction"
STATES = {"active": "success", "paused": "warning", "completed": "info"}


@admin.register(RecurringAction)
class RecurringActionAdmin(ConfigAdmin):
    form = RecurringForm
    act_role = Role.OPERATOR
    list_display = ("name", "shop", "fires", "next_time", "state", "last", "count")
    list_filter = ("enabled", "missed", "overlap_policy", "namespace", "tenant")
    search_fields = ("name", "description", "action_type")
    ordering = ("namespace", "tenant", "name")
    readonly_fields = ("origin", "created_by", "edited_by", "edited_at")
    change_form_outer_before_template = "admin/orders_app/recurring.html"  # type: ignore[assignment]
    fieldsets = (
        (None, {"fields": ("name", "namespace", "tenant", "description")}),
        (
            "When",
            {"fields": ("cron_expression", "timezone", "starts_at", "ends_at", "max_executions", "missed")},
        ),
        (
            "What",
            {"fields": ("provider", "action_type", "payload", "metadata", "dedup_key", "overlap_policy")},
        ),
        ("Notes", {"fields": ("labels", "origin", "created_by", "edited_by", "edited_at")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return with_last_outcome(super().get_queryset(request))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fixed = ("namespace", "tenant") if obj else ()
        return (*self.readonly_fields, *fixed, "shown_payload", "shown_metadata")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Who may not change it sees the payload as it stands in the trail."""
        if obj is None or self.has_change_permission(request, obj):
            return self.fieldsets
        hidden = {"payload": "shown_payload", "metadata": "shown_metadata"}
        return [
            (title, {"fields": tuple(hidden.get(str(name), str(name)) for name in group["fields"])})
            for title, group in self.fieldsets
        ]

    @display(description="Payload")
    def shown_payload(self, row: RecurringAction) -> Any:
        return shown(row)["payload"]

    @display(description="Metadata")
    def shown_metadata(self, row: RecurringAction) -> Any:
        return shown(row)["metadata"]

    @display(description="For", ordering="namespace")
    def shop(self, row: RecurringAction) -> str:
        return f"{row.tenant} / {row.namespace}"

    @display(description="Fires")
    def fires(self, row: RecurringAction) -> str:
        return f"{cron_words(row.cron_expression)} ({row.timezone})"

    @display(description="Next", ordering="next_at")
    def next_time(self, row: RecurringAction) -> SafeString | str:
        return countdown(row.next_at, "in {}", "now") if row.enabled and row.next_at else "-"

    @display(description="State", label=STATES, ordering="enabled")
    def state(self, row: RecurringAction) -> str:
        return row.status

    @display(description="Last", label=LABELS)
    def last(self, row: Any) -> str:
        return (row.last_outcome or "never").replace("_", " ")

    @display(description="Times", ordering="execution_count")
    def count(self, row: RecurringAction) -> str:
        return (
            f"{row.execution_count} of {row.max_executions}"
            if row.max_executions
            else str(row.execution_count)
        )

    @display(description="From", ordering="source")
    def origin(self, row: RecurringAction) -> str:
        return origin_of(row)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        spec, source = form.spec(form.cleaned_data), source_of(request)
        if change:
            recurring_update(row=obj, changes=spec, source=source)
            return
        row = recurring_create(spec=spec, source=source)
        obj.pk, obj.name, obj._state.adding = row.pk, row.name, False

    def delete_model(self, request: HttpRequest, obj: RecurringAction) -> None:
        recurring_delete(row=obj, source=source_of(request))

    # Its page -------------------------------------------------------------------------------------------------

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any
    ) -> Any:
        row = options.get("obj")
        whole = context | (self._details(request, row) if row is not None else {})
        return super().render_change_form(request, whole, *args, **options)

    def _details(self, request: HttpRequest, row: RecurringAction) -> dict[str, Any]:
        zone = zone_of(request.user).key
        may_act = self._may_act(request, row)
        return {
            "recurring": row,
            "words": cron_words(row.cron_expression),
            "upcoming": shown_times(upcoming(row, db_now(), zone)),
            "viewer_zone": zone,
            "firings": firing_lines(request, row),
            "buttons": self._buttons(row) if may_act else [],
            "backfill_url": self._url("backfill", row) if may_act else "",
            "status_label": STATES[row.status],
        }

    def _buttons(self, row: RecurringAction) -> list[Button]:
        run = Button(
            "Run now",
            self._url("run", row),
            f"Dispatch {row.name} now, beside its schedule? Rules and quotas ask of it what they always ask.",
            "Yes, run it now",
        )
        if row.status == "paused":
            question = (
                f"Resume {row.name}? It goes on with its next time; those of the pause are not made up for."
            )
            return [Button("Resume", self._url("resume", row), question, "Yes, resume it", "good"), run]
        if row.status == "active":
            question = f"Pause {row.name}? It fires no more until somebody resumes it."
            return [run, Button("Pause", self._url("pause", row), question, "Yes, pause it", "bad")]
        return [run]

    def _may_act(self, request: HttpRequest, row: RecurringAction) -> bool:
        return request.user.has_perm(ACT) and self.reaches(request, self.act_role, row)

    # Buttons and further pages --------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        pressed = [
            path(f"<uuid:pk>/{name}/", self.admin_site.admin_view(self._pressed(name)), name=_named(name))
            for name in BUTTONS
        ]
        views = [
            path("preview/", self.admin_site.admin_view(self.preview), name=_named("preview")),
            path("<uuid:pk>/backfill/", self.admin_site.admin_view(self.backfill), name=_named("backfill")),
        ]
        return [*pressed, *views, *super().get_urls()]

    def preview(self, request: HttpRequest) -> HttpResponse:
        """What the typed expression means, in words and by its next times."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        given = {name: request.GET.get(name, "") for name in ("cron_expression", "timezone")}
        context = cron_preview(
            given["cron_expression"], given["timezone"] or "UTC", zone_of(request.user).key
        )
        return TemplateResponse(request, "admin/orders_app/parts/cron.html", context)

    def _found(self, request: HttpRequest, pk: UUID) -> RecurringAction | None:
        """Raises PermissionDenied where the person may not act on it."""
        if not request.user.has_perm(ACT) or not self.reaches(request, self.act_role):
            raise PermissionDenied
        row: RecurringAction | None = self.get_queryset(request).filter(pk=pk).first()
        if row is None:
            self.message_user(request, "There is no such recurring action any more.", messages.WARNING)
        elif not self._may_act(request, row):
            raise PermissionDenied
        return row

    def _pressed(self, name: str) -> Callable[..., HttpResponse]:
        def view(request: HttpRequest, pk: UUID) -> HttpResponse:
            if request.method != "POST":
                self._found(request, pk)
                return HttpResponseNotAllowed(["POST"])
            row = self._found(request, pk)
            if row is None:
                return HttpResponseRedirect(_list_url())
            try:
                self.message_user(request, PRESSED[name](row, source_of(request)))
            except AppError as error:
                self.message_user(request, f"Nothing was changed: {error.message}.", messages.WARNING)
            return HttpResponseRedirect(change_url(RecurringAction, row.pk))

        return view

    def backfill(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """First what it would do, then exactly that."""
        row = self._found(request, pk)
        if row is None:
            return HttpResponseRedirect(_list_url())
        form = BackfillForm(request.POST or None)
        context: dict[str, Any] = {"form": form, "row": row, "back": change_url(RecurringAction, row.pk)}
        if form.is_bound and form.is_valid():
            span = Span(**{name: form.cleaned_data[name] for name in ("start", "end", "limit", "overlap")})
            try:
                if request.POST.get("do") == "fire":
                    return self._backfilled(request, row, span)
                planned = backfill_plan(row, span, db_now())
                context |= {"planned": planned, "fires": sum(not one.done for one in planned), "span": span}
            except AppError as error:
                if not error.details:
                    form.add_error(None, error.message)
                for problem in error.details:
                    form.add_error(problem.field if problem.field in form.fields else None, problem.message)
        whole = {**self.admin_site.each_context(request), "title": f"Backfill of {row}", "opts": self.opts}
        return TemplateResponse(request, "admin/orders_app/recurring_backfill.html", whole | context)

    def _backfilled(self, request: HttpRequest, row: RecurringAction, span: Span) -> HttpResponse:
        made = recurring_backfill(row=row, span=span, source=source_of(request))
        self.message_user(request, _told(made))
        return HttpResponseRedirect(change_url(RecurringAction, row.pk))

    def _url(self, name: str, row: RecurringAction) -> str:
        return reverse(f"admin:{_named(name)}", args=[row.pk])


def _told(made: Sequence[Made]) -> str:
    sent, left = sum(one.was_dispatched for one in made), sum(one.outcome == LEFT for one in made)
    rest = f" The time was over before {left} of them: press Backfill again for these." if left else ""
    return f"{sent} dispatched, {len(made) - sent} not; what came of each stands below.{rest}"


def _pause(row: RecurringAction, source: Source) -> str:
    recurring_pause(row=row, source=source)
    return f"{row} is paused."


def _resume(row: RecurringAction, source: Source) -> str:
    resumed = recurring_resume(row=row, source=source)
    return f"{row} goes on." if resumed.next_at else f"{row} is resumed, and completed: it fires no more."


def _run(row: RecurringAction, source: Source) -> str:
    return f"Dispatched: {recurring_run_now(row=row, source=source).outcome.replace('_', ' ')}."


PRESSED: dict[str, Callable[[RecurringAction, Source], str]] = {
    "pause": _pause,
    "resume": _resume,
    "run": _run,
}


def _named(page: str) -> str:
    return f"orders_app_recurringaction_{page}"


def _list_url() -> str:
    return reverse("admin:orders_app_recurringaction_changelist")
