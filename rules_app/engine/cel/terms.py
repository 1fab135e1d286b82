"""The sides of a comparison in CEL: fields, values, sizes, moments and lengths of time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rules_app.engine.cel.syntax import Node, Refused, literal
from rules_app.engine.spans import read_duration, read_moment

FIELD, VALUE, SIZE, MOMENT, MOMENT_FIELD, DURATION, NOW, THEN, AGE = (
    *("field", "value", "size", "moment", "moment field", "duration", "now", "then", "age"),
)
_PATH_KINDS = ("ident", "member_dot", "member_index")


@dataclass(frozen=True, slots=True)
class Term:
    """`kind` is one of the above. `value`: a path of a field, a size or an age, else a value or a text of time.

    A `then` is so long before now; an `age` is how long a field's moment lies behind.
    """

    kind: str
    value: Any
    place: tuple[int, int]


def term_of(node: Node, variable: str) -> Term:
    """`variable`: the name under which the member of a list is known, "" outside of lists."""
    if node.kind == "literal":
        return Term(VALUE, literal(node), node.place)
    if node.kind in _PATH_KINDS:
        path = path_of(node, variable)
        return Term(NOW, "", node.place) if path == "now" else Term(FIELD, path, node.place)
    if node.kind == "list_lit":
        return Term(VALUE, _members(node), node.place)
    if node.kind in ("ident_arg", "member_dot_arg"):
        return _call(node, variable)
    if node.kind == "addition":
        return _difference(node, variable)
    raise Refused(f"cannot be a side of a comparison here: {_NAMES.get(node.kind, node.kind)}", node.place)


_NAMES = {
    "multiplication": "a calculation",
    "unary": "a sign before something that is no number",
    "map_lit": "a map",
    "member_object": "an object",
    "relation": "a comparison inside of a comparison",
    "conditionalor": "|| inside of a comparison",
    "conditionaland": "&& inside of a comparison",
    "expr": "? : inside of a comparison",
}


def path_of(node: Node, variable: str) -> str:
    """The field that a chain of names and indices leads to."""
    names: list[str] = []
    while node.kind != "ident":
        if node.kind not in _PATH_KINDS:
            raise Refused("is no field: write a path such as action.payload.total_cents", node.place)
        inner, last = node
        names.append(last.text if node.kind == "member_dot" else _index(last))
        node = inner
    (root,) = node
    first = "item" if variable and root.text == variable else root.text
    if first == "item" and not variable:
        raise Refused("item is known inside of exists and all only, under the name given there", node.place)
    if first not in ("action", "time", "counter", "caller", "order", "item", "now"):
        known = "action, time, counter, caller"
        known += f", order, {variable}" if variable else " and order"
        raise Refused(f"'{root.text}' is not known here; known are {known}", node.place)
    return ".".join((first, *reversed(names)))


def _index(node: Node) -> str:
    found = literal(node) if node.kind == "literal" else None
    if isinstance(found, bool) or not isinstance(found, str | int) or found == "":
        raise Refused("an index must be a whole number or a name in quotes", node.place)
    return str(found)


def _members(node: Node) -> list[Any]:
    parts = [one for inner in node for one in inner] if node.parts else []
    other = next((one for one in parts if one.kind != "literal"), None)
    if other is not None:
        raise Refused("a list may hold texts and numbers only", other.place)
    return [literal(one) for one in parts]


def _call(node: Node, variable: str) -> Term:
    name, subject, arguments = call_of(node)
    if name == "size" and (subject is None) == (len(arguments) == 1):
        return Term(SIZE, path_of(subject or arguments[0], variable), node.place)
    if name == "timestamp" and subject is None and len(arguments) == 1:
        return _moment(arguments[0], variable)
    if name == "duration" and subject is None and len(arguments) == 1:
        return Term(
            DURATION, _time_text(arguments[0], read_duration, "length of time such as '72h'"), node.place
        )
    raise Refused(f"{name}() cannot be a side of a comparison; size, timestamp and duration can", node.place)


def call_of(node: Node) -> tuple[str, Node | None, list[Node]]:
    """A call's name, what it is called on, and its arguments."""
    parts = list(node)
    subject = parts.pop(0) if node.kind == "member_dot_arg" else None
    name, *rest = parts
    return name.text, subject, [one for inner in rest for one in inner]


def _moment(node: Node, variable: str) -> Term:
    if node.kind in _PATH_KINDS:
        return Term(MOMENT_FIELD, path_of(node, variable), node.place)
    return Term(MOMENT, _time_text(node, read_moment, "moment such as '2026-12-24T18:00:00Z'"), node.place)


def _time_text(node: Node, read: Any, what: str) -> str:
    found = literal(node) if node.kind == "literal" else None
    if not isinstance(found, str) or read(found) is None:
        raise Refused(f"must be a {what}", node.place)
    return found


def _difference(node: Node, variable: str) -> Term:
    """`now - duration("72h")` and `now - timestamp(field)`; nothing else is calculated."""
    one, other = node
    if one.kind == "addition_sub":
        (first,) = one
        sides = term_of(first, variable), term_of(other, variable)
        if sides[0].kind == NOW and sides[1].kind == DURATION:
            return Term(THEN, sides[1].value, node.place)
        if sides[0].kind == NOW and sides[1].kind == MOMENT_FIELD:
            return Term(AGE, sides[1].value, node.place)
    raise Refused(
        "rules do not calculate; only now - duration(…) and now - timestamp(…) are known", node.place
    )
