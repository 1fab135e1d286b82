"""Tests of rules and what they are run against, read from files; or against the rules of the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from acteon_site.config_files.checking import check_entries
from acteon_site.config_files.kind import World
from acteon_site.config_files.problems import FileProblem, distinct
from acteon_site.config_files.reading import Reading, read_paths
from rules_app.config_kinds.checks import counters_declared, muting_declared, stored_world
from rules_app.config_kinds.lists import ENTRIES
from rules_app.engine import ActionView, RuleSet, parse_rule
from rules_app.engine.named_lists import ALL, EXACT, Content, Identity, Lists, lists_named
from rules_app.engine.suggest import unknown
from rules_app.lists.memory import current_lists
from rules_app.lists.texts import parse_entry
from rules_app.references import declared_by
from rules_app.testing import Case, Report, parse_cases, run_cases
from rules_app.testing.lists import held

SECTION = "rule_tests"


@dataclass(frozen=True, slots=True)
class Tested:
    """The report, or the problems for which nothing was run. `places`: file and line of each case by its name."""

    report: Report | None
    problems: list[FileProblem]
    places: Mapping[str, tuple[str, int]]


def run_tests(paths: Sequence[Path], *, live: bool) -> Tested:
    """Run the tests in these files and folders against the rules beside them, or (`live`) those of the database."""
    reading = read_paths(paths)
    cases, places, problems = _cases(reading)
    world: World
    if live:
        world = stored_world(("rules", "settings", "counters", "lifecycles", "time_intervals", "chains"))
        lists = current_lists()
    else:
        checked = check_entries(reading.entries)
        problems = [*reading.problems, *checked.problems, *problems]
        world = {
            section: {identity: valid.spec for identity, valid in entries.items()}
            for section, entries in checked.entries.items()
        }
        lists = _lists_of(world)
    problems = distinct(problems) or _lacking(cases, world, paths, live=live)
    problems = problems or _unknown_counters(cases, world, places)
    if problems:
        return Tested(None, problems, places)
    declared = declared_by(world["lifecycles"].values())
    rules = _rule_set(world).with_lists(lists)
    return Tested(run_cases(rules, cases, declared, _triggers(world)), [], places)


def _cases(reading: Reading) -> tuple[list[Case], dict[str, tuple[str, int]], list[FileProblem]]:
    cases: list[Case] = []
    places: dict[str, tuple[str, int]] = {}
    problems: list[FileProblem] = []
    for entry in reading.others:
        if entry.section != SECTION:
            continue
        found, wrong = parse_cases(entry.spec)
        problems += [entry.locate(one, kind="rule tests", name="") for one in wrong]
        for case in found:
            index = int(case.place.partition("[")[2].rstrip("]"))
            line = entry.document.line((*entry.at, "tests", index))
            if case.name in places:
                first = "{}:{}".format(*places[case.name])
                message = f"stands twice (first at {first})"
                problems.append(
                    FileProblem("name", message, entry.document.file, line, "rule test", case.name)
                )
            else:
                places[case.name] = (entry.document.file, line)
                cases.append(case)
    return cases, places, problems


def _lacking(cases: Sequence[Case], world: World, paths: Sequence[Path], *, live: bool) -> list[FileProblem]:
    shown = ", ".join(map(str, paths))
    if not cases:
        return [FileProblem("", f"holds no tests; they stand under {SECTION}:", shown)]
    if cases and not live and (unstated := list(_unstated(cases, world))):
        return unstated
    if not world["rules"]:
        return [FileProblem("", "holds no rules to test; --live tests those of the database", shown)]
    return []


def _lists_of(world: World) -> Lists:
    """What the files say that lists hold; of one that people fill, nothing is known, and tests state what they need."""
    found: dict[Identity, Content] = {}
    for spec in world["lists"].values():
        entries = [entry for one in spec.get(ENTRIES, ()) if (entry := parse_entry(one)[0])]
        place = (spec["name"], spec.get("namespace", ALL), spec.get("tenant", ALL))
        found[place] = held(((one.value, one.expires_at) for one in entries), spec.get("matching", EXACT))
    return Lists(found)


def _unstated(cases: Sequence[Case], world: World) -> Iterator[FileProblem]:
    """Lists that rules name and neither the files hold nor every test states."""
    known = {identity[0] for identity in world["lists"]}
    for (rule,), spec in world["rules"].items():
        for place, name in lists_named(spec["condition"]):
            if name not in known and any(name not in case.lists for case in cases):
                message = f"names the list '{name}', which the files do not hold; let the tests state it under lists"
                yield FileProblem(place, message, kind="rule", name=rule)


def _unknown_counters(
    cases: Sequence[Case], world: World, places: Mapping[str, tuple[str, int]]
) -> list[FileProblem]:
    """What tests say of counters that nobody declares."""
    known = {name for (name,) in world["counters"]}
    return [
        FileProblem(
            f"counters.{name}", unknown("counter", name, known), *places[case.name], "rule test", case.name
        )
        for case in cases
        for name in dict.fromkeys(name for step in case.steps for name in step.counters)
        if name not in known
    ]


def _rule_set(world: World) -> RuleSet:
    rules = tuple(rule for spec in world["rules"].values() if (rule := parse_rule(spec)[0]))
    zone = next((spec.get("default_timezone") for spec in world["settings"].values()), None)
    zone = zone or settings.DEFAULT_RULE_TIMEZONE
    beside = muting_declared(world)
    return RuleSet(0, rules, zone, tuple(counters_declared(world, zone)), **beside)


def _triggers(world: World) -> Callable[[ActionView], str]:
    """Which chain's trigger claims an action, as far as it is known here: chains are of another app."""
    triggers = [(str(spec.get("name")), spec.get("trigger")) for spec in world.get("chains", {}).values()]

    def starts(action: ActionView) -> str:
        own = (action.action_type, action.namespace, action.tenant)
        for name, trigger in triggers:
            if isinstance(trigger, Mapping):
                asked = (trigger.get(key, ALL) for key in ("action_type", "namespace", "tenant"))
                if all(one in (ALL, mine) for one, mine in zip(asked, own, strict=True)):
                    return name
        return ""

    return starts
