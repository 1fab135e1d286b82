"""A rule as it decides, parsed and checked, and the ordered set that is in force."""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from acteon_site.base.errors import FieldProblem
from acteon_site.base.names import SHORT_LENGTH, name_problem
from rules_app.engine import effect
from rules_app.engine.actions.base import Gate, RuleAction
from rules_app.engine.actions.parse import parse_action
from rules_app.engine.concerned import ConcernedRules
from rules_app.engine.conditions import Condition, parse_condition
from rules_app.engine.counting.declared import Counter
from rules_app.engine.effect import Effect, effect_of
from rules_app.engine.facts import CALLER, ORDER
from rules_app.engine.fields import COUNTER
from rules_app.engine.intervals.model import NO_INTERVALS, Intervals
from rules_app.engine.muting_terms import NO_MUTABLES, NO_NAMES, Mutables, names_of, naming_problems
from rules_app.engine.named_lists import NO_LISTS, Lists, lists_named
from rules_app.engine.rollout import Rollout, parse_rollout
from rules_app.engine.scope import ActionView, kind_of
from rules_app.engine.suggest import unknown
from rules_app.engine.times import timezone_problem, zone_of
from rules_app.engine.values import country_hint, text_problem

MAX_DESCRIPTION = 2_000
PRIORITY_LIMIT = 2**31 - 1
DEFAULT_PRIORITY = 100
# A suppress that tests nothing but these is a catch-all: it says where an action goes, not what it is.
SCOPE_FIELDS = frozenset(("action.namespace", "action.tenant", "action.provider"))
# In the order in which they are exported.
KEYS = (
    "name",
    "priority",
    "enabled",
    "description",
    "namespace",
    "tenant",
    "timezone",
    "effective_from",
    "effective_until",
    "only_unmatched",
    "mute_time_intervals",
    "active_time_intervals",
    "shadow",
    "rollout",
    "condition",
    "action",
)
REQUIRED = ("name", "condition", "action")


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One checked rule. `zone` is None where the set's default zone applies; `*` means every scope.

    `claims`: a match takes the action out of reach of the catch-alls below (gates that name the action type).
    `effect`: when it is asked, None for always; `lists`, `counters`: the names of those that its condition asks.
    `asks_caller`, `asks_order`: its condition asks who sent it, and of the order that a refund is about.
    `shadow`: it is only noted what it would have done. `rollout`: it is for a share of orders alone.
    `mute_time_intervals`, `active_time_intervals`: names of intervals in which, or outside of which, what it lets
    through is not sent.
    """

    name: str
    condition: Condition
    action: RuleAction
    priority: int = DEFAULT_PRIORITY
    enabled: bool = True
    description: str = ""
    namespace: str = "*"
    tenant: str = "*"
    timezone: str = ""
    zone: ZoneInfo | None = None
    only_unmatched: bool = False
    claims: bool = False
    effect: Effect | None = None
    lists: frozenset[str] = frozenset()
    counters: frozenset[str] = frozenset()
    asks_caller: bool = False
    asks_order: bool = False
    shadow: bool = False
    rollout: Rollout | None = None
    mute_time_intervals: tuple[str, ...] = NO_NAMES
    active_time_intervals: tuple[str, ...] = NO_NAMES

    @property
    def sure(self) -> bool:
        """Whether it does what it says to all that it matches: not in shadow, for no mere share, at any time."""
        return not self.shadow and (self.rollout is None or self.rollout.whole) and self.effect is None

    def covers(self, action: ActionView) -> bool:
        """Whether the rule speaks about the action's namespace and tenant at all."""
        return (self.namespace == "*" or self.namespace == action.namespace) and (
            self.tenant == "*" or self.tenant == action.tenant
        )

    def action_in_words(self) -> str:
        """What the rule does, as the end of a sentence that begins with its condition."""
        words = self.action.in_words()
        return f"{words} what no rule above has claimed" if self.only_unmatched else words

    @property
    def muting_in_words(self) -> str:
        """When it sends nothing; nothing where it always does."""
        parts = [("in ", self.mute_time_intervals), ("outside of ", self.active_time_intervals)]
        return " and ".join(f"{word}{', '.join(names)}" for word, names in parts if names)

    @property
    def effect_in_words(self) -> str:
        """From when until when, and by which clock; nothing where it is always asked."""
        zone = f" ({self.timezone})" if self.timezone else ""
        return f"{self.effect.in_words}{zone}" if self.effect else ""


