"""How long a tenant's data is kept: create, change and remove the policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from acteon_site.base.errors import FieldProblem, conflict, invalid_fields
from acteon_site.base.source import Source
from audit_app.compliance import audit_ttl_problem
from audit_app.models import RetentionPolicy
from audit_app.services.journal import Journal, Subject

TTLS = ("audit_ttl_seconds", "state_ttl_seconds", "event_ttl_seconds")
LONGEST_TTL = 100 * 366 * 86_400
Terms = Mapping[str, Any]
SETTINGS = ("enabled", *TTLS, "compliance_hold", "description", "labels")


def retention_create(
    *, namespace: str, tenant: str, values: Mapping[str, Any], source: Source
) -> RetentionPolicy:
    """A new policy; 409 where the pair has one, 422 where a value does not fit."""
    chosen = _checked(values)
    try:
        with transaction.atomic():
            policy = RetentionPolicy.objects.create(
                namespace=namespace,
                tenant=tenant,
                edited_by=source.caller_id,
                edited_at=timezone.now(),
                **chosen,
            )
            retention_note(before=None, after=terms_of(policy), source=source)
            return policy
    except IntegrityError as error:
        raise conflict(f"{namespace}/{tenant} has a retention policy already; change that one") from error


def retention_update(
    *, policy: RetentionPolicy, values: Mapping[str, Any], source: Source
) -> RetentionPolicy:
    """Change what is given; null clears a TTL. 422 where a value does not fit, or names another tenant."""
    for name in ("namespace", "tenant"):
        if name in values and values[name] != getattr(policy, name):
            raise invalid_fields([FieldProblem(name, "cannot be changed")])
    chosen = {**_checked(values), "edited_by": source.caller_id, "edited_at": timezone.now()}
    with transaction.atomic():
        before = terms_stored(policy)
        for name, value in chosen.items():
            setattr(policy, name, value)
        policy.save(update_fields=[*chosen, "updated_at"])
        retention_note(before=before, after=terms_of(policy), source=source)
    return policy


def retention_delete(*, policy: RetentionPolicy, source: Source) -> None:
    with transaction.atomic():
        before = terms_stored(policy)
        policy.delete()
        retention_note(before=before, after=None, source=source)


def terms_of(policy: RetentionPolicy) -> Terms:
    """What the trail says of a policy."""
    return {name: getattr(policy, name) for name in ("namespace", "tenant", *SETTINGS)}


def terms_stored(policy: RetentionPolicy) -> Terms | None:
    """As the database has it now, locked until the transaction ends: what is noted is what was changed."""
    stored = RetentionPolicy.objects.select_for_update().filter(pk=policy.pk).first()
    return terms_of(stored) if stored else None


def retention_note(*, before: Terms | None, after: Terms | None, source: Source) -> None:
    """Into the tenant's trail, in the transaction of the change: who changed what. Nothing where nothing changed."""
    about = after or before
    if about is None or before == after:
        return
    change = "changed" if before and after else "made" if after else "removed"
    names = [name for name in about if before is None or after is None or before[name] != after[name]]
    details: dict[str, Any] = {
        "retention_policy": f"{about['namespace']}/{about['tenant']}",
        "change": change,
    }
    for side, terms in (("from", before), ("to", after)):
        if terms:
            details[side] = {name: terms[name] for name in names}
    subject = Subject(
        about["namespace"], about["tenant"], "", "retention_policy", details["retention_policy"]
    )
    journal = Journal(source)
    journal.audit(subject, outcome="state_changed", verdict="state_machine", outcome_details=details)
    journal.write()


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
