"""Payloads as people and clients see them: redacted as in the trail. What is sent back as it was shown stays."""

from __future__ import annotations

from typing import Any

from audit_app.selectors import current_redactor
from orders_app.models import RecurringAction

HIDING = ("payload", "metadata")


def shown(row: RecurringAction) -> dict[str, Any]:
    """Payload and metadata, redacted."""
    scrubber = current_redactor().scrubber(row.payload)
    return {"payload": scrubber.payload, "metadata": scrubber.clean(row.metadata)}


def restored(changes: dict[str, Any], row: RecurringAction) -> dict[str, Any]:
    """The changes with the stored values in place of those that come back as they were shown."""
    seen = shown(row)
    stored = {name: getattr(row, name) for name in HIDING}
    return {
        name: _restored(value, seen[name], stored[name]) if name in HIDING else value
        for name, value in changes.items()
    }


def _restored(sent: Any, seen: Any, stored: Any) -> Any:
    if sent == seen:
        return stored
    if isinstance(sent, dict) and isinstance(seen, dict) and isinstance(stored, dict):
        known = seen.keys() & stored.keys()
        return {
            name: _restored(value, seen[name], stored[name]) if name in known else value
            for name, value in sent.items()
        }
    if isinstance(sent, list) and isinstance(seen, list) and isinstance(stored, list):
        pairs = list(zip(seen, stored, strict=False))
        return [_restored(value, *pairs[at]) if at < len(pairs) else value for at, value in enumerate(sent)]
    return sent
