"""Silences: which are in force, a new one with a preview of what it meets, and the button that ends one."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from unfold.decorators import display

from acteon_site.admin.buttons import Button, ButtonPagesAdmin, ButtonResult, source_of
from acteon_site.admin.scoped import NOT_YOURS, reader_of
from acteon_site.base.clock import db_now
from acteon_site.base.clock_text import moment, rfc3339
from acteon_site.base.errors import AppError
from acteon_site.base.principals import Role
from rules_app.admin.silence_form import MatcherRows, SilenceForm
from rules_app.engine.silences import matchers_of
from rules_app.models import Silence
from rules_app.services.silences import silence_change, silence_create, silence_end
from rules_app.silences import ACTIVE, EXPIRED, PENDING, STANDINGS, matched_lately, standing_of

END, EDIT = "end", "edit"
COLORS = {ACTIVE: "warning", PENDING: "info", EXPIRED: "default"}


class StandingFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in STANDINGS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Silence]) -> QuerySet[Silence]:
        now, chosen = db_now(), self.value()
        if chosen == ACTIVE:
            return queryset.filter(starts_at__lte=now, ends_at__gt=now)
        if chosen == PENDING:
            return queryset.filter(starts_at__gt=now, ends_at__gt=now)
        return queryset.filter(ends_at__lte=now) if chosen == EXPIRED else queryset


@admin.register(Silence)
class SilenceAdmin(ButtonPagesAdmin):
    view_codename = "rules_app.view_silence"
    act_codename = "rules_app.change_silence"
    act_role = Role.OPERATOR
    list_display = ("what", "state", "of", "until", "made", "comment")
    list_filter = (StandingFilter, "namespace", "tenant")
    change_form_template = "admin/rules_app/silence.html"
    buttons = (END, EDIT)
    empty_title = "No silences"
    empty_text = (
        "A silence keeps actions with certain labels from being sent for a while; orders never by default."
    )

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return ("-ends_at", "-id")

    @display(description="Labels")
    def what(self, silence: Silence) -> str:
        return ", ".join(str(one) for one in matchers_of(silence.matchers))

    @display(description="State", label=COLORS)
    def state(self, silence: Silence) -> str:
        return standing_of(silence, db_now())

    @display(description="Tenant")
    def of(self, silence: Silence) -> str:
        return f"{silence.tenant} / {silence.namespace}"

    @display(description="Until")
    def until(self, silence: Silence) -> str:
        return moment(silence.ends_at)

    @display(description="Made")
    def made(self, silence: Silence) -> str:
        return f"{moment(silence.created_at)} by {silence.created_by}"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("rules_app.add_silence") and self.reaches(request, self.act_role)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """First, where asked for, what it would meet; then the silence of exactly what stands in the form."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        data = request.POST if request.method == "POST" else None
        rows = MatcherRows(data, prefix="matchers")
        form = SilenceForm(data, rows=rows, initial=_scope_asked(request))
        context: dict[str, Any] = {"form": form, "rows": rows, "title": "Silence actions", "opts": self.opts}
        if form.is_bound and form.is_valid():
            names = form.cleaned_data["namespace"], form.cleaned_data["tenant"]
            if not reader_of(request, self.act_role).covers(*names):
                form.add_error("namespace", NOT_YOURS)
            elif "preview" in request.POST:
                context["met"], context["looked_at"] = matched_lately(*names, form.matchers)
            elif made := self._made(request, form):
                return made
        whole = {**self.admin_site.each_context(request), **context, "back": self.url_of("changelist")}
        return TemplateResponse(request, "admin/rules_app/silence_new.html", whole)

    def _made(self, request: HttpRequest, form: SilenceForm) -> HttpResponse | None:
        try:
            silence = silence_create(spec=form.spec(), source=source_of(request))
        except AppError as error:
            form.add_error(None, error.message)
            return None
        self.message_user(request, "It is in force in every process within a second.")
        return HttpResponseRedirect(self.url_of("change", silence.pk))

    def details(self, request: HttpRequest, obj: Silence | None) -> dict[str, Any]:
        if obj is None:
            return {}
        standing, matchers = standing_of(obj, db_now()), matchers_of(obj.matchers)
        may_act = self.may_act(request, obj) and standing != EXPIRED
        met, looked_at = matched_lately(obj.namespace, obj.tenant, matchers)
        return {
            "silence": obj,
            "title": "Silence",
            "matchers": [str(one) for one in matchers],
            "standing": standing,
            "standing_type": COLORS[standing],
            "ends": rfc3339(obj.ends_at),
            "edit_url": self.url_of(EDIT, obj.pk) if may_act else "",
            "met": met,
            "looked_at": looked_at,
            "buttons": [self._end(obj)] if may_act else [],
        }

    def _end(self, silence: Silence) -> Button:
        question = "End this silence? What it has silenced is not sent later."
        return Button("End now", self.url_of(END, silence.pk), question, "Yes, end it", "bad")

    def press(self, request: HttpRequest, obj: Silence, name: str) -> ButtonResult:
        if name == END:
            silence_end(silence=obj, source=source_of(request))
            return ButtonResult("The silence has ended.")
        given = {key: request.POST[key].strip() for key in ("ends_at", "comment") if key in request.POST}
        changed = silence_change(silence=obj, changes=given, source=source_of(request))
        return ButtonResult(f"The silence ends at {moment(changed.ends_at)}.", messages.SUCCESS)


def _scope_asked(request: HttpRequest) -> dict[str, str]:
    """Of the address, else of who reaches one tenant alone."""
    reader = reader_of(request, Role.OPERATOR)
    own = {"namespace": reader.namespaces, "tenant": reader.tenants}
    only = {name: names[0] for name, names in own.items() if len(names) == 1 and names[0] != "*"}
    return {**only, **{name: request.GET[name] for name in own if name in request.GET}}
