"""The forms of recurring actions, and the form that asks what a backfill would do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from django import forms
from django.urls import reverse_lazy
from django.utils.html import format_html
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from acteon_site.admin.structured_field import StructuredField
from acteon_site.admin.zones import zone_names
from acteon_site.base.clock_text import parse_time
from orders_app.admin.forms import ScopedForm, example
from orders_app.models import RecurringAction
from orders_app.recurring.spec import full_spec, spec_problems
from orders_app.services.recurring.by_hand import MOST, USUAL
from orders_app.services.recurring.hidden import shown
from orders_app.states import Overlap
from rules_app.admin.forms import show_problems

PREVIEW = "cron-preview"
# What the form calls otherwise than clients do.
RENAMED = {"start_date": "starts_at", "end_date": "ends_at"}
MOMENT = "UTC, such as 2026-12-31 18:00"


class MomentField(forms.CharField):
    """A moment in UTC, as `2026-12-31 18:00` or with an offset as in the API."""

    def __init__(self, **options: Any) -> None:
        options.setdefault(
            "widget", UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "placeholder": MOMENT})
        )
        super().__init__(**options)

    def prepare_value(self, value: Any) -> Any:
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M}" if isinstance(value, datetime) else value

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        if (moment := parse_time(text.strip())) is not None:
            return moment
        # Whatever else stands behind it might be another zone.
        plain = text.strip().removesuffix("UTC").removesuffix("Z").strip().replace("T", " ")
        shape = "%Y-%m-%d %H:%M:%S" if plain.count(":") > 1 else "%Y-%m-%d %H:%M"
        try:
            return datetime.strptime(plain, shape).replace(tzinfo=UTC)
        except ValueError:
            raise forms.ValidationError(f"must be a time in {MOMENT}") from None


class RecurringForm(ScopedForm):
    payload = StructuredField(
        rows=10,
        help_text=example(
            "What each action says, as JSON or YAML. Redacted values stay where you leave them so.",
            '{"report": "orders", "to": "ops"}',
        ),
    )
    metadata = StructuredField(
        rows=2,
        required=False,
        help_text="Optional texts. Rules see them as action.metadata; recurring_id and recurring_occurrence are added.",
    )
    timezone = forms.ChoiceField(
        widget=UnfoldAdminSelectWidget,
        initial="UTC",
        help_text="Where the expression counts. A time that a change of clocks leaves out is fired right after it, one "
        "that comes twice once.",
    )
    starts_at = MomentField(required=False, label="Not before", help_text=MOMENT)
    ends_at = MomentField(required=False, label="Not after", help_text=MOMENT)

    class Meta:
        model = RecurringAction
        fields = (
            *("name", "namespace", "tenant", "provider", "action_type", "payload", "metadata", "dedup_key"),
            *("cron_expression", "timezone", "starts_at", "ends_at", "max_executions", "missed"),
            *("overlap_policy", "description", "labels"),
        )
        help_texts: ClassVar = {
            "name": "Unique in its tenant.",
            "max_executions": "At most so many times in all. Empty: any number.",
            "missed": "What becomes of occurrences that could not be fired in time, after a downtime for example.",
            "overlap_policy": "What it does while an earlier one is under way: its run, approval or schedule.",
            "dedup_key": "Optional. The same for all of them: where a rule deduplicates, only the first counts.",
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if not self.instance._state.adding:
            self.initial.update(shown(self.instance))
        zone: Any = self.fields.get("timezone")
        if zone is not None:
            names = dict.fromkeys([self.instance.timezone or "UTC", *zone_names()])
            zone.choices = [(name, name) for name in names]
        cron = self.fields.get("cron_expression")
        if cron is not None:
            cron.help_text = format_html(
                'Five fields: minute, hour, day of month, month, day of week.<div id="{}" aria-live="polite"></div>',
                PREVIEW,
            )
            cron.widget.attrs |= {
                "autocomplete": "off",
                "spellcheck": "false",
                "placeholder": "0 9 * * MON-FRI",
                "hx-get": reverse_lazy("admin:orders_app_recurringaction_preview"),
                "hx-trigger": "load, input changed delay:400ms, change from:#id_timezone",
                "hx-include": "#id_timezone",
                "hx-target": f"#{PREVIEW}",
                "class": f"{cron.widget.attrs.get('class', '')} font-mono",
            }

    def clean_metadata(self) -> dict[str, Any]:
        return self.cleaned_data["metadata"] or {}

    def spec(self, cleaned: dict[str, Any]) -> dict[str, Any]:
        """As clients spell it."""
        renamed = {new: cleaned.get(old) for new, old in RENAMED.items()}
        named = {name: self.named(cleaned, name) for name in ("namespace", "tenant")}
        kept = {name: value for name, value in cleaned.items() if name not in RENAMED.values()}
        return {**kept, **named, **renamed}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if not self.errors:
            show_problems(self, spec_problems(full_spec(self.spec(cleaned))), RENAMED)
        return cleaned


class BackfillForm(forms.Form):
    start = MomentField(label="From (UTC)")
    end = MomentField(label="To (UTC)")
    limit = forms.IntegerField(
        label="At most", min_value=1, max_value=MOST, initial=USUAL, widget=UnfoldAdminIntegerFieldWidget
    )
    overlap = forms.ChoiceField(
        label="What was fired before and is still under way",
        choices=(
            ("", "as the recurring action says"),
            (Overlap.ALLOW_ALL.value, "does not matter"),
            (Overlap.SKIP.value, "passes the next one over"),
        ),
        required=False,
        widget=UnfoldAdminSelectWidget,
    )
