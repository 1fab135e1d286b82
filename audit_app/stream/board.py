"""The live board's beginning: what was counted up to one number of the stream, so that the rest follows from there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from audit_app.analytics.asking import MOST_UNNUMBERED, Question, sums_now
from audit_app.analytics.spans import Span
from audit_app.models import AuditRecord, Event, RelayHead
from audit_app.records.rollups import DECIDED, MINUTE
from audit_app.records.vocabulary import DISPATCH_OUTCOMES
from audit_app.stream.frames import Frame, outcome_name
from audit_app.stream.reading import frames_before

MINUTES = 60
NEWEST = 30
Counts = Counter[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Board:
    """Outcomes of the last MINUTES by minute, and of the day so far; and the newest frames up to `number`.

    `behind`: the relay has to catch up first.
    """

    number: int
    minutes: Mapping[tuple[int, str], int]
    today: Mapping[str, int]
    newest: list[Frame]
    behind: bool


def board_at(now: datetime, zone: ZoneInfo, names: Mapping[str, Collection[str]]) -> Board:
    """All that frames up to `number` have told, and nothing that a later one will tell.

    `names`: whose, by namespace and tenant; without one of them, of all.
    """
    local = now.astimezone(zone)
    midnight = int(local.replace(hour=0, minute=0, second=0, microsecond=0).timestamp())
    until = int(now.timestamp()) // MINUTE * MINUTE + 2 * MINUTE  # hosts' clocks differ a little
    hour = Span(until - (MINUTES + 1) * MINUTE, until)
    lookups = {f"{name}__in": list(among) for name, among in names.items()}
    with sums_now() as sums:
        number = RelayHead.objects.filter(pk=1).values_list("event_number", flat=True).first() or 0
        minutes = sums.records(Question(DECIDED, hour, names, ("at", "outcome"), MINUTE))
        today = sums.records(Question(DECIDED, Span(midnight, until), names, ("outcome",)))
        coming, newest = (
            _coming(lookups),
            frames_before(number, limit=NEWEST, type="action_dispatched", **lookups),
        )
        behind = (
            AuditRecord.objects.filter(number__isnull=True)[: MOST_UNNUMBERED + 1].count() > MOST_UNNUMBERED
        )
    by_minute = Counter({(at, outcome): count for (at, outcome), (count, _) in minutes.items()})
    of_today = Counter({outcome: count for (outcome,), (count, _) in today.items()})
    by_minute.subtract(coming)
    for (at, outcome), count in coming.items():
        of_today[outcome] -= count if at >= midnight else 0
    return Board(number, by_minute, of_today, newest, behind)


def _coming(lookups: Mapping[str, Any]) -> Counts:
    """What is counted already, since it is committed, and will be told by frames that have no number yet."""
    rows = Event.objects.filter(number__isnull=True, type="action_dispatched", **lookups)
    found: Counts = Counter()
    for at, data in rows.values_list("created_at", "data"):
        outcome = outcome_name(data.get("outcome"))
        if outcome in DISPATCH_OUTCOMES:
            found[int(at.timestamp()) // MINUTE * MINUTE, outcome] += 1
    return found
