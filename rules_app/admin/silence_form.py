"""The form of a new silence: rows of matchers, from when until when, and why. Checked as a body of the API is."""

from __future__ import annotations

from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from acteon_site.base.errors import FieldProblem
from rules_app.engine.silences import MAX_VALUE, OPS, Matcher, parse_matchers
from rules_app.services.silences import MAX_COMMENT, silence_problems

ROWS = 6
WORDS = dict(zip(OPS, ("is", "is not", "matches the pattern", "does not match the pattern"), strict=True))
LENGTHS = (
    ("3600", "1 hour"),
    ("14400", "4 hours"),
    ("28800", "8 hours"),
    ("86400", "1 day"),
    ("604800", "7 days"),
    ("", "until the time below"),
)


def _text(label: str, longest: int, help_text: str = "", *, required: bool = False) -> forms.CharField:
    attributes = {
        "autocomplete": "off",
        "aria-label": label,
        "placeholder": "" if help_text or required else label,
    }
    widget = UnfoldAdminTextInputWidget(attrs=attributes)
    return forms.CharField(
        label=label, help_text=help_text, required=required, max_length=longest, widget=widget, strip=True
    )


class MatcherForm(forms.Form):
    """One row; an empty one says nothing."""

    name = _text("Label", 256)
    op = forms.ChoiceField(
        label="",
        choices=list(WORDS.items()),
        required=False,
        widget=UnfoldAdminSelectWidget(attrs={"aria-label": "How it is compared"}),
    )
    value = _text("Value", MAX_VALUE)

    def spec(self) -> dict[str, str] | None:
        cleaned = self.cleaned_data
        if not cleaned.get("name") and not cleaned.get("value"):
            return None
        return {name: cleaned.get(name) or "" for name in ("name", "value")} | {
            "op": cleaned.get("op") or OPS[0]
        }


MatcherRows = forms.formset_factory(MatcherForm, extra=ROWS, max_num=ROWS)


class SilenceForm(forms.Form):
    namespace = _text("Namespace", 256, required=True)
    tenant = _text("Tenant", 256, required=True)
    duration = forms.ChoiceField(
        label="For", choices=LENGTHS, initial="3600", required=False, widget=UnfoldAdminSelectWidget()
    )
    ends_at = _text("Until", 40, "In place of it. With its offset, for example 2026-11-27T18:00:00+01:00.")
    starts_at = _text("From", 40, "Empty: at once. Written as the time above.")
    comment = forms.CharField(
        label="Why",
        max_length=MAX_COMMENT,
        required=False,
        help_text="Stands in the trail of every action that it silences.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )

    def __init__(self, *args: Any, rows: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.rows = rows
        self.matchers: tuple[Matcher, ...] = ()

    def spec(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        seconds, end = cleaned.get("duration"), cleaned.get("ends_at")
        until = {"ends_at": end or None} if end or not seconds else {"duration_seconds": int(seconds)}
        return {
            "namespace": cleaned.get("namespace"),
            "tenant": cleaned.get("tenant"),
            "matchers": [spec for row in self.rows if (spec := row.spec())],
            "starts_at": cleaned.get("starts_at") or None,
            "comment": cleaned.get("comment"),
            **until,
        }

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.rows.is_valid():
            self.add_error(None, "A row of labels is too long.")
            return cleaned
        spec = self.spec()
        self.matchers, _ = parse_matchers(spec["matchers"])
        for problem in silence_problems(spec):
            self._told(problem)
        return cleaned

    def _told(self, problem: FieldProblem) -> None:
        if problem.field.startswith("matchers"):
            self.add_error(None, f"{problem.field.replace('matchers', 'Labels', 1)}: {problem.message}")
            return
        name = {"duration_seconds": "duration"}.get(problem.field, problem.field)
        if name not in self.errors:
            self.add_error(name if name in self.fields else None, problem.message)
