"""How the order pages show money, time and payloads. Payloads are redacted before anything else looks at them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from acteon_site.base.money import as_shown, total_of
from audit_app.selectors import current_redactor
from orders_app.contract.actions import stored_action
from orders_app.models import Action
from orders_app.selectors import lifecycle_for
from orders_app.worth import priced

MOST_LINES = 100


class HasAction(Protocol):
    action: Any


@dataclass(frozen=True, slots=True)
class Table:
    head: list[str]
    lines: list[list[str]]
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """A payload field: as text, as a table (a list of equal objects), or as indented JSON (`code`)."""

    name: str
    label: str
    text: str = ""
    code: str = ""
    table: Table | None = None
    hidden: bool = False


def payload_of(row: HasAction) -> dict[str, Any]:
    """The redacted payload of the row's action, worked out once for each row."""
    payload: dict[str, Any] | None = row.__dict__.get("_shown_payload")
    if payload is None:
        payload = row.__dict__["_shown_payload"] = redacted(row.action)
    return payload


def redacted(action: Action) -> dict[str, Any]:
    stored = stored_action(action.body)
    payload: dict[str, Any] = current_redactor().scrubber(stored.payload, stored.tainted).payload
    return payload


def amount_of(row: HasAction) -> str:
    """What it charges, or gives back."""
    action: Action = row.action
    lifecycle = lifecycle_for(action.namespace, action.tenant, action.action_type)
    return total_of(priced(payload_of(row), lifecycle.spec if lifecycle else None))


def payload_rows(payload: Mapping[str, Any]) -> list[Row]:
    hides = current_redactor().hides
    currency = payload.get("currency")
    return [_row(name, value, currency, hidden=hides(name)) for name, value in payload.items()]


def _row(name: str, value: Any, currency: Any, *, hidden: bool) -> Row:
    words, value = as_shown(name, value, currency)
    label = words.replace("_", " ").strip().capitalize() or name
    if not isinstance(value, dict | list):
        return Row(name, label, text=_scalar(value), hidden=hidden)
    table = _table(value)
    return Row(name, label, table=table) if table else Row(name, label, code=_indented(value))


def _scalar(value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _table(value: Any) -> Table | None:
    """Lists of flat objects, such as an order's items, are tables."""
    if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
        return None
    if any(isinstance(inner, dict | list) for item in value for inner in item.values()):
        return None
    head = list(dict.fromkeys(key for item in value for key in item))
    if not 1 <= len(head) <= 8:
        return None
    lines = [[_scalar(item.get(key)) for key in head] for item in value[:MOST_LINES]]
    names = [as_shown(key, "", None)[0] for key in head]
    return Table(names, lines, max(0, len(value) - MOST_LINES))


def _indented(value: Any) -> str:
    lines = json.dumps(value, indent=2, ensure_ascii=False, default=str).splitlines()
    if len(lines) > MOST_LINES:
        lines = [*lines[:MOST_LINES], f"… and {len(lines) - MOST_LINES} more lines"]
    return "\n".join(lines)
