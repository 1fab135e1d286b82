"""Time intervals: what each is in words, whether it is now, when that changes, and which rules name it."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.decorators import display

from acteon_site.admin.buttons import source_of
from acteon_site.admin.config_pages import ConfigAdmin, origin_of
from acteon_site.admin.scoped import visible
from acteon_site.admin.structured_field import StructuredField
from acteon_site.base.clock import db_now
from acteon_site.base.clock_text import moment
from rules_app.admin.forms import show_problems
from rules_app.engine.intervals import Interval, in_words, next_change, parse_interval
from rules_app.models import Rule, TimeInterval
from rules_app.services.time_intervals import (
    interval_create,
    interval_delete,
    interval_update,
    rules_naming,
)
from rules_app.specs import interval_spec

FACTS = ("name", "description", "namespace", "tenant", "location")
RANGES = "time_ranges"
HELP = format_html(
    "One range after the other; an instant lies in it where it lies in one of them. In a range, each kind that is "
    "given must agree: times, weekdays (by name, or 1, Monday, to 7), days_of_month (-1 is the last day), months, "
    'years. For example all but office hours, weekends, and Christmas:<pre style="white-space: pre-wrap">{}</pre>',
    """time_ranges:
  - weekdays: [monday:friday]
    times: [{start: "00:00", end: "08:00"}, {start: "18:00", end: "24:00"}]
  - weekdays: [saturday:sunday]
  - months: [december]
    days_of_month: ["24:26", -1]""",
)


class TimeIntervalForm(forms.ModelForm):  # type: ignore[type-arg]
    ranges = StructuredField(label="Times", help_text=HELP, rows=12, yaml=True)

    class Meta:
        model = TimeInterval
        fields = FACTS
        help_texts: ClassVar = {
            "name": "What rules call it: mute_time_intervals: [nights]",
            "namespace": "* for all. Of several of one name the tenant's counts, then the namespace's, then *.",
            "location": "The zone whose wall clock counts, for example Europe/Berlin. Empty: UTC.",
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if "description" in self.fields:
            self.fields["description"].widget.attrs["rows"] = 2
        if self.instance.pk and self.instance.time_ranges:
            self.fields["ranges"].initial = {RANGES: self.instance.time_ranges}

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        typed = cleaned.get("ranges") or {}
        spec = {name: getattr(self.instance, name) for name in FACTS} | cleaned
        spec.pop("ranges", None)
        spec |= typed if typed.keys() <= {RANGES} else {RANGES: None}
        self.instance.time_ranges = spec.get(RANGES)
        show_problems(self, parse_interval(spec)[1], {RANGES: "ranges"})
        return cleaned


@admin.register(TimeInterval)
class TimeIntervalAdmin(ConfigAdmin):
    form = TimeIntervalForm
    shows_shared = True
    list_display = ("name", "whose", "words", "now", "origin", "description")
    search_fields = ("name", "description")
    list_filter = ("namespace", "tenant")
    ordering = ("name", "namespace", "tenant")
    readonly_fields = ("words", "now", "changes", "named_by", "origin", "edited_by", "edited_at")
    fieldsets = (
        (None, {"fields": ("name", "description", "words", "now", "changes", "named_by")}),
        ("When", {"fields": ("ranges", "location")}),
        ("For whom", {"fields": ("namespace", "tenant")}),
        ("History", {"fields": ("origin", "edited_by", "edited_at")}),
    )

    @display(description="For", ordering="namespace")
    def whose(self, row: TimeInterval) -> str:
        return "everyone" if row.namespace == row.tenant == "*" else f"{row.namespace} / {row.tenant}"

    @display(description="In words")
    def words(self, row: TimeInterval) -> str:
        interval = _interval(row)
        return in_words(interval) if interval else "-"

    @display(description="Now", label={"inside": "warning", "outside": "info"})
    def now(self, row: TimeInterval) -> str:
        interval = _interval(row)
        return ("inside" if interval.holds(db_now()) else "outside") if interval else "-"

    @display(description="Next change")
    def changes(self, row: TimeInterval) -> str:
        interval = _interval(row)
        at = next_change(interval, db_now()) if interval else None
        if interval is None or at is None:
            return "none within two years" if interval else "-"
        return f"{moment(at)}, {at.astimezone(interval.zone):%Y-%m-%d %H:%M} in {interval.location or 'UTC'}"

    @display(description="From", ordering="source")
    def origin(self, row: TimeInterval) -> str:
        return origin_of(row)

    @display(description="Named by")
    def named_by(self, row: TimeInterval) -> str:
        seen = getattr(row, "seen_rules", frozenset[str]())
        return ", ".join(rule.name for rule in rules_naming(row.name) if rule.name in seen) or "no rule"

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        row: Any = super().get_object(request, object_id, from_field)
        if row is not None:
            rules = visible(request, Rule.objects.all(), shared=True)
            row.seen_rules = frozenset(rules.values_list("name", flat=True))
        return row

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What rules go by is chosen once."""
        return (*self.readonly_fields, "name", "namespace", "tenant") if obj else self.readonly_fields

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is not None:
            return self.fieldsets
        return ((None, {"fields": ("name", "description")}), *self.fieldsets[1:3])

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        spec = interval_spec(obj)
        if change:
            interval_update(
                row=obj, changes={"location": "", "description": "", **spec}, source=source_of(request)
            )
            return
        row = interval_create(spec=spec, source=source_of(request))
        obj.pk, obj._state.adding = row.pk, False

    def delete_model(self, request: HttpRequest, obj: TimeInterval) -> None:
        interval_delete(row=obj, source=source_of(request))


def _interval(row: TimeInterval) -> Interval | None:
    return parse_interval(interval_spec(row))[0] if row.time_ranges else None
