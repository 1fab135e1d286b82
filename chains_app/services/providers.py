"""Changing providers and their breakers' settings. Every process calls by a change within a second."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.db import transaction
from django.utils import timezone

from acteon_site.base import config_versions
from acteon_site.base.digest import content_digest
from acteon_site.base.errors import FieldProblem, conflict, invalid, not_found
from acteon_site.base.managed import ManagedConfig
from chains_app import references
from chains_app.models import CircuitBreaker, Provider
from chains_app.services.in_use import provider_users
from chains_app.specs import BreakerSpec, check_breakers, parse_breaker, parse_provider

OWNED = ("source", "loaded_digest", "edited_by", "edited_at")


def configuration_lock() -> None:
    """Tell every process that chains and providers change, and let one such change at a time be checked.

    A stamp's row stays locked until the transaction ends, so that two edits at once cannot close a circle
    or refer to what the other deletes.
    """
    config_versions.touch(config_versions.CHAINS)
    config_versions.touch(config_versions.PROVIDERS)


@transaction.atomic
def provider_save(
    *, spec: Mapping[str, Any], actor: str, source: str = "", keep_secrets: bool = False
) -> Provider:
    """Create or change the provider that the flat spec names.

    `source` names what loaded it, empty for a person. With `keep_secrets` a secret that the spec does not
    mention stays as stored. Raises 422 with every problem.
    """
    configuration_lock()
    row = Provider.objects.filter(name=spec.get("name")).first() or Provider()
    stored = (row.secrets or {}) if keep_secrets and row.kind == spec.get("type") else {}
    parsed, problems = parse_provider({**stored, **spec})
    if parsed is None:
        raise _refusal("provider", problems)
    for name, value in asdict(parsed).items():
        setattr(row, name, value)
    _own(row, actor, source, {**asdict(parsed), "secrets": sorted(parsed.secrets)})
    row.save()
    return row


@transaction.atomic
def provider_delete(*, name: str, actor: str) -> None:
    """Delete a provider and its breaker. 404 unknown, 409 while something names it."""
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
def breaker_save(*, spec: Mapping[str, Any], actor: str, source: str = "") -> CircuitBreaker:
    """Create or change a breaker's settings; its state stays. Raises 422 with every problem."""
    configuration_lock()
    parsed, problems = _checked_breaker(spec)
    if parsed is None:
        raise _refusal("circuit breaker", problems)
    row = CircuitBreaker.objects.filter(provider=parsed.provider).first() or CircuitBreaker()
    settings = asdict(parsed)
    for name, value in settings.items():
        setattr(row, name, value)
    _own(row, actor, source, settings)
    # Never the state: calls change it at the same time.
    row.save(update_fields=[*settings, *OWNED, "updated_at"] if row.pk else None)
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
def breaker_delete(*, provider: str, actor: str) -> None:
    configuration_lock()
    if not CircuitBreaker.objects.filter(provider=provider).delete()[0]:
        raise not_found(f"provider {provider} has no circuit breaker")


def _own(row: ManagedConfig, actor: str, source: str, content: Mapping[str, Any]) -> None:
    """Mark the row as loaded from `source`, or as edited by a person."""
    if source:
        row.source, row.loaded_digest = source, content_digest(content)
        row.edited_by, row.edited_at = "", None
    else:
        row.edited_by, row.edited_at = actor, timezone.now()


def _refusal(noun: str, problems: list[FieldProblem]) -> Exception:
    first = problems[0]
    return invalid(f"the {noun} is not valid: {first.field} {first.message}", problems)
