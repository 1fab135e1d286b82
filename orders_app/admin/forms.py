"""The forms of lifecycles, templates and profiles. What is typed is checked as what is loaded."""

from __future__ import annotations

import json
import re
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html
from unfold.widgets import UnfoldAdminTextareaWidget

from acteon_site.admin.structured_field import StructuredField, read_structure
from acteon_site.base.names import name_problem
from orders_app.models import Lifecycle, Template, TemplateProfile
from orders_app.services.lifecycle_edits import lifecycle_problems
from orders_app.services.template_edits import profile_problems, template_problems
from rules_app.admin.forms import show_problems

EXAMPLE = '{}<pre class="gw-example">{}</pre>'
CODE = {"spellcheck": "false", "class": "font-mono", "autocomplete": "off"}
_LINE = re.compile(r"^line (\d+)")


def example(words: str, text: str) -> str:
    return format_html(EXAMPLE, words, text)


class ListField(StructuredField):
    """A list, typed as JSON or YAML; shown as JSON, with one line for each item that is more than a word."""

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, list):
            return value
        if all(isinstance(item, str) for item in value):
            return json.dumps(value, ensure_ascii=False)
        lines = ",\n".join(f"  {json.dumps(item, ensure_ascii=False)}" for item in value)
        return f"[\n{lines}\n]"

    def to_python(self, value: Any) -> Any:
        text = value.strip() if isinstance(value, str) else ""
        if not text:
            return []
        found = (
            _read('{"list": ' + text + "}") if text.startswith("[") else _read(_below_a_key(text), shift=1)
        )
        if not isinstance(found["list"], list):
            raise ValidationError("must be a list")
        return found["list"]


def _below_a_key(text: str) -> str:
    return "list:\n" + "\n".join(f"  {line}" for line in text.splitlines())


def _read(text: str, shift: int = 0) -> dict[str, Any]:
    try:
        return read_structure(text)
    except ValidationError as error:
        moved = [
            _LINE.sub(lambda match: f"line {max(1, int(match[1]) - shift)}", line) for line in error.messages
        ]
        raise ValidationError(moved) from error


class LifecycleForm(forms.ModelForm):  # type: ignore[type-arg]
    states = ListField(
        rows=4, help_text=example("All states, in order.", "[placed, confirmed, shipped, delivered]")
    )
    transitions = ListField(
        rows=8,
        help_text=example(
            "Which state may become which. Everything else is refused.",
            "- {from: placed, to: confirmed}\n- {from: confirmed, to: shipped}",
        ),
    )
    terminal = ListField(
        rows=2, required=False, help_text=example("States in which an order is finished.", "[delivered]")
    )
    timeouts = ListField(
        rows=4,
        required=False,
        help_text=example(
            "Moves that happen by themselves when a state has lasted too long.",
            "- {state: placed, after_seconds: 86400, to: abandoned}",
        ),
    )
    fields = StructuredField(  # type: ignore[assignment]  # a declared field, not the form's dict
        rows=16,
        required=False,
        help_text=example(
            "Payload fields that rules may trust: an order whose field is of another type or form is refused. "
            "Types: text, integer, number, boolean, list, object.",
            "total_cents: {type: integer, required: true, min: 0}\n"
            'shipping_country: {type: text, required: true, normalize: [trim, upper], pattern: "[A-Z]{2}"}',
        ),
    )

    charges = StructuredField(
        rows=3,
        required=False,
        help_text=example(
            "What its orders charge: the payload field of the amount, of the currency, and the step of the chain by "
            "which it is charged. Refunds never give back more.",
            "amount: total_cents\ncurrency: currency\nstep: charge",
        ),
    )
    refunds = StructuredField(
        rows=4,
        required=False,
        help_text=example(
            "What its orders give back, and of which order.",
            "of: order_id\namount: amount_cents\ncurrency: currency\nstep: refund",
        ),
    )

    class Meta:
        model = Lifecycle
        fields = (
            *("name", "enabled", "action_type", "namespace", "tenant"),
            *("initial", "states", "transitions", "terminal", "timeouts", "fingerprint_field", "fields"),
            *("charges", "refunds"),
        )
        help_texts: ClassVar = {
            "name": "Unique. It cannot be changed later.",
            "enabled": "Switched off, its actions create no orders any more; orders that exist go on.",
            "action_type": "Accepted actions of this type create orders.",
            "initial": "The state in which an order begins.",
            "fingerprint_field": "The payload field that names the order, for example order_id. "
            "Empty: the action's fingerprint, else its id.",
        }

    def clean_fields(self) -> dict[str, Any]:
        return self.cleaned_data["fields"] or {}

    def clean_charges(self) -> dict[str, Any]:
        return self.cleaned_data["charges"] or {}

    def clean_refunds(self) -> dict[str, Any]:
        return self.cleaned_data["refunds"] or {}

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for name, value in cleaned.items():
            setattr(self.instance, name, value)
        if not self.errors:
            show_problems(self, lifecycle_problems(self.instance), {})
        return cleaned


class ScopedForm(forms.ModelForm):  # type: ignore[type-arg]
    """What belongs to one namespace and tenant, with labels."""

    labels = StructuredField(rows=2, required=False, help_text=example("Optional.", "team: growth"))

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if "description" in self.fields:
            self.fields["description"].widget.attrs["rows"] = 3

    def clean_labels(self) -> dict[str, Any]:
        return self.cleaned_data["labels"] or {}

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for name in ("namespace", "tenant"):
            problem = name_problem(cleaned[name], colon_allowed=False) if name in cleaned else None
            if problem:
                self.add_error(name, problem)
        return cleaned

    def named(self, cleaned: dict[str, Any], field: str) -> Any:
        """The typed value; on the page of an existing row, where the field is read-only, the row's."""
        return cleaned.get(field, getattr(self.instance, field))


class TemplateForm(ScopedForm):
    class Meta:
        model = Template
        fields = ("name", "namespace", "tenant", "content", "description", "labels")
        widgets: ClassVar = {"content": UnfoldAdminTextareaWidget(attrs={**CODE, "rows": 12})}
        help_texts: ClassVar = {
            "name": "How profiles refer to it. It cannot be changed later.",
            "content": example(
                "Jinja. It sees payload, action, namespace, tenant and metadata.",
                "Order {{ payload.order_id }} for {{ payload.total_cents | money(payload.currency) }}",
            ),
        }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if "content" in cleaned:
            problems = template_problems(self.named(cleaned, "name"), cleaned["content"])
            show_problems(self, problems, {})
        return cleaned


class ProfileForm(ScopedForm):
    fields = StructuredField(  # type: ignore[assignment]  # a declared field, not the form's dict
        rows=12,
        help_text=example(
            "Payload fields that are rendered before the rules run: a text, or a reference to a template.",
            'subject: "Order {{ payload.order_id }}"\nbody: {$ref: order-confirmation}',
        ),
    )

    class Meta:
        model = TemplateProfile
        fields = ("name", "namespace", "tenant", "fields", "description", "labels")
        help_texts: ClassVar = {
            "name": "What an action names in its template key. It cannot be changed later."
        }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if "fields" in cleaned:
            scope = {name: self.named(cleaned, name) for name in ("namespace", "tenant")}
            known = set(Template.objects.filter(**scope).values_list("name", flat=True))
            show_problems(self, profile_problems(self.named(cleaned, "name"), cleaned["fields"], known), {})
        return cleaned
