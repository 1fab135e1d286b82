"""Lifecycle transitions: by API and admin, by a chain's step, by a timeout. One transaction for each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from acteon_site.base.clock import db_now
from acteon_site.base.errors import conflict, not_found
from acteon_site.base.names import spellings
from acteon_site.base.principals import SYSTEM, Principal
from acteon_site.base.retrying import retry_on_deadlock
from acteon_site.base.source import SYSTEM_SOURCE, Source
from audit_app.services.journal import Journal, Subject
from orders_app.lifecycles.spec import LifecycleSpec
from orders_app.models import Move, Order
from orders_app.selectors import lifecycle_of
from orders_app.states import UNMOVABLE, OrderStatus

MOVED_FIELDS = ["state", "updated_at", "timeout_at", "finished_at"]


@dataclass(frozen=True, slots=True)
class Transitioned:
    order: Order
    previous_state: str
    new_state: str


def order_named(
    namespace: str, tenant: str, fingerprint: str, *, caller: Principal = SYSTEM, lock: bool = False
) -> Order:
    """The order of this name that the caller may see: the living one, else the newest of those that ended.

    Raises 404. With `lock` its row is locked.
    """
    named = Order.objects.filter(namespace=namespace, tenant=tenant, fingerprint__in=spellings(fingerprint))
    found = named.filter(**caller.action_lookups())
    if lock:
        found = found.select_for_update()
    order = found.order_by("-living", "-created_at").first()
    if order is None:
        raise not_found(f"no order is named {fingerprint!r} here")
    return order


@retry_on_deadlock
def order_transition(
    *,
    namespace: str,
    tenant: str,
    fingerprint: str,
    to: str,
    actor: str,
    source: Source,
    caller: Principal = SYSTEM,
) -> Transitioned:
    """Move an order to the state `to`. A repeat of the transition just made changes nothing and is answered alike.

    Raises 404 (no such order that the caller may see) and 409 (the status or the lifecycle does not allow it).
    """
    with transaction.atomic():
        order = order_named(namespace, tenant, fingerprint, caller=caller, lock=True)
        spec = lifecycle_of(order)
        if order.status in UNMOVABLE:
            raise conflict(f"the order is {order.status} and does not move", "ORDER_NOT_MOVABLE")
        if _was_just_made(order, to):
            return Transitioned(order, order.state, order.state)
        if to not in spec.allowed(order.state):
            allowed = ", ".join(spec.allowed(order.state)) or "nothing (it is finished)"
            unknown = "" if to in spec.states else f", which is no state of {spec.name}"
            message = f"{order.state} cannot become {to}{unknown}; allowed: {allowed}"
            raise conflict(message, "TRANSITION_NOT_ALLOWED")
        journal = Journal(source)
        previous = _transition(order, spec, to, actor, db_now(), journal)
        journal.write()
    return Transitioned(order, previous, to)


def _was_just_made(order: Order, to: str) -> bool:
    return order.state == to and order.moves.filter(to_state=to).exists()


def _transition(
    order: Order,
    spec: LifecycleSpec,
    to: str,
    actor: str,
    now: datetime,
    journal: Journal,
    *,
    by_timeout: bool = False,
) -> str:
    """Move the order and store that. Returns the state that it had."""
    move = order_move(order, spec, to, actor, now, journal, by_timeout=by_timeout)
    order.save(update_fields=MOVED_FIELDS)
    move.save(force_insert=True)
    return move.from_state


def order_move(
    order: Order,
    spec: LifecycleSpec,
    to: str,
    actor: str,
    now: datetime,
    journal: Journal,
    *,
    by_timeout: bool = False,
) -> Move:
    """Move the order in memory and note it in the journal; the caller stores MOVED_FIELDS and the move."""
    previous, order.state, order.updated_at = order.state, to, now
    order.timeout_at = spec.timeout_at(to, now)
    if to in spec.terminal and order.status in (OrderStatus.COMPLETED, OrderStatus.FAILED):
        order.finished_at = now
    _journal_transition(order, spec, previous, actor, journal, by_timeout=by_timeout)
    return Move(order=order, from_state=previous, to_state=to, at=now, actor=actor)


def _journal_transition(
    order: Order, spec: LifecycleSpec, previous: str, actor: str, journal: Journal, *, by_timeout: bool
) -> None:
    subject = subject_of(order)
    details = {"fingerprint": order.fingerprint, "from": previous, "to": order.state, "actor": actor}
    journal.audit(subject, outcome="state_changed", verdict="state_machine", outcome_details=details)
    names: dict[str, Any] = {"fingerprint": order.fingerprint, "state_machine": spec.name}
    journal.event("action_status_changed", subject, previous_status=previous, new_status=order.state, **names)
    if by_timeout:
        journal.event("timeout", subject, previous_state=previous, new_state=order.state, **names)


def order_move_by_run(order: Order, *, to: str, actor: str, now: datetime, journal: Journal) -> Move | None:
    """As `order_move`, by a step's transition_to. What is no longer possible is noted, never an error."""
    if order.state == to:
        return None
    spec = lifecycle_of(order)
    if to in spec.allowed(order.state):
        return order_move(order, spec, to, actor, now, journal)
    details = {
        "fingerprint": order.fingerprint,
        "from": order.state,
        "wanted": to,
        "actor": actor,
        "done": False,
    }
    journal.audit(
        subject_of(order), outcome="state_changed", verdict="state_machine", outcome_details=details
    )
    return None


@retry_on_deadlock
def order_time_out(*, order_id: UUID) -> bool:
    """Move an order whose state's time is over. False where it has moved on meanwhile."""
    with transaction.atomic():
        now = db_now()
        order = Order.objects.select_for_update().filter(pk=order_id, timeout_at__lte=now).first()
        if order is None:
            return False
        spec = lifecycle_of(order)
        timeout = spec.timeout_of(order.state)
        if timeout is None or order.status in UNMOVABLE:
            Order.objects.filter(pk=order.pk).update(timeout_at=None)
            return False
        journal = Journal(SYSTEM_SOURCE)
        _transition(order, spec, timeout.to, "timeout", now, journal, by_timeout=True)
        journal.write()
    return True


def orders_time_out(*, limit: int = 200) -> int:
    """Move the orders whose state has lasted too long, oldest first. Returns how many moved."""
    due = Order.objects.filter(timeout_at__lte=db_now()).order_by("timeout_at")
    return sum(order_time_out(order_id=pk) for pk in list(due.values_list("pk", flat=True)[:limit]))


def subject_of(order: Order) -> Subject:
    return Subject(order.namespace, order.tenant, order.provider, order.action_type, order.action_id_text)
