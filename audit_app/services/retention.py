"""How long a tenant's data is kept: create, change and remove the policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from acteon_site.base.errors import FieldProblem, conflict, invalid_fields
from audit_app.compliance import audit_ttl_problem
from audit_app.models import RetentionPolicy

TTLS = ("audit_ttl_seconds", "state_ttl_seconds", "event_ttl_seconds")
LONGEST_TTL = 100 * 366 * 86_400
SETTINGS = ("enabled", *TTLS, "compliance_hold", "description", "labels")


def retention_create(
    *, namespace: str, tenant: str, values: Mapping[str, Any], actor: str
) -> RetentionPolicy:
    """A new policy; 409 where the pair has one, 422 where a value does not fit."""
    chosen = _checked(values)
    try:
        with transaction.atomic():
            return RetentionPolicy.objects.create(
                namespace=namespace, tenant=tenant, edited_by=actor, edited_at=timezone.now(), **chosen
            )
    except IntegrityError as error:
        raise conflict(f"{namespace}/{tenant} has a retention policy already; change that one") from error


def retention_update(*, policy: RetentionPolicy, values: Mapping[str, Any], actor: str) -> RetentionPolicy:
    """Change what is given; null clears a TTL. 422 where a value does not fit, or names another tenant."""
    for name in ("namespace", "tenant"):
        if name in values and values[name] != getattr(policy, name):
            raise invalid_fields([FieldProblem(name, "cannot be changed")])
    chosen = {**_checked(values), "edited_by": actor, "edited_at": timezone.now()}
    for name, value in chosen.items():
        setattr(policy, name, value)
    policy.save(update_fields=[*chosen, "updated_at"])
    return policy


def retention_delete(*, policy: RetentionPolicy) -> None:
    policy.delete()


def _checked(values: Mapping[str, Any]) -> dict[str, Any]:
    chosen = {name: values[name] for name in SETTINGS if name in values}
    problems = [
        FieldProblem(name, problem) for name, value in chosen.items() if (problem := _problem(name, value))
    ]
    if problems:
        raise invalid_fields(problems)
    return {name: _stored(name, value) for name, value in chosen.items()}


def _problem(name: str, value: Any) -> str | None:
    if name in TTLS:
        fits = value is None or (type(value) is int and 0 < value <= LONGEST_TTL)
        if fits and name == "audit_ttl_seconds" and (problem := audit_ttl_problem(value)):
            return problem
        return None if fits else f"must be a whole number of seconds from 1 to {LONGEST_TTL}, or null"
    if name in ("enabled", "compliance_hold"):
        return None if isinstance(value, bool) else "must be true or false"
    if name == "description":
        return None if value is None or isinstance(value, str) else "must be text"
    texts = value is None or (
        isinstance(value, dict) and all(isinstance(text, str) for text in value.values())
    )
    return None if texts else "must be an object of texts"


def _stored(name: str, value: Any) -> Any:
    if value is None and name not in TTLS:
        return {} if name == "labels" else ""
    return value
