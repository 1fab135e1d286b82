"""Runs cases against rules and says where what came of them is not what was expected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rules_app.engine import RuleSet
from rules_app.testing.cases import Case, Expected
from rules_app.testing.coverage import Coverage
from rules_app.testing.lists import stated
from rules_app.testing.play import Bench, Declared, Outcome, StartsChain, no_chain


@dataclass(frozen=True, slots=True)
class Result:
    """A case and its outcomes. `failures` are sentences, empty where all is as expected."""

    case: Case
    outcomes: tuple[Outcome, ...]
    failures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    results: tuple[Result, ...]
    coverage: Coverage

    @property
    def failed(self) -> int:
        return sum(bool(result.failures) for result in self.results)


def run_cases(
    rules: RuleSet,
    cases: Sequence[Case],
    declared: Declared | None = None,
    starts_chain: StartsChain = no_chain,
) -> Report:
    """Every case begins with empty gates."""
    coverage = Coverage(rules)
    known = (declared, starts_chain)
    return Report(tuple(_run(case, rules, known, coverage) for case in cases), coverage)


def _run(
    case: Case, rules: RuleSet, known: tuple[Declared | None, StartsChain], coverage: Coverage
) -> Result:
    asking = rules.with_lists(stated(case.lists, rules.lists)) if case.lists else rules
    bench = Bench(asking, *known)
    outcomes, failures = [], []
    for number, step in enumerate(case.steps, 1):
        said = {"counters": step.counters, "facts": step.facts}
        outcome = bench.send(step.action, step.at, has_key=step.has_key, **said)
        if outcome.asked:
            coverage.note(outcome.asked, step.at, outcome.traces, asking.lists, outcome.counts)
        outcomes.append(outcome)
        which = f"action {number}: " if len(case.steps) > 1 else ""
        failures += [f"{which}{why}" for why in _differences(step.expected, outcome)]
    return Result(case, tuple(outcomes), tuple(failures))


def _differences(expected: Expected, found: Outcome) -> Iterator[str]:
    pairs = (
        ("outcome", expected.outcome, found.tag),
        ("verdict", expected.verdict, found.verdict),
        ("rule", expected.rule, found.rule),
    )
    because = f" ({', '.join(filter(None, (found.rule, found.note)))})" if found.rule or found.note else ""
    for name, wanted, came in pairs:
        if wanted is not None and wanted != came:
            yield f"{name} is {came or 'no rule'}{because}, expected {wanted or 'no rule'}"
    shadows = [seen.rule.name for seen in found.traces if seen.would]
    if expected.shadow is not None and sorted(expected.shadow) != sorted(shadows):
        yield f"in shadow, {_listed(shadows)} would have acted, expected {_listed(expected.shadow)}"
    for name, value in (expected.payload or {}).items():
        if found.payload.get(name) != value:
            yield f"payload.{name} is {found.payload.get(name)!r}, expected {value!r}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(sorted(names)) or "no rule"
