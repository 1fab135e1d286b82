"""CEL's conditions as the objects that YAML would hold: &&, ||, !, comparisons, exists, all and a few functions."""

from __future__ import annotations

from typing import Any

from rules_app.engine.cel import terms
from rules_app.engine.cel.syntax import MOST_NESTED, Node, Refused, literal
from rules_app.engine.cel.terms import Term, call_of, path_of, term_of

Spec = dict[str, Any]
_FUNCTIONS = {
    "startsWith": "starts_with",
    "endsWith": "ends_with",
    "contains": "contains",
    "matches": "matches",
}
_RELATIONS = {"eq": "eq", "ne": "ne", "lt": "lt", "le": "lte", "gt": "gt", "ge": "gte"}
_TURNED = {"eq": "eq", "ne": "ne", "lt": "gt", "lte": "gte", "gt": "lt", "gte": "lte"}
_LENGTHS = {"eq": ("length", 0), "gte": ("min_length", 0), "gt": ("min_length", 1), "lte": ("max_length", 0)}
_DATES = {"lt": "before", "gt": "after", "lte": "on_or_before", "gte": "on_or_after"}


class CelConditions:
    """`places` holds where each object that was made stands, by its id."""

    def __init__(self, variable: str) -> None:
        self._variable = variable
        self.places: dict[int, tuple[int, int]] = {}

    def condition(self, node: Node, depth: int = 1) -> Spec:
        if depth > MOST_NESTED:
            raise Refused(f"is nested deeper than {MOST_NESTED} levels", node.place)
        spec = self._condition(node, depth)
        self.places.setdefault(id(spec), node.place)
        return spec

    def _condition(self, node: Node, depth: int) -> Spec:
        match node.kind:
            case "conditionalor" | "conditionaland":
                word = "any" if node.kind == "conditionalor" else "all"
                return {word: [self.condition(one, depth + 1) for one in _operands(node)]}
            case "unary":
                sign, inner = node
                if sign.kind == "unary_not":
                    return {"not": self.condition(inner, depth + 1)}
            case "expr":
                asked, then, otherwise = (self.condition(one, depth + 1) for one in node)
                return {"any": [{"all": [asked, then]}, {"all": [{"not": asked}, otherwise]}]}
            case "relation":
                return self._relation(node)
            case "ident_arg" | "member_dot_arg":
                return self._call(node, depth)
            case "ident" | "member_dot" | "member_index":
                return {"field": path_of(node, self._variable), "eq": True}
        raise Refused("is no condition: compare it with something", node.place)

    def _call(self, node: Node, depth: int) -> Spec:
        name, subject, arguments = call_of(node)
        if name == "has" and subject is None and len(arguments) == 1:
            return {"field": path_of(arguments[0], self._variable), "exists": True}
        if name in _FUNCTIONS and subject is not None and len(arguments) == 1:
            return {"field": path_of(subject, self._variable), _FUNCTIONS[name]: _value(arguments[0])}
        if name in ("exists", "all") and subject is not None and len(arguments) == 2:
            return self._members("any" if name == "exists" else "all", subject, arguments, depth)
        known = "has, startsWith, endsWith, contains, matches, exists and all"
        raise Refused(f"{name}() with these arguments is no condition here; known are {known}", node.place)

    def _members(self, word: str, subject: Node, arguments: list[Node], depth: int) -> Spec:
        named, inner = arguments
        if named.kind != "ident":
            raise Refused("must be the name of a member, such as i", named.place)
        path = path_of(subject, self._variable)
        outer, self._variable = self._variable, next(iter(named)).text
        try:
            return {"field": f"{path}[*]", word: self.condition(inner, depth + 1)}
        finally:
            self._variable = outer

    def _relation(self, node: Node) -> Spec:
        sign, right = node
        (left,) = sign
        word = sign.kind.removeprefix("relation_")
        one, other = term_of(left, self._variable), term_of(right, self._variable)
        return _membership(one, other) if word == "in" else _compared(one, _RELATIONS[word], other, node)


