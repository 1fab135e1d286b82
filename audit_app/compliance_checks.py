"""System checks of the compliance mode: what it asks for must be so, or nothing starts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from acteon_site.base.compliance import MODES, NONE
from audit_app.compliance import audit_ttl_problem, locks, trail_is_locked
from audit_app.models import RetentionPolicy

INSTALLATION = "installation"


@register(INSTALLATION)
def mode_is_possible(**_: Any) -> list[CheckMessage]:
    mode = settings.COMPLIANCE_MODE
    if mode not in MODES:
        names = ", ".join(MODES)
        return [Error(f"ACTEON_COMPLIANCE_MODE is {mode!r}.", f"Set one of {names}.", id="acteon.E020")]
    found: list[CheckMessage] = []
    if mode != NONE and settings.EMBEDDED:
        hint = "Set ACTEON_MODE=production: closed API, PostgreSQL, no demo clock."
        found.append(Error(f"The compliance mode {mode} needs production.", hint, id="acteon.E021"))
    if locks().names_secrets and not settings.PHI_FIELDS:
        hint = "Set ACTEON_PHI_FIELDS to the payload fields that hold health information: name,patient.id"
        found.append(Error(f"The compliance mode {mode} needs ACTEON_PHI_FIELDS.", hint, id="acteon.E022"))
    return found


@register(Tags.database)
def mode_is_kept(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    if settings.COMPLIANCE_MODE == NONE or "default" not in (databases or ()):
        return []
    # Warnings: `migrate`, which locks the trail, would not begin otherwise. The doctor takes them for failures.
    found: list[CheckMessage] = []
    if not trail_is_locked():
        found.append(
            Warning("The audit records are not locked.", "Run `manage.py migrate`.", id="acteon.W023")
        )
    policies = RetentionPolicy.objects.filter(enabled=True, audit_ttl_seconds__isnull=False)
    for policy in policies:
        if problem := audit_ttl_problem(policy.audit_ttl_seconds):
            hint = f"audit_ttl_seconds {problem}. Until then nothing of it is deleted earlier."
            found.append(Warning(f"Retention of {policy} is too short.", hint, id="acteon.W024"))
    return found
