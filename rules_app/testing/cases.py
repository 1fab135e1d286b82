"""Test cases as files write them, read strictly: every problem has its place, and what was probably meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from acteon_site.base.clock_text import parse_time
from acteon_site.base.errors import FieldProblem
from acteon_site.base.names import name_problem
from rules_app.engine.facts import CALLER, FACTS, ORDER, facts_below
from rules_app.engine.fields import TEXT_FIELDS
from rules_app.engine.merge_patch import merge_patch
from rules_app.engine.scope import ActionView, kind_of
from rules_app.engine.suggest import unknown

OUTCOMES = (
    *("Executed", "Deduplicated", "Suppressed", "Rerouted", "Throttled"),
    *("PendingApproval", "Scheduled", "ChainStarted", "Grouped", "Failed", "Invalid", "Muted"),
)
VERDICTS = (
    *("allow", "deny", "suppress", "reroute", "request_approval", "schedule", "chain", "group"),
    *("deduplicate", "throttle", "failed", "invalid"),
)
SECTION = ("defaults", "lists", "tests")
CASE = ("name", "at", "lists", "action", "counters", "facts", "expect", "steps")
STEP = ("after", "at", "repeat", "every", "action", "counters", "facts", "expect")
EXPECT = ("outcome", "verdict", "rule", "shadow", "payload")
ACTION = (*TEXT_FIELDS, "payload", "metadata")
REQUIRED = ("namespace", "tenant", "provider", "action_type", "payload")
MOST_REPEATS = 10_000
_ANY: Any = object()
Problems = list[FieldProblem]


@dataclass(frozen=True, slots=True)
class Expected:
    """What must come of an action. What is None was not asked; `rule` "" means that no rule decides.

    `shadow`: the rules in shadow that would have done something, in any order.
    """

    outcome: str | None = None
    verdict: str | None = None
    rule: str | None = None
    payload: Mapping[str, Any] | None = None
    shadow: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One action at its moment. `has_key`: it brings an id or a dedup_key, so that it can be known again.

    `counters`: what these say to it, whatever was counted; `facts`: what is known of its order, by
    the paths of `order.*`.
    """

    action: ActionView
    at: datetime
    expected: Expected
    has_key: bool
    counters: Mapping[str, int] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    steps: tuple[Step, ...]
    place: str  # in the section, for messages: tests[3]
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # what it states of named lists


def parse_cases(section: Any) -> tuple[list[Case], Problems]:
    """The cases of one `rule_tests` section, and everything that is wrong with it (fields below the section)."""
    reader = _Reader()
    cases = list(reader.cases(section)) if reader.is_object(section, "", SECTION) else []
    return cases, reader.problems


