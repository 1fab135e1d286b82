"""The forms of the rule pages. What is typed is checked exactly as what is loaded from files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, ClassVar

from django import forms
from django.forms.widgets import Script
from django.urls import reverse_lazy
from django.utils.html import format_html
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from acteon_site.admin.names_field import NamesField
from acteon_site.admin.structured_field import StructuredField
from acteon_site.base.errors import FieldProblem
from rules_app.differences import revision_of
from rules_app.drafts import open_drafts
from rules_app.engine import ACTIONS, parse_rule
from rules_app.engine.counting.declared import KEYS as COUNTER_KEYS
from rules_app.engine.counting.declared import parse_counter
from rules_app.engine.fields import ROOTS
from rules_app.engine.muting_terms import NAMING
from rules_app.engine.operators.registry import OPERATORS
from rules_app.engine.quota_terms import overage_text, window_text
from rules_app.engine.rules import KEYS
from rules_app.models import MAX_REASON, Quota, Rule, RuleCounter
from rules_app.services.quotas import quota_problems
from rules_app.specs import counter_spec, rule_spec

EXAMPLE = '<pre style="white-space: pre-wrap">{}</pre>'
_AS_TEXT = "<details><summary>To write it as text</summary>{}</details>"
CONDITION_HELP = format_html(
    "When the rule applies."
    + _AS_TEXT.format(
        "JSON or YAML: one clause with a <b>field</b> and one operator, or several under <b>all</b>, <b>any</b> or "
        "<b>not</b>; <b>cel</b> takes one in CEL. Text goes in quotes (&quot;NO&quot; is Norway)."
        + EXAMPLE
        + "Fields: {}. Below payload and metadata, name what to look at: action.payload.total_cents. "
        "Monday is weekday_num 1, Sunday 7.<br>Operators: {}."
    ),
    """all:
  - field: action.action_type
    eq: "place_order"
  - field: action.payload.total_cents
    gte: 50000""",
    ", ".join(ROOTS),
    ", ".join(OPERATORS),
)
_GO_ON = [name for name, action in ACTIONS.items() if not action.terminal]
ACTION_HELP = format_html(
    "What happens then."
    + _AS_TEXT.format(
        "JSON or YAML with a <b>type</b>: {}. {} let the rules below go on; "
        "every other type decides." + EXAMPLE
    ),
    ", ".join(ACTIONS),
    " and ".join((", ".join(_GO_ON[:-1]), _GO_ON[-1])),
    """type: request_approval
notify_provider: email-service
timeout_seconds: 60
message: "High-value order requires manager approval\"""",
)


def show_problems(form: forms.BaseForm, problems: Iterable[FieldProblem], fields: dict[str, str]) -> None:
    """Put every problem on the form field that it speaks of; `fields` maps first names that differ."""
    failed = set(form.errors)
    for problem in problems:
        root = problem.field.partition(".")[0].partition("[")[0]
        name = fields.get(root, root)
        if name in failed:
            continue
        text = problem.message if problem.field == name else f"{problem.field}: {problem.message}"
        form.add_error(name if name in form.fields else None, text)


def built(part: str) -> dict[str, Any]:
    """What tells static/acteon_site/rule_builder/page.js to put rows and inputs beside this text."""
    return {"data-builder": part, "data-url": reverse_lazy("admin:rules_app_rule_builder")}


