"""Approval policies: edited with the checks of the loader, in force as they are saved."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.decorators import display

from acteon_site.admin.buttons import actor_of
from acteon_site.admin.config_pages import ConfigAdmin, origin_of
from acteon_site.admin.structured_field import StructuredField
from orders_app.admin.forms import ListField, example
from orders_app.approval_policy import DEFAULT_RISK, DEFAULT_TIES
from orders_app.models import ApprovalPolicy
from orders_app.services.policy_edits import policy_delete, policy_row_problems, policy_save
from rules_app.admin.forms import show_problems

_RISK = "\n".join(
    f"{sign}: {{{', '.join(f'{name}: {value}' for name, value in terms.items())}}}"
    for sign, terms in DEFAULT_RISK.items()
)
_TIES = "\n".join(f"{kind}: [{', '.join(paths)}]" for kind, paths in DEFAULT_TIES.items())


class PolicyForm(forms.ModelForm):  # type: ignore[type-arg]
    reasons = ListField(
        rows=4,
        required=False,
        help_text=example(
            "Who rejects chooses one of these. Empty: they type one.", "[address wrong, looks like fraud]"
        ),
    )
    risk = StructuredField(
        rows=6,
        required=False,
        help_text=example("Points for each sign; 0 switches one off. What is left out stays as here.", _RISK),
    )
    ties = StructuredField(
        rows=5,
        required=False,
        help_text=example(
            "In which payload fields customer, e-mail, card and address stand: the first that has a value "
            "counts, and only a keyed hash of it is kept. What is left out stays as here.",
            _TIES,
        ),
    )
    reminders = ListField(
        rows=4,
        required=False,
        help_text=example(
            "Who is told how long before the time is over. Formats: plain, slack, teams.",
            "- {before_seconds: 3600, provider: email-service}\n"
            "- {before_seconds: 900, provider: slack-hook, format: slack}",
        ),
    )
    escalation = StructuredField(
        rows=3,
        required=False,
        help_text=example(
            "From when on an approval is another group's, too; a provider is told where one is named.",
            "{before_seconds: 600, group: administrator, provider: slack-hook, format: slack}",
        ),
    )
    key_holders = StructuredField(
        rows=3,
        required=False,
        help_text=example(
            "People who place orders with an API key: they approve none of those.",
            "phone-orders: [maria, tom]",
        ),
    )

    class Meta:
        model = ApprovalPolicy
        fields = (
            *("name", "enabled", "namespace", "tenant", "reasons", "reason_required"),
            *("risk", "ties", "reminders", "escalation", "key_holders"),
        )
        help_texts: ClassVar = {"name": "Unique. It cannot be changed later."}

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for name in ("risk", "ties", "escalation", "key_holders"):
            if name in cleaned:
                cleaned[name] = cleaned[name] or {}
        for name, value in cleaned.items():
            setattr(self.instance, name, value)
        if not self.errors:
            show_problems(self, policy_row_problems(self.instance), {})
        return cleaned


@admin.register(ApprovalPolicy)
class ApprovalPolicyAdmin(ConfigAdmin):
    form = PolicyForm
    list_display = ("name", "state", "applies_to", "reason_count", "notice_count", "origin")
    list_filter = ("enabled",)
    search_fields = ("name",)
    ordering = ("name",)
    readonly_fields = ("origin", "edited_by", "edited_at")
    fieldsets = (
        (None, {"fields": ("name", "enabled")}),
        ("Which shops", {"fields": ("namespace", "tenant")}),
        ("Deciding", {"fields": ("reasons", "reason_required", "key_holders")}),
        ("Before the time is over", {"fields": ("reminders", "escalation")}),
        ("Risk", {"fields": ("risk", "ties")}),
        ("History", {"fields": ("origin", "edited_by", "edited_at")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: ApprovalPolicy | None = None) -> tuple[str, ...]:
        return ("name", *self.readonly_fields) if obj else self.readonly_fields

    @display(description="State", label={"enabled": "success", "disabled": "warning"}, ordering="enabled")
    def state(self, policy: ApprovalPolicy) -> str:
        return "enabled" if policy.enabled else "disabled"

    @display(description="For")
    def applies_to(self, policy: ApprovalPolicy) -> str:
        everyone = policy.namespace == policy.tenant == "*"
        return "everyone" if everyone else f"{policy.namespace} / {policy.tenant}"

    @display(description="Reasons")
    def reason_count(self, policy: ApprovalPolicy) -> int:
        return len(policy.reasons)

    @display(description="Reminders")
    def notice_count(self, policy: ApprovalPolicy) -> int:
        return len(policy.reminders) + bool(policy.escalation)

    @display(description="From", ordering="source")
    def origin(self, policy: ApprovalPolicy) -> str:
        return origin_of(policy)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        policy_save(policy=obj, actor=actor_of(request))

    def delete_model(self, request: HttpRequest, obj: ApprovalPolicy) -> None:
        policy_delete(policy=obj)
