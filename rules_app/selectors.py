"""Reads: the rule set in force, and what publishing and the pages show."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import structlog
from django.conf import settings
from django.utils import timezone

from acteon_site.base import config_versions
from acteon_site.base.errors import FieldProblem, invalid, unavailable
from rules_app.checking.counters import counter_problems
from rules_app.counting_since import SINCE, with_counters
from rules_app.engine import Rule as EngineRule
from rules_app.engine import RuleSet, duplicate_problems, parse_rule, timezone_problem
from rules_app.engine.counting import Counter, parse_counter
from rules_app.engine.counting.declared import MAX_COUNTERS
from rules_app.engine.intervals import Intervals, parse_interval
from rules_app.engine.muting_terms import intervals_not_there, mutables_of, mutables_problem
from rules_app.engine.named_lists import Identity
from rules_app.lists.memory import current_lists, with_current_lists
from rules_app.models import Rule, RuleCounter, RuleSettings, RuleSetVersion, TimeInterval
from rules_app.specs import Spec, counter_spec, interval_spec, rule_spec

log = structlog.get_logger()
INTERVALS, MUTING = "time_intervals", "muting"
# How many versions back a process looks for one that it can read.
LOOK_BACK = 10


def current_rules() -> RuleSet:
    """The newest published rule set, refreshed within half a second of a change.

    Raises 503 where none was ever published. One that does not load leaves the one before it in force.
    """
    global _asking
    rules = _rules.get()
    if not rules.names_lists:
        return rules
    held = _asking
    if held is None or held[0] is not rules or held[1].lists is not current_lists():
        held = _asking = (rules, with_current_lists(rules))
    return held[1]


def _load() -> RuleSet:
    for version in RuleSetVersion.objects.order_by("-number")[:LOOK_BACK]:
        rule_set, problems = build_rule_set(version.content, version.number)
        if rule_set:
            return rule_set
        first = problems[0]
        log.error("rule_set_unreadable", version=version.number, field=first.field, problem=first.message)
    raise unavailable("no rule set has been loaded yet, so nothing can be decided")


_rules = config_versions.ConfigCache(config_versions.RULES, _load)
# The newest rules as published, and the same with the newest lists.
_asking: tuple[RuleSet, RuleSet] | None = None


def build_rule_set(content: dict[str, Any], number: int) -> tuple[RuleSet | None, list[FieldProblem]]:
    """The rule set of a version's content, or None and what is wrong with it."""
    zone = content["default_timezone"]
    problem = timezone_problem(zone)
    problems = [FieldProblem("default_timezone", problem)] if problem else []
    rules, found = parse_rules(content["rules"])
    counters, wrong = parse_counters(content.get("counters", ()), "UTC" if problem else zone)
    intervals, misread = parse_intervals(content.get(INTERVALS, ()))
    mutables = content.get(MUTING, [])
    problem = mutables_problem(mutables)
    problems += [FieldProblem(MUTING, problem)] if problem else []
    problems += found + wrong + misread + undeclared_counters(rules, counters)
    problems += intervals_missing(content["rules"], {one.identity for one in intervals})
    if problems:
        return None, problems
    muting = mutables_of(mutables)
    return RuleSet(number, tuple(rules), zone, tuple(counters), intervals=intervals, mutables=muting), []


def rules_of_content(content: dict[str, Any], number: int = 0) -> RuleSet:
    """The rule set of a version's content. Raises 422 naming every problem where this release does not read it."""
    rule_set, problems = build_rule_set(content, number)
    if rule_set is None:
        raise invalid(f"the rules do not load: {problems[0].field} {problems[0].message}", problems)
    return with_current_lists(rule_set)


def parse_rules(specs: Iterable[Spec]) -> tuple[list[EngineRule], list[FieldProblem]]:
    """Every rule that parses, and every problem, its field prefixed with the rule's name."""
    rules: list[EngineRule] = []
    problems: list[FieldProblem] = []
    for spec in specs:
        rule, found = parse_rule(spec)
        problems += [FieldProblem(f"rules[{spec.get('name')}].{one.field}", one.message) for one in found]
        if rule:
            rules.append(rule)
    return rules, problems + duplicate_problems(rule.name for rule in rules)


