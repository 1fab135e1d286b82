"""Conditions, and clauses in them, that hold of no action or of every one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rules_app.checking.finding import Finding, Severity
from rules_app.checking.ground import Ground, Placed, parts_of
from rules_app.checking.literals import Key, Literal
from rules_app.checking.normal_form import EMPTY, TooLarge, terms_of
from rules_app.checking.values import NOTHING
from rules_app.engine.conditions import Condition

_PRESENCE = ("exists", "is_null")
_MOST_ASKED = 60


def conditions(ground: Ground) -> Iterator[Finding]:
    for placed in ground.placed:
        if placed.terms == ():
            yield _never(placed, ground)
        elif placed.terms is not None:
            yield from _always(placed, ground)
            yield from _dead_alternatives(placed, ground)


def _never(placed: Placed, ground: Ground) -> Finding:
    why = _contradiction(placed, ground) or "no action meets all of its clauses together"
    return Finding(
        "never-holds",
        Severity.ERROR,
        placed.name,
        f"never matches: {why}",
        "Take out the clause that contradicts the others, or put them under any where one is enough.",
        "condition",
    )


def _contradiction(placed: Placed, ground: Ground) -> str:
    """The clauses on one field that no value meets, in words; "" where it is not one field of one alternative."""
    try:
        raw = terms_of(placed.rule.condition, placed.key_of, lambda term: True, beside=placed.scope)
    except TooLarge:
        return ""
    if len(raw) != 1:
        return ""
    key = next((key for key, value in ground.space.values(raw[0]).items() if value is NOTHING), None)
    return _in_words(key, sorted(one for one in raw[0] if one.key == key)) if key else ""


def _in_words(key: Key, literals: Sequence[Literal]) -> str:
    clauses = ", ".join(
        f"{'' if one.positive else 'not '}{one.operator} {one.operand_text}" for one in literals
    )
    return f"no value of {key.path} is all of this at once: {clauses}"


def _always(placed: Placed, ground: Ground) -> Iterator[Finding]:
    """The outermost parts that are true whatever comes, whole conditions first."""
    if placed.rule.only_unmatched:
        return  # a catch-all is meant to take everything
    told: list[str] = []
    for part, place in list(parts_of(placed.rule.condition))[:_MOST_ASKED]:
        if any(place.startswith(f"{above}.") for above in told) or _asks_presence_alone(part):
            continue
        if _terms(placed, part, ground, positive=False) == []:
            told.append(place)
            yield _always_finding(placed, part, place)


def _always_finding(placed: Placed, part: Condition, place: str) -> Finding:
    subject = "matches every action" if place == "condition" else "has a clause that is always true"
    return Finding(
        "always-holds",
        Severity.WARNING,
        placed.name,
        f"{subject}: {_shown(part)}",
        "Where all alternatives of any, or ne of several values, cover everything, all or not_in_list was meant; "
        "to match everything on purpose, write exists: true on action.namespace.",
        place,
    )


def _asks_presence_alone(part: Condition) -> bool:
    return all(leaf.operator.name in _PRESENCE for leaf in part.leaves())


def _terms(placed: Placed, part: Condition, ground: Ground, *, positive: bool) -> list[object] | None:
    """Without the rule's scope and what its lifecycle declares: a clause that guards against those is no mistake."""
    try:
        return list(terms_of(part, placed.key_of, ground.space.possible, positive=positive, beside=EMPTY))
    except TooLarge:
        return None


def _dead_alternatives(placed: Placed, ground: Ground) -> Iterator[Finding]:
    """Members of an `any` that can never be what makes the rule match."""
    for part, place, beside in _alternatives(placed.rule.condition, "condition", ()):
        whole = Condition(part.test, part.text, "all", (*beside, part))
        if ground.terms(placed, whole) == []:
            with_rest = " together with the rest of the condition" if beside else ""
            yield Finding(
                "never-holds",
                Severity.WARNING,
                placed.name,
                f"has an alternative that never holds{with_rest}: {_shown(part)}",
                "Take the alternative out, or correct it.",
                place,
            )


def _alternatives(
    part: Condition, place: str, beside: tuple[Condition, ...]
) -> Iterator[tuple[Condition, str, tuple[Condition, ...]]]:
    """Each member of each `any` that no `not` stands around, with what must hold beside it."""
    for index, child in enumerate(part.children):
        inner = f"{place}.{part.group}[{index}]"
        if part.group == "all":
            rest = (*part.children[:index], *part.children[index + 1 :])
            yield from _alternatives(child, inner, (*beside, *rest))
        elif part.group == "any":
            yield child, inner, beside
            yield from _alternatives(child, inner, beside)


def _shown(part: Condition, longest: int = 160) -> str:
    return part.text if len(part.text) <= longest else f"{part.text[:longest]}…"
