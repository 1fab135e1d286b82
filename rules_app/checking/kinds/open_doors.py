"""What no rule knows is executed: a namespace without a rule that takes the rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rules_app.checking.examples import USUAL, Example
from rules_app.checking.finding import Finding, Severity
from rules_app.checking.ground import Ground
from rules_app.checking.values import operands_of
from rules_app.engine import ActionView, decide

UNKNOWN_TYPE = "an_action_type_that_no_rule_names"
UNKNOWN_TENANT = "a-tenant-that-no-rule-names"
_MOST_NAMES = 50


def open_doors(ground: Ground) -> Iterator[Finding]:
    if not ground.placed:
        return
    for namespace in sorted(_named("namespace", ground))[:_MOST_NAMES] or [USUAL["namespace"]]:
        tenants = [*sorted(_named("tenant", ground))[:_MOST_NAMES], UNKNOWN_TENANT]
        examples = (_stranger(namespace, tenant, ground) for tenant in tenants)
        if example := next((one for one in examples if _walks_in(one, ground)), None):
            yield _finding(namespace, example)


def _finding(namespace: str, example: Example) -> Finding:
    return Finding(
        "missing-catch-all",
        Severity.WARNING,
        "",
        f"Nothing stops what no rule knows in namespace {namespace}: an unknown action is executed by its provider.",
        "Add a suppress with a high priority number whose condition is action.namespace eq the namespace.",
        "",
        example.as_dict(),
    )


def _named(name: str, ground: Ground) -> set[str]:
    """Namespaces or tenants that rules and lifecycles speak of."""
    found = {getattr(one, name) for one in (*ground.rule_set.rules, *ground.question.schemas)} - {"*"}
    for placed in ground.placed:
        for term in placed.terms or ():
            for literal in term:
                if literal.key.path == f"action.{name}" and literal.operator in ("eq", "in_list"):
                    found |= set(operands_of(literal)) if literal.positive else set()
    return {str(one) for one in found}


def _stranger(namespace: str, tenant: str, ground: Ground) -> Example:
    facts: dict[str, Any] = {**USUAL, "namespace": namespace, "tenant": tenant, "action_type": UNKNOWN_TYPE}
    return Example(ActionView(payload={}, **facts), ground.question.now)


def _walks_in(example: Example, ground: Ground) -> bool:
    """No rule that is for all decided, counted or changed it."""
    plan = decide(ground.sure_rules, example.action, example.at)
    return not (plan.failed or plan.rule or plan.gates or plan.modified_by)