class RuleForm(forms.ModelForm):  # type: ignore[type-arg]
    condition = StructuredField(help_text=CONDITION_HELP, rows=14, yaml=True, attributes=built("condition"))
    action = StructuredField(help_text=ACTION_HELP, rows=8, yaml=True, attributes=built("action"))

    percent = forms.DecimalField(
        label="For percent of orders",
        required=False,
        min_value=1,
        max_value=100,
        decimal_places=4,
        widget=UnfoldAdminDecimalFieldWidget(),
        help_text="From 1 to 100. Empty: the rule is for all. A growing number keeps those that it had.",
    )
    by = forms.CharField(
        label="Told apart by",
        required=False,
        widget=UnfoldAdminTextInputWidget(),
        help_text="The field whose value says which orders those are, such as action.payload.customer_id: all "
        "orders of a customer are on one side. Empty: the order's name.",
    )

    mute_time_intervals = NamesField(
        label="Send nothing in",
        required=False,
        initial="",
        colon_allowed=True,
        help_text="Time intervals by their names, with commas between them. Orders go through all the same.",
    )
    active_time_intervals = NamesField(
        label="Send nothing outside of",
        required=False,
        initial="",
        colon_allowed=True,
        help_text="Time intervals, as above.",
    )

    class Media:
        css: ClassVar = {"all": ["acteon_site/rule_builder/builder.css"]}
        js: ClassVar = [Script("acteon_site/rule_builder/page.js", type="module")]

    class Meta:
        model = Rule
        fields = (
            "name",
            "description",
            "enabled",
            "priority",
            "condition",
            "action",
            "timezone",
            "effective_from",
            "effective_until",
            "mute_time_intervals",
            "active_time_intervals",
            "namespace",
            "tenant",
            "only_unmatched",
            "shadow",
        )
        labels: ClassVar = {"shadow": "In shadow"}
        help_texts: ClassVar = {
            "shadow": "The rule notes what it would do, and does nothing. Its report says what it comes to.",
            "name": "Unique. It appears in answers, in the audit trail and in metrics.",
            "description": "Why the rule exists, for whoever reads it next year.",
            "enabled": "A switch set here stays through later loads of the rule files.",
            "priority": "The lowest number is asked first; equal numbers by name. Put denials first (1-9), "
            "holds and gates after them (10-99), catch-alls last (100).",
            "namespace": "Only for actions of this namespace; * for all.",
            "tenant": "Only for actions of this tenant; * for all.",
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        rollout = self.instance.rollout or {}
        for name in ("percent", "by"):
            if name in self.fields:
                self.fields[name].initial = rollout.get(name)
        for name in NAMING:
            self.initial[name] = ", ".join(getattr(self.instance, name))
        if "description" in self.fields:
            self.fields["description"].widget.attrs["rows"] = 3
        # None, yes and no, in words that say what None means.
        choices = [("unknown", "As its condition says"), ("true", "Yes"), ("false", "No")]
        if "only_unmatched" in self.fields:
            self.fields["only_unmatched"].widget.choices = choices

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        cleaned["rollout"] = self.instance.rollout = _rollout(cleaned)
        spec = {name: cleaned[name] for name in KEYS if name in cleaned}
        problems = [replace(one, field=one.field.removeprefix("rollout.")) for one in parse_rule(spec)[1]]
        show_problems(self, problems, {})
        return cleaned


def _rollout(cleaned: dict[str, Any]) -> dict[str, Any] | None:
    """As files write it: whole percents as whole numbers; what is told apart by without a percentage, is said."""
    percent, by = cleaned.get("percent"), (cleaned.get("by") or "").strip()
    if percent is None and not by:
        return None
    whole = None if percent is None else int(percent) if percent == int(percent) else float(percent)
    return {"percent": whole, **({"by": by} if by else {})}


PUBLISH, NEW_DRAFT = "publish", "new"


def draft_choices() -> list[tuple[str, str]]:
    """The open drafts, for a form to choose from."""
    return [(str(draft.pk), f"Draft {draft.pk}: {draft.name}") for draft in open_drafts()]


class SavingFields(forms.Form):
    """What a form of something live asks besides: where to save, to a draft, or at once with a reason."""

    may_publish = False
    may_draft = True
    save_to = forms.ChoiceField(
        label="Save to",
        widget=UnfoldAdminSelectWidget(),
        help_text="A draft decides nothing until it is published. What is published decides the next order.",
    )
    draft_name = forms.CharField(
        label="Name of a new draft",
        required=False,
        max_length=200,
        widget=UnfoldAdminTextInputWidget(),
        help_text="What the change is for, for example: spring sale.",
    )
    reason = forms.CharField(
        label="Reason",
        required=False,
        max_length=MAX_REASON,
        widget=UnfoldAdminTextInputWidget(),
        help_text="To publish at once: why. It stands with the version.",
    )
    seen = forms.CharField(required=False, widget=forms.HiddenInput())

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        now = [(PUBLISH, "Publish now")] if self.may_publish else []
        choice = self.fields["save_to"]
        assert isinstance(choice, forms.ChoiceField)  # noqa: S101 - declared above
        drafts = [*draft_choices(), (NEW_DRAFT, "A new draft")] if self.may_draft else []
        choice.choices = [*drafts, *now]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("save_to") == PUBLISH and not (cleaned.get("reason") or "").strip():
            self.add_error("reason", "Say why, for whoever reads it next year.")
        return cleaned


class LiveRuleForm(SavingFields, RuleForm):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.pk:
            self.fields["seen"].initial = revision_of(rule_spec(self.instance)) or ""


class QuotaForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Quota
        fields = (
            "namespace",
            "tenant",
            "max_actions",
            "window",
            "window_seconds",
            "overage",
            "overage_target",
            "enabled",
            "provider",
            "principal",
            "per_principal",
            "description",
            "labels",
        )
        help_texts: ClassVar = {
            "max_actions": "How many accepted actions the window holds.",
            "window": "Calendar windows begin at the full UTC hour, day, Monday or month.",
            "window_seconds": "For the custom window only: its length in seconds.",
            "overage": "What happens to the next action: refuse it, let it pass with a warning in the trail, "
            "send it to another provider, or let it pass and tell somebody.",
            "overage_target": "The provider that takes over (degrade) or is told (notify).",
            "principal": "Only actions of this caller, for example key:storefront. Empty: all callers.",
        }

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("window") != Quota.Window.CUSTOM:
            cleaned["window_seconds"] = None
        elif not cleaned.get("window_seconds"):
            self.add_error("window_seconds", "a custom window needs its length in seconds")
        cleaned["labels"] = cleaned.get("labels") or {}
        places = {"overage_behavior": "overage_target"}
        show_problems(self, quota_problems(self._spec(cleaned)), places)
        return cleaned

    def _spec(self, cleaned: dict[str, Any]) -> dict[str, Any]:
        seconds = cleaned.get("window_seconds") or 1  # a missing length is told above
        target = cleaned.get("overage_target") or ""
        return cleaned | {
            "window": window_text(cleaned.get("window", ""), seconds),
            "overage_behavior": overage_text(cleaned.get("overage", ""), target),
        }


def text_field(label: str, initial: str, help_text: str = "", *, required: bool = True) -> forms.CharField:
    return forms.CharField(
        label=label,
        initial=initial,
        help_text=help_text,
        required=required,
        widget=UnfoldAdminTextInputWidget(),
    )


COUNTER_HELP = format_html(
    "What it counts, as JSON or YAML: <b>count</b>: orders, <b>distinct</b> or <b>sum</b> of a field, <b>by</b> the "
    "fields that those counted together share, in a <b>window</b> (24h, 7d, today, this_week, this_month)."
    + EXAMPLE,
    """count: orders
by: [action.payload.customer.email]
window: 24h""",
)


class RuleCounterForm(forms.ModelForm):  # type: ignore[type-arg]
    declaration = StructuredField(label="Declaration", help_text=COUNTER_HELP, rows=10, yaml=True)

    class Meta:
        model = RuleCounter
        fields = ("name", "description", "declaration")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        own = {"name": cleaned.get("name", self.instance.name), "description": cleaned.get("description", "")}
        problems = parse_counter({**(cleaned.get("declaration") or {}), **own})[1]
        show_problems(self, problems, dict.fromkeys((*COUNTER_KEYS, "counter"), "declaration") | OWN_KEYS)
        return cleaned


class LiveCounterForm(SavingFields, RuleCounterForm):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.pk:
            self.fields["seen"].initial = revision_of(counter_spec(self.instance)) or ""


OWN_KEYS = {"name": "name", "description": "description"}
