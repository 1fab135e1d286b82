"""Events as the frames of the stream."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

from acteon_site.base.clock_text import rfc3339

PING = b": ping\n\n"
FIELDS = (
    "number",
    "type",
    "namespace",
    "tenant",
    "provider",
    "action_type",
    "action_id",
    "chain_id",
    "group_id",
    "data",
    "created_at",
)
# For audit_app.stream.endings only: strict clients know no such keys.
NEVER_SENT = frozenset({"parent_chain_id", "ends"})
_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One event: what filters look at, and its text, made once for all listeners."""

    number: int
    event_type: str
    namespace: str
    tenant: str
    provider: str
    action_type: str
    action_id: str
    chain_id: str
    group_id: str
    outcome: str
    data: Mapping[str, Any]
    timestamp: str
    text: bytes


def frame_of(row: Mapping[str, Any]) -> Frame:
    """`row` holds FIELDS of an Event that the relay has numbered."""
    data: Mapping[str, Any] = row["data"]
    return Frame(
        number=row["number"],
        event_type=row["type"],
        namespace=row["namespace"],
        tenant=row["tenant"],
        provider=row["provider"] or str(data.get("provider", "")),
        action_type=row["action_type"],
        action_id=row["action_id"],
        chain_id=row["chain_id"] or str(data.get("chain_id", "")),
        group_id=row["group_id"],
        outcome=outcome_name(data.get("outcome")),
        data=data,
        timestamp=rfc3339(row["created_at"]),
        text=encoded(row["type"], content_of(row), row["number"]),
    )


def outcome_name(outcome: object) -> str:
    """`executed` for {"Executed": …}, `deduplicated` for "Deduplicated"; empty where there is none."""
    tag = next(iter(outcome), "") if isinstance(outcome, Mapping) else outcome
    return _CAPITAL.sub("_", tag).lower() if isinstance(tag, str) else ""


def encoded(event_type: str, content: Mapping[str, Any], number: int | None = None) -> bytes:
    # ASCII only: some clients split lines at U+2028 and its like, which would cut a frame in two.
    data = json.dumps(content, separators=(",", ":"), cls=DjangoJSONEncoder)
    head = "" if number is None else f"id: {number}\n"
    return f"{head}event: {event_type}\ndata: {data}\n\n".encode()


def lagged(skipped: int | None) -> bytes:
    """Without an id: who reconnects then resumes from the last event that it received."""
    return encoded("lagged", {"skipped": skipped})


def subscription_end(
    entity: tuple[str, str], reason: str, scope: tuple[str, str], number: int, now: datetime
) -> bytes:
    """The last frame of a subscription. `entity` is kind and id, `scope` namespace and tenant."""
    kind, key = entity
    content = {
        "id": str(number),
        "timestamp": rfc3339(now),
        "type": "subscription_end",
        "namespace": scope[0],
        "tenant": scope[1],
        f"{kind}_id": key,
        "entity_type": kind,
        "entity_id": key,
        "reason": reason,
    }
    return encoded("subscription_end", content)


def content_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """The frame of the contract, as an object."""
    optional = {name: row[name] for name in ("action_type", "action_id", "chain_id") if row[name]}
    if row["type"] == "group_flushed":  # of a dispatch the outcome has it
        optional["group_id"] = row["group_id"]
    return {
        **optional,
        **{name: value for name, value in row["data"].items() if name not in NEVER_SENT},
        "id": str(row["number"]),
        "timestamp": rfc3339(row["created_at"]),
        "type": row["type"],
        "namespace": row["namespace"],
        "tenant": row["tenant"],
    }
