"""Asking the rules without doing anything: what would happen to this action, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from time import perf_counter_ns
from typing import Any

from acteon_site.base.errors import FieldProblem, invalid_fields, problems_in_words
from acteon_site.base.registry import Hook, Registry
from rules_app.engine import ActionView, Plan, RuleSet, RuleTrace, decide
from rules_app.engine import Rule as EngineRule
from rules_app.engine.facts import CALLER, ORDER, facts_below
from rules_app.engine.scope import NO_COUNTS, Counts
from rules_app.models import Rule
from rules_app.selectors import current_rules, parse_rules
from rules_app.services.past_moments import Moment, counts_at
from rules_app.specs import rule_spec

Payload = dict[str, Any]
NO_FACTS: Mapping[str, Any] = {}
# The payload in its normal form, as far as it has one, and what a dispatch would refuse it for.
PayloadCheck = Callable[[Payload], tuple[Payload, list[FieldProblem]]]
# Gives the check of the fields that an action's lifecycle declares, or None where none claims it.
CheckFor = Callable[[ActionView], PayloadCheck | None]


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """A decision with its trace. `evaluated` and `skipped` count rules, `disabled` names the disabled.

    `refused`: for what a dispatch would refuse the payload before it asked any rule; `counts`: what counters say.
    """

    plan: Plan
    rule_set: RuleSet
    duration_us: int
    sources: dict[str, str]
    disabled: frozenset[str]
    refused: Sequence[FieldProblem] = ()
    counts: Counts = NO_COUNTS

    @property
    def refusal(self) -> str:
        return problems_in_words(self.refused)

    @property
    def evaluated(self) -> int:
        return len(self.plan.traces) - self.skipped

    @property
    def skipped(self) -> int:
        return sum(1 for seen in self.plan.traces if seen.result == "skipped")


# Listed by whoever knows the lifecycles: evaluations then see what dispatch sees.
PAYLOAD_CHECKS: Registry[Hook[CheckFor]] = Registry("check of payloads")
# Gives what a lifecycle calls an action's order: by it, rules for a share of orders tell orders apart.
ORDER_NAMES: Registry[Hook[Callable[[ActionView], str | None]]] = Registry("name of orders")


def _check_for(action: ActionView) -> PayloadCheck | None:
    return next((check for hook in PAYLOAD_CHECKS.values() if (check := hook.call(action))), None)


def rules_evaluate(
    *,
    action: ActionView,
    now: datetime,
    rule_set: RuleSet | None = None,
    include_disabled: bool = False,
    evaluate_all: bool = False,
    moment: Moment | None = None,
    facts: Mapping[str, Any] = NO_FACTS,
    sees: Callable[[str, str], bool] = lambda namespace, tenant: True,
) -> Evaluation:
    """What the rules in force (or `rule_set`) would decide. Consumes and stores nothing.

    `include_disabled` asks the disabled rules as if they were enabled; without it they are traced as skipped.
    `sees(namespace, tenant)` leaves out the rules that the caller may not know of. Any payload is judged, also one
    that breaks what its lifecycle declares (`refused`). Counters say what they say now, or said at `moment`;
    `facts`, by the paths of `caller.*` and `order.*`, are taken as given.
    Raises 503 where no rules are in force.
    """
    started = perf_counter_ns()
    rules = rule_set or with_disabled(current_rules(), enabled=include_disabled)
    rules = replace(rules, rules=tuple(rule for rule in rules.rules if sees(rule.namespace, rule.tenant)))
    check = _check_for(action) or _unchecked
    payload, refused = check(action.payload)
    again = partial(_normal, check, strict=not refused)
    trace: list[RuleTrace] = []
    judged = replace(action, payload=payload, caller={**action.caller, **facts_below(CALLER, facts)})
    judged = replace(judged, order_name=next((hook.call(judged) for hook in ORDER_NAMES.values()), None))
    counts = counts_at(rules, judged, moment)
    counts = replace(counts, order={**counts.order, **facts_below(ORDER, facts)})
    plan = decide(
        rules, judged, now, check_payload=again, trace=trace, evaluate_all=evaluate_all, counts=counts
    )
    duration_us = (perf_counter_ns() - started) // 1_000
    disabled = frozenset(Rule.objects.filter(enabled=False).values_list("name", flat=True))
    return Evaluation(plan, rules, duration_us, _sources(), disabled, refused, counts)


def _unchecked(payload: Payload) -> tuple[Payload, list[FieldProblem]]:
    return payload, []


def _normal(check: PayloadCheck, payload: Payload, *, strict: bool) -> Payload:
    """After a modify. `strict`: what it broke fails the plan, as in a dispatch."""
    normal, problems = check(payload)
    if problems and strict:
        raise invalid_fields(problems)
    return normal


def with_disabled(rules: RuleSet, *, enabled: bool) -> RuleSet:
    """The rule set with the disabled rules added, `enabled` or not; one that does not parse is left out."""
    rows = Rule.objects.filter(enabled=False)
    added, _ = parse_rules(rule_spec(rule) | {"enabled": enabled} for rule in rows)
    return replace(rules, rules=_merged(rules.rules, added))


def _merged(rules: Iterable[EngineRule], added: Iterable[EngineRule]) -> tuple[EngineRule, ...]:
    by_name = {rule.name: rule for rule in rules}
    return tuple((by_name | {rule.name: rule for rule in added if rule.name not in by_name}).values())


def _sources() -> dict[str, str]:
    return dict(Rule.objects.exclude(source="").values_list("name", "source"))
