"""What must hold after every commit, and what must hold once the faults are over.

The sentences about orders, steps and effects are those of the runs with real processes (bench/invariants.py and
bench/books.py).
"""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from uuid import UUID

from bench.books import OrderRow, StepRow, books_of, broken
from bench.invariants import NEVER, OPEN_WORK
from bench.simulate.shop import THROTTLES
from chains_app.models import Incident, Run, StepRun
from orders_app.models import Order
from orders_app.states import OrderStatus

# Of orders that are held before they have a run these are not true.
WITHOUT_HOLDS = {
    "every order has one row that says how it was answered",
    "every order has exactly one run",
}
# Each answers how many rows break the sentence.
ALWAYS = {
    "an order's status is its run's": NEVER["an order's status is its run's"],
    "no run that has ended is still leased or due": NEVER["no run that has ended is still leased or due"],
    "every ended chain run has one row that says how it ended": NEVER[
        "every ended chain run has one row that says how it ended"
    ],
    "every order has a row of the trail": """
        SELECT count(*) FROM orders_app_order o WHERE NOT EXISTS (SELECT 1 FROM audit_app_auditrecord a
        WHERE a.action_id = o.action_id_text)""",
    "an order that is under way has its run, and one that waits its hold": """
        SELECT count(*) FROM orders_app_order o WHERE
        (o.status = 'processing' AND NOT EXISTS (SELECT 1 FROM chains_app_run r WHERE r.owner_id = o.id))
        OR (o.status IN ('held', 'scheduled') AND NOT EXISTS (SELECT 1 FROM orders_app_hold h
        WHERE h.order_id = o.id AND h.ended_at IS NULL))""",
    "each order and each note was counted once in its tenant's quota": """
        SELECT abs((SELECT coalesce(sum(json_extract(data, '$.used')), 0) FROM rules_app_gaterow
        WHERE key LIKE 'quota:%') - (SELECT count(*) FROM orders_app_order)
        - (SELECT count(*) FROM chains_app_run WHERE owner_kind = 'action'))""",
    "nobody takes two slots of a throttle": f"""
        SELECT max(0, (SELECT coalesce(sum(json_array_length(data, '$.slots')), 0) FROM rules_app_gaterow
        WHERE key LIKE 'throttle:%') - {THROTTLES} * (SELECT count(*) FROM orders_app_order))""",
    "events and audit rows are numbered as far as the relay says": """
        SELECT (SELECT count(number) FROM audit_app_event) <> coalesce(max(event_number), 0)
        OR (SELECT count(number) FROM audit_app_auditrecord) <> coalesce(max(audit_number), 0)
        FROM audit_app_relayhead""",
}  # fmt: skip
AT_THE_END = {name: sql for name, sql in NEVER.items() if name not in WITHOUT_HOLDS}
_TOGETHER = "SELECT " + ", ".join(f"({sql})" for sql in ALWAYS.values())


class Numbers:
    """A number that an event was given is its own for ever: listeners resume by it."""

    def __init__(self) -> None:
        self._by_event: dict[str, int] = {}

    def look(self, observer: sqlite3.Connection) -> Iterator[str]:
        now = dict(observer.execute("SELECT id, number FROM audit_app_event WHERE number IS NOT NULL"))
        for event, number in self._by_event.items():
            if now.get(event) != number:
                yield f"event {number} became {now.get(event)}"
        self._by_event = now


def always(observer: sqlite3.Connection) -> list[str]:
    """The sentences that are not true of what is committed."""
    row = observer.execute(_TOGETHER).fetchone()
    return [name for name, count in zip(ALWAYS, row, strict=True) if count]


def open_work(observer: sqlite3.Connection) -> tuple[int, ...]:
    """Runs that wait for no person, holds, audit rows and events without a number."""
    found: tuple[int, ...] = observer.execute(OPEN_WORK).fetchone()
    return found


def at_the_end(
    observer: sqlite3.Connection, ledger: Sequence[tuple[str, str, str, str]], accepted: dict[str, str]
) -> Iterator[str]:
    for name, sql in AT_THE_END.items():
        (count,) = observer.execute(sql).fetchone()
        if count:
            yield f"not true for {count}: {name}"
    orders = list(Order.objects.order_by("id"))
    names = Counter(order.fingerprint for order in orders)
    lost = [name for name, kind in accepted.items() if kind == "place_order" and name not in names]
    if lost:
        yield f"accepted and lost: {sorted(lost)}"
    books, rows = books_of(ledger), _rows(orders)
    for order in orders:
        if order.status in (OrderStatus.REJECTED, OrderStatus.EXPIRED):
            if books.by_order.get(order.fingerprint) and names[order.fingerprint] == 1:
                yield f"{order.fingerprint} is {order.status}, and something was done for it"
        elif names[order.fingerprint] == 1 and not (order.run_id is None and order.status in ENDED_HELD):
            yield from broken(rows[order.pk], books)


ENDED_HELD = (OrderStatus.CANCELLED, OrderStatus.FAILED)


def _rows(orders: Sequence[Order]) -> dict[UUID, OrderRow]:
    """As bench/books.py reads them."""
    runs = {run.pk: run for run in Run.objects.only("id", "parent_id", "owner_id", "chain_name")}

    def owner(run: Run) -> UUID | None:
        while run.parent_id:
            run = runs[run.parent_id]
        return run.owner_id

    owners = {pk: owner(run) for pk, run in runs.items()}
    names: dict[UUID | None, str] = {order.pk: order.fingerprint for order in orders}
    steps: dict[UUID | None, list[StepRow]] = defaultdict(list)
    for row in StepRun.objects.order_by("id").defer("response"):
        of, run = owners[row.run_id], runs[row.run_id]
        unknown = row.unknown or row.undo_unknown
        told = (row.name, row.status, row.undo, unknown)
        steps[of].append(StepRow(names.get(of, ""), run.chain_name, str(run.pk), *told))
    waiting = Incident.objects.filter(resolved_at=None).values_list("run_id", "reason")
    parked = {owners[run_id]: reason for run_id, reason in waiting}
    return {
        order.pk: OrderRow(
            order.fingerprint, order.status, order.living, parked.get(order.pk), tuple(steps[order.pk])
        )
        for order in orders
    }
