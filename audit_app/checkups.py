"""What `manage.py doctor` looks at of the trail."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings

from acteon_site.base.findings import Checkup, Finding, by_age, fail, ok, state_by_wait, warn
from audit_app.compliance_checks import mode_is_kept
from audit_app.metrics import relay_oldest_seconds
from audit_app.models import AuditHead, Counter, RetentionPolicy

BEHIND = (30.0, 300.0)  # seconds
NAMED = 5


def relay() -> Iterator[Finding]:
    todo = "Look at workers and scheduler; events and totals wait for the relay, orders do not."
    yield by_age("records that are not sealed yet", relay_oldest_seconds(), BEHIND, todo)


def chain() -> Iterator[Finding]:
    """What the patrol has found; the whole is checked by verify_audit."""
    broken = list(AuditHead.objects.exclude(broken_at="").order_by("namespace", "tenant")[:NAMED])
    for head in broken:
        todo = "`manage.py verify_audit`, then find out who changed it: docs/operations.md, ActeonAuditChainBroken."
        yield fail(f"the hash chain of {head.namespace}/{head.tenant} is broken at {head.broken_at}", todo)
    if not broken:
        yield ok("no hash chain was found broken")


def retention() -> Iterator[Finding]:
    """Whose data is kept for ever, since nobody has said how long."""
    policies = set(RetentionPolicy.objects.filter(enabled=True).values_list("namespace", "tenant"))
    heads = (
        AuditHead.objects.exclude(namespace="")
        .order_by("namespace", "tenant")
        .values_list("namespace", "tenant")
    )
    without = [f"{namespace}/{tenant}" for namespace, tenant in heads if (namespace, tenant) not in policies]
    if without:
        more = f" and {len(without) - NAMED} more" if len(without) > NAMED else ""
        names = ", ".join(without[:NAMED]) + more
        yield warn(
            f"everything is kept for ever of {names}", "Set a retention policy, in the admin or the pipeline."
        )
    errors = (
        Counter.objects.filter(name="retention_errors", label="").values_list("value", flat=True).first() or 0
    )
    if errors:
        yield warn(
            f"retention has failed {errors} times since the beginning",
            "Search the workers' logs for reap_failed.",
        )
    if not without and not errors:
        yield ok(f"{len(policies)} policies, no failure")


def compliance() -> Iterator[Finding]:
    found = mode_is_kept(databases=["default"])
    for message in found:
        yield fail(message.msg, message.hint or "")
    if not found:
        yield ok(f"mode {settings.COMPLIANCE_MODE}")


def events_status() -> str:
    return state_by_wait(relay_oldest_seconds())


CHECKUPS = (
    Checkup("compliance", compliance),
    Checkup("trail", relay),
    Checkup("hash chain", chain),
    Checkup("retention", retention),
)
