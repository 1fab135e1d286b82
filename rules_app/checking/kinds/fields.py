"""Clauses about payload fields that never come, or never come with such a value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from rules_app.checking.finding import Finding, Severity
from rules_app.checking.ground import Ground, Placed, parts_of
from rules_app.checking.literals import KNOWN, Key, Term, literal_of
from rules_app.checking.normal_form import TooLarge, terms_of
from rules_app.checking.space import PAYLOAD, Schema, Space
from rules_app.checking.values import NOTHING, Domain, find_value
from rules_app.engine.conditions import Leaf
from rules_app.engine.fields import ITEM
from rules_app.engine.operators.registry import OPERATORS
from rules_app.engine.scope import kind_of

ENOUGH_SEEN = 20  # fewer actions than that are no evidence
_PRESENCE = ("exists", "is_null")
_INTO_TEXT = ("starts_with", "ends_with", "matches")
_MEMBERS = ("eq", "ne", "in_list", "not_in_list")
_KINDS = {"text": ("text",), "a number": ("number", "integer"), "true/false": ("bool",)}
_SHORTEST = 5


def fields(ground: Ground) -> Iterator[Finding]:
    for placed in ground.placed:
        schemas = _schemas(placed, ground)
        for part, place in parts_of(placed.rule.condition):
            leaf = part.leaf
            if leaf is not None and leaf.field.path.startswith(PAYLOAD):
                yield from _mistyped(placed, leaf, place, schemas)
            for path in _looked_at(leaf) if leaf else ():
                yield from _unseen(placed, path, place, ground)


def _schemas(placed: Placed, ground: Ground) -> list[Schema]:
    """The lifecycles of the rule's actions, where every alternative names an action type that one claims."""
    found: dict[str, Schema] = {}
    for term in _undeclared_terms(placed):
        claiming = ground.space.likely(term)
        if not claiming:
            return []
        found |= {schema.name: schema for schema in claiming}
    return list(found.values())


def _undeclared_terms(placed: Placed) -> list[Term]:
    """The rule's alternatives, also those that what a lifecycle declares makes impossible."""
    try:
        return terms_of(placed.rule.condition, placed.key_of, Space().possible, beside=placed.scope)
    except TooLarge:
        return []


def _mistyped(placed: Placed, leaf: Leaf, place: str, schemas: Sequence[Schema]) -> Iterator[Finding]:
    name = leaf.field.path.removeprefix(PAYLOAD)
    if leaf.operator.name in _PRESENCE or leaf.operator.name not in KNOWN | {"ne", "not_in_list"}:
        return
    declared = [(schema, schema.fields[name]) for schema in schemas if name in schema.fields]
    if not declared or len(declared) < len(schemas):
        return
    schema, first = declared[0]
    domains = [_present(domain) for _, domain in declared]
    if all(_wrong_kind(leaf, domain) for domain in domains):
        kinds = " or ".join(sorted(_present(first).kinds))
        message = f"compares {leaf.field.path} with {_operand_kind(leaf)}, but lifecycle {schema.name} declares {kinds}"
        yield Finding(
            "type-mismatch",
            Severity.ERROR,
            placed.name,
            message,
            _advice(leaf, first),
            f"{place}.{leaf.operator.name}",
        )
    elif lost := [one for one in _values(leaf) if all(_never(leaf, one, domain) for domain in domains)]:
        message = f"asks {leaf.field.path} for {lost[0]!r}, which lifecycle {schema.name} lets no order have"
        advice = "Write the value in the form that the lifecycle gives it (its case, length, range or list of values)."
        yield Finding(
            "never-holds", Severity.WARNING, placed.name, message, advice, f"{place}.{leaf.operator.name}"
        )


def _present(domain: Domain) -> Domain:
    return replace(domain, kinds=domain.kinds - {"missing", "null"})


def _operand_kind(leaf: Leaf) -> str:
    return kind_of(leaf.operand[0] if isinstance(leaf.operand, list) else leaf.operand)


