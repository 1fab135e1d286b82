"""One action after the other against rules and gates in memory, in the order of checks of the pipeline's gate stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from acteon_site.base.errors import FieldProblem, problems_in_words
from rules_app.engine import (
    ActionView,
    Cleared,
    Deduplicate,
    Plan,
    RequestApproval,
    Rule,
    RuleSet,
    RuleTrace,
    Schedule,
    Throttle,
    decide,
)
from rules_app.engine.counters import micros, next_slot, slots_after
from rules_app.engine.counting import CounterMemory
from rules_app.engine.counting.memory import Marks
from rules_app.engine.muting import muting_of
from rules_app.engine.muting_terms import protection
from rules_app.engine.scope import NO_COUNTS, Counts

Payload = dict[str, Any]
_EXECUTED = {"allow": "Executed", "reroute": "Rerouted", "chain": "ChainStarted", "group": "Grouped"}
_HELD = {"request_approval": "PendingApproval", "schedule": "Scheduled"}
_REFUSED = ("deny", "suppress")
_AS_COUNTED: Mapping[str, int] = {}


# The name of the chain whose trigger claims an action, or nothing.
StartsChain = Callable[[ActionView], str]


def no_chain(action: ActionView) -> str:
    return ""


class Declared(Protocol):
    """What lifecycles say of actions."""

    def judge(self, action: ActionView) -> Callable[[Payload], tuple[Payload, list[FieldProblem]]] | None:
        """The check of a payload: its normal form and what is wrong with it. None where no lifecycle claims it."""

    def name_of(self, action: ActionView, payload: Payload) -> str | None:
        """The order's name; None where no lifecycle claims the action."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an action. `rule` is the one that decided or whose gate tripped, "" where none did."""

    tag: str
    verdict: str
    rule: str
    payload: Payload
    note: str = ""
    traces: tuple[RuleTrace, ...] = ()
    asked: ActionView | None = None  # the action as the rules saw it first
    counts: Counts = NO_COUNTS


@dataclass(slots=True)
class _Hold:
    action: ActionView
    outcome: Outcome
    rule: Rule
    due: datetime
    cleared: list[Cleared]
    plan: Plan
    keys: tuple[Any, Any]
    marks: Marks  # what it left in counters, where it does not count itself


