"""Rules and gates that no action comes to, because of what stands above them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rules_app.checking.cover import covered
from rules_app.checking.examples import example_of, meets
from rules_app.checking.finding import Finding, Severity
from rules_app.checking.ground import Ground, Placed
from rules_app.checking.literals import Term
from rules_app.engine.actions.base import Gate

_MOST_NAMED = 4


def reach(ground: Ground) -> Iterator[Finding]:
    above: list[Placed] = []
    for placed in ground.placed:
        takers = [one for one in above if one.ends or (placed.rule.only_unmatched and one.claims)]
        if placed.terms and (found := takers_of_all(placed.terms, takers, ground)):
            yield _finding(placed, found, ground)
        if placed.terms and (placed.ends or placed.claims):
            above.append(placed)


def takers_of_all(terms: Sequence[Term], takers: Sequence[Placed], ground: Ground) -> list[Placed]:
    """Those that together take all of the terms, one where one is enough; none where something is left."""
    every = [term for one in takers for term in one.terms or ()]
    if not covered(terms, every, ground.space):
        return []
    touching = [one for one in takers if _touches(terms, one, ground)]
    alone = next((one for one in touching if covered(terms, one.terms or (), ground.space)), None)
    return [alone] if alone else touching


def _touches(terms: Sequence[Term], taker: Placed, ground: Ground) -> bool:
    return any(ground.space.meet(term, own) for term in terms for own in taker.terms or ())


def _finding(placed: Placed, takers: Sequence[Placed], ground: Ground) -> Finding:
    gate = isinstance(placed.rule.action, Gate)
    return Finding(
        "gate-without-effect" if gate else "unreachable",
        Severity.ERROR,
        placed.name,
        f"is reached by nothing: {_why(takers)}",
        "Move it above, make the other narrower, or delete it.",
        "",
        _example(placed, ground),
    )


def _why(takers: Sequence[Placed]) -> str:
    names = ", ".join(f'"{one.name}"' for one in takers[:_MOST_NAMED])
    if len(takers) > _MOST_NAMED:
        names += f" and {len(takers) - _MOST_NAMED} more"
    claims = any(not one.ends for one in takers)
    one = len(takers) == 1
    noun = "rule" if one else "rules"
    if claims:
        return f"{noun} {names} above it {'claims' if one else 'claim'} or end all that it would match"
    above = "above it ends" if one else "above it together end"
    return f"{noun} {names} {above} the search for all that it would match"


def _example(placed: Placed, ground: Ground) -> dict[str, object] | None:
    for term in placed.terms or ():
        example = example_of(term, ground)
        if example and meets(placed.rule, example, ground.rule_set):
            return example.as_dict()
    return None