class _Reader:
    def __init__(self) -> None:
        self.problems: Problems = []

    def refuse(self, place: str, message: str) -> None:
        self.problems.append(FieldProblem(place, message))

    def is_object(self, value: Any, place: str, known: Sequence[str]) -> bool:
        if not isinstance(value, Mapping):
            self.refuse(place, f"must be an object with {', '.join(known)}; this is {kind_of(value)}")
            return False
        for key in value:
            if key not in known:
                self.refuse(f"{place}.{key}".lstrip("."), unknown("key", key, known))
        return True

    def cases(self, section: Mapping[str, Any]) -> Iterator[Case]:
        defaults = section.get("defaults", {})
        tests = section.get("tests")
        if not self.is_object(defaults, "defaults", ACTION):
            return
        shared = self.lists(section, "")
        if not isinstance(tests, list) or not tests:
            self.refuse("tests", "must be a list with at least one test")
            return
        names: set[str] = set()
        for index, spec in enumerate(tests):
            case = self.case(spec, defaults, shared, f"tests[{index}]")
            if case and case.name in names:
                self.refuse(f"tests[{index}].name", f"stands twice: '{case.name}'")
            elif case:
                names.add(case.name)
                yield case

    def lists(self, spec: Mapping[str, Any], place: str) -> dict[str, tuple[str, ...]]:
        """What is on named lists, by their names."""
        stated, at = spec.get("lists", {}), f"{place}.lists".lstrip(".")
        if not isinstance(stated, Mapping):
            self.refuse(at, f"must be an object of lists by their names; this is {kind_of(stated)}")
            return {}
        for name, values in stated.items():
            if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
                self.refuse(f"{at}.{name}", "must be a list of texts, all that the list holds in the test")
        return {} if self.problems else {str(name): tuple(values) for name, values in stated.items()}

    def case(
        self,
        spec: Any,
        defaults: Mapping[str, Any],
        shared: Mapping[str, tuple[str, ...]],
        place: str,
    ) -> Case | None:
        if not self.is_object(spec, place, CASE):
            return None
        before = len(self.problems)
        name, at = self.name(spec, place), self.moment(spec.get("at"), f"{place}.at")
        base = self.merged(defaults, spec.get("action", {}), f"{place}.action")
        lists = {**shared, **self.lists(spec, place)}
        if ("steps" in spec) == ("expect" in spec):
            self.refuse(place, "needs either expect, or steps that each have one")
        alone = {key: spec[key] for key in ("counters", "facts", "expect") if key in spec}
        for key in ("counters", "facts"):
            if "steps" in spec and key in spec:
                self.refuse(f"{place}.{key}", "stands beside steps; write it into those that it is for")
        steps = spec.get("steps", [alone])
        if not isinstance(steps, list) or not steps:
            self.refuse(f"{place}.steps", "must be a list with at least one step")
        if len(self.problems) > before or at is None:
            return None
        found = tuple(self.steps(steps, base, at, place, nested="steps" in spec))
        return Case(name, found, place, lists) if len(self.problems) == before else None

    def name(self, spec: Mapping[str, Any], place: str) -> str:
        name = spec.get("name")
        if isinstance(name, str) and name.strip():
            return name
        self.refuse(f"{place}.name", "is needed: a sentence that says what must hold")
        return ""

    def moment(self, value: Any, place: str) -> datetime | None:
        at = parse_time(value)
        if at is None:
            self.refuse(
                place, "must be an RFC 3339 time with offset in quotes, like '2026-03-10T11:00:00-04:00'"
            )
        return at

    def merged(self, base: Mapping[str, Any], changes: Any, place: str) -> Mapping[str, Any]:
        """The action with what this place says over it, as a merge patch."""
        if not self.is_object(changes, place, ACTION):
            return base
        merged: Mapping[str, Any] = merge_patch(base, changes)
        return merged

    def steps(
        self, specs: Sequence[Any], base: Mapping[str, Any], at: datetime, place: str, *, nested: bool
    ) -> Iterator[Step]:
        number = 0
        for index, spec in enumerate(specs):
            here = f"{place}.steps[{index}]" if nested else place
            if nested and not self.is_object(spec, here, STEP):
                continue
            at = self.step_begin(spec, at, here)
            repeat = self.number(spec, "repeat", 1, 1, MOST_REPEATS, here)
            every = self.number(spec, "every", 0, 0, 10**9, here)
            given = self.merged(base, spec.get("action", {}), f"{here}.action")
            expected = self.expected(spec.get("expect"), f"{here}.expect")
            counters = self.counters(spec.get("counters", {}), f"{here}.counters")
            facts = self.facts(spec.get("facts", {}), f"{here}.facts")
            for turn in range(int(repeat)):
                number += 1
                at += timedelta(seconds=every if turn else 0)
                view = self.view(_filled(given, number), here if nested else f"{place}.action")
                if view is None or expected is None:
                    break
                has_key = bool(given.get("id") or given.get("dedup_key"))
                known = replace(view, caller=facts_below(CALLER, facts))
                yield Step(known, at, expected, has_key, counters, facts_below(ORDER, facts))

    def counters(self, value: Any, place: str) -> Mapping[str, int]:
        if not isinstance(value, Mapping):
            self.refuse(place, f"must be an object of counters and what they say, not {kind_of(value)}")
            return {}
        for name, number in value.items():
            if type(number) is not int or number < 0:
                self.refuse(f"{place}.{name}", "must be a whole number from 0 on")
        return value

    def facts(self, value: Any, place: str) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            self.refuse(place, f"must be an object of fields and what they hold, not {kind_of(value)}")
            return {}
        for path, held in value.items():
            fact = FACTS.get(path)
            problem = fact.problem(held) if fact else unknown("field", path, tuple(FACTS))
            if problem:
                self.refuse(f"{place}.{path}", problem)
        return value

    def step_begin(self, spec: Mapping[str, Any], at: datetime, place: str) -> datetime:
        if "at" in spec and "after" in spec:
            self.refuse(f"{place}.after", "stands beside at; one of them is enough")
        begin = self.moment(spec["at"], f"{place}.at") if "at" in spec else at
        moved = (begin or at) + timedelta(seconds=self.number(spec, "after", 0, 0, 10**9, place))
        if moved < at:
            self.refuse(f"{place}.at", "lies before the step above")
        return moved

    def number(
        self, spec: Mapping[str, Any], key: str, default: float, low: float, high: float, place: str
    ) -> float:
        value = spec.get(key, default)
        whole = key == "repeat"
        right = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
        if right and low <= value <= high:
            return float(value)
        self.refuse(f"{place}.{key}", f"must be a {'whole ' if whole else ''}number from {low:g} to {high:g}")
        return default

    def expected(self, spec: Any, place: str) -> Expected | None:
        if isinstance(spec, str):
            spec = {"outcome": spec}
        before = len(self.problems)
        if not self.is_object(spec, place, EXPECT):
            return None
        if not spec:
            self.refuse(place, "asks for nothing; name an outcome, for example Executed")
        self.word(spec, "outcome", OUTCOMES, place)
        self.word(spec, "verdict", VERDICTS, place)
        if not isinstance(spec.get("rule"), str | None):
            self.refuse(f"{place}.rule", "must be the name of a rule, or null where none decides")
        shadow = self.shadow(spec, place)
        if not isinstance(spec.get("payload", {}), Mapping):
            self.refuse(f"{place}.payload", "must be an object of payload fields")
        if len(self.problems) > before:
            return None
        rule = (spec["rule"] or "") if "rule" in spec else None
        return Expected(spec.get("outcome"), spec.get("verdict"), rule, spec.get("payload"), shadow)

    def shadow(self, spec: Mapping[str, Any], place: str) -> tuple[str, ...] | None:
        if "shadow" not in spec:
            return None
        names = spec["shadow"] if isinstance(spec["shadow"], list) else [spec["shadow"]]
        if not all(isinstance(name, str) for name in names):
            self.refuse(f"{place}.shadow", "must be the name of a rule in shadow, or a list of names")
            return None
        return tuple(names)

    def word(self, spec: Mapping[str, Any], key: str, known: Sequence[str], place: str) -> None:
        if key in spec and spec[key] not in known:
            self.refuse(f"{place}.{key}", unknown(key, spec[key], known, {one.lower(): one for one in known}))

    def view(self, action: Mapping[str, Any], place: str) -> ActionView | None:
        before = len(self.problems)
        for name in REQUIRED:
            if name not in action:
                self.refuse(place, f"the action has no {name}, neither here nor in the defaults")
        for name, value in action.items():
            if name in ("payload", "metadata"):
                if not isinstance(value, Mapping):
                    self.refuse(f"{place}.{name}", f"must be an object, not {kind_of(value)}")
            elif problem := name_problem(value):
                self.refuse(f"{place}.{name}", problem)
        if len(self.problems) > before:
            return None
        return ActionView(**{**action, "payload": dict(action["payload"])})


def _filled(value: Any, number: int) -> Any:
    """With {n} in every text as the number of the action in its test."""
    if isinstance(value, str):
        return value.replace("{n}", str(number))
    if isinstance(value, Mapping):
        return {key: _filled(inner, number) for key, inner in value.items()}
    return [_filled(inner, number) for inner in value] if isinstance(value, list) else value
