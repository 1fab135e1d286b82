"""What orders, bare calls and approvals do when their runs end. Registered with chains_app at start-up."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from acteon_site.base.clock_text import parse_time
from acteon_site.base.errors import AppError, conflict
from acteon_site.base.names import spellings
from acteon_site.base.source import Source
from audit_app.selectors import current_redactor
from audit_app.services.journal import Journal, Subject
from chains_app.listeners import Listener
from chains_app.models import Run
from chains_app.states import RunKind, RunStatus
from orders_app.models import Hold, Order
from orders_app.pipeline.journaling import outcome_notes
from orders_app.pipeline.rows import ORDER_FIELDS
from orders_app.selectors import lifecycle_of
from orders_app.services.dedup_keys import dedup_key_free, dedup_key_retake
from orders_app.services.run_outcomes import call_notes, outcome_of_step
from orders_app.services.transitions import order_transition_by_run
from orders_app.states import OrderStatus

STATUS_OF_END = {
    RunStatus.COMPLETED: OrderStatus.COMPLETED,
    RunStatus.FAILED: OrderStatus.FAILED,
    RunStatus.TIMED_OUT: OrderStatus.FAILED,
    RunStatus.CANCELLED: OrderStatus.CANCELLED,
}


class OrderRuns(Listener):
    """Runs that process an order."""

    owner_kind = "order"

    def lock(self, owner_id: UUID) -> None:
        Order.objects.select_for_update().filter(pk=owner_id).values_list("pk").first()

    def ended(self, run: Run, *, in_doubt: bool, now: datetime, journal: Journal) -> None:
        order = Order.objects.get(pk=owner_of(run))
        order.status, order.updated_at = STATUS_OF_END[RunStatus(run.status)], now
        done = order.status == OrderStatus.COMPLETED
        order.living, order.reason = done or in_doubt, "" if done else run.error
        finished = not order.living or order.state in lifecycle_of(order).terminal
        order.finished_at = now if finished else None
        if not done:
            order.timeout_at = None
        order.save(update_fields=ORDER_FIELDS)
        if not order.living:
            dedup_key_free(run.origin)
        if run.kind == RunKind.SINGLE:
            journal_single(run, journal)

    def resume_problem(self, run: Run) -> AppError | None:
        order = Order.objects.filter(pk=owner_of(run)).first()
        if order is None:
            return conflict("retention has removed the order; this run cannot go on", "ORDER_GONE")
        others = Order.objects.filter(
            namespace=order.namespace,
            tenant=order.tenant,
            fingerprint__in=spellings(order.fingerprint),
            living=True,
        )
        return placed_anew() if others.exclude(pk=order.pk).exists() else None

    def resumed(self, run: Run, *, now: datetime) -> None:
        order = Order.objects.filter(pk=owner_of(run))
        if not dedup_key_retake(run.origin):
            raise conflict("another order has taken its dedup key; this run cannot go on", "PLACED_ANEW")
        row = order.get()
        alive = {
            "status": OrderStatus.PROCESSING,
            "living": True,
            "timeout_at": lifecycle_of(row).timeout_at(row.state, now),
        }
        try:
            with transaction.atomic():
                order.update(**alive, reason="", finished_at=None, updated_at=now)
        except IntegrityError as error:  # of two orders of one name, the other was faster
            raise placed_anew() from error

    def names(self, owner_ids: Collection[UUID]) -> Mapping[UUID, str]:
        return dict(Order.objects.filter(pk__in=owner_ids).values_list("pk", "fingerprint"))

    def transition(self, run: Run, *, to: str, step: str, now: datetime, journal: Journal) -> None:
        order_transition_by_run(order_id=owner_of(run), to=to, actor=f"step:{step}", now=now, journal=journal)


class ActionRuns(Listener):
    """Runs of actions that are no orders: rows that never change, so there is nothing to lock or to move."""

    owner_kind = "action"

    def ended(self, run: Run, *, in_doubt: bool, now: datetime, journal: Journal) -> None:
        if run.kind == RunKind.SINGLE:
            journal_single(run, journal)


class ApprovalNotices(Listener):
    """Runs that tell an approver."""

    owner_kind = "approval_notice"

    def lock(self, owner_id: UUID) -> None:
        Hold.objects.select_for_update().filter(pk=owner_id).first()

    def ended(self, run: Run, *, in_doubt: bool, now: datetime, journal: Journal) -> None:
        Hold.objects.filter(pk=owner_of(run)).update(notified=run.status == RunStatus.COMPLETED)


def placed_anew() -> AppError:
    return conflict("the order was placed anew; this run cannot go on", "PLACED_ANEW")


def owner_of(run: Run) -> UUID:
    assert run.owner_id is not None  # noqa: S101 - a registered owner has a row
    return run.owner_id


def journal_single(run: Run, journal: Journal) -> None:
    """The dispatch's audit row and event, due when a bare call has ended."""
    reply, step = run.reply, run.steps.first()
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
        outcome_details={**outcome_notes(outcome), **call_notes(run, step)},
        metadata=run.origin.get("metadata") or {},
        dispatched_at=received,
        duration_ms=_took(run, received),
        ruleset_version=reply["ruleset"],
    )
    own.event("action_dispatched", subject, scrubber=scrubber, outcome=outcome.wire(), provider=run.provider)
    own.write()


def _took(run: Run, received: datetime | None) -> int:
    return int((run.ended_at - received).total_seconds() * 1000) if run.ended_at and received else 0
