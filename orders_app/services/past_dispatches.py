"""Past dispatches for a backtest: the rows of the trail, each with its encrypted original, decided by other rules.

Read page by page, each by short statements (from the replica, where there is one), so that no long snapshot holds
anything up. A row of the trail and its original are found together by the action's names and the nearest time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connections, router
from django.db.models import BinaryField, Q, QuerySet
from django.db.models.fields.json import KT
from django.db.models.functions import Cast

from acteon_site.base.replica import read_whole
from acteon_site.base.statements import json_text
from audit_app.models import AuditRecord
from audit_app.records.vocabulary import DISPATCH_OUTCOMES
from orders_app.models import Action, Order
from orders_app.services.judging import Judge, Name, Original, Record
from orders_app.services.past_lives import with_living_orders
from rules_app.backtesting import GONE, Past
from rules_app.engine import RuleSet
from rules_app.engine.counters import micros
from rules_app.services.past_dispatches import Found, Page, Range

PAGE_ROWS = 2_000
RECORD_FIELDS = (
    "id",
    "namespace",
    "tenant",
    "action_type",
    "action_id",
    "dispatched_at",
    "outcome",
    "verdict",
    "matched_rule",
    "ruleset_version",
    "verdict_details",
    "attempts",
    *("caller_id", "auth_method"),
)
_NAME = ("namespace", "tenant", "action_type", "action_id")
_OF_ACTION = ("id", "namespace", "tenant", "action_type", "action_id", "received_at", "replay_of", "token")


@dataclass(slots=True)
class Originals:
    """Stored originals by their actions' names, each given once."""

    by_name: dict[Name, list[Original]] = field(default_factory=lambda: defaultdict(list))

    def take(self, record: Record) -> Original | None:
        """The nearest in time: an id that was sent again has an original for each time."""
        rows = self.by_name.get(record.name)
        if not rows:
            return None
        nearest = min(rows, key=lambda row: abs(row.received_at - record.dispatched_at))
        rows.remove(nearest)
        return nearest


class StoredDispatches:
    """What the trail and the stored originals know of the past."""

    name = "orders"
    _judge: Judge | None = None

    def pages(self, asked: Range) -> Iterator[Page]:
        after: tuple[datetime, str] | None = None
        while True:
            last = read_whole(lambda after=after: _last_of_page(asked, after))  # type: ignore[misc]
            yield Page(after, last, PAGE_ROWS)
            if last is None:
                return
            after = last

    def judged(self, rules: RuleSet, asked: Range, page: Page) -> Found:
        records, originals = read_whole(lambda: _read(asked, page))
        dispatches = [record for record in records if not record.is_release]
        judge = self._judge_by(rules)
        pasts = [_past(record, originals.take(record), asked, judge) for record in dispatches]
        told = with_living_orders(pasts)
        releases = sum(1 for one in records if one.is_release and one.dispatched_at >= asked.begins)
        return Found(sorted(told, key=lambda past: (past.at, past.row)), releases)

    def _judge_by(self, rules: RuleSet) -> Judge:
        """The same for all pages of a backtest: it remembers what the rules of then were."""
        judge = self._judge
        if judge is None or judge.rules is not rules:
            judge = self._judge = Judge.of(rules)
        return judge

    def orders(self, rows: Collection[str]) -> Mapping[str, str]:
        found = Order.objects.filter(action_id__in=list(rows)).values_list("action_id", "pk")
        return {str(action): str(order) for action, order in found}


def _trail(asked: Range, after: tuple[datetime, str] | None) -> QuerySet[AuditRecord]:
    rows = AuditRecord.objects.filter(
        **asked.scope, dispatched_at__gte=asked.warms, dispatched_at__lt=asked.ends
    )
    if after is None:
        return rows
    moment, key = after
    # The first bound is redundant and lets the index begin there.
    behind = Q(dispatched_at__gt=moment) | Q(dispatched_at=moment, id__gt=UUID(key))
    return rows.filter(behind, dispatched_at__gte=moment)


def _last_of_page(asked: Range, after: tuple[datetime, str] | None) -> tuple[datetime, str] | None:
    """None where what is left is no whole page."""
    rows = _trail(asked, after).order_by("dispatched_at", "id").values_list("dispatched_at", "id")
    found = next(iter(rows[PAGE_ROWS - 1 : PAGE_ROWS]), None)
    return (found[0], str(found[1])) if found else None


def _read(asked: Range, page: Page) -> tuple[list[Record], Originals]:
    rows = _trail(asked, page.after).filter(outcome__in=DISPATCH_OUTCOMES, ruleset_version__isnull=False)
    if page.last is not None:
        moment, key = page.last
        within = Q(dispatched_at__lt=moment) | Q(dispatched_at=moment, id__lte=UUID(key))
        rows = rows.filter(within, dispatched_at__lte=moment)
    told = rows.annotate(attempts=KT("outcome_details__attempts")).order_by("dispatched_at", "id")
    records = [Record(*row) for row in told.values_list(*RECORD_FIELDS)]
    return records, originals_of(record for record in records if not record.is_release)


def originals_of(records: Iterable[Record]) -> Originals:
    names = {record.name for record in records}
    found = Originals()
    if not names:
        return found
    server = connections[router.db_for_read(Action)]
    rows = _looked_up(server, names) if server.vendor == "postgresql" else _filtered(names)
    for row in rows:
        original = Original(*row)
        found.by_name[original.name].append(original)
    return found


def _filtered(names: Collection[Name]) -> Iterable[tuple[Any, ...]]:
    """A superset of them."""
    named = {f"{field}__in": {name[place] for name in names} for place, field in enumerate(_NAME)}
    # Encrypted, as it is stored: what it says is read once the statement is over.
    stored = Action.objects.filter(**named).annotate(token=Cast("body", BinaryField()))
    return stored.order_by("received_at", "id").values_list(*_OF_ACTION)


# One look into the index for each name, however many shops the page is of.
_LOOK_UP = f"""SELECT {", ".join(f"found.{name}" for name in (*_OF_ACTION[:-1], "body"))}
FROM json_to_recordset(%s::json) AS asked (namespace text, tenant text, action_type text, action_id text)
JOIN LATERAL (
    SELECT * FROM {Action._meta.db_table} WHERE namespace = asked.namespace AND tenant = asked.tenant
    AND action_id = asked.action_id AND action_type = asked.action_type OFFSET 0
) AS found ON true ORDER BY found.received_at, found.id"""  # noqa: S608 - a model's own names


def _looked_up(server: Any, names: Collection[Name]) -> Iterable[tuple[Any, ...]]:
    asked = json_text([dict(zip(_NAME, name, strict=True)) for name in names])
    with server.cursor() as cursor:
        cursor.execute(_LOOK_UP, [asked])
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _past(record: Record, original: Original | None, asked: Range, judge: Judge) -> Past:
    details = record.details
    past = Past(
        record=str(record.id),
        row=str(original.id) if original else "",
        namespace=record.namespace,
        tenant=record.tenant,
        action_type=record.action_type,
        action_id=record.action_id,
        at=micros(original.received_at if original else record.dispatched_at),
        outcome=record.outcome,
        verdict=record.verdict,
        rule=record.matched_rule or "",
        version=record.ruleset_version,
        gates=tuple(details.get("gates", ())),
        repeat="repeat" if "repeat_of" in details else details.get("dedup_reason", ""),
        called_nobody=record.outcome == "failed" and str(record.attempts) == "0",
        before=record.dispatched_at < asked.begins,
        replay=bool(original and original.replay_of),
        lost=GONE if original is None else "",
    )
    return past if original is None else judge.judged(past, record, original)
