"""What a method of a queryset was given, as a shape that can be a key and the values that come and go in it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import F, Q, Window

KINDS: tuple[type, ...] = (str, int, UUID, datetime)
NAMES = (str, int, slice, F, Window)
MOST_OF_A_LIST = 50


class UntoldError(Exception):
    """It has no shape here: an expression, a row."""


class Fixed(NamedTuple):
    """Stands in the shape itself: names, and what changes the text of a statement (NULL, yes and no)."""

    value: Any


class Value(NamedTuple):
    kind: type


class Many(NamedTuple):
    shapes: tuple[Any, ...]


class Both(NamedTuple):
    """A Q; its children are other ones, by no name, or names with what is asked of them."""

    connector: str
    negated: bool
    children: tuple[tuple[str | None, Any], ...]


class Asked(NamedTuple):
    """One call of one method."""

    method: str
    args: tuple[Any, ...]
    kwargs: tuple[tuple[str, Any], ...]


def asked_by_name(method: str, args: Any, kwargs: Any, values: list[Any]) -> Asked:
    """Everything that was given is a name or says how."""
    if not all(one is None or isinstance(one, NAMES) for one in (*args, *kwargs.values())):
        raise UntoldError
    return Asked(method, tuple(map(_fixed, args)), tuple((key, Fixed(one)) for key, one in kwargs.items()))


def asked_of_values(method: str, args: Any, kwargs: Any, values: list[Any]) -> Asked:
    """What was given are conditions; their values are added to `values`."""
    told = tuple(_shape(one, values) for one in args)
    return Asked(method, told, tuple((key, _shape(one, values)) for key, one in kwargs.items()))


def given_again(asked: Asked, values: Iterator[Any]) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of that shape, with the next of these values."""
    args = [_again(shape, values) for shape in asked.args]
    return args, {key: _again(shape, values) for key, shape in asked.kwargs}


def _fixed(value: Any) -> Fixed:
    """Slices are no keys."""
    return Fixed((slice, value.start, value.stop) if isinstance(value, slice) else value)


def _shape(value: Any, values: list[Any]) -> Fixed | Value | Many | Both:
    if value is None or value is True or value is False:
        return Fixed(value)
    for kind in KINDS:
        if isinstance(value, kind):
            values.append(value)
            return Value(kind)
    if isinstance(value, Q):
        children = tuple(_child(child, values) for child in value.children)
        return Both(value.connector, value.negated, children)
    if isinstance(value, list | tuple | set | frozenset | dict):
        several = list(dict.fromkeys(value))
        if len(several) <= MOST_OF_A_LIST and None not in several:
            return Many(tuple(_shape(one, values) for one in several))
    raise UntoldError


def _child(child: Any, values: list[Any]) -> tuple[str | None, Any]:
    if isinstance(child, tuple):
        name, value = child
        return name, _shape(value, values)
    return None, _shape(child, values)


def _again(shape: Fixed | Value | Many | Both, values: Iterator[Any]) -> Any:
    match shape:
        case Fixed((kind, start, stop)) if kind is slice:
            return slice(start, stop)
        case Fixed(value):
            return value
        case Value():
            return next(values)
        case Many(shapes):
            return [_again(one, values) for one in shapes]
        case Both(connector, negated, children):
            told = [(name, _again(one, values)) if name else _again(one, values) for name, one in children]
            return Q(*told, _connector=connector, _negated=negated)
