"""What the stream reads from the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connection

from acteon_site.base.ids import as_uuid
from acteon_site.base.principals import Principal
from audit_app.models import Event, RelayHead
from audit_app.records.vocabulary import CHAIN_ENDS
from audit_app.selectors import records_seen_by
from audit_app.stream.frames import FIELDS, Frame, frame_of

# What one listener catches up with at once: after a restart hundreds come back, each with a page of its own.
PAGE = 100


@dataclass(frozen=True, slots=True)
class Heads:
    """The last number given, and the last one that may be gone already."""

    last: int
    reaped: int


def heads() -> Heads:
    row = RelayHead.objects.filter(pk=1).values_list("event_number", "reaped_event_number").first()
    return Heads(*row) if row else Heads(0, 0)


def frames_after(number: int, *, limit: int, up_to: int | None = None) -> list[Frame]:
    """The next frames in order, at most `limit`."""
    rows = Event.objects.filter(number__gt=number)
    if up_to is not None:
        rows = rows.filter(number__lte=up_to)
    return [frame_of(row) for row in rows.order_by("number").values(*FIELDS)[:limit]]


def frames_before(number: int, *, limit: int, **filters: Any) -> list[Frame]:
    """The last frames up to this one, newest first."""
    rows = Event.objects.filter(number__lte=number, **filters)
    return [frame_of(row) for row in rows.order_by("-number").values(*FIELDS)[:limit]]


def history_of(kind: str, key: str, *, up_to: int) -> list[Frame]:
    """All that the stream still holds about one chain, group or action."""
    rows = Event.objects.filter(**{f"{kind}_id": key}, number__lte=up_to)
    return [frame_of(row) for row in rows.order_by("number").values(*FIELDS)]


def chain_end_on_record(caller: Principal, chain_id: str) -> str | None:
    """How the chain ended by the trail: empty where it runs, None where the caller has no such chain."""
    key = as_uuid(chain_id)
    rows = records_seen_by(caller).filter(chain_id=key) if key else None
    if rows is None or not rows.exists():
        return None
    end = rows.filter(outcome__in=CHAIN_ENDS).values_list("outcome", flat=True).first()
    return end.removeprefix("chain_") if end else ""


def group_on_record(caller: Principal, group_id: str) -> tuple[tuple[str, str], str] | None:
    """Namespace and tenant of a group whose call is in the trail, and what it came to; else None."""
    rows = records_seen_by(caller).filter(action_id=group_id, verdict="group").exclude(outcome="grouped")
    row = rows.order_by("-dispatched_at").values_list("namespace", "tenant", "outcome").first()
    return ((row[0], row[1]), "failed" if row[2] == "failed" else "flushed") if row else None


def release_connection() -> None:
    """Give the connection back: whoever listens holds none."""
    if not connection.in_atomic_block:
        connection.close()
