"""API keys: made here and shown once, revoked here, never shown again. Users and groups are in people.py."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from unfold.decorators import display

from acteon_site.access.keys import api_key_create, api_key_revoke, expiry_problem, key_name_problem
from acteon_site.admin.buttons import Button
from acteon_site.admin.names_field import NamesField
from acteon_site.admin.scoped import ScopedAdmin
from acteon_site.models import ApiKey

SCOPES = ("namespaces", "tenants", "providers", "action_types")


class ApiKeyForm(forms.ModelForm):  # type: ignore[type-arg]
    namespaces = NamesField()
    tenants = NamesField()
    providers = NamesField()
    action_types = NamesField(colon_allowed=True)

    class Meta:
        model = ApiKey
        fields = ("name", "role", *SCOPES, "expires_at")
        help_texts: ClassVar = {
            "name": "Who will use it. It stands in the trail, for example as key:storefront.",
            "expires_at": "UTC. Empty: it does not expire.",
        }

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        problem = key_name_problem(name)
        if problem:
            raise ValidationError(problem)
        return name

    def clean_expires_at(self) -> datetime | None:
        at: datetime | None = self.cleaned_data["expires_at"]
        if at is not None and at <= timezone.now():
            raise ValidationError("must be in the future")
        if problem := expiry_problem(at):
            raise ValidationError(problem)
        return at


@admin.register(ApiKey)
class ApiKeyAdmin(ScopedAdmin):
    form = ApiKeyForm
    list_display = ("name", "shown_prefix", "shown_role", "scope", "status", "last_used_at", "expires_at")
    list_filter = ("role",)
    search_fields = ("name", "prefix")
    ordering = ("name",)
    actions = None
    change_form_template = "admin/acteon_site/apikey/page.html"
    empty_text = "A storefront needs a key of its own to place orders."
    fieldsets = (
        (None, {"fields": ("name", "role", "expires_at")}),
        ("What it covers", {"fields": SCOPES}),
    )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A key is never edited: make a new one and revoke the old."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The trail names it. Revoked keys stay."""
        return False

    def may_revoke(self, request: HttpRequest) -> bool:
        return request.user.has_perm("acteon_site.change_apikey") and self.reaches(request, self.act_role)

    @display(description="Begins with")
    def shown_prefix(self, key: ApiKey) -> str:
        return f"{key.prefix}…"

    @display(description="Role", ordering="role")
    def shown_role(self, key: ApiKey) -> str:
        return key.role

    @display(description="Covers")
    def scope(self, key: ApiKey) -> str:
        return scope_text(key)

    @display(description="Status", label={"active": "success", "revoked": "danger", "expired": "warning"})
    def status(self, key: ApiKey) -> str:
        return status_of(key)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.revoke)
        own = [path("<uuid:pk>/revoke/", view, name="acteon_site_apikey_revoke")]
        urls: list[URLPattern] = super().get_urls()
        return own + urls

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any
    ) -> Any:
        key = options.get("obj")
        context |= {"show_save_and_add_another": False, "show_save_and_continue": False}
        if key is not None:
            usable = status_of(key) == "active" and self.may_revoke(request)
            buttons = [_revoke_button(key)] if usable else []
            context |= {"key": key, "status": status_of(key), "scope": scope_text(key), "buttons": buttons}
        return super().render_change_form(request, context, *args, **options)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        facts = form.cleaned_data
        scopes = {name: facts[name] for name in SCOPES}
        key, secret = api_key_create(
            name=facts["name"], role=facts["role"], expires_at=facts["expires_at"], **scopes
        )
        obj.pk, obj.prefix, obj.secret_to_show = key.pk, key.prefix, secret

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        """The secret stands on this one page and nowhere else: no message (a cookie), no second look."""
        context = {
            **self.admin_site.each_context(request),
            "title": f"The key {obj.name}",
            "opts": self.opts,
            "key": obj,
            "secret": obj.secret_to_show,
        }
        response = TemplateResponse(request, "admin/acteon_site/apikey/secret.html", context)
        response.headers["Cache-Control"] = "no-store"
        return response

    def revoke(self, request: HttpRequest, pk: Any) -> HttpResponse:
        if not self.may_revoke(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        key = ApiKey.objects.filter(pk=pk).first()
        if key is None:
            self.message_user(request, "This key is not here any more.", messages.WARNING)
            return HttpResponseRedirect(reverse("admin:acteon_site_apikey_changelist"))
        api_key_revoke(key=key)
        self.log_change(request, key, "Revoked.")
        self.message_user(
            request, f"The key {key.name} is revoked: it opens nothing any more.", messages.SUCCESS
        )
        return HttpResponseRedirect(reverse("admin:acteon_site_apikey_change", args=[key.pk]))


def status_of(key: ApiKey) -> str:
    if key.revoked_at:
        return "revoked"
    return "expired" if key.expires_at and key.expires_at <= timezone.now() else "active"


def scope_text(key: ApiKey) -> str:
    parts = [
        f"{name.replace('_', ' ')}: {', '.join(getattr(key, name)) or 'none'}"
        for name in SCOPES
        if getattr(key, name) != ["*"]
    ]
    return "; ".join(parts) or "everything"


def _revoke_button(key: ApiKey) -> Button:
    url = reverse("admin:acteon_site_apikey_revoke", args=[key.pk])
    question = f"Revoke {key.name}? Whoever uses it is refused at once. This cannot be taken back."
    return Button("Revoke", url, question, "Yes, revoke it", "bad")