def _operands(node: Node) -> list[Node]:
    """The parts of a chain of || or of &&, which the grammar nests to the left."""
    found: list[Node] = []
    rest = node
    while rest.kind == node.kind:
        rest, last = rest
        found.append(last)
    return [rest, *reversed(found)]


def _value(node: Node) -> Any:
    if node.kind != "literal":
        raise Refused("must be a text in quotes", node.place)
    return literal(node)


def _membership(one: Term, other: Term) -> Spec:
    if one.kind == terms.FIELD and isinstance(other.value, list):
        return {"field": one.value, "in_list": other.value}
    if one.kind == terms.VALUE and not isinstance(one.value, list) and other.kind == terms.FIELD:
        return {"field": other.value, "contains": one.value}
    raise Refused("in asks whether a field is in a list of values, or a value in a field's list", one.place)


def _compared(one: Term, word: str, other: Term, node: Node) -> Spec:
    if _RANK[one.kind] > _RANK[other.kind]:
        one, word, other = other, _TURNED[word], one
    made = _BY_KINDS.get((one.kind, other.kind))
    spec: Spec | None = made(one, word, other) if made else None
    if spec is None:
        raise Refused(f"cannot compare {_said(one)} with {_said(other)} like this", node.place)
    return spec


def _said(term: Term) -> str:
    return {terms.VALUE: "a value", terms.MOMENT: "a moment", terms.THEN: "a moment"}.get(
        term.kind, f"a {term.kind}"
    )


def _with_value(one: Term, word: str, other: Term) -> Spec | None:
    if isinstance(other.value, list):
        return None
    if other.value is not None:
        return {"field": one.value, word: other.value}
    if word == "ne":
        return {"field": one.value, "is_null": False}
    if word == "eq":
        return {"all": [{"field": one.value, "exists": True}, {"field": one.value, "is_null": True}]}
    return None


def _with_field(one: Term, word: str, other: Term) -> Spec:
    return {"field": one.value, word: {"field": other.value}}


def _of_size(one: Term, word: str, other: Term) -> Spec | None:
    number = other.value
    if isinstance(number, bool) or not isinstance(number, int):
        return None
    if word == "lt":
        word, number = "lte", number - 1
    if word == "ne":
        return {"not": {"field": one.value, "length": number}}
    name, more = _LENGTHS[word]
    return {"field": one.value, name: number + more}


def _of_moments(one: Term, word: str, other: Term) -> Spec | None:
    if word not in _DATES:
        return None
    operand = {"field": other.value} if other.kind == terms.MOMENT_FIELD else other.value
    return {"field": one.value, _DATES[word]: operand}


def _before_then(one: Term, word: str, other: Term) -> Spec | None:
    """A field's moment and one that lies so long before now."""
    name = {"lt": "older_than", "gt": "younger_than"}.get(word)
    return {"field": one.value, name: other.value} if name else None


def _of_age(one: Term, word: str, other: Term) -> Spec | None:
    name = {"gt": "older_than", "lt": "younger_than"}.get(word)
    return {"field": one.value, name: other.value} if name else None


# What of two sides is written first, so that `5 < field` is `field > 5`.
_RANK = dict.fromkeys((terms.FIELD, terms.SIZE, terms.MOMENT_FIELD, terms.AGE), 0) | dict.fromkeys(
    (terms.VALUE, terms.MOMENT, terms.DURATION, terms.NOW, terms.THEN), 1
)
_BY_KINDS: dict[tuple[str, str], Any] = {
    (terms.FIELD, terms.VALUE): _with_value,
    (terms.FIELD, terms.FIELD): _with_field,
    (terms.SIZE, terms.VALUE): _of_size,
    (terms.MOMENT_FIELD, terms.MOMENT): _of_moments,
    (terms.MOMENT_FIELD, terms.MOMENT_FIELD): _of_moments,
    (terms.MOMENT_FIELD, terms.THEN): _before_then,
    (terms.AGE, terms.DURATION): _of_age,
}