@dataclass(slots=True)
class Bench:
    """The rules, and the gates as the actions so far have left them. `declared` None: no lifecycles.

    `starts_chain`: the name of the chain whose trigger claims an action, or nothing. Of silences a test knows none.
    """

    rules: RuleSet
    declared: Declared | None = None
    starts_chain: StartsChain = no_chain
    _keys: dict[Any, tuple[datetime | None, str]] = field(default_factory=dict)
    _orders: set[Any] = field(default_factory=set)
    _slots: dict[Any, list[int]] = field(default_factory=dict)
    _holds: list[_Hold] = field(default_factory=list)
    _counters: CounterMemory = field(init=False)

    def __post_init__(self) -> None:
        self._counters = CounterMemory(self.rules.counters)

    def send(
        self,
        action: ActionView,
        at: datetime,
        *,
        has_key: bool,
        counters: Mapping[str, int] = _AS_COUNTED,
        facts: Mapping[str, Any] = _AS_COUNTED,
    ) -> Outcome:
        """The outcome of one more action; moments must not go back. `counters`: what some say, whatever was counted;
        `facts`: what is known of the order that it is about."""
        self._release_until(at)
        judge = self.declared.judge(action) if self.declared else None
        if judge:
            payload, problems = judge(action.payload)
            if problems:
                return Outcome("Invalid", "invalid", "", action.payload, problems_in_words(problems))
            action = replace(action, payload=payload)
        traces: list[RuleTrace] = []
        found = self._counters.found(action, at)
        counts = replace(found, values={**found.values, **counters}, order=facts)
        plan = self._decide(action, at, (), counts, traces)
        outcome = self._gate(action, plan, at, self._names(action, plan, has_key))
        return replace(outcome, traces=tuple(traces), asked=action, counts=counts)

    def _decide(
        self,
        action: ActionView,
        at: datetime,
        cleared: Any,
        counts: Counts,
        traces: list[RuleTrace] | None = None,
    ) -> Plan:
        judge = self.declared.judge(action) if self.declared else None

        def normal(payload: Payload) -> Payload:
            found, problems = judge(payload) if judge else (payload, [])
            if problems:
                raise ValueError(problems_in_words(problems))
            return found

        name = self.declared.name_of(action, action.payload) if self.declared else None
        action = replace(action, order_name=name)
        return decide(
            self.rules, action, at, cleared=cleared, check_payload=normal, trace=traces, counts=counts
        )

    def _names(self, action: ActionView, plan: Plan, has_key: bool) -> tuple[Any, Any]:
        """What tells the action from others: its dedup key, and its order's name."""
        scope = (action.namespace, action.tenant)
        key = (*scope, action.action_type, action.dedup_key or action.id) if has_key else None
        name = self.declared.name_of(action, plan.payload) if self.declared else None
        return key, (*scope, name) if name else None

    def _gate(self, action: ActionView, plan: Plan, at: datetime, keys: tuple[Any, Any]) -> Outcome:
        rule = plan.rule.name if plan.rule else ""
        if plan.failed:
            return Outcome("Failed", "failed", plan.failed.rule, plan.payload, plan.failed.message)
        if plan.verdict in _REFUSED:
            return Outcome("Suppressed", plan.verdict, rule, plan.payload)
        return (
            self._muted(action, plan, at)
            or self._held_already(keys)
            or self._duplicate(plan, at, keys)
            or self._throttled(action, plan, at)
            or self._accept(action, plan, at, keys)
        )

    def _muted(self, action: ActionView, plan: Plan, at: datetime) -> Outcome | None:
        muting = muting_of(plan, action, self.rules.intervals, (), at=at, rule_time=at)
        if muting is None:
            return None
        scope = (action.namespace, action.tenant, action.action_type)
        claimed = bool(self.declared and self.declared.judge(action))
        order, chain = "of these files" if claimed else "", self.starts_chain(action)
        if protection(self.rules.mutables, *scope, order=order, chain=chain):
            return None
        return Outcome("Muted", plan.verdict, muting.rule, plan.payload, muting.interval)

    def _held_already(self, keys: tuple[Any, Any]) -> Outcome | None:
        same = (hold for hold in self._holds if _share(hold.keys, keys))
        return next((replace(hold.outcome, note="it waits already") for hold in same), None)

    def _duplicate(self, plan: Plan, at: datetime, keys: tuple[Any, Any]) -> Outcome | None:
        key, order = keys
        dedup = _dedup_of(plan)
        until, _ = self._keys.get(key, (at, ""))
        if dedup and key in self._keys and (until is None or at < until):
            return Outcome("Deduplicated", "deduplicate", dedup.name, plan.payload, "dedup_key")
        if order and order in self._orders:
            return Outcome("Deduplicated", "deduplicate", "", plan.payload, "living_order")
        return None

    def _throttled(self, action: ActionView, plan: Plan, at: datetime) -> Outcome | None:
        now = micros(at)
        for rule, limit in _throttles(plan):
            slots = self._slots.get(_counted(action, rule), [])
            slot = next_slot(slots, now, limit.max_count, limit.window_seconds)
            if slot > now:
                note = f"retry after {(slot - now) / 1e6:g} s"
                return Outcome("Throttled", "throttle", rule.name, plan.payload, note)
        return None

    def _accept(self, action: ActionView, plan: Plan, at: datetime, keys: tuple[Any, Any]) -> Outcome:
        for rule, limit in _throttles(plan):
            counted, now = _counted(action, rule), micros(at)
            slots = self._slots.get(counted, [])
            self._slots[counted] = slots_after(slots, now, now, limit.window_seconds)
        if keys[1]:
            self._orders.add(keys[1])
        marks = self._counters.count(action, at)
        if plan.rule and plan.verdict in _HELD:
            return self._hold(action, plan, plan.rule, at, keys, (), marks)
        self._remember(plan, at, keys[0])
        decided = plan.rule.name if plan.rule else ""
        return Outcome(_EXECUTED[plan.verdict], plan.verdict, decided, plan.payload)

    def _remember(self, plan: Plan, at: datetime, key: Any) -> None:
        dedup = _dedup_of(plan)
        if key is not None and dedup and isinstance(dedup.action, Deduplicate):
            self._keys[key] = at + timedelta(seconds=dedup.action.ttl_seconds), dedup.name

    def _hold(
        self,
        action: ActionView,
        plan: Plan,
        rule: Rule,
        at: datetime,
        keys: tuple[Any, Any],
        cleared: tuple[Cleared, ...],
        marks: Marks,
    ) -> Outcome:
        outcome = Outcome(_HELD[plan.verdict], plan.verdict, rule.name, plan.payload)
        seconds = rule.action.delay_seconds if isinstance(rule.action, Schedule) else 0
        if isinstance(rule.action, RequestApproval):
            seconds = rule.action.timeout_seconds
        own = [*cleared, Cleared(rule.name, rule.action.type)]
        due = at + timedelta(seconds=seconds)
        self._holds.append(_Hold(action, outcome, rule, due, own, plan, keys, marks))
        return outcome

    def _release_until(self, at: datetime) -> None:
        """What was scheduled goes on when it is due; an approval that nobody gave expires."""
        while due := sorted((hold for hold in self._holds if hold.due <= at), key=lambda hold: hold.due):
            hold = due[0]
            self._holds.remove(hold)
            if isinstance(hold.rule.action, Schedule):
                self._go_on(hold)
            else:
                self._orders.discard(hold.keys[1])

    def _go_on(self, hold: _Hold) -> None:
        counts = self._counters.found(hold.action, hold.due, hold.marks)
        plan = self._decide(hold.action, hold.due, hold.cleared, counts)
        if plan.failed or plan.verdict in _REFUSED:
            self._orders.discard(hold.keys[1])
        elif plan.rule and plan.verdict in _HELD:
            self._hold(hold.action, plan, plan.rule, hold.due, hold.keys, tuple(hold.cleared), hold.marks)
        else:
            self._remember(plan, hold.due, hold.keys[0])


def _share(ones: tuple[Any, Any], others: tuple[Any, Any]) -> bool:
    return any(one is not None and one == other for one, other in zip(ones, others, strict=True))


def _dedup_of(plan: Plan) -> Rule | None:
    return next((rule for rule in plan.gates if isinstance(rule.action, Deduplicate)), None)


def _throttles(plan: Plan) -> list[tuple[Rule, Throttle]]:
    return [(rule, rule.action) for rule in plan.gates if isinstance(rule.action, Throttle)]


def _counted(action: ActionView, rule: Rule) -> tuple[str, ...]:
    return action.namespace, action.tenant, rule.name, action.action_type
