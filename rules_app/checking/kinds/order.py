"""Two rules that say different things of one action, where their order may not be what was meant."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, groupby

from rules_app.checking.cover import covered
from rules_app.checking.examples import Example, example_of, shorter
from rules_app.checking.finding import Finding, Severity
from rules_app.checking.ground import HOLDS, Ground, Placed
from rules_app.engine import decide

ACCEPTING = frozenset(("allow", "reroute", "chain"))
_MOST_TRIED = 6
_MOST_PAIRS = 5_000


def equal_priorities(ground: Ground) -> Iterator[Finding]:
    terminal = [
        placed
        for placed in ground.placed
        if placed.rule.action.terminal and placed.terms and not placed.rule.shadow
    ]
    for priority, group in groupby(terminal, key=lambda placed: placed.rule.priority):
        rules = list(group)
        if len(rules) ** 2 > 2 * _MOST_PAIRS:
            continue
        for first, second in combinations(rules, 2):
            if _disagree(first, second) and (example := both(first, second, ground)):
                yield _equal(first, second, priority, example)


def _equal(first: Placed, second: Placed, priority: int, example: Example) -> Finding:
    return Finding(
        "equal-priority",
        Severity.WARNING,
        second.name,
        f'has priority {priority} as rule "{first.name}" has, and both match some actions: they are decided by '
        f'"{first.name}" ({first.rule.action.type}) and not by this one ({second.rule.action.type}), '
        "because of the names alone",
        "Give them different priorities: the lower number is asked first.",
        "priority",
        example.as_dict(),
    )


def _disagree(one: Placed, other: Placed) -> bool:
    same_kind = (one.refuses and other.refuses) or {one.rule.action.type, other.rule.action.type} <= HOLDS
    return not same_kind and one.rule.action != other.rule.action


def walked_past(ground: Ground) -> Iterator[Finding]:
    """A deny below an accepting rule that takes some of its actions, and is no exception carved out of it."""
    accepting: list[Placed] = []
    tried = 0
    for placed in ground.placed:
        if placed.rule.action.type in ACCEPTING and placed.terms and not placed.rule.shadow:
            accepting.append(placed)
        if not placed.refuses or placed.rule.shadow or placed.rule.only_unmatched or not placed.terms:
            continue
        tried += len(accepting)
        if tried > _MOST_PAIRS:
            return
        escapes = ((above, _escapes(above, placed, ground)) for above in accepting)
        if first := next(((above, example) for above, example in escapes if example), None):
            yield _past(first[0], placed, first[1])


def _escapes(above: Placed, deny: Placed, ground: Ground) -> Example | None:
    own, its = above.terms or (), deny.terms or ()
    if above.rule.priority == deny.rule.priority or not any(
        ground.space.meet(one, other) for one in own for other in its
    ):
        return None
    # An exception says of which denied actions it is one; what is denied nowhere is told as never reached.
    if covered(own, its, ground.space) or covered(its, own, ground.space):
        return None
    return both(above, deny, ground)


def _past(above: Placed, deny: Placed, example: Example) -> Finding:
    return Finding(
        "deny-walked-past",
        Severity.WARNING,
        deny.name,
        f'does not stop what rule "{above.name}" ({above.rule.action.type}) above it has taken already',
        "Put the denial above; or, where it is meant, repeat its condition in the exception's, so that it says so.",
        "priority",
        example.as_dict(),
    )


def both(above: Placed, below: Placed, ground: Ground) -> Example | None:
    """An action that `above` decides, and that `below` would decide without it."""
    without = None
    tried = 0
    for one in above.terms or ():
        for other in below.terms or ():
            if tried >= _MOST_TRIED or not ground.space.meet(one, other):
                continue
            tried += 1
            example = example_of(one | other, ground)
            if example is None or decide(ground.rule_set, example.action, example.at).rule is not above.rule:
                continue
            without = without or shorter(ground.rule_set, above.rule)
            if decide(without, example.action, example.at).rule is below.rule:
                return example
    return None
