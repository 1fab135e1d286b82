"""What the trail says of an action, and what a rule is for, as the order pages show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from acteon_site.admin.scoped import visible
from audit_app.models import AuditRecord
from rules_app.engine import parse_rule
from rules_app.engine.words import rule_in_words
from rules_app.models import Rule
from rules_app.services.vocabulary import lexicon_now
from rules_app.specs import rule_spec

MOST_LINES = 50
COLORS = {
    **dict.fromkeys(("executed", "approval_approved", "chain_completed", "schedule_released"), "good"),
    **dict.fromkeys(("pending_approval", "scheduled", "throttled", "rerouted", "approval_expired"), "warn"),
    **dict.fromkeys(
        ("suppressed", "failed", "approval_rejected", "chain_failed", "chain_step_failed"), "bad"
    ),
}


@dataclass(frozen=True, slots=True)
class Line:
    at: datetime
    what: str
    color: str
    rule: str
    who: str
    url: str


@dataclass(frozen=True, slots=True)
class ShownRule:
    name: str
    description: str
    summary: str
    url: str


def trail_of(request: HttpRequest, row: Any) -> list[Line]:
    """The newest lines, oldest first, about the action of an order or a hold."""
    if not request.user.has_perm("audit_app.view_auditrecord"):
        return []
    records = AuditRecord.objects.filter(
        action_id=row.action_id_text, namespace=row.namespace, tenant=row.tenant
    ).defer("action_payload", "verdict_details", "metadata")
    newest = records.order_by("-dispatched_at", "-id")[:MOST_LINES]
    return [_line(record) for record in reversed(newest)]


def _line(record: AuditRecord) -> Line:
    return Line(
        record.dispatched_at,
        _what(record.outcome, record.outcome_details),
        COLORS.get(record.outcome, "plain"),
        record.matched_rule or "",
        record.caller_id,
        reverse("admin:audit_app_auditrecord_change", args=[record.pk]),
    )


def _what(outcome: str, details: Mapping[str, Any]) -> str:
    why = ": ".join(filter(None, (details.get("reason"), details.get("comment")))) or (
        details.get("error") if outcome == "chain_cancelled" else ""
    )
    because = f": {why}" if isinstance(why, str) and why else ""
    if outcome == "state_changed" and details.get("change"):
        return f"{details['change']}{because}"
    if outcome.startswith("chain_step_") and details.get("step"):
        # A retry that a person asked for is no failure of the provider.
        verb = "resumed" if outcome == "chain_step_retrying" and details.get("by") else ""
        return f"step {details['step']} {verb or outcome.removeprefix('chain_step_')}"
    if outcome == "state_changed" and details.get("from") == "dead_letter":
        return "dead letter dismissed"
    if outcome == "state_changed" and details.get("to"):
        return f"became {details['to']}"
    return outcome.replace("_", " ") + because


def shown_rule(request: HttpRequest, name: str) -> ShownRule:
    """The rule as it is now; only its name where it is gone or not to be seen."""
    rules = visible(request, Rule.objects.filter(name=name), shared=True)
    row = rules.first() if request.user.has_perm("rules_app.view_rule") else None
    if row is None:
        return ShownRule(name, "", "", "")
    parsed, _ = parse_rule(rule_spec(row))
    url = reverse("admin:rules_app_rule_change", args=[row.pk])
    told = rule_in_words(parsed, lexicon_now()) if parsed else ""
    return ShownRule(name, row.description, told, url)
