"""How findings are told: a table for people, JUnit and SARIF for pipelines, JSON for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from rules_app.checking.finding import Finding, Severity
from rules_app.checking.kinds.registry import MEANINGS

COLUMNS = ("severity", "finding", "rule", "where", "what", "to do")
SARIF = "https://json.schemastore.org/sarif-2.1.0.json"
_SET = "(all rules)"


@dataclass(frozen=True, slots=True)
class Located:
    """A finding, and the file and line on which it stands, where it came from a file."""

    finding: Finding
    file: str = ""
    line: int = 0

    @property
    def where(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return place or self.finding.field

    @property
    def sentence(self) -> str:
        subject = f'Rule "{self.finding.rule}" ' if self.finding.rule else ""
        message = self.finding.message
        stop = "" if message.endswith((".", "?")) else "."
        return f"{subject}{message}{stop} {self.finding.advice}"

    def as_dict(self) -> dict[str, Any]:
        place = {"file": self.file, "line": self.line} if self.file else {}
        return {**self.finding.as_dict(), **place}

    def row(self) -> tuple[str, ...]:
        one = self.finding
        return one.severity.word, one.id, one.rule or _SET, self.where, one.message, one.advice


def as_json(found: Sequence[Located], rules: Sequence[str]) -> dict[str, Any]:
    counts = {one.word: sum(located.finding.severity is one for located in found) for one in Severity}
    return {"rules": len(rules), "counts": counts, "findings": [located.as_dict() for located in found]}


def as_junit(found: Sequence[Located], rules: Sequence[str], fail_on: Severity | None) -> str:
    """One case for each rule and one for the set; what is at or above `fail_on` fails its case."""
    cases: dict[str, list[Located]] = {name: [] for name in (*rules, _SET)}
    for located in found:
        cases.setdefault(located.finding.rule or _SET, []).append(located)
    suite = Element("testsuite", name="check_rules", tests=str(len(cases)))
    for name, findings in cases.items():
        _junit_case(suite, name, findings, fail_on)
    suite.set("failures", str(len(suite.findall("testcase/failure"))))
    return xml_text(suite)


def _junit_case(suite: Element, name: str, found: Sequence[Located], fail_on: Severity | None) -> None:
    case = SubElement(suite, "testcase", name=name, classname="rules")
    failing = [one for one in found if fail_on is not None and one.finding.severity >= fail_on]
    if failing:
        first = failing[0]
        failure = SubElement(case, "failure", type=first.finding.id, message=first.finding.message)
        failure.text = "\n".join(_line(one) for one in failing)
    rest = [_line(one) for one in found if one not in failing]
    if rest:
        SubElement(case, "system-out").text = "\n".join(rest)


def _line(located: Located) -> str:
    place = f"{located.where}: " if located.where else ""
    return f"{place}{located.finding.severity.word} [{located.finding.id}] {located.sentence}"


def xml_text(suite: Element) -> str:
    suites = Element("testsuites")
    suites.append(suite)
    indent(suites)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(suites, encoding="unicode")


def as_sarif(found: Sequence[Located]) -> Mapping[str, Any]:
    """SARIF 2.1.0, which code hosts show beside the lines."""
    kinds = [{"id": name, "shortDescription": {"text": text}} for name, text in MEANINGS.items()]
    driver = {"name": "check_rules", "rules": kinds}
    results = [_sarif_result(located) for located in found]
    return {
        "$schema": SARIF,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "utf16CodeUnits", "results": results}],
    }


def _sarif_result(located: Located) -> dict[str, Any]:
    one = located.finding
    result: dict[str, Any] = {"ruleId": one.id, "level": one.severity.word}
    result["message"] = {"text": located.sentence}
    if one.example:
        result["properties"] = {"example": one.example}
    if located.file:
        region = {"region": {"startLine": located.line}} if located.line else {}
        uri = {"artifactLocation": {"uri": located.file.replace("\\", "/")}}
        result["locations"] = [{"physicalLocation": {**uri, **region}}]
    return result
