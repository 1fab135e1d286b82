"""Names of providers, chains, lists and counters that stand nowhere, and counters asked for more than they count."""

from __future__ import annotations

from collections.abc import Iterator

from rules_app.checking.counters import counter_problems
from rules_app.checking.finding import Finding, Severity
from rules_app.checking.ground import Ground, Placed, parts_of
from rules_app.engine.named_lists import OPERATORS
from rules_app.engine.suggest import nearest


def names(ground: Ground) -> Iterator[Finding]:
    for placed in ground.placed:
        for problem in counter_problems(placed.rule, ground.question.counters):
            advice = "Files with it do not load: correct the rule, or how the counter is declared."
            message = f"asks a counter in vain: {problem.message}"
            yield Finding("unknown-name", Severity.ERROR, placed.name, message, advice, problem.field)
        for place, section, name in _named(placed):
            known = ground.question.names.of(section)
            if known is not None and name not in known:
                guess = nearest(name, known)
                hint = f", did you mean {guess}?" if guess else ""
                yield Finding(
                    "unknown-name",
                    Severity.ERROR,
                    placed.name,
                    f"names what does not exist: no {section.removesuffix('s')} is called {name}{hint}",
                    f"Correct the name, or configure the {section.removesuffix('s')} first.",
                    place,
                )


def _named(placed: Placed) -> Iterator[tuple[str, str, str]]:
    """Each name in the rule: its place, its section, itself."""
    for setting, section, name in placed.rule.action.references():
        yield f"action.{setting}", section, name
    for part, place in parts_of(placed.rule.condition):
        if part.leaf and part.leaf.operator.name in OPERATORS:
            yield f"{place}.{part.leaf.operator.name}", "lists", part.leaf.operand