@dataclass(frozen=True, slots=True, eq=False)
class RuleSet:
    """Rules in the order in which they are asked, by priority, then name; the lists that they name, and the counters
    and time intervals declared beside them. `mutables`: which kinds of action may be silenced and muted."""

    version: int
    rules: tuple[Rule, ...]
    default_timezone: str = "UTC"
    counters: tuple[Counter, ...] = ()
    lists: Lists = NO_LISTS
    intervals: Intervals = NO_INTERVALS
    mutables: Mutables = NO_MUTABLES
    zone: ZoneInfo = field(init=False, repr=False)
    concerned: ConcernedRules = field(init=False, repr=False)
    names_lists: bool = field(init=False, repr=False)
    asks_callers: bool = field(init=False, repr=False)
    asks_orders: bool = field(init=False, repr=False)

    def __post_init__(self) -> None:
        ordered = tuple(sorted(self.rules, key=lambda rule: (rule.priority, rule.name)))
        object.__setattr__(self, "rules", ordered)
        object.__setattr__(self, "concerned", ConcernedRules(ordered))
        object.__setattr__(self, "zone", ZoneInfo(self.default_timezone))
        object.__setattr__(self, "names_lists", any(rule.lists for rule in ordered))
        object.__setattr__(self, "asks_callers", any(rule.asks_caller for rule in ordered if rule.enabled))
        object.__setattr__(self, "asks_orders", any(rule.asks_order for rule in ordered if rule.enabled))

    def with_lists(self, lists: Lists) -> RuleSet:
        """The same rules, asking these."""
        other = copy(self)
        object.__setattr__(other, "lists", lists)
        return other

    def lists_asked(self, action: ActionView) -> frozenset[str]:
        """The names of the lists that can have a part in the decision about the action."""
        return frozenset().union(*(rule.lists for rule in self.concerned.of(action)))

    def asked(self, action: ActionView, *, cleared: bool = False) -> frozenset[str]:
        """The counters that rules may ask of the action."""
        if not self.counters:
            return frozenset()
        rules = self.rules if cleared else self.concerned.of(action)
        return frozenset().union(*(rule.counters for rule in rules if rule.enabled))


def parse_rule(spec: Mapping[str, Any]) -> tuple[Rule | None, list[FieldProblem]]:
    """The rule that `spec` (the guide's YAML shape) describes, or None and every problem found in it."""
    if not isinstance(spec, Mapping):
        return None, [FieldProblem("rule", f"must be an object, not {kind_of(spec)}")]
    problems = [FieldProblem(str(key), unknown("key", key, KEYS)) for key in spec if key not in KEYS]
    problems += [FieldProblem(name, found) for name, found in _plain_problems(spec)]
    problems += [FieldProblem(key, "is missing") for key in REQUIRED if key not in spec]
    condition = parse_condition(spec["condition"], "condition", problems) if "condition" in spec else None
    action = parse_action(spec["action"], "action", problems) if "action" in spec else None
    problems += _only_unmatched_problems(spec, action)
    problems += naming_problems(spec, action.type if action else "")
    rollout = parse_rollout(spec.get("rollout"), problems)
    problems += [] if problems else _order_problems(spec)
    if problems or condition is None or action is None:
        return None, problems
    return _build(spec, condition, action, rollout), []


