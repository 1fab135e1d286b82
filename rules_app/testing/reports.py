"""How a run of tests is told: rows of tables for people, JUnit for pipelines, JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree.ElementTree import Element, SubElement

from rules_app.checking.reports import xml_text
from rules_app.testing.coverage import RuleCoverage
from rules_app.testing.run import Report, Result

Places = Mapping[str, tuple[str, int]]
TEST_COLUMNS = ("", "test", "came to", "differs")
COVERAGE_COLUMNS = ("rule", "matched", "branches", "not seen")
_MOST_MISSING = 3


def test_rows(report: Report) -> Iterator[tuple[str, ...]]:
    for result in report.results:
        mark = "failed" if result.failures else "ok"
        yield mark, result.case.name, came_to(result), "\n".join(result.failures)


def came_to(result: Result) -> str:
    """`10 Executed, Throttled`, with the rule of a single outcome."""
    tags = [outcome.tag for outcome in result.outcomes]
    if len(tags) == 1:
        rule = result.outcomes[0].rule
        return f"{tags[0]} ({rule})" if rule else tags[0]
    runs: list[list[Any]] = []
    for tag in tags:
        if runs and runs[-1][0] == tag:
            runs[-1][1] += 1
        else:
            runs.append([tag, 1])
    return ", ".join(f"{count} {tag}" if count > 1 else tag for tag, count in runs)


def coverage_rows(report: Report) -> Iterator[tuple[str, ...]]:
    for one in report.coverage.rules.values():
        missing = list(one.missing())
        more = f"; {len(missing) - _MOST_MISSING} more" if len(missing) > _MOST_MISSING else ""
        shown = "; ".join(missing[:_MOST_MISSING]) + more
        yield one.rule, str(one.matched or "never"), f"{one.taken}/{one.possible}", shown


def summary(report: Report) -> str:
    taken, possible = report.coverage.branches
    rules = report.coverage.rules
    passed = len(report.results) - report.failed
    return (
        f"{passed} passed, {report.failed} failed; {report.coverage.matched} of {len(rules)} rules matched, "
        f"{taken} of {possible} branches seen ({report.coverage.percent:.0f} %)"
    )


def as_json(report: Report, places: Places) -> dict[str, Any]:
    return {
        "passed": len(report.results) - report.failed,
        "failed": report.failed,
        "tests": [_json_result(result, places) for result in report.results],
        "coverage": {
            "percent": round(report.coverage.percent, 1),
            "rules": [_json_rule(one) for one in report.coverage.rules.values()],
        },
    }


def _json_result(result: Result, places: Places) -> dict[str, Any]:
    file, line = places.get(result.case.name, ("", 0))
    outcomes = [{"outcome": one.tag, "verdict": one.verdict, "rule": one.rule} for one in result.outcomes]
    found = {"name": result.case.name, "file": file, "line": line, "outcomes": outcomes}
    return found | {"failures": list(result.failures)}


def _json_rule(one: RuleCoverage) -> dict[str, Any]:
    counts = {"rule": one.rule, "matched": one.matched, "branches": one.possible, "seen": one.taken}
    return counts | {"missing": list(one.missing())}


def as_junit(report: Report, places: Places) -> str:
    suite = Element(
        "testsuite", name="test_rules", tests=str(len(report.results)), failures=str(report.failed)
    )
    for result in report.results:
        file, line = places.get(result.case.name, ("", 0))
        case = SubElement(
            suite, "testcase", name=result.case.name, classname="rules", file=file, line=str(line)
        )
        if result.failures:
            SubElement(case, "failure", message=result.failures[0]).text = "\n".join(result.failures)
    SubElement(suite, "system-out").text = summary(report)
    return xml_text(suite)
