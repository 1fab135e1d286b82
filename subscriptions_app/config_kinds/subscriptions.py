"""`subscriptions`: addresses that get a tenant's events. The signing secret comes from the environment as ${NAME}.

Without a `secret` in the file the gateway makes one, which POST …/rotate-secret or the admin shows once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet

from acteon_site.base import config_versions
from acteon_site.base.clock import db_now
from acteon_site.base.errors import FieldProblem
from acteon_site.base.source import Source
from acteon_site.config_files.kind import Kind, Ownership, Reference, Spec
from acteon_site.config_files.secrets import (
    FromEnvironment,
    hide_secrets,
    mask_secrets,
    resolve_secrets,
    spellings,
)
from subscriptions_app.models import Subscription
from subscriptions_app.services.subscriptions import GRACE_SECONDS, events_so_far, heard_nothing_of
from subscriptions_app.services.trail import audit_change
from subscriptions_app.spec import (
    CONCURRENT,
    KEYS,
    TIMEOUT,
    Terms,
    new_secret,
    parse_subscription,
    secret_problem,
    spec_of,
)

SECRETS = frozenset({"secret"})
# What a changed file changes besides.
BESIDE = (
    "secrets",
    "previous_until",
    "after_number",
    "disabled_at",
    "failing_since",
    "gone_at",
    "paused_until",
)


class Subscriptions(Kind):
    section = "subscriptions"
    title = "subscription"
    file = "subscriptions.yaml"
    area = config_versions.SUBSCRIPTIONS
    key = ("namespace", "tenant", "name")
    defaults = {
        "event_types": [],
        "action_types": [],
        "providers": [],
        "outcomes": [],
        "description": "",
        "notify_provider": "",
        "timeout_seconds": TIMEOUT,
        "max_concurrent": CONCURRENT,
        "enabled": True,
    }
    undigested = ("enabled",)

    def lock(self) -> None:
        config_versions.touch(config_versions.SUBSCRIPTIONS)
        list(Subscription.objects.select_for_update(no_key=True).order_by("pk").values_list("pk"))

    def rows(self) -> QuerySet[Subscription]:
        return Subscription.objects.all()

    def validate(self, spec: Any) -> list[FieldProblem]:
        if not isinstance(spec, Mapping):
            return parse_subscription(spec)[1]
        problems = parse_subscription({name: value for name, value in spec.items() if name != "secret"})[1]
        wrong = secret_problem(spec["secret"]) if spec.get("secret") is not None else None
        return [*problems, FieldProblem("secret", wrong)] if wrong else problems

    def resolve(self, spec: Spec, environment: Mapping[str, str]) -> tuple[Spec, list[FieldProblem]]:
        return resolve_secrets(spec, SECRETS, environment)

    def advise(self, spec: Spec) -> list[FieldProblem]:
        secret = spec.get("secret")
        if secret is None or isinstance(secret, FromEnvironment):
            return []
        return [FieldProblem("secret", "stands in the file; write ${NAME} and set NAME where loads run")]

    def canonical(self, spec: Spec) -> Spec:
        terms = _terms(spec).columns()
        return super().canonical({**terms, "secret": spec.get("secret")})

    def compared(self, spec: Spec) -> Spec:
        return hide_secrets(spec, SECRETS)

    def to_spec(self, row: Subscription) -> Spec:
        return self.canonical(
            {**spec_of(row), "secret": row.secrets["current"] if row.secret_spellings else None}
        )

    def exported(self, row: Subscription) -> Spec:
        return mask_secrets(self.to_spec(row), SECRETS, row.secret_spellings)

    def columns(self, spec: Spec) -> dict[str, Any]:
        return {**_terms(spec).columns(), "secret_spellings": _spelled(spec)}

    def kept(self, row: Subscription) -> tuple[str, ...]:
        """A load does not switch on again what a person or its own failing has switched off."""
        return ("enabled",) if row.disabled_reason else ()

    def write(self, row: Any, spec: Spec, ownership: Ownership) -> Any:
        columns = self.columns(spec) | self.owned(spec, ownership)
        secret = spec.get("secret")
        if row is None:
            secrets = {"current": str(secret or new_secret())}
            made = Subscription.objects.create(**columns, secrets=secrets, after_number=events_so_far())
            return _noted(made, ownership)
        for name in self.kept(row):
            columns.pop(name)
        if secret and secret != row.secrets["current"]:
            row.secrets = {"current": str(secret), "previous": row.secrets["current"]}
            row.previous_until = db_now() + timedelta(seconds=GRACE_SECONDS)
        if columns["url"] != row.url:
            heard_nothing_of(row)
        if columns.get("enabled") and not row.enabled:
            row.after_number, row.disabled_at = max(row.after_number, events_so_far()), None
        for name, value in columns.items():
            setattr(row, name, value)
        row.save(update_fields=[*columns, *BESIDE, "updated_at"])
        return _noted(row, ownership)

    def disable(self, row: Any) -> None:
        """Without a reason, or it would stay off where the files name it again."""
        if row.enabled:
            row.disabled_at = db_now()
            row.save(update_fields=["disabled_at"])
        super().disable(row)

    def in_use(self, row: Subscription) -> str | None:
        return "it has deliveries" if row.deliveries.exists() else None

    def references(self, spec: Spec) -> list[Reference]:
        name = spec.get("notify_provider")
        return [Reference("notify_provider", "providers", (name,))] if name else []


def _noted(row: Subscription, ownership: Ownership) -> Subscription:
    audit_change(row, Source(ownership.actor, "file", ""), "loaded", loaded_from=ownership.source)
    return row


def _spelled(spec: Spec) -> dict[str, dict[str, str]]:
    """Empty where the file says no secret: then the one that was made is none of its."""
    if spec.get("secret") is None:
        return {}
    return spellings(spec, SECRETS) or {"secret": {}}


def _terms(spec: Spec) -> Terms:
    terms, problems = parse_subscription({name: spec[name] for name in KEYS if name in spec})
    if terms is None:
        raise ValueError(f"subscription that does not validate: {problems[0]}")
    return terms
