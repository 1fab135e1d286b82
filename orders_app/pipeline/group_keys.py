"""What tells an action's group from others: the rule, what it groups by, and who is called with what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from acteon_site.base.digest import canonical_json
from orders_app.contract.actions import Action
from orders_app.pipeline.decide import view_of
from orders_app.pipeline.items import Decided
from rules_app.engine import Group, Rule
from rules_app.engine.actions.group import group_values
from rules_app.engine.scope import Scope
from rules_app.services.gates import group_key

ANY_TIME = datetime(1970, 1, 1, tzinfo=UTC)  # no field that groups looks at the clock


def group_rules_of(item: Decided) -> list[tuple[Rule, Group]]:
    """The rule that groups the action; all that may, where counters still decide."""
    rules = item.possible if item.again else (item.plan.rule,)
    return [
        (rule, rule.action) for rule in rules if rule and isinstance(rule.action, Group) and not rule.shadow
    ]


def group_key_of(item: Decided, rule: Rule, action: Group) -> str:
    """Also by provider and action type: one call has one of each, and keys may be scoped to them."""
    act = item.action
    values = labels_of(action.group_by, act.with_payload(item.plan.payload))
    told = canonical_json([_plain(values[path]) for path in action.group_by])
    return group_key(act.namespace, act.tenant, rule.name, act.provider, act.action_type, told)


def labels_of(group_by: Sequence[str], action: Action) -> dict[str, Any]:
    """What it has in common with the others of its group, by field."""
    return group_values(group_by, Scope(view_of(action), ANY_TIME, UTC))


def _plain(value: Any) -> Any:
    """Rules take 5 and 5.0 for the same."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value
