"""Rules and quotas as the contract spells them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from acteon_site.base.clock_text import rfc3339
from rules_app.engine import RuleTrace, time_map
from rules_app.engine.counting.declared import TENANT
from rules_app.engine.muting_terms import NAMING
from rules_app.engine.quota_terms import overage_text, window_text
from rules_app.engine.scope import MISSING
from rules_app.models import Quota, Rule
from rules_app.services.coverage import Entry
from rules_app.services.evaluation import Evaluation
from rules_app.services.quota_windows import Usage
from rules_app.services.quotas import quota_spec
from rules_app.services.trying import Outlook

MADE_BY_HAND = "admin"


def rule_shape(rule: Rule) -> dict[str, Any]:
    return {
        "name": rule.name,
        "priority": rule.priority,
        "enabled": rule.enabled,
        "description": rule.description,
        **({"shadow": True} if rule.shadow else {}),
        **({"rollout": rule.rollout} if rule.rollout else {}),
        **{name: names for name in NAMING if (names := getattr(rule, name))},
    }


def evaluation_shape(found: Evaluation, now: datetime, *, all_tenants: bool) -> dict[str, Any]:
    """`all_tenants`: the caller may know of all, so that counters over all are told, too."""
    plan = found.plan
    told = counters_told(found, all_tenants=all_tenants)
    shape: dict[str, Any] = {
        "verdict": plan.verdict,
        "has_errors": plan.failed is not None or bool(found.refused),
        "total_rules_evaluated": found.evaluated,
        "total_rules_skipped": found.skipped,
        "evaluation_duration_us": found.duration_us,
        "trace": _refusal(found) + [trace_shape(seen, found, told) for seen in plan.traces],
        "context": {
            "time": time_map(now, found.rule_set.zone),
            "environment_keys": [],
            "effective_timezone": found.rule_set.default_timezone,
        },
        "gates": [rule.name for rule in plan.gates],
        "ruleset_version": found.rule_set.version,
    }
    if plan.rule:
        shape["matched_rule"] = plan.rule.name
    if plan.modified_by:
        shape["modified_payload"] = plan.payload
    return shape


def outlook_shape(outlook: Outlook) -> dict[str, Any]:
    """What a dispatch would come to, as a dry run says it, and the gates on its way. `passes` null: nobody knows."""
    would: dict[str, Any] = {"verdict": outlook.verdict, "matched_rule": outlook.rule}
    if outlook.muting:
        would["muting"] = outlook.muting
    gates = [{"name": one.name, "passes": one.passes, "text": one.text} for one in outlook.gates]
    return {
        "would_be": would if outlook.verdict else None,
        "gates_asked": gates,
        "unknown": list(outlook.unknown),
    }


def _refusal(found: Evaluation) -> list[dict[str, Any]]:
    """What stands before all rules in a dispatch, as one more line of the trace."""
    if not found.refused:
        return []
    line = {
        "rule_name": "(fields of the order)",
        "priority": 0,
        "enabled": True,
        "condition_display": "what the lifecycle of this action type declares",
        "result": "error",
        "evaluation_duration_us": 0,
        "action": "refuse",
        "source": "lifecycle",
        "error": f"a dispatch would answer 422: {found.refusal}",
    }
    return [line]


def counters_told(found: Evaluation, *, all_tenants: bool) -> dict[str, int]:
    """What counters say that the caller may know."""
    own = {one.name for one in found.rule_set.counters if all_tenants or one.per == TENANT}
    values = found.counts.values.items()
    return {name: value for name, value in values if name in own and value is not MISSING}


def trace_shape(seen: RuleTrace, found: Evaluation, counters: Mapping[str, int]) -> dict[str, Any]:
    rule = seen.rule
    optional = {
        "description": rule.description,
        "skip_reason": seen.skip_reason,
        "error": seen.error,
        "notes": list(seen.notes),
        "counters": {name: counters[name] for name in sorted(rule.counters & counters.keys())},
        "modified_payload_preview": seen.payload,
        "would": seen.would,
    }
    return {
        "rule_name": rule.name,
        "priority": rule.priority,
        "enabled": rule.name not in found.disabled,
        "condition_display": rule.condition.text,
        "result": seen.result,
        "evaluation_duration_us": seen.duration_us,
        "action": rule.action.type,
        "source": found.sources.get(rule.name, MADE_BY_HAND),
        **{name: value for name, value in optional.items() if _is_told(name, value)},
    }


def _is_told(name: str, value: Any) -> bool:
    """What is empty is left out, but for a payload that has become so."""
    return bool(value) or (name == "modified_payload_preview" and value == {})


def coverage_shape(
    entries: list[Entry], begin: datetime, end: datetime, rule_names: set[str], warnings: Mapping[str, str]
) -> dict[str, Any]:
    """`warnings` only where there are any: the contract does not know them."""
    told = [{"rule": name, "message": message} for name, message in warnings.items()]
    matched = {name for entry in entries for name in entry.matched_rules}
    return {
        "scanned_from": rfc3339(begin),
        "scanned_to": rfc3339(end),
        "total_actions": sum(entry.total for entry in entries),
        "unique_combinations": len(entries),
        "fully_covered": sum(1 for entry in entries if not entry.uncovered),
        "partially_covered": sum(1 for entry in entries if entry.covered and entry.uncovered),
        "uncovered": sum(1 for entry in entries if not entry.covered),
        "rules_loaded": len(rule_names),
        "entries": [_entry_shape(entry) for entry in entries],
        "unmatched_rules": sorted(rule_names - matched),
        **({"warnings": told} if told else {}),
    }


def _entry_shape(entry: Entry) -> dict[str, Any]:
    namespace, tenant, provider, action_type = entry.scope
    return {
        "namespace": namespace,
        "tenant": tenant,
        "provider": provider,
        "action_type": action_type,
        "total": entry.total,
        "covered": entry.covered,
        "uncovered": entry.uncovered,
        "matched_rules": list(entry.matched_rules),
    }


def quota_shape(quota: Quota) -> dict[str, Any]:
    return {
        "id": str(quota.pk),
        **quota_spec(quota),
        "created_at": rfc3339(quota.created_at),
        "updated_at": rfc3339(quota.updated_at),
    }


def usage_shape(quota: Quota, usage: Usage) -> dict[str, Any]:
    return {
        "tenant": quota.tenant,
        "namespace": quota.namespace,
        "used": usage.used,
        "limit": usage.limit,
        "remaining": usage.remaining,
        "window": window_text(quota.window, quota.window_seconds),
        "resets_at": rfc3339(usage.resets_at),
        "overage_behavior": overage_text(quota.overage, quota.overage_target),
    }
