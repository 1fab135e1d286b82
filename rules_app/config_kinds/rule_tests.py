"""Tests of rules and what they are run against, read from files; or against the rules of the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from acteon_site.config_files.checking import check_entries
from acteon_site.config_files.kind import World
from acteon_site.config_files.problems import FileProblem, distinct
from acteon_site.config_files.reading import Reading, read_paths
from rules_app.config_kinds.checks import stored_world
from rules_app.engine import RuleSet, parse_rule
from rules_app.references import declared_by
from rules_app.testing import Case, Report, parse_cases, run_cases

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
        world = stored_world(("rules", "settings", "lifecycles"))
    else:
        checked = check_entries(reading.entries)
        problems = [*reading.problems, *checked.problems, *problems]
        world = {
            section: {identity: valid.spec for identity, valid in entries.items()}
            for section, entries in checked.entries.items()
        }
    problems = distinct(problems) or _lacking(cases, world, paths)
    if problems:
        return Tested(None, problems, places)
    declared = declared_by(world["lifecycles"].values())
    return Tested(run_cases(_rule_set(world), cases, declared), [], places)


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


def _lacking(cases: Sequence[Case], world: World, paths: Sequence[Path]) -> list[FileProblem]:
    shown = ", ".join(map(str, paths))
    if not cases:
        return [FileProblem("", f"holds no tests; they stand under {SECTION}:", shown)]
    if not world["rules"]:
        return [FileProblem("", "holds no rules to test; --live tests those of the database", shown)]
    return []


def _rule_set(world: World) -> RuleSet:
    rules = tuple(rule for spec in world["rules"].values() if (rule := parse_rule(spec)[0]))
    zone = next((spec.get("default_timezone") for spec in world["settings"].values()), None)
    return RuleSet(0, rules, zone or settings.DEFAULT_RULE_TIMEZONE)
