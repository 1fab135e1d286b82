"""The form of a subscription. What is typed is checked exactly as what the API and files say."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from unfold.widgets import UnfoldAdminTextInputWidget

from chains_app.admin.forms import show_problems
from subscriptions_app.models import Subscription
from subscriptions_app.services.subscriptions import terms_problems
from subscriptions_app.spec import parse_subscription, spec_of

PATTERNS = "With commas between them, * for any text. Empty: all."
NAMES = "With commas between them. Empty: all."


class Listed(forms.CharField):
    """Words with commas between them; its value is a list."""

    widget = UnfoldAdminTextInputWidget

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return [word.strip() for word in str(value or "").split(",") if word.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool((initial or []) != self.to_python(data))


class SubscriptionForm(forms.ModelForm):  # type: ignore[type-arg]
    event_types = Listed(required=False, help_text=PATTERNS)
    action_types = Listed(required=False, help_text=PATTERNS)
    providers = Listed(required=False, help_text=NAMES)
    outcomes = Listed(required=False, help_text=f"{NAMES} Events without an outcome then do not come.")

    class Meta:
        model = Subscription
        fields = (
            *("namespace", "tenant", "name", "url", "description", "notify_provider"),
            *("event_types", "action_types", "providers", "outcomes"),
            *("timeout_seconds", "max_concurrent"),
        )
        help_texts: ClassVar = {
            "timeout_seconds": "How long one request may take, at most 30.",
            "max_concurrent": "How many deliveries each process may have in flight, at most 100.",
        }

    def spec(self) -> dict[str, Any]:
        return spec_of(self.instance) | {name: self.cleaned_data[name] for name in self.fields}

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            terms, problems = parse_subscription(self.spec())
            show_problems(self, problems or (terms_problems(terms) if terms else []), {})
        return cleaned
