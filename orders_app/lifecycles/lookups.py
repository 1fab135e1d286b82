"""By which values of its payload an order is found: what its lifecycle marks with `lookup`, as one spelling. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from acteon_site.base.cards import holds_card
from orders_app.lifecycles.spec import LifecycleSpec

LONGEST = 320  # the longest address of e-mail


def lookups_of(spec: LifecycleSpec, payload: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Field and value of each that the order is found by."""
    for name in spec.lookup_fields:
        value = looked_up(payload.get(name))
        if value:
            yield name, value


def looked_up(value: Any) -> str:
    """The spelling under which it is kept and asked for; "" for what is not kept.

    A card number is never kept, not as a hash either: there are so few that a leaked key would tell them all.
    """
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    text = " ".join(str(value).casefold().split())
    return "" if len(text) > LONGEST or holds_card(text) else text
