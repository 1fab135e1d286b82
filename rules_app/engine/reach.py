"""Actions that never get past the rules. What is named here is certain; more may be so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rules_app.engine.rules import Rule, parse_rule

Spec = Mapping[str, Any]
STOPS = frozenset(("deny", "suppress"))


@dataclass(frozen=True, slots=True)
class Placed:
    """A rule in force, and its condition as clauses that must all be true."""

    rule: Rule
    clauses: tuple[Spec, ...]

    def covers_scope(self, namespace: str, tenant: str) -> bool:
        return self.rule.namespace in ("*", namespace) and self.rule.tenant in ("*", tenant)


def in_order(specs: Iterable[Spec]) -> list[Placed]:
    """The enabled rules of these specs, as they are asked."""
    found = [
        Placed(rule, clauses)
        for spec in specs
        if (rule := parse_rule(spec)[0]) and rule.enabled and not rule.shadow
        for clauses in (tuple(_clauses(spec["condition"])),)
    ]
    return sorted(found, key=lambda placed: (placed.rule.priority, placed.rule.name))


def _clauses(condition: Spec) -> Iterator[Spec]:
    if "all" in condition:
        for inner in condition["all"]:
            yield from _clauses(inner)
    else:
        yield condition


def stopper(rules: list[Placed], namespace: str, tenant: str, action_type: str) -> str:
    """The rule that refuses every action of this type there, or ""."""
    facts = {"action.namespace": namespace, "action.tenant": tenant, "action.action_type": action_type}
    facts = {path: value for path, value in facts.items() if value != "*"}
    touched = False
    for placed in rules:
        rule = placed.rule
        meets = _may_meet(rule.namespace, namespace) and _may_meet(rule.tenant, tenant)
        if not meets or any(_holds(clause, facts) is False for clause in placed.clauses):
            continue
        always = (
            rule.sure
            and placed.covers_scope(namespace, tenant)
            and all(_holds(c, facts) for c in placed.clauses)
        )
        if rule.action.type in STOPS:
            if always and not (rule.only_unmatched and touched):
                return rule.name
        elif rule.action.terminal:
            return ""
        touched = True
    return ""


def _may_meet(one: str, other: str) -> bool:
    return one == other or "*" in (one, other)


def _holds(clause: Spec, facts: Mapping[str, str]) -> bool | None:
    """Whether the clause is true of every such action, or false of every one; None where it depends."""
    known = facts.get(str(clause.get("field")))
    if known is None:
        return None
    if "eq" in clause:
        return bool(clause["eq"] == known)
    return known in clause["in_list"] if isinstance(clause.get("in_list"), list) else None
