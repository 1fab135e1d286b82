"""What the configuration pages share: refusals told on the page, buttons that ask before they act."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.forms import BaseDialogForm
from unfold.views import ChangeList
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from acteon_site.admin.buttons import MOST_REASON, REASON
from acteon_site.base.errors import AppError
from acteon_site.base.managed import ManagedConfig
from chains_app.listeners import owner_names
from chains_app.models import Run
from chains_app.services.resuming import DONE, NOT_DONE


def actor_of(request: HttpRequest) -> str:
    return request.user.get_username()


def back_to(request: HttpRequest, url: str) -> HttpResponse:
    """A redirect, also where the button's dialog was sent by script."""
    if request.headers.get("HX-Request"):
        return HttpResponse(headers={"HX-Redirect": url})
    return HttpResponseRedirect(url)


def change_url(model: Any, pk: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[pk])


class ReasonDialog(BaseDialogForm):
    """Asks why, in the dialog of a button."""

    reason = forms.CharField(
        label=REASON, required=False, max_length=MOST_REASON, widget=UnfoldAdminTextInputWidget
    )

    def clean_reason(self) -> str:
        return " ".join(self.cleaned_data["reason"].split())


class FoundDialog(BaseDialogForm):
    """Asks what a person found of a call whose outcome nobody knew, in the dialog of a button."""

    outcome = forms.ChoiceField(
        label="What have you found at the provider?",
        required=False,
        choices=(
            ("", "Nothing, or its outcome is known"),
            (DONE, "The step was carried out"),
            (NOT_DONE, "It was not carried out"),
        ),
        widget=UnfoldAdminSelectWidget,
    )


class NamingChangeList(ChangeList):
    """A list of runs, or of what has one, each row with the name of the order that it is for: `order_name`."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows = list(self.result_list)
        names = owner_names(_run_of(row) for row in rows)
        for row in rows:
            row.order_name = names[_run_of(row).pk]
        self.result_list = rows


def _run_of(row: Any) -> Run:
    return row if isinstance(row, Run) else row.run


def order_link(request: HttpRequest, run: Run) -> SafeString | str:
    """The order's name, as a link for who may see orders."""
    name = owner_names([run])[run.pk]
    if run.owner_kind != "order" or not request.user.has_perm("orders_app.view_order"):
        return name
    url = reverse("admin:orders_app_order_change", args=[run.owner_id])
    return format_html('<a class="gw-link" href="{}">{}</a>', url, name)


class ConfigAdmin(ModelAdmin):
    """Configuration that services change: what they refuse becomes a message, and nothing is saved."""

    actions = None
    list_per_page = 50

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except AppError as error:
            self.message_user(request, f"Not saved: {error.message}", messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> Any:
        try:
            return super().delete_view(request, object_id, extra_context)
        except AppError as error:
            self.message_user(request, f"Not deleted: {error.message}", messages.ERROR)
            return HttpResponseRedirect(change_url(self.model, object_id))

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[str]]:
        # Django would load every version and run that refers to it; the service knows what stands in the way.
        return [str(row) for row in objs], {}, set(), []


def origin_of(row: ManagedConfig) -> str:
    if not row.source:
        return "made by hand"
    edited = ", edited since: the next load of that file stops there unless forced" if row.edited_by else ""
    return f"{row.source}{edited}"