def _wrong_kind(leaf: Leaf, domain: Domain) -> bool:
    if leaf.operator.name in _INTO_TEXT:
        return "text" not in domain.kinds
    if leaf.operator.name in ("contains", "not_contains"):
        return not domain.kinds & {"text", "list"}
    return not domain.kinds & set(_KINDS.get(_operand_kind(leaf), ()))


def _advice(leaf: Leaf, domain: Domain) -> str:
    if leaf.operator.name in (*_INTO_TEXT, "contains", "not_contains"):
        return "Use eq, in_list, gte or lt, which work on numbers."
    if _operand_kind(leaf) == "text":
        return "Write the value without quotes, or change the type that the lifecycle declares."
    return "Put the value in quotes, or change the type that the lifecycle declares."


def _values(leaf: Leaf) -> list[object]:
    """What the clause asks for, one by one; an ordered one as a whole."""
    if leaf.operator.name in _MEMBERS and isinstance(leaf.operand, list):
        return list(leaf.operand)
    return [leaf.operand]


def _never(leaf: Leaf, value: object, domain: Domain) -> bool:
    operator = OPERATORS["eq"] if leaf.operator.name in _MEMBERS else leaf.operator
    asked = literal_of(Leaf(leaf.field, operator, value), Key(leaf.field.path))
    return find_value(domain, frozenset((asked,))) is NOTHING


def _looked_at(leaf: Leaf, above: str = "") -> Iterator[str]:
    """Every payload field that the clause looks at, of members of a list as action.payload.items.*.sku."""
    for field in (leaf.field, leaf.other):
        if field and field.path.startswith(PAYLOAD):
            yield field.path
        elif field and above and field.path.startswith(f"{ITEM}."):
            yield above + field.path.removeprefix(ITEM)
    inside = (
        (above + leaf.field.path.removeprefix(ITEM)) if leaf.field.path.startswith(ITEM) else leaf.field.path
    )
    for inner in leaf.inner.leaves() if leaf.inner else ():
        yield from _looked_at(inner, f"{inside}.*")


def _unseen(placed: Placed, looked_at: str, place: str, ground: Ground) -> Iterator[Finding]:
    seen, path = ground.question.seen, general(looked_at.removeprefix(PAYLOAD))
    first = path.partition(".")[0]
    declared = {name for schema in ground.question.schemas for name in schema.fields}
    if path in seen.paths or first in declared or placed.changes.get(first):
        return
    guess = next((one for one in sorted(declared | seen.paths) if _close(path, one)), None)
    if seen.actions >= ENOUGH_SEEN:
        evidence = f"none of the last {seen.actions} actions has it"
    elif guess:
        evidence = "no lifecycle declares it" if not seen.actions else "no action seen has it"
    else:
        return
    message = f"looks at {looked_at}; {evidence}" + (f", did you mean {PAYLOAD}{guess}?" if guess else "")
    yield Finding(
        "field-never-seen",
        Severity.WARNING if guess else Severity.NOTE,
        placed.name,
        message,
        "Correct the name; or declare the field in the lifecycle, if orders are to have it.",
        f"{place}.field",
    )


def general(path: str) -> str:
    """The path with every number as `*`: what is known of one item is known of all."""
    return ".".join("*" if part.isdigit() else part for part in path.split("."))


def _close(one: str, other: str) -> bool:
    """Whether they differ by no more than a slip of one or two letters, or in case."""
    if one.lower() == other.lower():
        return True
    return min(len(one), len(other)) >= _SHORTEST and _slips(one, other) <= (1 if len(one) < 8 else 2)


def _slips(one: str, other: str) -> int:
    """Letters to put in, take out, change or swap with the next (optimal string alignment)."""
    rows = [list(range(len(other) + 1))]
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            best = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and b == one[i - 2]:
                best = min(best, rows[-2][j - 2] + 1)
            row.append(best)
        rows.append(row)
    return rows[-1][-1]
