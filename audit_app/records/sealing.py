"""The hash that seals an audit record to the one before it. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

# What the hash covers: all that is stored of a record but the hash itself.
SEALED_FIELDS = (
    "id",
    "number",
    "sequence_number",
    "previous_hash",
    "action_id",
    "chain_id",
    "namespace",
    "tenant",
    "provider",
    "action_type",
    "verdict",
    "matched_rule",
    "outcome",
    "action_payload",
    "verdict_details",
    "outcome_details",
    "metadata",
    "dispatched_at",
    "completed_at",
    "duration_ms",
    "caller_id",
    "auth_method",
    "ruleset_version",
    "request_id",
)
# Covered where they say anything, so that what was sealed before they were there verifies as it did.
SEALED_OF_PEOPLE = ("caller_address", "caller_agent")
READ_FIELDS = (*SEALED_FIELDS, *SEALED_OF_PEOPLE)


def record_hash(record: Mapping[str, Any]) -> str:
    """SHA-256 in hex over the canonical JSON of all SEALED_FIELDS, as read from the database.

    Times are UTC with microseconds, so that the session's time zone does not matter.
    """
    content = {name: record[name] for name in SEALED_FIELDS}
    content |= {name: record[name] for name in SEALED_OF_PEOPLE if record.get(name)}
    text = _CANONICAL.encode(content)
    # A row that cannot be encoded must not hold up the relay for all others.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def sealed_value(value: Any) -> Any:
    """What the hash is made of, as JSON holds it."""
    return value if value is None or isinstance(value, str | int | float | dict | list) else _plain(value)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return str(value)


# Made once: json.dumps makes one for each record.
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain)
