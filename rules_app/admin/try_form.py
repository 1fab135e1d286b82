"""The form of the page *Try the rules*."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldBooleanSwitchWidget

from acteon_site.admin.structured_field import StructuredField
from acteon_site.base.clock_text import parse_time
from acteon_site.base.names import name_problem
from acteon_site.base.principals import Principal
from rules_app.admin.forms import draft_choices, text_field


class TryForm(forms.Form):
    """An action to ask the rules about. Nothing is stored or sent."""

    namespace = text_field("Namespace", "ecommerce")
    tenant = text_field("Tenant", "acme-store")
    provider = text_field("Provider", "payment-gateway")
    action_type = text_field("Action type", "place_order")
    payload = StructuredField(
        rows=8,
        initial={"order_id": "o-1", "total_cents": 9900, "currency": "USD", "shipping_country": "US"},
        help_text="The order, as JSON or YAML.",
    )
    rules = forms.ChoiceField(
        label="By which rules",
        required=False,
        widget=UnfoldAdminSelectWidget(),
        help_text="A draft is asked as if it were published, beside the rules in force.",
    )
    evaluate_at = text_field(
        "At",
        "",
        "RFC 3339, for example 2026-03-12T03:00:00Z: the clock, gates and counters of then. Empty: now, or for a "
        "stored order the time when it came.",
        required=False,
    )
    include_disabled = forms.BooleanField(
        label="Ask disabled rules too", required=False, widget=UnfoldBooleanSwitchWidget()
    )

    def __init__(self, *args: Any, reader: Principal, **options: Any) -> None:
        super().__init__(*args, **options)
        self.reader = reader
        for name, names in (("namespace", reader.namespaces), ("tenant", reader.tenants)):
            if "*" not in names:  # the example is another's
                self.fields[name].initial = next(iter(names), "")
        choice = self.fields["rules"]
        assert isinstance(choice, forms.ChoiceField)  # noqa: S101 - declared above
        choice.choices = [("", "Those in force"), *(draft_choices() if reader.is_global else ())]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("rules") and cleaned.get("include_disabled"):
            self.add_error(
                "include_disabled", "A draft is asked as it would be live: without disabled rules."
            )
        for name in ("namespace", "tenant", "provider", "action_type"):
            problem = name_problem(cleaned.get(name, "x"), colon_allowed=name == "action_type")
            if problem:
                self.add_error(name, problem)
        return cleaned

    def clean_evaluate_at(self) -> datetime | None:
        text: str = self.cleaned_data["evaluate_at"]
        moment = parse_time(text) if text else None
        if text and (moment is None or not 1 < moment.year < 9999):
            raise forms.ValidationError("must be an RFC 3339 time with offset, like 2026-03-12T03:00:00Z")
        return moment
