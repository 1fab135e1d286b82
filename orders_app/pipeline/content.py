"""What an order says: what the storefront submitted, apart from names, times and traces of one attempt.

A waiting order that is sent again is the same order only where it says the same. Who approves has seen the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from acteon_site.base.digest import canonical_json, keyed_hash
from acteon_site.base.errors import AppError, FieldProblem
from acteon_site.base.names import composed
from orders_app.contract.actions import Action
from orders_app.selectors import profile_named

# Of the rest of an action, `id`, `created_at`, `trace_context` and a signature over them are new with each attempt.
OF_ORDER = ("provider", "action_type")
# As is for which of its times a recurring action dispatches.
OCCURRENCE = "recurring_occurrence"
STORED = ("attachments", "starts_at", "ends_at")
NAMED_AT_MOST, LONGEST_NAME = 20, 256
MESSAGE = "differs from the order that waits"


def content_hash(action: Action) -> str:
    """Equal where two actions say the same; keyed, so that nobody can guess back."""
    return keyed_hash(canonical_json(_content(action, _rendered(action))))


def fields_that_differ(first: Action, again: Action) -> list[str]:
    """Names of the fields in which the second differs, never a value.

    Another provider or type is all that is told of it: the caller's key may not cover the first one's.
    """
    if other := [name for name in OF_ORDER if getattr(first, name) != getattr(again, name)]:
        return other
    # A profile that was edited since renders fields that nobody submitted.
    rendered = _rendered(first) | _rendered(again)
    names = _differing(_content(first, rendered), _content(again, rendered))
    if first.fingerprint and again.fingerprint and first.fingerprint != again.fingerprint:
        return ["fingerprint", *names]
    return list(names)


def differs(names: list[str]) -> AppError:
    """The 409 that says in which fields an order differs from the one that waits."""
    named, more = [name[:LONGEST_NAME] for name in names[:NAMED_AT_MOST]], len(names) - NAMED_AT_MOST
    shown = ", ".join(named) + (f" and {more} more" if more > 0 else "")
    message = (
        f"this order waits already, with another {shown}; send it as it was, or cancel it and place it anew"
    )
    return AppError(message, "ORDER_DIFFERS", 409, details=[FieldProblem(name, MESSAGE) for name in named])


def _content(action: Action, rendered: set[str]) -> dict[str, Any]:
    extras = {name: value for name in STORED if (value := action.extras.get(name)) is not None}
    payload = {name: value for name, value in action.payload.items() if name not in rendered}
    metadata = {name: value for name, value in action.metadata.items() if name != OCCURRENCE}
    content = {name: getattr(action, name) for name in (*OF_ORDER, "status")}
    return {**content, **extras, "metadata": metadata, "payload": payload}


def _rendered(action: Action) -> set[str]:
    """The payload fields that a template profile fills, and not the storefront."""
    return (
        set(profile_named(action.namespace, action.tenant, action.template) or ())
        if action.template
        else set()
    )


def _differing(first: Mapping[str, Any], again: Mapping[str, Any], path: str = "") -> Iterator[str]:
    for name in sorted({*first, *again}):
        one, other = first.get(name), again.get(name)
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            yield from _differing(one, other, f"{path}{name}.")
        elif (name in first) != (name in again) or not _same(one, other):
            yield f"{path}{name}"


def _same(one: Any, other: Any) -> bool:
    """JSON has one kind of number, and true is none."""
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (one, other))
    return bool(one == other) if numbers else _text(one) == _text(other)


def _text(value: Any) -> str:
    """In composed characters: what looks alike is no difference."""
    return composed(canonical_json(value))
