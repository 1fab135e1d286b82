"""The grammar of CEL, by cel-python's parser; nothing of it is evaluated. Here its trees become short.

The library is loaded when the first rule in CEL is read: most sets have none, and it takes a second.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

# Levels of the grammar that say nothing where they hold a single part.
_TRANSPARENT = frozenset(
    (
        *("expr", "conditionalor", "conditionaland", "relation", "addition", "multiplication"),
        *("unary", "member", "primary", "paren_expr"),
    )
)
MOST_NESTED = 40


class Refused(Exception):
    """What cannot be a condition, and where it stands."""

    def __init__(self, message: str, place: tuple[int, int]) -> None:
        super().__init__(message)
        self.place = place


@dataclass(frozen=True, slots=True)
class Node:
    """A part of an expression. `kind` is the name in the grammar; `text` and `token` are those of a token."""

    kind: str
    parts: tuple[Any, ...]
    place: tuple[int, int]
    text: str = ""
    token: Any = None

    def __iter__(self) -> Iterator[Node]:
        """Its parts, shortened."""
        return (node_of(part, self.place) for part in self.parts)


def parse_cel(text: str) -> Node:
    """The expression; raises Refused where it is none."""
    from celpy.celparser import CELParseError, CELParser

    try:
        return node_of(CELParser().parse(text), (1, 1))
    except CELParseError as error:
        line, column = error.line or 1, error.column or 1
        lines = text.splitlines()
        at_end = getattr(getattr(error.__context__, "token", None), "type", "") == "$END"
        if at_end or not 1 <= line <= len(lines) or column > len(lines[line - 1]):
            raise Refused("the expression ends too early", (len(lines), len(lines[-1]) + 1)) from error
        raise Refused(
            f"cannot be read from here on: {lines[line - 1][column - 1 :][:30]}", (line, column)
        ) from error


def node_of(tree: Any, place: tuple[int, int]) -> Node:
    while getattr(tree, "data", "") in _TRANSPARENT and len(tree.children) == 1:
        tree = tree.children[0]
    if not hasattr(tree, "data"):  # a token
        return Node(str(tree.type), (), (tree.line or place[0], tree.column or place[1]), str(tree), tree)
    meta = tree.meta
    own = place if getattr(meta, "empty", True) or meta.line is None else (meta.line, meta.column)
    return Node(str(tree.data), tuple(tree.children), own)


def literal(node: Node) -> Any:
    """The value of a literal: text, number, true/false or None for null."""
    (token,) = node
    if token.kind in ("STRING_LIT", "MLSTRING_LIT"):
        return _text(token)
    if token.kind == "BYTES_LIT":
        raise Refused("bytes cannot be compared: a payload is JSON", node.place)
    return _NUMBERS_AND_NAMES[token.kind](token.text)


def _text(token: Node) -> str:
    from celpy.evaluation import celstr

    try:
        return "".join(celstr(token.token))
    except ValueError as error:
        raise Refused("has an escape that is none", token.place) from error


_NUMBERS_AND_NAMES: dict[str, Any] = {
    "INT_LIT": lambda text: int(text, 0) if "x" in text else int(text),
    "UINT_LIT": lambda text: int(text[:-1], 0) if "x" in text else int(text[:-1]),
    "FLOAT_LIT": float,
    "BOOL_LIT": lambda text: text == "true",
    "NULL_LIT": lambda text: None,
}
