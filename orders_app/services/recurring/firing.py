"""Dispatching occurrences of recurring actions: an occurrence has one row, in the transaction of its dispatch.

The caller holds the locks of the recurring actions, so nobody fires the same meanwhile; `RecurringFiring` says what was
fired before. The id of the action follows from recurring action and occurrence, so even a repeat is known as one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from django.utils import timezone

from acteon_site.base.clock_text import rfc3339
from acteon_site.base.errors import AppError
from acteon_site.base.many_rows import rows_insert, rows_update
from acteon_site.base.principals import Principal, Role
from acteon_site.base.source import Source
from audit_app.selectors import current_redactor
from orders_app.models import RecurringAction, RecurringFiring
from orders_app.models.recurring import ERROR, RUNNING, SKIPPED
from orders_app.pipeline.content import OCCURRENCE
from orders_app.pipeline.dispatch import decide_all, gate_and_act
from orders_app.pipeline.items import Processed, Submission
from orders_app.recurring.planning import PassedOver
from orders_app.services.recurring.overlap import still_open
from orders_app.states import FiringKind, Overlap

AUTH_METHOD = "recurring"
FIRED_FIELDS = ["next_at", "look_at", "last_at", "execution_count", "attempts", "problem"]
# Outcomes of which something may be under way.
GOES_ON = frozenset({RUNNING, "executed", "chain_started", "pending_approval", "scheduled"})
OVERLAPPED = "what was dispatched before is still under way"
NOT_CANCELLED = "what was dispatched before could not be cancelled in time"
MANY_MISSED = "the gateway could not fire in time"


@dataclass(frozen=True, slots=True)
class Shot:
    """An occurrence that is to be fired now. `overlap` is by which policy."""

    row: RecurringAction
    occurrence: datetime
    kind: FiringKind
    overlap: str
    # What is not ended yet was asked often enough to end.
    gives_up: bool = False

    @property
    def key(self) -> tuple[UUID, datetime]:
        return self.row.pk, self.occurrence

    @property
    def action_id(self) -> str:
        return str(uuid5(self.row.pk, rfc3339(self.occurrence)))

    @property
    def source(self) -> Source:
        return Source(self.row.caller_id, AUTH_METHOD, self.action_id)


@dataclass(slots=True)
class Fired:
    """What came of a shot. Neither `firing` nor `again`: the occurrence was fired before.

    `again`: it could not be decided, or waits for these actions to end (`waits_for`), and is to be tried again.
    """

    shot: Shot
    firing: RecurringFiring | None = None
    processed: Processed | None = None
    again: str = ""
    waits_for: tuple[UUID, ...] = ()


def shots_fire(shots: Sequence[Shot], now: datetime) -> list[Fired]:
    """Inside the caller's transaction, which has locked their recurring actions; one shot for each of those whose
    policy minds what is under way. Firings are stored, counts in the rows raised and not stored.

    Raises what concerns all of them: 503 where no rules are in force.
    """
    results = {shot.key: Fired(shot) for shot in shots}
    fresh, replaced = _unfired(shots)
    clear = _not_overlapping(fresh, results, now)
    _dispatch(clear, results, now)
    RecurringFiring.objects.filter(pk__in=[replaced[key] for key in replaced if results[key].firing]).delete()
    rows_insert([fired.firing for fired in results.values() if fired.firing])
    return list(results.values())


def _unfired(shots: Sequence[Shot]) -> tuple[list[Shot], dict[tuple[UUID, datetime], UUID]]:
    """Those whose occurrence was not dispatched yet; and of those that were passed over, the row that says so."""
    rows = RecurringFiring.objects.filter(
        recurring_id__in={shot.row.pk for shot in shots}, occurrence__in={shot.occurrence for shot in shots}
    )
    known = {
        (pk, at): (row, outcome)
        for pk, at, row, outcome in rows.values_list("recurring_id", "occurrence", "pk", "outcome")
    }
    passed = {key: row for key, (row, outcome) in known.items() if outcome == SKIPPED}
    return [shot for shot in shots if shot.key not in known or shot.key in passed], passed


def _not_overlapping(
    shots: Sequence[Shot], results: Mapping[tuple[UUID, datetime], Fired], now: datetime
) -> list[Shot]:
    minding = {shot.row.pk for shot in shots if shot.overlap != Overlap.ALLOW_ALL}
    going = still_open(minding)
    clear = []
    for shot in shots:
        earlier = going.get(shot.row.pk, []) if shot.row.pk in minding else []
        if not earlier:
            clear.append(shot)
        elif shot.overlap == Overlap.CANCEL_OTHER and not shot.gives_up:
            results[shot.key].again = "waits until what it dispatched before is cancelled"
            results[shot.key].waits_for = tuple(earlier)
        else:
            why = NOT_CANCELLED if shot.gives_up else OVERLAPPED
            results[shot.key].firing = firing_row(shot, now, SKIPPED, reason=why)
    return clear


def _dispatch(shots: Sequence[Shot], results: Mapping[tuple[UUID, datetime], Fired], now: datetime) -> None:
    decided, errors = decide_all([(_body(shot), _submission(shot)) for shot in shots])
    for done in gate_and_act(decided):
        shot = shots[done.item.position]
        if done.error:
            errors[done.item.position] = done.error
        else:
            results[shot.key].firing = _dispatched(shot, done, now)
            results[shot.key].processed = done
    for position, error in errors.items():
        shot = shots[position]
        if error.retryable:
            results[shot.key].again = error.message
        else:
            results[shot.key].firing = firing_row(shot, now, ERROR, reason=_clean(shot, error))


def _dispatched(shot: Shot, done: Processed, now: datetime) -> RecurringFiring:
    outcome = RUNNING if done.run or done.outcome is None else done.outcome.trail_name
    shot.row.execution_count += 1
    shot.row.last_at = now
    firing = firing_row(shot, now, outcome)
    firing.action_id, firing.action_row = done.item.action.id, done.item.row_id
    firing.is_open = outcome in GOES_ON
    return firing


def firing_row(shot: Shot, now: datetime, outcome: str, *, reason: str = "") -> RecurringFiring:
    row = shot.row
    return RecurringFiring(
        recurring_id=row.pk,
        name=row.name,
        namespace=row.namespace,
        tenant=row.tenant,
        provider=row.provider,
        action_type=row.action_type,
        occurrence=shot.occurrence,
        kind=shot.kind,
        fired_at=now,
        outcome=outcome,
        reason=reason,
    )


def passed_over(row: RecurringAction, passed: PassedOver, now: datetime) -> RecurringFiring:
    """One row for all that were missed; what was made up for before is not among them by count, but may be."""
    firing = firing_row(Shot(row, passed.last, FiringKind.MISSED, row.overlap_policy), now, SKIPPED)
    firing.count = passed.count
    firing.reason = f"{MANY_MISSED}; earlier ones were missed, too" if passed.more else MANY_MISSED
    return firing


def rows_fired(rows: Sequence[RecurringAction]) -> None:
    """Store what has become of these."""
    rows_update(list(rows), FIRED_FIELDS)


def _body(shot: Shot) -> dict[str, Any]:
    """The action as a storefront would send it. Rules and receivers see of which occurrence it is in its metadata."""
    row = shot.row
    body = {
        "namespace": row.namespace,
        "tenant": row.tenant,
        "provider": row.provider,
        "action_type": row.action_type,
        "id": shot.action_id,
        "payload": row.payload,
        "metadata": {
            "recurring_id": str(row.pk),
            OCCURRENCE: rfc3339(shot.occurrence),
            **row.metadata,
        },
    }
    return {**body, "dedup_key": row.dedup_key} if row.dedup_key else body


def _submission(shot: Shot) -> Submission:
    row = shot.row
    caller = Principal(
        row.caller_id,
        AUTH_METHOD,
        Role.OPERATOR,
        (row.namespace,),
        (row.tenant,),
        (row.provider,),
        (row.action_type,),
    )
    return Submission(caller, shot.action_id, timezone.now())


def _clean(shot: Shot, error: AppError) -> str:
    return current_redactor().scrubber(shot.row.payload).text(error.message)
