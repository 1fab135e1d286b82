"""Stage 5, Act, the rows: what accepted, held and refused actions leave behind, each table written once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from audit_app.services.journal import Journal
from chains_app.models import Run
from chains_app.services.runs import runs_insert
from orders_app.models import Action as ActionRow
from orders_app.models import Hold, Order
from orders_app.pipeline.gate_state import GateState
from orders_app.pipeline.items import Decided, Submission
from orders_app.selectors import CurrentLifecycle

ORDER_FIELDS = ["status", "run_id", "reason", "living", "updated_at", "finished_at", "timeout_at"]


@dataclass(slots=True)
class Rows:
    """Everything that one transaction will write, apart from the gates."""

    journal: Journal
    actions: list[ActionRow] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    changed_orders: list[Order] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)

    def write(self) -> None:
        if self.actions:
            ActionRow.objects.bulk_create(self.actions)
        if self.orders:
            Order.objects.bulk_create(self.orders)
        for order in self.changed_orders:
            order.save(update_fields=ORDER_FIELDS)
        if self.holds:
            Hold.objects.bulk_create(self.holds)
        if self.runs:
            runs_insert(self.runs)
        self.journal.write()


@dataclass(frozen=True, slots=True)
class UnitOfWork:
    """One transaction of the pipeline: whose call it is, what it has locked and read, and what it will write."""

    submission: Submission
    state: GateState
    rows: Rows

    @property
    def now(self) -> datetime:
        """The database's clock."""
        return self.state.now


def unit_of_work(submission: Submission, state: GateState) -> UnitOfWork:
    return UnitOfWork(submission, state, Rows(Journal(submission.source)))


def action_row(item: Decided, unit: UnitOfWork) -> ActionRow:
    action = item.action
    return ActionRow(
        pk=item.row_id,
        namespace=action.namespace,
        tenant=action.tenant,
        provider=action.provider,
        action_type=action.action_type,
        action_id=action.id,
        body=action.stored(),
        received_at=unit.now,
        replay_of=unit.submission.replay_of,
    )


def order_place(item: Decided, status: str, unit: UnitOfWork) -> Order | None:
    """The action's order in this status: the one that waited, else a new one; None where no lifecycle claims it."""
    order = item.order
    if order is not None:
        order.status, order.updated_at = status, unit.now
        unit.rows.changed_orders.append(order)
    elif item.lifecycle is not None:
        order = _new_order(item, item.lifecycle, status, unit.now)
        unit.rows.orders.append(order)
        unit.state.living[order.namespace, order.tenant, order.fingerprint] = order
    return order


def _new_order(item: Decided, lifecycle: CurrentLifecycle, status: str, now: datetime) -> Order:
    spec = lifecycle.spec
    return Order(
        namespace=item.action.namespace,
        tenant=item.action.tenant,
        provider=item.action.provider,
        action_type=item.action.action_type,
        fingerprint=item.fingerprint,
        action_id=item.row_id,
        action_id_text=item.action.id,
        lifecycle_id=lifecycle.pk,
        state=spec.initial,
        status=status,
        timeout_at=spec.timeout_at(spec.initial, now),
        created_at=now,
        updated_at=now,
    )
