"""What the pages of runs share: what their buttons ask, and the names of the orders that they are for."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from acteon_site.admin.buttons import MOST_REASON, REASON
from acteon_site.admin.paging import KeysetChangeList
from chains_app.listeners import owner_names
from chains_app.models import Run
from chains_app.services.resuming import DONE, NOT_DONE


def dialog(
    title: str, description: str, submit: str, form: type[BaseDialogForm] | None = None
) -> dict[str, Any]:
    """What a button asks before it acts, as unfold takes it."""
    return {"title": title, "description": description, "form_class": form, "form_submit_text": submit}


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


class SettleDialog(BaseDialogForm):
    """Asks for the word of a person who has looked, and which step they speak of where several are in doubt."""

    outcome = forms.ChoiceField(
        label="What have you found at the provider?",
        choices=(("", "Choose"), (DONE, "The step was carried out"), (NOT_DONE, "It was not carried out")),
        widget=UnfoldAdminSelectWidget,
    )
    step = forms.CharField(
        label="The step, where several are in doubt",
        required=False,
        max_length=200,
        widget=UnfoldAdminTextInputWidget,
    )


class NamingChangeList(KeysetChangeList):
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
