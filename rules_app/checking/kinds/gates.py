"""Gates that are reached and change nothing: what they let through is refused, or another gate is first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rules_app.checking.cover import covered, left_over
from rules_app.checking.finding import Finding, Severity
from rules_app.checking.ground import Ground, Placed
from rules_app.checking.literals import Term
from rules_app.engine import Deduplicate, Throttle


def gates(ground: Ground) -> Iterator[Finding]:
    for placed in ground.placed:
        if placed.terms and isinstance(placed.rule.action, Deduplicate | Throttle):
            why = (
                _refused(placed, ground) or _second_dedup(placed, ground) or _looser_throttle(placed, ground)
            )
            if why:
                advice = "Delete it, or give it actions of its own."
                yield Finding("gate-without-effect", Severity.WARNING, placed.name, why, advice)


def _refused(gate: Placed, ground: Ground) -> str:
    """Every action that it matches is refused by a rule below, so nothing is ever counted."""
    left: Sequence[Term] | None = gate.terms
    below = ground.placed[ground.placed.index(gate) + 1 :]
    refusing = []
    for placed in below:
        if not placed.rule.action.terminal or placed.rule.shadow or (placed.refuses and not placed.rule.sure):
            continue  # what it leaves to others is for those below to refuse
        if placed.terms is None or placed.rule.only_unmatched:
            return ""
        if not any(ground.space.meet(term, own) for term in left or () for own in placed.terms):
            continue
        if not placed.refuses:
            return ""
        refusing.append(placed.name)
        if not placed.rule.sure:
            continue
        left = left_over(left or (), placed.terms, ground.space)
        if left == []:
            return f"counts nothing: {', '.join(refusing)} below refuses all that it matches"
        if left is None:
            return ""
    return ""


def _second_dedup(gate: Placed, ground: Ground) -> str:
    """Of several deduplicate rules that match, the first decides for how long a key is remembered."""
    if not isinstance(gate.rule.action, Deduplicate):
        return ""
    for other in ground.placed:
        if other is gate:
            return ""
        if isinstance(other.rule.action, Deduplicate) and _covers(other, gate, ground):
            above = f'deduplicate rule "{other.name}" above matches all of the same'
            return f"is never used: {above}, and the first one counts"
    return ""


def _looser_throttle(gate: Placed, ground: Ground) -> str:
    action = gate.rule.action
    if not isinstance(action, Throttle):
        return ""
    index = ground.placed.index(gate)
    for number, other in enumerate(ground.placed):
        tighter = other.rule.action
        if other is gate or not isinstance(tighter, Throttle):
            continue
        limits = (action.max_count - tighter.max_count, tighter.window_seconds - action.window_seconds)
        equal = limits == (0, 0)
        if min(limits) >= 0 and (not equal or number < index) and _covers(other, gate, ground):
            return (
                f'never refuses: throttle "{other.name}" lets at most {tighter.max_count} of the same pass '
                f"in {tighter.window_seconds} s"
            )
    return ""


def _covers(other: Placed, gate: Placed, ground: Ground) -> bool:
    return (
        other.rule.sure and bool(other.terms) and covered(gate.terms or (), other.terms or (), ground.space)
    )
