"""What was accepted before an instant, as the trail says: for gates and counters as they were then.

Each question costs the same at a million orders: of each outcome at most so many of the newest rows are read. What
lies further back, or was deleted by retention, is told to be unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.fields.json import KT

from acteon_site.base.clock_text import moment as moment_text
from acteon_site.base.ids import as_uuid
from acteon_site.base.principals import Principal, Role
from acteon_site.base.replica import read_whole
from audit_app.models import AuditHead, AuditRecord
from audit_app.records.vocabulary import DISPATCH_OUTCOMES
from orders_app.models import Action
from orders_app.services.judging import Name, Record
from orders_app.services.past_dispatches import RECORD_FIELDS
from rules_app.backtesting.past import ACCEPTED
from rules_app.services.past_moments import Moment

MOST_RECORDS = 2_000
# To count them costs less than to read them.
MOST_COUNTED = 10_000
_MOST_TENANTS = _MOST_TIMES = 20
EVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Accepted:
    """Dispatches and releases that were accepted, in their order. With `lacks` there may have been more, and why."""

    records: list[Record]
    lacks: str = ""


@dataclass(frozen=True, slots=True)
class _Own:
    """The dispatch that is tried: its name, when the gates were asked, and its row of the trail, if that is there."""

    row: UUID
    name: Name
    at: datetime
    record: AuditRecord | None

    def left(self, record: Record) -> bool:
        """Whether the row of the trail is its own, or of its release."""
        same = record.is_release or (self.record is not None and record.id == self.record.pk)
        return same and record.name == self.name


@dataclass(frozen=True, eq=False)
class PastTrail:
    """All that came before the moment, but for what is tried itself."""

    moment: Moment

    @property
    def at(self) -> datetime:
        return self.moment.at

    @cached_property
    def own(self) -> _Own | None:
        pk = as_uuid(self.moment.own) if self.moment.own else None
        row = Action.objects.filter(pk=pk).defer("body").first() if pk else None
        if row is None:
            return None
        name = (row.namespace, row.tenant, row.action_type, row.action_id)
        return _Own(row.pk, name, row.received_at, record_of(row))

    @property
    def of_own(self) -> Q:
        """What refers to the stored action that is tried."""
        return Q(action_id=self.own.row) if self.own else Q(pk__in=[])

    def accepted(self, namespace: str, tenant: str, begin: datetime, most: int = 0) -> Accepted:
        """Of that shop since `begin`; at least the newest `most` of them."""
        most = max(most, MOST_RECORDS)
        rows = self._rows(begin).filter(namespace=namespace, tenant=tenant)
        read = [_newest(rows.filter(outcome=outcome), most) for outcome in sorted(ACCEPTED)]
        gone = self.gone({"namespace": namespace, "tenant": tenant}, begin)
        return self._told(
            [record for part in read for record in part], [part for part in read if len(part) > most], gone
        )

    def accepted_by_all(self, namespace: str | None, begin: datetime) -> Accepted:
        """Of all shops of that namespace, or of all there are."""
        scope = {} if namespace is None else {"namespace": namespace}
        rows = self._rows(begin)
        read = _newest(rows, MOST_RECORDS)
        mine = [one for one in read if one.outcome in ACCEPTED and namespace in (None, one.namespace)]
        return self._told(mine, [read] if len(read) > MOST_RECORDS else [], self.gone(scope, begin))

    def count(self, scope: Mapping[str, str], begin: datetime, **only: str) -> tuple[int, str]:
        """How many were accepted for the first time, and why there may have been more."""
        rows = self._rows(begin).filter(**scope).exclude(self._own_row())
        told = [_counted(rows.filter(outcome=outcome), only) for outcome in ACCEPTED]
        many = f"more than {MOST_COUNTED:,} came in that time" if any(whole for _, whole in told) else ""
        return sum(count for count, _ in told), many or self.gone(scope, begin)

    def gone(self, scope: Mapping[str, str], begin: datetime) -> str:
        """Says where retention has deleted what came since then."""
        heads = AuditHead.objects.filter(**scope, reaped_sequence__gt=0).values_list("namespace", "tenant")
        found = list(heads[: _MOST_TENANTS + 1])
        kept = [_oldest(*head) for head in found[:_MOST_TENANTS]]
        since = max((one for one in kept if one), default=None)
        if len(found) > _MOST_TENANTS or None in kept:
            return "retention has deleted what came then"
        return (
            f"retention has deleted what came before {moment_text(since)}" if since and since > begin else ""
        )

    def _rows(self, begin: datetime) -> QuerySet[AuditRecord]:
        rows = AuditRecord.objects.filter(dispatched_at__gte=begin, ruleset_version__isnull=False)
        own = self.own
        if own is None or own.record is None or own.at != self.at:
            return rows.filter(dispatched_at__lt=self.at)
        # Those of one batch have one instant, and came in the order of their ids.
        came = own.record.dispatched_at
        before = Q(dispatched_at__lt=came) | Q(dispatched_at=came, id__lt=own.record.pk)
        return rows.filter(before, dispatched_at__lte=came)

    def _own_row(self) -> Q:
        return Q(pk=self.own.record.pk) if self.own and self.own.record else Q(pk__in=[])

    def _told(self, records: Iterable[Record], cut: list[list[Record]], gone: str) -> Accepted:
        """From where on nothing is missing: none of those that were cut off lies behind it."""
        begin = max((part[-1].dispatched_at for part in cut), default=EVER)
        kept = [
            one for one in records if one.dispatched_at > begin and is_anew(one) and not self._is_own(one)
        ]
        many = f"more than {MOST_RECORDS:,} came in that time" if cut else ""
        return Accepted(sorted(kept, key=lambda one: (one.dispatched_at, one.id)), many or gone)

    def _is_own(self, record: Record) -> bool:
        return self.own is not None and self.own.left(record)


def sender_of(record: AuditRecord) -> Principal:
    """Who sent the action, with the role that he had then; of what was sent before rules asked for it, the least."""
    role = Role[record.verdict_details.get("caller_role", Role.OPERATOR.name).upper()]
    return Principal(record.caller_id, record.auth_method, role)


def record_of(row: Action) -> AuditRecord | None:
    """What the trail says of the dispatch that has left this row: the nearest in time, as there are two clocks."""
    found = AuditRecord.objects.filter(
        namespace=row.namespace,
        tenant=row.tenant,
        action_type=row.action_type,
        action_id=row.action_id,
        outcome__in=DISPATCH_OUTCOMES,
        ruleset_version__isnull=False,
    ).order_by("-dispatched_at")[:_MOST_TIMES]
    own = (one for one in found if "release" not in one.verdict_details)
    return min(own, key=lambda one: abs(one.dispatched_at - row.received_at), default=None)


def is_anew(record: Record) -> bool:
    """It was no repeat of what waits already, and was not refused for want of somebody to call."""
    called_nobody = record.outcome == "failed" and str(record.attempts) == "0"
    reached = record.verdict != "failed" and not called_nobody
    return reached and "repeat_of" not in record.details and "dedup_reason" not in record.details


def _newest(rows: QuerySet[AuditRecord], most: int) -> list[Record]:
    """One more than that many, where there are more."""
    told = rows.annotate(attempts=KT("outcome_details__attempts")).order_by("-dispatched_at", "-id")
    return read_whole(lambda: [Record(*row) for row in told.values_list(*RECORD_FIELDS)[: most + 1]])


def _counted(rows: QuerySet[AuditRecord], only: Mapping[str, str]) -> tuple[int, bool]:
    """How many of the newest, and whether there are more than are looked at."""
    newest = rows.order_by("-dispatched_at", "-id").values("pk")[: MOST_COUNTED + 1]
    told = AuditRecord.objects.filter(pk__in=newest, **only).annotate(
        attempts=KT("outcome_details__attempts")
    )
    anew = told.exclude(verdict_details__has_key="repeat_of").exclude(verdict_details__has_key="release")
    failed = Q(outcome="failed") & (Q(attempts="0") | Q(verdict="failed"))
    return read_whole(lambda: (anew.exclude(failed).count(), newest.count() > MOST_COUNTED))


def _oldest(namespace: str, tenant: str) -> datetime | None:
    rows = AuditRecord.objects.filter(namespace=namespace, tenant=tenant)
    return rows.order_by("dispatched_at", "id").values_list("dispatched_at", flat=True).first()
