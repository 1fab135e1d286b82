"""Which rules can concern an action, so that a thousand rules about others cost it nothing. Pure.

A rule is left out only where it certainly does not match: its scope, or a clause that must be true, asks for another
namespace, tenant, provider or action type, which no rule changes. Everything else is asked, in the same order; so the
plan is the same as if all were (tests/rules_app/test_properties.py). Traces name every rule and do not use this.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from rules_app.engine.conditions import Condition, Leaf
from rules_app.engine.scope import ActionView

if TYPE_CHECKING:
    from rules_app.engine.rules import Rule

# The first of these that a rule asks for is what it is found by: the one that tells most apart.
FIELDS = ("action_type", "tenant", "provider", "namespace")
_PATHS = {f"action.{name}": name for name in FIELDS}
_MOST_REMEMBERED = 4096  # whoever sends an action chooses its names
Values = frozenset[str]
Asked = Mapping[str, Values]


class ConcernedRules:
    """The rules of a set by what they ask for."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = [(rule, _asked(rule)) for rule in rules if rule.enabled]
        self._found_by: dict[tuple[str, str], list[int]] = {}
        self._always: list[int] = []
        for number, (_, asked) in enumerate(self._rules):
            field = next((name for name in FIELDS if name in asked), None)
            if field is None:
                self._always.append(number)
            else:
                for value in asked[field]:
                    self._found_by.setdefault((field, value), []).append(number)
        self._known: dict[tuple[str, ...], tuple[Rule, ...]] = {}

    def of(self, action: ActionView) -> tuple[Rule, ...]:
        """Those that may match, in their order."""
        names = (action.action_type, action.tenant, action.provider, action.namespace)
        known = self._known.get(names)
        if known is None:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            known = self._known[names] = self._look(dict(zip(FIELDS, names, strict=True)))
        return known

    def _look(self, names: Mapping[str, str]) -> tuple[Rule, ...]:
        numbers = {number for named in names.items() for number in self._found_by.get(named, ())}
        found = (self._rules[number] for number in sorted(numbers.union(self._always)))
        return tuple(
            rule for rule, asked in found if all(names[field] in values for field, values in asked.items())
        )


def names_asked(rule: Rule) -> Asked:
    """The names that an action must have for the rule to match, by FIELDS; others may be any."""
    return _asked(rule)


def _asked(rule: Rule) -> Asked:
    scope = {"namespace": rule.namespace, "tenant": rule.tenant}
    own = {name: frozenset((value,)) for name, value in scope.items() if value != "*"}
    return _both((own, _asked_by(rule.condition)))


def _asked_by(condition: Condition) -> Asked:
    """Fields of which the condition needs one of these values to be true; others it may be true without."""
    if condition.leaf is not None:
        return _asked_by_leaf(condition.leaf)
    each = [_asked_by(child) for child in condition.children]
    if condition.group == "all":
        return _both(each)
    if condition.group == "any":
        shared = set(each[0]).intersection(*each[1:])
        return {name: frozenset().union(*(asked[name] for asked in each)) for name in shared}
    return {}


def _asked_by_leaf(leaf: Leaf) -> Asked:
    name = _PATHS.get(leaf.field.path)
    if name is None or leaf.operator.name not in ("eq", "in_list"):
        return {}
    members = leaf.operand if isinstance(leaf.operand, list) else [leaf.operand]
    return {name: frozenset(members)}


def _both(each: Iterable[Asked]) -> Asked:
    found: dict[str, Values] = {}
    for asked in each:
        for name, values in asked.items():
            found[name] = found[name] & values if name in found else values
    return found
