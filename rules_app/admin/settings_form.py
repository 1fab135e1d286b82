"""The form of what all rules share: their default zone, what may be muted, where a second person publishes."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.html import format_html
from unfold.widgets import UnfoldAdminSelectWidget

from acteon_site.admin.names_field import NamesField
from acteon_site.admin.structured_field import StructuredField
from rules_app.admin.forms import EXAMPLE, draft_choices
from rules_app.engine import timezone_problem
from rules_app.engine.muting_terms import mutables_problem
from rules_app.models import RuleSettings

MUTABLES_HELP = format_html(
    "Empty: every action that no lifecycle and no chain's trigger claims. A line says it of a type of action, the most "
    "particular line counts." + EXAMPLE,
    """muting:
  - {action_type: send_newsletter}
  - {action_type: send_invoice, may: false}""",
)


class RuleSettingsForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = RuleSettings
        fields = ("default_timezone", "second_person")

    mutables = StructuredField(
        label="What may be silenced and muted",
        required=False,
        rows=6,
        yaml=True,
        help_text=MUTABLES_HELP,
    )

    save_to = forms.ChoiceField(
        label="Save the zone to",
        required=False,
        widget=UnfoldAdminSelectWidget(),
        help_text="A draft changes it for all rules once it is published.",
    )
    second_person = NamesField(
        label="Second person for",
        required=False,
        help_text="Namespaces with commas between them, or * for all: their rules are published by somebody who "
        "has not edited them. Empty: nowhere.",
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.initial["second_person"] = ", ".join(self.instance.second_person)
        if self.instance.muting:
            self.initial["mutables"] = {"muting": self.instance.muting}
        choice = self.fields["save_to"]
        assert isinstance(choice, forms.ChoiceField)  # noqa: S101 - declared above
        choice.choices = [("", "What is in force now"), *draft_choices()]

    def clean_mutables(self) -> list[dict[str, Any]]:
        typed: dict[str, Any] = self.cleaned_data["mutables"] or {"muting": []}
        lines = typed.get("muting") if typed.keys() == {"muting"} else None
        if problem := mutables_problem(lines):
            raise forms.ValidationError(f"muting {problem}")
        return list(lines or ())

    def clean_default_timezone(self) -> str:
        name: str = self.cleaned_data["default_timezone"]
        problem = timezone_problem(name) if name else None
        if problem:
            raise forms.ValidationError(problem)
        return name

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("save_to") and cleaned.get("default_timezone") == "":
            self.add_error("default_timezone", "A draft needs a zone by its name, for example UTC.")
        return cleaned
