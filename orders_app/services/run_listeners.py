"""What orders, bare calls and approvals do when their runs end. Registered with chains_app at start-up."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from acteon_site.base.clock_text import parse_time
from acteon_site.base.errors import AppError, conflict
from acteon_site.base.locked_rows import rows_lock
from acteon_site.base.many_rows import rows_insert, rows_update
from acteon_site.base.names import spellings
from acteon_site.base.source import Source
from acteon_site.base.statements import Writes
from audit_app.selectors import current_redactor
from audit_app.services.journal import Journal, Subject
from chains_app.listeners import Ended, Listener, Owners
from chains_app.models import Attempt, Run, StepRun
from chains_app.states import RunKind, RunStatus
from orders_app.models import Hold, Move, Order
from orders_app.pipeline.journaling import outcome_notes, trail_metadata
from orders_app.pipeline.rows import ORDER_FIELDS
from orders_app.selectors import lifecycle_of
from orders_app.services.dedup_keys import dedup_key_retake, dedup_keys_free
from orders_app.services.ledger import (
    LEDGER_FIELDS,
    REFUND_FIELDS,
    charge_note,
    refund_outcome,
    refund_retake,
    refund_would_repeat,
    reservation_settle,
)
from orders_app.services.recurring.settling import firing_reopen, firings_settle
from orders_app.services.run_outcomes import call_notes, outcome_of_step
from orders_app.services.transitions import MOVED_FIELDS, order_move_by_run
from orders_app.states import OrderStatus, RefundState

STATUS_OF_END = {
    RunStatus.COMPLETED: OrderStatus.COMPLETED,
    RunStatus.FAILED: OrderStatus.FAILED,
    RunStatus.TIMED_OUT: OrderStatus.FAILED,
    RunStatus.CANCELLED: OrderStatus.CANCELLED,
}
# What an order is made of that a run's turn may move.
LOCKED = (
    *(
        "id",
        "namespace",
        "tenant",
        "provider",
        "action_type",
        "fingerprint",
        "action_id_text",
        "lifecycle_id",
    ),
    *("state", "status", "living", "run_id", "reason", "timeout_at", "updated_at", "finished_at"),
    *LEDGER_FIELDS,
    *REFUND_FIELDS,
)


TURNED_FIELDS = sorted({*ORDER_FIELDS, *MOVED_FIELDS, *LEDGER_FIELDS})


class SingleRuns(Owners):
    """Bare calls that have ended: then their dispatches have their audit rows and events."""

    def __init__(self) -> None:
        self._singles: list[Ended] = []

    def ended(self, end: Ended, *, now: datetime) -> None:
        if end.run.kind == RunKind.SINGLE:
            self._singles.append(end)

    def settled(self, end: Ended, *, goes_on: bool, now: datetime) -> None:
        if goes_on:
            firing_reopen(end.run)

    def write(self, journal: Journal, writes: Writes) -> None:
        repeated = [end.steps[0].pk for end in self._singles if end.steps and end.steps[0].attempt > 1]
        if repeated:
            writes.execute()
        attempts: dict[UUID, list[Attempt]] = {}
        for attempt in Attempt.objects.filter(step__in=repeated) if repeated else ():
            attempts.setdefault(attempt.step_id, []).append(attempt)
        for end in self._singles:
            step = next(iter(end.steps), None)
            self.tell(end.run, step, attempts.get(step.pk, []) if step else [], journal)
        firings_settle(self._singles)

    def tell(self, run: Run, step: StepRun | None, attempts: Sequence[Attempt], journal: Journal) -> None:
        journal_single(run, step, attempts, journal)


class LockedOrders(SingleRuns):
    """Orders whose runs are turned. Each is written once, whatever became of it."""

    def __init__(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """`rows` as LOCKED has them: most of a set neither end nor move, and their orders are not made."""
        super().__init__()
        self._rows = {row[0]: row for row in rows}
        self._changed: dict[UUID, Order] = {}
        self._moves: list[Move] = []
        self._freed: list[Mapping[str, Any]] = []
        self._settled: list[tuple[Order, RefundState]] = []

    def ended(self, end: Ended, *, now: datetime) -> None:
        super().ended(end, now=now)
        self._end(end, now)

    def settled(self, end: Ended, *, goes_on: bool, now: datetime) -> None:
        if owner_of(end.run) not in self._rows:
            return  # retention has removed it
        super().settled(end, goes_on=goes_on, now=now)
        if not goes_on:
            self._end(end, now)
            return
        order = self._order(owner_of(end.run))
        order.status, order.living, order.reason = OrderStatus.PROCESSING, True, ""
        order.finished_at, order.updated_at = None, now

    def _end(self, end: Ended, now: datetime) -> None:
        run, order = end.run, self._order(owner_of(end.run))
        order.status, order.updated_at = STATUS_OF_END[RunStatus(run.status)], now
        done = order.status == OrderStatus.COMPLETED
        order.living, order.reason = done or end.in_doubt, "" if done else run.error
        finished = not order.living or order.state in lifecycle_of(order).terminal
        order.finished_at = now if finished else None
        if not done:
            order.timeout_at = None
        if not order.living:
            self._freed.append(run.origin)
        if order.refund_state:
            self._settled.append((order, refund_outcome(order, end)))
        else:
            charge_note(order, end)

    def transition(self, owner_id: UUID, *, to: str, step: str, now: datetime, journal: Journal) -> None:
        if owner_id not in self._rows:
            return
        order = self._order(owner_id)
        move = order_move_by_run(order, to=to, actor=f"step:{step}", now=now, journal=journal)
        if move is not None:
            self._moves.append(move)

    def _order(self, owner_id: UUID) -> Order:
        """To be changed, and written."""
        if owner_id not in self._changed:
            self._changed[owner_id] = Order.from_db("default", LOCKED, self._rows[owner_id])
        return self._changed[owner_id]

    def _settle(self) -> None:
        """What refunds came to, in the ledgers of the orders that they refund."""
        ids = {refund.refund_of_id for refund, _ in self._settled if refund.refund_of_id}
        rows = rows_lock(Order, LOCKED, sorted(ids - self._rows.keys()))
        self._rows |= {row[0]: row for row in rows}
        for refund, state in self._settled:
            of = refund.refund_of_id
            if of and of in self._rows:  # else retention has removed it
                reservation_settle(self._order(of), refund, state)

    def write(self, journal: Journal, writes: Writes) -> None:
        if self._settled:
            self._settle()
        rows_update(list(self._changed.values()), TURNED_FIELDS, writes)
        rows_insert(self._moves, writes)
        dedup_keys_free(self._freed)
        super().write(journal, writes)


class LockedApprovals(Owners):
    """Approvals whose approvers are told."""

    def __init__(self) -> None:
        self._told: dict[bool, list[UUID]] = {}

    def ended(self, end: Ended, *, now: datetime) -> None:
        self._told.setdefault(end.run.status == RunStatus.COMPLETED, []).append(owner_of(end.run))

    def write(self, journal: Journal, writes: Writes) -> None:
        for told, ids in self._told.items():
            Hold.objects.filter(pk__in=ids).update(notified=told)


class OrderRuns(Listener):
    """Runs that process an order."""

    owner_kind = "order"

    def lock(self, owner_ids: Collection[UUID]) -> Owners:
        return LockedOrders(rows_lock(Order, LOCKED, owner_ids))

    def resume_problem(self, run: Run) -> AppError | None:
        order = Order.objects.filter(pk=owner_of(run)).first()
        if order is None:
            return conflict("retention has removed the order; this run cannot go on", "ORDER_GONE")
        if refund_would_repeat(order, run):
            return conflict("this refund counts as paid; it is not sent again", "REFUND_PAID")
        others = Order.objects.filter(
            namespace=order.namespace,
            tenant=order.tenant,
            fingerprint__in=spellings(order.fingerprint),
            living=True,
        )
        return placed_anew() if others.exclude(pk=order.pk).exists() else None

    def settle_problem(self, run: Run) -> AppError | None:
        order = Order.objects.filter(pk=owner_of(run)).only("refund_state").first()
        if order is None or not order.refund_state:
            return None
        return conflict("this is a refund: say at its order whether it was paid", "IS_A_REFUND")

    def resumed(self, run: Run, *, now: datetime) -> None:
        order = Order.objects.filter(pk=owner_of(run))
        if not dedup_key_retake(run.origin):
            raise conflict("another order has taken its dedup key; this run cannot go on", "PLACED_ANEW")
        row = order.get()
        refund_retake(row.pk)
        # What it charges is known again when it has ended, unless refunds were taken from it.
        untouched = {} if row.refunded or row.reserved else {"charged": None}
        alive = {
            **untouched,
            "status": OrderStatus.PROCESSING,
            "living": True,
            "timeout_at": lifecycle_of(row).timeout_at(row.state, now),
        }
        try:
            with transaction.atomic():
                order.update(**alive, reason="", finished_at=None, updated_at=now)
        except IntegrityError as error:  # of two orders of one name, the other was faster
            raise placed_anew() from error
        firing_reopen(run)

    def names(self, owner_ids: Collection[UUID]) -> Mapping[UUID, str]:
        return dict(Order.objects.filter(pk__in=owner_ids).values_list("pk", "fingerprint"))


class ActionRuns(Listener):
    """Runs of actions that are no orders: rows that never change, so there is nothing to lock or to move."""

    owner_kind = "action"

    def lock(self, owner_ids: Collection[UUID]) -> Owners:
        return SingleRuns()

    def resumed(self, run: Run, *, now: datetime) -> None:
        firing_reopen(run)


class ApprovalNotices(Listener):
    """Runs that tell an approver."""

    owner_kind = "approval_notice"

    def lock(self, owner_ids: Collection[UUID]) -> Owners:
        list(Hold.objects.select_for_update().filter(pk__in=owner_ids).order_by("pk").values_list("pk"))
        return LockedApprovals()


def placed_anew() -> AppError:
    return conflict("the order was placed anew; this run cannot go on", "PLACED_ANEW")


def owner_of(run: Run) -> UUID:
    assert run.owner_id is not None  # noqa: S101 - a registered owner has a row
    return run.owner_id


def journal_single(run: Run, step: StepRun | None, attempts: Sequence[Attempt], journal: Journal) -> None:
    """The dispatch's audit row and event, due when a bare call has ended."""
    reply = run.reply
    outcome = outcome_of_step(run, step)
    received = parse_time(reply["received_at"])
    subject = Subject(run.namespace, run.tenant, run.provider, run.action_type, run.action_id)
    own = Journal(Source(reply["caller_id"], reply["auth_method"], reply["request_id"]))
    scrubber = current_redactor().scrubber(run.origin["payload"], run.origin.get("tainted") or ())
    own.audit(
        subject,
        outcome=outcome.trail_name,
        verdict=reply["verdict"],
        matched_rule=reply["rule"],
        payload=run.origin["payload"],
        scrubber=scrubber,
        verdict_details=reply["details"],
        outcome_details={**outcome_notes(outcome), **call_notes(run, step, attempts)},
        metadata=trail_metadata(run.origin.get("metadata") or {}, run.origin.get("extras")),
        dispatched_at=received,
        duration_ms=_took(run, received),
        ruleset_version=reply["ruleset"],
    )
    own.event("action_dispatched", subject, scrubber=scrubber, outcome=outcome.wire(), provider=run.provider)
    journal.include(own)


def _took(run: Run, received: datetime | None) -> int:
    return int((run.ended_at - received).total_seconds() * 1000) if run.ended_at and received else 0