def parse_counters(specs: Iterable[Spec], zone: str) -> tuple[list[Counter], list[FieldProblem]]:
    """Every counter that parses, as a version's content holds it, and every problem."""
    counters: list[Counter] = []
    problems: list[FieldProblem] = []
    for spec in specs:
        declared = {name: value for name, value in spec.items() if name != SINCE}
        counter, found = parse_counter(declared, zone, spec.get(SINCE, ""))
        problems += [FieldProblem(f"counters[{spec.get('name')}].{one.field}", one.message) for one in found]
        if counter:
            counters.append(counter)
    if len(counters) > MAX_COUNTERS:
        problems.append(
            FieldProblem("counters", f"are {len(counters)}; at most {MAX_COUNTERS} can be declared")
        )
    return counters, problems


def parse_intervals(specs: Iterable[Spec]) -> tuple[Intervals, list[FieldProblem]]:
    """The intervals that parse, and every problem."""
    held, problems = {}, []
    for spec in specs:
        interval, found = parse_interval(spec)
        problems += [
            FieldProblem(f"{INTERVALS}[{spec.get('name')}].{one.field}", one.message) for one in found
        ]
        if interval:
            held[interval.identity] = interval
    return Intervals(held), problems


def intervals_missing(specs: Iterable[Spec], known: Collection[Identity]) -> list[FieldProblem]:
    """Where rules name intervals that are not there for all that they are for."""
    return [
        FieldProblem(f"rules[{spec.get('name')}].{place}", problem)
        for spec in specs
        for place, problem in intervals_not_there(spec, known)
    ]


def known_intervals() -> set[Identity]:
    return set(TimeInterval.objects.values_list("name", "namespace", "tenant"))


def undeclared_counters(rules: Iterable[EngineRule], counters: Iterable[Counter]) -> list[FieldProblem]:
    declared = list(counters)
    return [
        FieldProblem(f"rules[{rule.name}].{one.field}", one.message)
        for rule in rules
        for one in counter_problems(rule, declared)
    ]


def default_timezone() -> str:
    """The zone for rules that name none: as set, else as deployed."""
    chosen = RuleSettings.objects.filter(pk=1).values_list("default_timezone", flat=True).first()
    return chosen or settings.DEFAULT_RULE_TIMEZONE


def enabled_content() -> dict[str, Any]:
    """What a version published now would hold."""
    rows = Rule.objects.filter(enabled=True).order_by("priority", "name")
    content = {"default_timezone": default_timezone(), "rules": [rule_spec(rule) for rule in rows]}
    counters = [counter_spec(row) for row in RuleCounter.objects.order_by("name")]
    counted = with_counters(content, counters, disabled_content(), newest_content(), timezone.now())
    return {**counted, **muting_content()}


def muting_content() -> dict[str, Any]:
    """What a version says of muting; nothing where there is nothing to say."""
    intervals = [interval_spec(row) for row in TimeInterval.objects.order_by("name", "namespace", "tenant")]
    mutables = RuleSettings.objects.filter(pk=1).values_list("muting", flat=True).first()
    said = {INTERVALS: intervals, MUTING: mutables}
    return {name: value for name, value in said.items() if value}


def newest_content() -> dict[str, Any]:
    """What the newest version holds; nothing where there is none."""
    found = RuleSetVersion.objects.order_by("-number").values_list("content", flat=True).first()
    return found or {}


def disabled_content() -> list[Spec]:
    """The rules that are switched off, in the same shape."""
    return [rule_spec(rule) for rule in Rule.objects.filter(enabled=False).order_by("priority", "name")]


def previous_version(version: RuleSetVersion) -> RuleSetVersion | None:
    return RuleSetVersion.objects.filter(number__lt=version.number).order_by("-number").first()
