"""Making, changing and removing quotas. Every process counts by the change within a second."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from acteon_site.base import config_versions
from acteon_site.base.errors import FieldProblem, conflict, invalid
from rules_app.engine.quota_terms import QuotaTerms, overage_text, parse_quota, window_text
from rules_app.models import Quota
from rules_app.references import Named, reference_problems
from rules_app.services.rule_sets import rules_lock


def quota_spec(quota: Quota) -> dict[str, Any]:
    """The row in the shape that `parse_quota` takes and files hold."""
    return {
        "namespace": quota.namespace,
        "tenant": quota.tenant,
        "provider": quota.provider or None,
        "principal": quota.principal or None,
        "per_principal": quota.per_principal,
        "max_actions": quota.max_actions,
        "window": window_text(quota.window, quota.window_seconds),
        "overage_behavior": overage_text(quota.overage, quota.overage_target),
        "enabled": quota.enabled,
        "description": quota.description,
        "labels": quota.labels,
    }


def quota_create(*, spec: dict[str, Any], actor: str) -> Quota:
    """Raises 422 where the spec does not validate, 409 where the scope has a quota already."""
    return quota_save(quota=_put(Quota(), _checked(spec)), actor=actor)


def quota_update(*, quota: Quota, changes: dict[str, Any], actor: str) -> Quota:
    """Change what `changes` names; the rest, and the quota's scope of namespace and tenant, stays."""
    kept = {"namespace": quota.namespace, "tenant": quota.tenant}
    return quota_save(quota=_put(quota, _checked(quota_spec(quota) | changes | kept)), actor=actor)


@transaction.atomic
def quota_save(*, quota: Quota, actor: str) -> Quota:
    """Save a row as a person left it, checked like any other."""
    rules_lock()  # nobody deletes the providers that it names
    _checked(quota_spec(quota))
    quota.edited_by, quota.edited_at = actor, timezone.now()
    try:
        with transaction.atomic():
            quota.save()
    except IntegrityError as error:
        raise conflict(f"there is a quota for {_scope_text(quota)} already") from error
    config_versions.touch(config_versions.QUOTAS)
    return quota


@transaction.atomic
def quota_delete(*, quota: Quota) -> None:
    quota.delete()
    config_versions.touch(config_versions.QUOTAS)


def quota_problems(spec: dict[str, Any]) -> list[FieldProblem]:
    """Everything that is wrong with a spec, providers that do not exist included."""
    terms, problems = parse_quota(spec)
    return reference_problems(_named(terms)) if terms else problems


def _checked(spec: dict[str, Any]) -> QuotaTerms:
    terms, _ = parse_quota(spec)
    problems = quota_problems(spec)
    if terms is None or problems:
        raise invalid(f"{problems[0].field} {problems[0].message}", problems)
    return terms


def _named(terms: QuotaTerms) -> list[Named]:
    named = {"provider": terms.provider, "overage_behavior": terms.overage_target}
    return [(field, "providers", name) for field, name in named.items() if name]


def _put(quota: Quota, terms: QuotaTerms) -> Quota:
    for name, value in asdict(terms).items():
        setattr(quota, name, value)
    return quota


def _scope_text(quota: Quota) -> str:
    parts = [f"{quota.namespace}/{quota.tenant}", quota.provider, quota.principal]
    return ", ".join(part for part in parts if part)
