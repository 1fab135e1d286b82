"""An order as a test of the rules: what came in, when, and what the rules said of it, to copy beside their files."""

from __future__ import annotations

from typing import Any

from acteon_site.admin.yaml_text import write_yaml
from acteon_site.base.clock_text import rfc3339
from audit_app.models import AuditRecord
from audit_app.records.vocabulary import DISPATCH_OUTCOMES
from audit_app.selectors import current_redactor
from orders_app.contract.actions import Action, stored_action
from orders_app.contract.outcomes import TRAIL_NAMES
from orders_app.models import Order
from rules_app.testing.cases import OUTCOMES

_TAGS = {trail: tag for tag, trail in TRAIL_NAMES.items() if tag in OUTCOMES}
_FACTS = ("namespace", "tenant", "provider", "action_type")
_KEYS = ("id", "dedup_key", "fingerprint", "status", "template")


def rule_test_of(order: Order) -> str:
    """A `rule_tests` section with one test, its payload redacted; "" where the trail no longer has the dispatch."""
    record = (
        AuditRecord.objects.filter(
            namespace=order.namespace,
            tenant=order.tenant,
            action_id=order.action_id_text,
            outcome__in=DISPATCH_OUTCOMES,
        )
        .only("dispatched_at", "outcome", "verdict", "matched_rule", "verdict_details")
        .order_by("dispatched_at", "id")
        .first()
    )
    tag = _TAGS.get(record.outcome) if record else None
    if record is None or tag is None:
        return ""
    counters = record.verdict_details.get("counters")
    test = {
        "name": f"order {order.fingerprint} is {tag}",
        "at": rfc3339(record.dispatched_at),
        "action": _action(stored_action(order.action.body)),
        **({"counters": counters} if counters else {}),
        "expect": {"outcome": tag, "verdict": record.verdict, "rule": record.matched_rule or None},
    }
    return write_yaml({"rule_tests": {"tests": [test]}})


def _action(action: Action) -> dict[str, Any]:
    scrubber = current_redactor().scrubber(action.payload, action.tainted)
    given = {name: getattr(action, name) for name in _KEYS if getattr(action, name)}
    keys = {name: scrubber.text(value) for name, value in given.items()}
    labels = {name: scrubber.text(value) for name, value in action.metadata.items()}
    facts = {name: getattr(action, name) for name in _FACTS}
    return {**facts, **keys, **({"metadata": labels} if labels else {}), "payload": scrubber.payload}
