"""The decision: rules + action + instant → a plan. Pure, no I/O.

Rules are asked by (priority, name). A terminal rule that matches ends the search; deduplicate and throttle
join the plan and it goes on; modify changes the payload that later rules see. A catch-all (`only_unmatched`)
applies only to an action that no rule above it has claimed. A rule in shadow takes no part, and one for a share
of orders none in the others: what they would have done stands beside the plan, as trials.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from time import perf_counter_ns
from typing import Any

from acteon_site.base.errors import AppError
from rules_app.engine.actions.modify import Modify
from rules_app.engine.clauses import Clause, clauses_of
from rules_app.engine.counting import empty_counts
from rules_app.engine.counting.notes import count_notes
from rules_app.engine.merge_patch import merge_patch
from rules_app.engine.rollout import WITHIN
from rules_app.engine.rules import Rule, RuleSet
from rules_app.engine.scope import NO_COUNTS, ActionView, Counts, Scope
from rules_app.engine.trials import FAILED, SHADOW, CheckPayload, Trial, side_of, watched, why_outside

ALLOW = "allow"
Payload = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cleared:
    """A hold that the action has already passed: the rule's name and the type that it held with."""

    rule: str
    type: str


@dataclass(frozen=True, slots=True)
class RuleFailure:
    """A rule that could not be evaluated. `error` is set where the payload check refused its modify."""

    rule: str
    message: str
    error: AppError | None = None