def duplicate_problems(names: Iterable[str]) -> list[FieldProblem]:
    """One problem per rule name that stands there more than once."""
    return [
        FieldProblem("name", f"'{name}' stands there {count} times; rule names are unique")
        for name, count in collections.Counter(names).items()
        if count > 1
    ]


def _plain_problems(spec: Mapping[str, Any]) -> list[tuple[str, str]]:
    checks: dict[str, Callable[[Any], str | None]] = {
        "name": _name_problem,
        "priority": _priority_problem,
        "enabled": _flag_problem,
        "description": _description_problem,
        "namespace": _scope_problem,
        "tenant": _scope_problem,
        "timezone": _zone_problem,
        **dict.fromkeys(effect.KEYS, effect.edge_problem),
        "shadow": _flag_problem,
    }
    found = [(key, check(spec[key])) for key, check in checks.items() if key in spec]
    return [(key, problem) for key, problem in found if problem]


def _zone_problem(value: Any) -> str | None:
    return None if value == "" else timezone_problem(value)


def _name_problem(value: Any) -> str | None:
    return name_problem(value, longest=SHORT_LENGTH)


def _priority_problem(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return f"must be a whole number, not {kind_of(value)}"
    return None if abs(value) <= PRIORITY_LIMIT else f"must be from -{PRIORITY_LIMIT} to {PRIORITY_LIMIT}"


def _flag_problem(value: Any) -> str | None:
    return None if isinstance(value, bool) else f"must be true or false, not {kind_of(value)}"


def _description_problem(value: Any) -> str | None:
    if not isinstance(value, str):
        return f"must be text, not {kind_of(value)}"
    return text_problem(value, MAX_DESCRIPTION)


def _scope_problem(value: Any) -> str | None:
    if isinstance(value, bool):
        return f"must be text: {country_hint(value)}"
    return None if value == "*" else name_problem(value, colon_allowed=False)


def _order_problems(spec: Mapping[str, Any]) -> list[FieldProblem]:
    problem = effect.order_problem(spec, zone_of(spec.get("timezone") or ""))
    return [FieldProblem(effect.UNTIL, problem)] if problem else []


def _only_unmatched_problems(spec: Mapping[str, Any], action: RuleAction | None) -> list[FieldProblem]:
    value = spec.get("only_unmatched")
    if value is None:
        return []
    if not isinstance(value, bool):
        return [FieldProblem("only_unmatched", "must be true, false, or left out")]
    if action is not None and action.type != "suppress":
        return [FieldProblem("only_unmatched", f"is for suppress rules, and this one is {action.type}")]
    return []


def _build(
    spec: Mapping[str, Any], condition: Condition, action: RuleAction, rollout: Rollout | None
) -> Rule:
    fields = condition.fields()
    only_unmatched = spec.get("only_unmatched")
    if only_unmatched is None:
        only_unmatched = action.type == "suppress" and fields <= SCOPE_FIELDS
    zone_name = spec.get("timezone", "")
    return Rule(
        name=spec["name"],
        condition=condition,
        action=action,
        priority=spec.get("priority", DEFAULT_PRIORITY),
        enabled=spec.get("enabled", True),
        description=spec.get("description", ""),
        namespace=spec.get("namespace", "*"),
        tenant=spec.get("tenant", "*"),
        timezone=zone_name,
        zone=ZoneInfo(zone_name) if zone_name else None,
        only_unmatched=only_unmatched,
        claims=isinstance(action, Gate) and "action.action_type" in fields,
        effect=effect_of(spec),
        lists=frozenset(name for _, name in lists_named(spec["condition"])),
        counters=frozenset(path.removeprefix(COUNTER) for path in fields if path.startswith(COUNTER)),
        asks_caller=any(path.startswith(f"{CALLER}.") for path in fields),
        asks_order=any(path.startswith(f"{ORDER}.") for path in fields),
        shadow=spec.get("shadow", False),
        rollout=rollout,
        mute_time_intervals=names_of(spec, "mute_time_intervals"),
        active_time_intervals=names_of(spec, "active_time_intervals"),
    )
