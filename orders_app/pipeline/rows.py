"""Stage 5, Act, the rows: what accepted, held and refused actions leave behind, each table written once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from acteon_site.base.doorbell import ring_on_commit
from acteon_site.base.many_rows import rows_insert, rows_update
from acteon_site.base.statements import Writes
from audit_app.services.journal import Journal
from chains_app.models import Run
from chains_app.services.runs import runs_insert
from chains_app.services.turns import Work, runs_begin
from orders_app.models import Action as ActionRow
from orders_app.models import ActionGroup, GroupedAction, Hold, Order
from orders_app.pipeline.gate_state import GateState
from orders_app.pipeline.items import Decided
from orders_app.pipeline.refunds import refund_values
from orders_app.selectors import CurrentLifecycle, lifecycle_of
from orders_app.services.ledger import REFUND_FIELDS
from orders_app.states import GroupState, OrderStatus
from rules_app.models import RuleTrial
from rules_app.services.gates import gates_write

ORDER_FIELDS = [
    *("status", "run_id", "reason", "living", "updated_at", "finished_at", "timeout_at"),
    *REFUND_FIELDS,
]
GROUP_FIELDS = ["event_count", "state", "notify_at", "next_run_at", "closed_by"]
FLUSH_TASK = "orders_app.flush"
ENDED_FIELDS = ["status", "ended_at", "next_run_at", "problem", "outcome"]


@dataclass(slots=True)
class Rows:
    """Everything that one transaction will write, apart from the gates."""

    journal: Journal
    actions: list[ActionRow] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    changed_orders: list[Order] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    ended_holds: list[Hold] = field(default_factory=list)
    # Those that actions of the set came into, new ones among them.
    groups: dict[UUID, ActionGroup] = field(default_factory=dict)
    grouped: list[GroupedAction] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    # Runs whose first call the request itself makes; by their ids those in which it is recorded as started.
    begun: list[Run] = field(default_factory=list)
    work: dict[UUID, Work] = field(default_factory=dict)
    trials: list[RuleTrial] = field(default_factory=list)

    def write(self, state: GateState) -> None:
        """All of it, and the gates that were changed, by one statement where the database can."""
        writes = Writes()
        gates_write(state.gates.values(), writes)
        rows_insert(self.actions, writes)
        if state.ledgers is not None:
            state.ledgers.write(writes)
        rows_insert(self.orders, writes)
        rows_update(self.changed_orders, ORDER_FIELDS, writes)
        rows_insert(self.holds, writes)
        rows_update(self.ended_holds, ENDED_FIELDS, writes)
        if self.groups:
            self._write_groups(writes)
        if self.runs:
            runs_insert(self.runs, writes)
        if self.begun:
            begun = runs_begin(self.begun, state.now, state.since, writes)
            self.work = {work.lease.run_id: work for work in begun}
        rows_insert(self.trials, writes)
        self.journal.write(writes)
        writes.execute()

    def _write_groups(self, writes: Writes) -> None:
        groups = sorted(self.groups.values(), key=lambda group: group.pk)
        full = [str(group.pk) for group in groups if group.state == GroupState.FLUSHING]
        rows_update([group for group in groups if not group._state.adding], GROUP_FIELDS, writes)
        rows_insert([group for group in groups if group._state.adding], writes)
        rows_insert(self.grouped, writes)
        ring_on_commit(FLUSH_TASK, full)


@dataclass(frozen=True, slots=True)
class UnitOfWork:
    """One transaction of the pipeline: what it has locked and read, and what it will write.

    `of_backlog`: what it releases is part of more than one look of the sweep takes.
    """

    state: GateState
    rows: Rows
    of_backlog: bool = False

    @property
    def now(self) -> datetime:
        """The database's clock."""
        return self.state.now

    def write(self) -> None:
        """Write what was consumed and what was done."""
        self.rows.write(self.state)


def unit_of_work(state: GateState, *, of_backlog: bool = False) -> UnitOfWork:
    return UnitOfWork(state, Rows(Journal()), of_backlog)


def action_row(item: Decided, unit: UnitOfWork) -> ActionRow:
    action = item.action
    return ActionRow.made(
        id=item.row_id,
        namespace=action.namespace,
        tenant=action.tenant,
        provider=action.provider,
        action_type=action.action_type,
        action_id=action.id,
        # The very same object as its run's, where no rule has changed it: it is encrypted once.
        body=item.origin if item.plan.payload is action.payload else action.stored(),
        received_at=unit.now,
        replay_of=item.submission.replay_of,
    )


def order_place(item: Decided, status: str, unit: UnitOfWork) -> Order | None:
    """The action's order in this status: the one that waited, else a new one; None where no lifecycle claims it."""
    order = item.order
    if order is not None:
        order.status, order.updated_at = status, unit.now
        if status not in (OrderStatus.FAILED, OrderStatus.REJECTED):
            order.__dict__.update(refund_values(item, unit.state.ledgers))
        if status == OrderStatus.PROCESSING:
            # While it was held it could not move: the time of its state begins now.
            order.timeout_at = lifecycle_of(order).timeout_at(order.state, unit.now)
        unit.rows.changed_orders.append(order)
    elif item.lifecycle is not None:
        order = _new_order(item, item.lifecycle, status, unit)
        unit.rows.orders.append(order)
        unit.state.living[order.namespace, order.tenant, order.fingerprint] = order
    return order


def _new_order(item: Decided, lifecycle: CurrentLifecycle, status: str, unit: UnitOfWork) -> Order:
    spec, now = lifecycle.spec, unit.now
    return Order.made(
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
        **refund_values(item, unit.state.ledgers),
    )
