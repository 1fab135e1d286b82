"""Making, changing, pausing and removing recurring actions: each with its row in the audit trail."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from acteon_site.base import config_versions
from acteon_site.base.clock import db_now
from acteon_site.base.errors import conflict, invalid_field, invalid_fields, not_found
from acteon_site.base.ids import new_id
from acteon_site.base.source import Source
from audit_app.services.journal import Journal, Subject
from orders_app.models import RecurringAction
from orders_app.recurring.cron import Schedule
from orders_app.recurring.spec import columns_of, full_spec, spec_problems
from orders_app.services.recurring.hidden import restored

SCHEDULED_BY = frozenset({"cron_expression", "timezone", "starts_at", "ends_at", "max_executions"})
# By these it has other occurrences, which count from the change on.
RESCHEDULED_BY = frozenset({"cron_expression", "timezone"})


def recurring_spec(row: RecurringAction) -> dict[str, Any]:
    """The row as clients and files spell it; times are moments."""
    plain = (
        *("name", "namespace", "tenant", "provider", "action_type", "payload", "metadata", "cron_expression"),
        *("timezone", "max_executions", "description", "dedup_key", "labels", "overlap_policy", "missed"),
    )
    return {
        **{name: getattr(row, name) for name in plain},
        "start_date": row.starts_at,
        "end_date": row.ends_at,
    }


def schedule_of_row(row: RecurringAction) -> Schedule:
    return Schedule(row.cron_expression, row.timezone, row.starts_at, row.ends_at)


def next_of(row: RecurringAction, now: datetime) -> datetime | None:
    """Its next occurrence, None where it may not be dispatched again."""
    return None if row.remaining == 0 else schedule_of_row(row).next(now)


def still_due(row: RecurringAction, now: datetime, changed: Collection[str]) -> bool:
    """Whether an occurrence that nobody has fired yet is one after this change, too: then it is not passed over."""
    if not row.enabled or row.next_at is None or row.next_at > now or row.remaining == 0:
        return False
    return not RESCHEDULED_BY & set(changed) and schedule_of_row(row).holds(row.next_at)


@transaction.atomic
def recurring_create(*, spec: Mapping[str, Any], source: Source) -> RecurringAction:
    """Raises 422 with every problem, and 409 where the name is taken or the tenant has as many as it may have."""
    config_versions.touch(config_versions.RECURRING)  # one change at a time, so that the count stays right
    checked, now = _checked(spec), db_now()
    row = RecurringAction(id=new_id(), **columns_of(checked), created_by=source.caller_id)
    row.name = row.name or f"{row.action_type[:150]}-{row.pk.hex[-8:]}"
    row.edited_by, row.edited_at = source.caller_id, timezone.now()
    _require_room(row)
    _set_next(row, now)
    _stored(row, force_insert=True)
    recurring_note(row, "created", source)
    return row


@transaction.atomic
def recurring_update(*, row: RecurringAction, changes: Mapping[str, Any], source: Source) -> RecurringAction:
    """Change what `changes` names; namespace and tenant stay. Raises 422, and 404 where it is gone."""
    config_versions.touch(config_versions.RECURRING)
    locked, now = recurring_lock(row), db_now()
    before = recurring_spec(locked)
    kept = {"namespace": locked.namespace, "tenant": locked.tenant}
    # A null takes back what was said before.
    columns = columns_of(_checked({**before, **restored(dict(changes), locked), **kept}))
    columns["name"] = columns["name"] or locked.name
    changed = sorted(name for name, value in columns.items() if getattr(locked, name) != value)
    for name, value in columns.items():
        setattr(locked, name, value)
    locked.edited_by, locked.edited_at = source.caller_id, timezone.now()
    if SCHEDULED_BY & set(changed) and not still_due(locked, now, changed):
        _set_next(locked, now)
    _stored(locked)
    recurring_note(locked, "changed", source, fields=changed)
    return locked


@transaction.atomic
def recurring_pause(*, row: RecurringAction, source: Source) -> RecurringAction:
    """Raises 409 where it is paused already, or completed."""
    config_versions.touch(config_versions.RECURRING)
    locked = recurring_lock(row)
    if locked.status != "active":
        raise conflict(f"it is {locked.status} already", "NOT_ACTIVE")
    locked.enabled, locked.look_at = False, None
    return _switched(locked, "paused", source)


@transaction.atomic
def recurring_resume(*, row: RecurringAction, source: Source) -> RecurringAction:
    """From its next occurrence on; those of the pause were not missed. Raises 409 where it is not paused."""
    config_versions.touch(config_versions.RECURRING)
    locked = recurring_lock(row)
    if locked.enabled:
        raise conflict(f"it is {locked.status} already", "NOT_PAUSED")
    locked.enabled = True
    locked.next_at = locked.look_at = next_of(locked, db_now())
    return _switched(locked, "resumed", source)


@transaction.atomic
def recurring_delete(*, row: RecurringAction, source: Source) -> None:
    """Its firings are kept as long as retention keeps them."""
    config_versions.touch(config_versions.RECURRING)
    locked = recurring_lock(row)
    recurring_note(locked, "deleted", source)
    locked.delete()


def recurring_lock(row: RecurringAction) -> RecurringAction:
    """The row as it is now, locked: nothing fires it meanwhile. Raises 404."""
    found = RecurringAction.objects.select_for_update().filter(pk=row.pk).first()
    if found is None:
        raise not_found("there is no such recurring action any more")
    return found


def recurring_note(row: RecurringAction, change: str, source: Source, **details: Any) -> None:
    """A row in the trail, under the id of the recurring action."""
    journal = Journal(source)
    told = {
        "recurring_id": str(row.pk),
        "name": row.name,
        "change": change,
        "cron_expression": row.cron_expression,
        "timezone": row.timezone,
        **{name: value for name, value in details.items() if value},
    }
    subject = Subject(row.namespace, row.tenant, row.provider, row.action_type, str(row.pk))
    # What was in force stands there, redacted as every payload.
    journal.audit(
        subject, outcome="state_changed", verdict="schedule", payload=row.payload, outcome_details=told
    )
    journal.write()


def _switched(row: RecurringAction, change: str, source: Source) -> RecurringAction:
    row.attempts, row.problem = 0, ""
    row.enabled_by = source.caller_id
    row.save()
    recurring_note(row, change, source)
    return row


def _checked(spec: Mapping[str, Any]) -> dict[str, Any]:
    whole = full_spec(spec)
    problems = spec_problems(whole)
    if problems:
        raise invalid_fields(problems)
    return whole


def _set_next(row: RecurringAction, now: datetime) -> None:
    """Raises 422 where it would never be dispatched."""
    row.next_at = next_of(row, now)
    row.look_at = row.next_at if row.enabled else None
    row.attempts, row.problem = 0, ""
    if row.next_at is None:
        raise _never(row, now)


def _never(row: RecurringAction, now: datetime) -> Exception:
    if row.remaining == 0:
        return invalid_field(
            "max_executions",
            f"it was dispatched {row.execution_count} times already; write more than that, or null for any number",
        )
    unbounded = Schedule(row.cron_expression, row.timezone, row.starts_at).next(now)
    if unbounded is None:
        return invalid_field("cron_expression", "it never fires again; choose a day that is still to come")
    return invalid_field(
        "end_date" if row.ends_at and row.ends_at <= now else "cron_expression",
        f"it never fires again: after end_date its next time would be {unbounded:%Y-%m-%dT%H:%MZ}; "
        "write a later end_date, or another expression",
    )


def _require_room(row: RecurringAction) -> None:
    most = settings.RECURRING_PER_TENANT
    if RecurringAction.objects.filter(namespace=row.namespace, tenant=row.tenant).count() >= most:
        raise conflict(
            f"{row.namespace}/{row.tenant} has {most} recurring actions, which is the most; delete one that is "
            "over, or raise ACTEON_RECURRING_PER_TENANT",
            "TOO_MANY",
        )


def _stored(row: RecurringAction, *, force_insert: bool = False) -> None:
    try:
        with transaction.atomic():
            row.save(force_insert=force_insert)
    except IntegrityError:
        message = f"a recurring action named {row.name!r} exists already in {row.namespace}/{row.tenant}"
        raise conflict(message) from None
