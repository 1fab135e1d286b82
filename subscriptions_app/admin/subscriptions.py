"""Subscriptions: what each wants, how it does, and the buttons to test it, switch it, and send again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.decorators import display

from acteon_site.admin.buttons import Button, change_url, source_of
from acteon_site.admin.config_pages import ConfigAdmin, origin_of
from acteon_site.base.clock_text import ago, moment
from acteon_site.base.errors import AppError
from acteon_site.base.principals import Role
from acteon_site.base.source import Source
from subscriptions_app.admin.forms import SubscriptionForm
from subscriptions_app.models import Subscription
from subscriptions_app.services.replaying import Span, subscription_replay, subscription_test
from subscriptions_app.services.subscriptions import (
    secret_rotate,
    subscription_create,
    subscription_delete,
    subscription_switch,
    subscription_update,
)
from subscriptions_app.states import Off

TEST, ENABLE, DISABLE, ROTATE, REPLAY = "test", "enable", "disable", "rotate", "replay"
MAY_CHANGE = "subscriptions_app.change_subscription"
COLORS = {"takes what is sent": "success", "new": "info", "fails": "warning", "off": "danger"}
OF_OLD = datetime(2000, 1, 1, tzinfo=UTC)


@admin.register(Subscription)
class SubscriptionAdmin(ConfigAdmin):
    form = SubscriptionForm
    list_display = ("name", "shop", "state", "wants", "url", "origin")
    list_filter = ("enabled", "namespace", "tenant")
    search_fields = ("name", "url", "description")
    ordering = ("namespace", "tenant", "name")
    change_form_outer_before_template = "admin/subscriptions_app/state.html"  # type: ignore[assignment]
    readonly_fields = ("origin", "edited_by", "edited_at")
    fieldsets = (
        (None, {"fields": ("namespace", "tenant", "name", "url", "description")}),
        ("What it gets", {"fields": ("event_types", "action_types", "providers", "outcomes")}),
        ("How it is sent", {"fields": ("timeout_seconds", "max_concurrent", "notify_provider")}),
        ("History", {"fields": ("origin", "edited_by", "edited_at")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("namespace", "tenant", *self.readonly_fields) if obj else self.readonly_fields

    @display(description="Shop", ordering="tenant")
    def shop(self, row: Subscription) -> str:
        return f"{row.tenant} / {row.namespace}"

    @display(description="State", label=COLORS)
    def state(self, row: Subscription) -> str:
        return state_of(row)

    @display(description="Gets")
    def wants(self, row: Subscription) -> str:
        lists = (row.event_types, row.action_types, row.providers, row.outcomes)
        return "; ".join(", ".join(names) for names in lists if names) or "everything"

    @display(description="From", ordering="source")
    def origin(self, row: Subscription) -> str:
        return origin_of(row)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        spec, source = form.spec(), source_of(request)
        if change:
            subscription_update(subscription=obj, changes=spec, source=source)
            return
        made = subscription_create(spec=spec, source=source)
        obj.pk, obj.secret_to_show = made.pk, made.secrets["current"]

    def delete_model(self, request: HttpRequest, obj: Subscription) -> None:
        subscription_delete(subscription=obj, source=source_of(request))

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        return self._secret_page(request, obj, obj.secret_to_show)

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(f"<uuid:pk>/{name}/", self.admin_site.admin_view(self._view(name)), name=_named(name))
            for name in (TEST, ENABLE, DISABLE, ROTATE, REPLAY)
        ]
        urls: list[URLPattern] = super().get_urls()
        return own + urls

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any
    ) -> Any:
        row = options.get("obj")
        if row is not None:
            may = self.has_change_permission(request, row)
            context |= {"row": row, "state": state_of(row), "facts": facts_of(row)}
            context |= {"buttons": buttons_of(row) if may else []}
        return super().render_change_form(request, context, *args, **options)

    def _view(self, name: str) -> Callable[..., HttpResponse]:
        def view(request: HttpRequest, pk: UUID) -> HttpResponse:
            if not (request.user.has_perm(MAY_CHANGE) and self.reaches(request, Role.ADMIN)):
                raise PermissionDenied
            if request.method != "POST":
                return HttpResponseNotAllowed(["POST"])
            return self._pressed(request, pk, name)

        return view

    def _pressed(self, request: HttpRequest, pk: UUID, name: str) -> HttpResponse:
        row = self.get_queryset(request).filter(pk=pk).first()
        if row is None:
            self.message_user(request, "This subscription is not here any more.", messages.WARNING)
            return HttpResponseRedirect(reverse("admin:subscriptions_app_subscription_changelist"))
        if not self.has_change_permission(request, row):
            raise PermissionDenied
        source = source_of(request)
        try:
            if name == ROTATE:
                secret = secret_rotate(subscription=row, source=source).secrets["current"]
                return self._secret_page(request, row, secret)
            self.message_user(request, _done(name, row, source))
        except AppError as error:
            self.message_user(request, f"Nothing was changed: {error.message}.", messages.WARNING)
        return HttpResponseRedirect(change_url(Subscription, pk))

    def _secret_page(self, request: HttpRequest, row: Any, secret: str) -> HttpResponse:
        """The secret stands on this one page and nowhere else: no message (a cookie), no second look."""
        context = {
            **self.admin_site.each_context(request),
            "title": f"The secret of {row.name}",
            "opts": self.opts,
            "row": row,
            "secret": secret,
        }
        response = TemplateResponse(request, "admin/subscriptions_app/secret.html", context)
        response.headers["Cache-Control"] = "no-store"
        return response


def _named(name: str) -> str:
    return f"subscriptions_app_subscription_{name}"


def _done(name: str, row: Subscription, source: Source) -> str:
    if name == TEST:
        subscription_test(subscription=row, source=source)
        return "A test is on its way; its delivery tells what was answered."
    if name == REPLAY:
        span = Span(OF_OLD, datetime.now(UTC) + timedelta(minutes=1), only_failed=True)
        found = subscription_replay(subscription=row, span=span, source=source)
        more = " More of them remain: press it again once these are sent." if found.next_from else ""
        return f"{found.again} deliveries that had failed are sent again.{more}"
    changed = subscription_switch(subscription=row, on=name == ENABLE, source=source)
    return f"{row.name} is switched {'on' if changed.enabled else 'off'}."


def state_of(row: Subscription) -> str:
    if not row.enabled:
        return "off"
    if row.failing_since:
        return "fails"
    return "takes what is sent" if row.last_success_at else "new"


def facts_of(row: Subscription) -> list[tuple[str, str]]:
    told = [
        ("Last success", ago(row.last_success_at) if row.last_success_at else "none yet"),
        ("Fails since", moment(row.failing_since)),
        ("Asked for a pause until", moment(row.paused_until)),
        ("Switched off", moment(row.disabled_at)),
        ("Why", Off(row.disabled_reason).label if row.disabled_reason else "-"),
        ("Its former secret signs until", moment(row.previous_until)),
    ]
    return [(name, text) for name, text in told if text != "-"]


def buttons_of(row: Subscription) -> list[Button]:
    def button(name: str, label: str, question: str, confirm: str, kind: str = "plain") -> Button:
        return Button(label, reverse(f"admin:{_named(name)}", args=[row.pk]), question, confirm, kind)

    rotate = button(
        ROTATE,
        "New secret",
        "Make a new secret? It is shown once; the present one signs beside it for a day.",
        "Yes, make it",
    )
    if not row.enabled:
        question = "Switch it on? What was still to be sent is sent; what happened meanwhile is not."
        return [button(ENABLE, "Switch on", question, "Yes, switch it on", "good"), rotate]
    return [
        button(TEST, "Send a test", "Send an event that says that it is a test?", "Yes, send it"),
        button(REPLAY, "Send what failed again", "Send again what was given up?", "Yes, send it again"),
        rotate,
        button(
            DISABLE,
            "Switch off",
            "Switch it off? What happens from then on does not come, unless it is replayed.",
            "Yes, switch it off",
            "bad",
        ),
    ]
