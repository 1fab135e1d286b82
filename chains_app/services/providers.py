"""Changing providers and their breakers' settings. Every process calls by a change within a second."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.db import transaction

from acteon_site.base.errors import FieldProblem, conflict, not_found
from chains_app import references
from chains_app.models import CircuitBreaker, Provider
from chains_app.services.breakers import breaker_unknown
from chains_app.services.editing import EDITED, configuration_lock, mark_edited, refusal
from chains_app.services.in_use import provider_users
from chains_app.specs import BreakerSpec, check_breakers, parse_breaker, parse_provider


@transaction.atomic
def provider_save(*, spec: Mapping[str, Any], actor: str, keep_secrets: bool = False) -> Provider:
    """Create or change the provider that the flat spec names. Raises 422 with every problem.

    With `keep_secrets` a secret that the spec does not mention stays as stored.
    """
    configuration_lock()
    row = Provider.objects.filter(name=spec.get("name")).first() or Provider()
    stored = (row.secrets or {}) if keep_secrets and row.kind == spec.get("type") else {}
    parsed, problems = parse_provider({**stored, **spec})
    if parsed is None:
        raise refusal("provider", problems)
    for name, value in asdict(parsed).items():
        setattr(row, name, value)
    mark_edited(row, actor)
    row.save()
    return row


@transaction.atomic
def provider_delete(*, name: str) -> None:
    """Delete a provider and its breaker. Raises 404, and 409 while something names it."""
    configuration_lock()
    references.hold()
    row = Provider.objects.filter(name=name).first()
    if row is None:
        raise not_found(f"there is no provider named {name}")
    users = provider_users(name)
    if users:
        raise conflict(f"provider {name} is used by {', '.join(users)}")
    CircuitBreaker.objects.filter(provider=name).delete()
    row.delete()


@transaction.atomic
def breaker_save(*, spec: Mapping[str, Any], actor: str) -> CircuitBreaker:
    """Create or change a breaker's settings; its state stays. Raises 422 with every problem."""
    configuration_lock()
    parsed, problems = _checked_breaker(spec)
    if parsed is None:
        raise refusal("circuit breaker", problems)
    row = CircuitBreaker.objects.filter(provider=parsed.provider).first() or CircuitBreaker()
    settings = asdict(parsed)
    for name, value in settings.items():
        setattr(row, name, value)
    mark_edited(row, actor)
    # Never the state: calls change it at the same time.
    row.save(update_fields=[*settings, *EDITED, "updated_at"] if row.pk else None)
    return row


def breaker_problems(*, spec: Mapping[str, Any]) -> list[FieldProblem]:
    """What breaker_save would refuse, without saving."""
    return _checked_breaker(spec)[1]


def _checked_breaker(spec: Mapping[str, Any]) -> tuple[BreakerSpec | None, list[FieldProblem]]:
    parsed, problems = parse_breaker(spec)
    if parsed is None:
        return None, problems
    fallbacks = dict(CircuitBreaker.objects.values_list("provider", "fallback_provider"))
    names = set(Provider.objects.values_list("name", flat=True))
    problems = check_breakers({**fallbacks, parsed.provider: parsed.fallback_provider}, names)
    own = f"circuit_breakers.{parsed.provider}."
    problems = [FieldProblem(item.field.removeprefix(own), item.message) for item in problems]
    return (None, problems) if problems else (parsed, [])


@transaction.atomic
def breaker_delete(*, provider: str) -> None:
    """Leave the provider without a breaker. Raises 404 where it has none."""
    configuration_lock()
    if not CircuitBreaker.objects.filter(provider=provider).delete()[0]:
        raise breaker_unknown(provider)
