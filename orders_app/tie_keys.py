"""What ties an order to others: its customer, e-mail, card and address, as keyed hashes within one tenant.

Two that were typed alike are tied, whatever their case and spaces; nobody can read a value back from a hash.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from acteon_site.base.digest import keyed_hash
from orders_app.approval_policy import Policy
from orders_app.states import TieKind

LONGEST = 2_000
_APART = re.compile(r"[\W_]+")


def tie_keys(namespace: str, tenant: str, payload: Mapping[str, Any], policy: Policy) -> dict[TieKind, str]:
    """By kind, as far as the payload names them."""
    found = {TieKind(kind): _first(kind, payload, paths) for kind, paths in policy.ties.items()}
    return {kind: tie_key(namespace, tenant, kind, text) for kind, text in found.items() if text}


def tie_key(namespace: str, tenant: str, kind: TieKind, text: str) -> str:
    """`text` as `normal` makes it."""
    return keyed_hash("tie", namespace, tenant, kind.value, text)


def keys_of_text(namespace: str, tenant: str, text: str) -> list[str]:
    """What somebody may search a customer by: a number, an e-mail, or a card's fingerprint."""
    kinds = (TieKind.CUSTOMER, TieKind.EMAIL, TieKind.CARD)
    return [tie_key(namespace, tenant, kind, normal(kind, text)) for kind in kinds if normal(kind, text)]


def normal(kind: str, value: Any) -> str:
    """The value as it is compared; "" where it says nothing."""
    if isinstance(value, bool) or not isinstance(value, (str, int, dict)):
        return ""
    if isinstance(value, dict):
        # The parts of an address, in whatever order they stand.
        parts = sorted(
            f"{name}={_words(part)}" for name, part in value.items() if isinstance(part, str | int)
        )
        return " ".join(parts)[:LONGEST] if kind == TieKind.ADDRESS else ""
    text = str(value).strip().lower()[:LONGEST]
    if kind == TieKind.EMAIL:
        return text if "@" in text else ""
    return _words(text).strip() if kind == TieKind.ADDRESS else re.sub(r"\s", "", text)


def value_at(payload: Mapping[str, Any], paths: Sequence[str]) -> Any:
    """The first of these dotted paths that has a value, else None."""
    return next((value for path in paths if (value := _at(payload, path)) not in (None, "")), None)


def _first(kind: str, payload: Mapping[str, Any], paths: Sequence[str]) -> str:
    return next(_texts(kind, payload, paths), "")


def _texts(kind: str, payload: Mapping[str, Any], paths: Sequence[str]) -> Iterator[str]:
    for path in paths:
        if text := normal(kind, _at(payload, path)):
            yield text


def _at(payload: Any, path: str) -> Any:
    for name in path.split("."):
        if not isinstance(payload, Mapping):
            return None
        payload = payload.get(name)
    return payload


def _words(value: Any) -> str:
    return _APART.sub(" ", str(value).lower())