@dataclass(frozen=True, slots=True, eq=False)
class RuleTrace:
    """How one rule fared. `result` ∈ matched, not_matched, skipped, error; notes name types, never values.

    `clauses` are set where its condition was tested, with the values that it met. Of a rule in shadow, `would`
    is what it would have done where it matched; it has done nothing.
    """

    rule: Rule
    result: str
    duration_us: int = 0
    skip_reason: str | None = None
    error: str | None = None
    notes: tuple[str, ...] = ()
    payload: Payload | None = None
    clauses: Clause | None = None
    would: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What is to happen. `verdict` is the terminal rule's type, `allow` where none matched, `failed` where a
    rule could not be evaluated (then `failed` says which, and nothing may be consumed).

    `gates` are the matching deduplicate and throttle rules in order; `payload` as the modify rules left it.
    `trials`: the rules in shadow, or for a share of orders, that the action came to and whose condition holds.
    """

    verdict: str
    rule: Rule | None
    gates: tuple[Rule, ...]
    payload: Payload
    modified_by: tuple[str, ...] = ()
    claimed: bool = False
    failed: RuleFailure | None = None
    trials: tuple[Trial, ...] = ()
    traces: tuple[RuleTrace, ...] = ()


def decide(
    rule_set: RuleSet,
    action: ActionView,
    now: datetime,
    *,
    cleared: Collection[Cleared] = (),
    check_payload: CheckPayload | None = None,
    trace: list[RuleTrace] | None = None,
    evaluate_all: bool = False,
    counts: Counts | None = None,
) -> Plan:
    """The plan for one action. Never raises for what rules or payloads hold; `now` must be aware.

    `counts`: what it finds in the counters; None: as if nothing had been counted before it.
    `check_payload` normalises the payload after every modify; an AppError that it raises fails the plan.
    With `trace`, one entry per rule is appended; `evaluate_all` then also tests the rules below the verdict.
    """
    if now.tzinfo is None:
        raise ValueError("decide() needs an aware instant")
    if counts is None:
        counts = empty_counts(rule_set.counters, action) if rule_set.counters else NO_COUNTS
    walk = _Walk(rule_set, action, now, cleared, check_payload, counts)
    if trace is None:
        # A cleared hold claims also where its condition no longer matches.
        walk.run(rule_set.rules if cleared else rule_set.concerned.of(action))
    else:
        walk.run_traced(rule_set.rules, trace, evaluate_all=evaluate_all)
    return walk.plan(trace)


class _Walk:
    """One search through the rules."""

    __slots__ = (
        "action",
        "check_payload",
        "claimed",
        "cleared",
        "counters",
        "ended",
        "failed",
        "gates",
        "modified_by",
        "rule",
        "scope",
        "trials",
        "zone",
    )

    def __init__(
        self,
        rule_set: RuleSet,
        action: ActionView,
        now: datetime,
        cleared: Collection[Cleared],
        check_payload: CheckPayload | None,
        counts: Counts,
    ) -> None:
        self.action = action
        self.counters = rule_set.counters
        self.zone = rule_set.zone
        self.scope = Scope(action, now, rule_set.zone, rule_set.lists, counts)
        self.check_payload = check_payload
        self.cleared = {(one.rule, one.type) for one in cleared}
        # A cleared hold claims at its place; one whose rule is gone or holds no longer claims from the start.
        self.claimed = bool(self.cleared) and bool(self.cleared - _names_and_types(rule_set))
        self.gates: list[Rule] = []
        self.modified_by: list[str] = []
        self.trials: tuple[Trial, ...] = ()
        self.rule: Rule | None = None
        self.failed: RuleFailure | None = None
        self.ended = False

    def run(self, rules: tuple[Rule, ...]) -> None:
        for rule in rules:
            try:
                if self.skip_reason(rule) is None:
                    if rule.shadow or rule.rollout is not None:
                        self.attempt(rule)
                    elif self.test(rule):
                        self.apply(rule)
            except Exception as error:  # fail closed: whatever a rule's evaluation raises fails the action
                self.fail(rule, error)
            if self.ended:
                return

    def run_traced(self, rules: tuple[Rule, ...], trace: list[RuleTrace], *, evaluate_all: bool) -> None:
        for rule in rules:
            started = perf_counter_ns()
            try:
                seen = self.look(rule, evaluate_all)
            except Exception as error:  # fail closed, as in run()
                seen = RuleTrace(rule, "error", error=str(error) or type(error).__name__)
                self.fail(rule, error)
            trace.append(_timed(seen, (perf_counter_ns() - started) // 1_000))

    def look(self, rule: Rule, evaluate_all: bool) -> RuleTrace:
        below = self.ended
        reason = "a rule above has decided" if below and not evaluate_all else self.skip_reason(rule)
        if reason:
            return RuleTrace(rule, "skipped", skip_reason=reason)
        side = side_of(rule, self.scope)
        if side != WITHIN or rule.shadow:
            return self.look_at(rule, side, below)
        matched = self.test(rule)
        notes = (*rule.condition.notes(self.scope), *count_notes(rule, self.counters, self.scope))
        clauses = clauses_of(rule.condition, self.scope)
        if matched and not below:
            self.take_part(rule)
        payload = self.scope.payload if matched and not below and isinstance(rule.action, Modify) else None
        result = "matched" if matched else "not_matched"
        return RuleTrace(rule, result, notes=notes, payload=payload, clauses=clauses)

    def look_at(self, rule: Rule, side: str, below: bool) -> RuleTrace:
        """At a rule that has no part in the plan."""
        if side != WITHIN:
            if not below:
                self.watch(rule, side)
            return RuleTrace(rule, "skipped", skip_reason=why_outside(rule, side))
        trials = self.trials
        trial = self.watch(rule, side)
        if below:
            self.trials = trials
        if trial and trial.problem:
            return RuleTrace(rule, "error", error=trial.problem, would=FAILED)
        notes, clauses = tuple(rule.condition.notes(self.scope)), clauses_of(rule.condition, self.scope)
        result = "matched" if trial else "not_matched"
        return RuleTrace(rule, result, notes=notes, clauses=clauses, would=trial.would if trial else "")

    def skip_reason(self, rule: Rule) -> str | None:
        if not rule.enabled:
            return "disabled"
        if not rule.covers(self.action):
            return "is for another namespace or tenant"
        if self.cleared and (rule.name, rule.action.type) in self.cleared:
            self.claimed = True
            return "this hold is already cleared"
        if rule.effect and (why := rule.effect.outside(self.scope.now, rule.zone or self.zone)):
            return why
        if rule.only_unmatched and self.claimed:
            return "applies only to what no rule above has claimed"
        return None

    def test(self, rule: Rule) -> bool:
        self.scope.zone = rule.zone or self.zone
        return rule.condition.test(self.scope)

    def attempt(self, rule: Rule) -> None:
        """Ask a rule that is in shadow, or for a share of orders."""
        side = side_of(rule, self.scope)
        if side != WITHIN or rule.shadow:
            self.watch(rule, side)
        elif self.test(rule):
            self.take_part(rule)

    def watch(self, rule: Rule, side: str) -> Trial | None:
        """Note what it would have done. Nothing of a rule in shadow for those outside its share."""
        if side != WITHIN and rule.shadow:
            return None
        kind = SHADOW if rule.shadow else side
        trial = watched(rule, kind, self.scope, self.test, self.check_payload)
        if trial:
            self.trials += (trial,)
        return trial

    def take_part(self, rule: Rule) -> None:
        if rule.rollout is not None:
            self.trials += (Trial(rule, WITHIN, rule.action.type),)
        self.apply(rule)

    def apply(self, rule: Rule) -> None:
        if rule.action.terminal:
            self.rule, self.ended = rule, True
        elif isinstance(rule.action, Modify):
            self.modify(rule, rule.action)
        else:
            self.gates.append(rule)
            self.claimed = self.claimed or rule.claims

    def modify(self, rule: Rule, action: Modify) -> None:
        payload = merge_patch(self.scope.payload, action.changes)
        self.scope.payload = self.check_payload(payload) if self.check_payload else payload
        self.modified_by.append(rule.name)

    def fail(self, rule: Rule, error: Exception) -> None:
        if self.failed is None and self.rule is None:
            refusal = error if isinstance(error, AppError) else None
            self.failed = RuleFailure(rule.name, str(error) or type(error).__name__, refusal)
        self.ended = True

    def plan(self, trace: list[RuleTrace] | None) -> Plan:
        verdict = self.rule.action.type if self.rule else ALLOW
        return Plan(
            verdict=FAILED if self.failed else verdict,
            rule=self.rule,
            gates=tuple(self.gates),
            payload=self.scope.payload,
            modified_by=tuple(self.modified_by),
            claimed=self.claimed,
            failed=self.failed,
            trials=self.trials,
            traces=tuple(trace) if trace else (),
        )


def _names_and_types(rule_set: RuleSet) -> set[tuple[str, str]]:
    return {(rule.name, rule.action.type) for rule in rule_set.rules if rule.enabled and not rule.shadow}


def _timed(seen: RuleTrace, duration_us: int) -> RuleTrace:
    return replace(seen, duration_us=duration_us)
