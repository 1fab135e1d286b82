"""The forms of the configuration pages. What is typed is checked exactly as what is loaded from files."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django import forms
from django.utils.html import format_html
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from acteon_site.admin.structured_field import StructuredField
from acteon_site.base.errors import FieldProblem
from chains_app.admin.provider_help import CONFIG_HELP, EXAMPLE, SECRETS_HELP
from chains_app.models import ChainDefinition, CircuitBreaker, Provider
from chains_app.providers.registry import KINDS
from chains_app.services.definitions import chain_problems
from chains_app.services.providers import breaker_problems
from chains_app.specs import BREAKER_KEYS, parse_provider

CALLS = ("timeout_seconds", "max_concurrent", "idempotency_window_seconds")
SPEC_HELP = format_html(
    "The whole chain, as JSON or YAML. Saving a change makes a new version; runs under way keep theirs."
    + EXAMPLE,
    """name: order-processing
trigger: {action_type: place_order}
steps:
  - name: charge
    provider: payment-gateway
    action_type: charge_card
    payload_template: {order_id: "{{origin.payload.order_id}}"}
    compensate: {provider: payment-gateway, action_type: refund}""",
)


def show_problems(form: forms.BaseForm, problems: Iterable[FieldProblem], places: dict[str, str]) -> None:
    """Put every problem on the form field that it speaks of; `places` maps first names to other fields."""
    failed = set(form.errors)
    for problem in problems:
        root = problem.field.partition(".")[0].partition("[")[0]
        name = places.get(root, root) if places.get(root, root) in form.fields else None
        text = problem.message if problem.field == name else f"{problem.field}: {problem.message}"
        if name not in failed:
            form.add_error(name, text)


class WriteOnlyTextarea(UnfoldAdminTextareaWidget):
    """What was typed or stored is never sent back, not even beside an error."""

    def format_value(self, value: Any) -> str:
        return ""


class ProviderForm(forms.ModelForm):  # type: ignore[type-arg]
    kind = forms.ChoiceField(
        choices=[(name, name) for name in KINDS], label="Type", widget=UnfoldAdminSelectWidget()
    )
    config = StructuredField(required=False, rows=8, help_text=CONFIG_HELP)
    new_secrets = StructuredField(
        required=False,
        label="Secrets",
        help_text=SECRETS_HELP,
        widget=WriteOnlyTextarea(attrs={"rows": 6, "autocomplete": "off", "spellcheck": "false"}),
    )

    class Meta:
        model = Provider
        fields = (
            *("name", "kind", "enabled", "description", "config"),
            *CALLS,
        )
        help_texts: ClassVar = {
            "name": "Chains, rules and actions call it by this name; it stays.",
            "enabled": "A call to a provider that is switched off fails at once.",
            "timeout_seconds": "How long one call may take, at most 300.",
            "max_concurrent": "How many calls to it each process may have in flight, at most 1000.",
        }

    @property
    def keeps_secrets(self) -> bool:
        """An empty object forgets what is stored; anything else keeps what it does not name."""
        return bool(self.cleaned_data.get("new_secrets") != {})

    def spec(self) -> dict[str, Any]:
        """The flat specification that was typed, without the secrets that are kept."""
        cleaned = self.cleaned_data
        own = ("enabled", "description", *CALLS)
        return {
            **(cleaned.get("config") or {}),
            **(cleaned.get("new_secrets") or {}),
            "name": cleaned.get("name", self.instance.name),
            "type": cleaned.get("kind"),
            **{name: cleaned[name] for name in own if cleaned.get(name) is not None},
        }

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        cleaned["config"] = cleaned.get("config") or {}
        kind = KINDS.get(cleaned.get("kind", ""))
        if kind and not self.errors:
            self._check_keys("config", kind.config_keys)
            self._check_keys("new_secrets", kind.secret_keys)
        if kind and not self.errors:
            places = dict.fromkeys(kind.config_keys, "config") | {"type": "kind"}
            places |= dict.fromkeys(kind.secret_keys, "new_secrets")
            show_problems(self, parse_provider(self._effective())[1], places)
        return cleaned

    def _effective(self) -> dict[str, Any]:
        same_kind = self.instance.pk and self.instance.kind == self.cleaned_data["kind"]
        stored = (self.instance.secrets or {}) if same_kind and self.keeps_secrets else {}
        return {**stored, **self.spec()}

    def _check_keys(self, field: str, known: frozenset[str]) -> None:
        for key in self.cleaned_data.get(field) or {}:
            if key not in known:
                self.add_error(
                    field, f"{key} does not belong here; there are {', '.join(sorted(known)) or 'none'}"
                )


def _provider_choices(*, empty: str = "") -> list[tuple[str, str]]:
    names = Provider.objects.order_by("name").values_list("name", flat=True)
    return [*([("", empty)] if empty else []), *((name, name) for name in names)]


class BreakerForm(forms.ModelForm):  # type: ignore[type-arg]
    provider = forms.ChoiceField(choices=_provider_choices, widget=UnfoldAdminSelectWidget())
    fallback_provider = forms.ChoiceField(
        required=False,
        choices=lambda: _provider_choices(empty="none: wait for the provider itself"),
        widget=UnfoldAdminSelectWidget(),
        help_text="Gets the action while this provider is not called.",
    )

    class Meta:
        model = CircuitBreaker
        fields = BREAKER_KEYS

    def spec(self) -> dict[str, Any]:
        named = {"provider": self.cleaned_data.get("provider", self.instance.provider)}
        return {**named, **{key: self.cleaned_data.get(key) for key in BREAKER_KEYS if key != "provider"}}

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            show_problems(self, breaker_problems(spec=self.spec()), {})
        return cleaned


class ChainForm(forms.ModelForm):  # type: ignore[type-arg]
    spec = StructuredField(label="Definition", rows=28, help_text=SPEC_HELP)

    class Meta:
        model = ChainDefinition
        fields = ("enabled",)
        help_texts: ClassVar = {
            "enabled": "A disabled chain is started by no action. Runs under way go on, and other chains may still "
            "call it."
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.current:
            self.fields["spec"].initial = self.instance.current.spec

    def clean_spec(self) -> dict[str, Any]:
        spec: dict[str, Any] = self.cleaned_data["spec"]
        if self.instance.pk and spec.get("name") != self.instance.name:
            raise forms.ValidationError(f'name: must stay "{self.instance.name}"')
        if not self.instance.pk and ChainDefinition.objects.filter(name=str(spec.get("name"))).exists():
            raise forms.ValidationError("name: there is a chain of this name already")
        problems = chain_problems(spec=spec)
        if problems:
            raise forms.ValidationError([f"{problem.field}: {problem.message}" for problem in problems])
        return spec
