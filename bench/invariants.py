"""What must hold after any fault, read from the database and from the provider's own books."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from bench.books import OrderRow, StepRow, books_of, broken

# Every run with the run at its top.
TREE = """
    WITH RECURSIVE tree AS (
        SELECT id, id AS top, owner_id, chain_name FROM chains_app_run WHERE parent_id IS NULL
        UNION ALL
        SELECT r.id, t.top, t.owner_id, t.chain_name FROM chains_app_run r JOIN tree t ON r.parent_id = t.id)
"""
# A run that waits for a person, and those above it, are not under way.
OPEN_WORK = """
    WITH RECURSIVE waiting AS (
        SELECT r.id, r.parent_id FROM chains_app_run r JOIN chains_app_incident i ON i.run_id = r.id
        WHERE i.resolved_at IS NULL
        UNION
        SELECT r.id, r.parent_id FROM chains_app_run r JOIN waiting w ON r.id = w.parent_id)
    SELECT (SELECT count(*) FROM chains_app_run WHERE ended_at IS NULL AND id NOT IN (SELECT id FROM waiting)),
           (SELECT count(*) FROM orders_app_hold WHERE ended_at IS NULL),
           (SELECT count(*) FROM audit_app_auditrecord WHERE number IS NULL),
           (SELECT count(*) FROM audit_app_event WHERE number IS NULL)
"""
ORDERS = "SELECT fingerprint, status, living FROM orders_app_order"
STEPS = f"""{TREE}
    SELECT o.fingerprint, t.chain_name, s.run_id::text, s.name, s.status, s.undo, s.unknown OR s.undo_unknown
    FROM tree t JOIN orders_app_order o ON o.id = t.owner_id JOIN chains_app_steprun s ON s.run_id = t.id
"""
PARKED = f"""{TREE}
    SELECT o.fingerprint, i.reason FROM chains_app_incident i JOIN tree t ON t.id = i.run_id
    JOIN orders_app_order o ON o.id = t.owner_id WHERE i.resolved_at IS NULL
"""
PARKED_SCOPES = """
    SELECT DISTINCT r.namespace, r.tenant FROM chains_app_incident i JOIN chains_app_run r ON r.id = i.run_id
    WHERE i.resolved_at IS NULL
"""
HELD_BACK = """
    SELECT fingerprint, tenant FROM orders_app_order WHERE living AND status IN ('failed', 'cancelled')
"""
# Each of these answers how many rows break the sentence.
AT_ONCE = "no two attempts of a step were under way at once"
NEVER = {
    "audit rows are numbered without a gap":
        "SELECT max(number) - count(*) + min(number) - 1 FROM audit_app_auditrecord",
    "events are numbered without a gap":
        "SELECT max(number) - count(*) + min(number) - 1 FROM audit_app_event",
    "every order has one row that says how it was answered": """
        SELECT count(*) FROM orders_app_order o WHERE 1 <> (SELECT count(*) FROM audit_app_auditrecord a
        WHERE a.action_id = o.action_id_text AND a.outcome IN ('executed', 'chain_started'))""",
    "every order has exactly one run": """
        SELECT count(*) FROM orders_app_order o WHERE 1 <> (SELECT count(*) FROM chains_app_run r
        WHERE r.owner_id = o.id AND r.kind = 'chain')""",
    "every ended chain run has one row that says how it ended": """
        SELECT count(*) FROM chains_app_run r WHERE r.ended_at IS NOT NULL AND r.kind = 'chain'
        AND 1 <> (SELECT count(*) FROM audit_app_auditrecord a WHERE a.chain_id = r.id
        AND a.outcome = 'chain_' || r.status)""",
    "a run ends once, unless it completed and is undone with the run above it": """
        SELECT count(*) FROM chains_app_run r WHERE r.kind = 'chain'
        AND CASE WHEN r.parent_id IS NULL THEN 1 ELSE 2 END
        < (SELECT count(*) FROM audit_app_auditrecord a WHERE a.chain_id = r.id AND a.outcome IN
        ('chain_completed', 'chain_failed', 'chain_cancelled', 'chain_timed_out'))""",
    "every completed step has one row that says so": """
        SELECT count(*) FROM chains_app_steprun s JOIN chains_app_run r ON r.id = s.run_id
        WHERE s.status = 'completed' AND r.kind IN ('chain', 'branch') AND s.undo = 'none'
        AND 1 <> (SELECT count(*) FROM audit_app_auditrecord a
        WHERE a.chain_id = CASE r.kind WHEN 'branch' THEN r.parent_id ELSE r.id END
        AND a.outcome = 'chain_step_completed' AND a.outcome_details ->> 'step' = s.name)""",
    AT_ONCE: """
        SELECT count(*) FROM chains_app_attempt a JOIN chains_app_attempt b ON b.step_id = a.step_id
        AND b.id <> a.id AND b.started_at >= a.started_at AND b.started_at < a.completed_at""",
    "every wait that was answered took one signal": """
        SELECT count(*) FROM chains_app_steprun s JOIN chains_app_run r ON r.id = s.run_id
        WHERE s.name = 'ask' AND s.status = 'completed'
        AND 1 <> (SELECT count(*) FROM chains_app_signal g WHERE g.run_id = r.id AND g.taken_by = 'ask')""",
    "an order's status is its run's": """
        SELECT count(*) FROM orders_app_order o JOIN chains_app_run r ON r.owner_id = o.id AND r.kind = 'chain'
        WHERE (o.status = 'completed') <> (r.status = 'completed')""",
    "no run that has ended is still leased or due": """
        SELECT count(*) FROM chains_app_run WHERE ended_at IS NOT NULL
        AND (next_run_at IS NOT NULL OR lease_token IS NOT NULL)""",
}  # fmt: skip


@dataclass
class Verdict:
    statuses: Counter[str] = field(default_factory=Counter)
    parked: Counter[str] = field(default_factory=Counter)
    in_doubt: int = 0
    violations: list[str] = field(default_factory=list)

    def must(self, holds: bool, sentence: str) -> None:
        if not holds:
            self.violations.append(sentence)


def open_work(connection: psycopg.Connection[Any]) -> tuple[int, int, int, int]:
    """Runs under way (not counting those that wait for a person), holds, unsealed audit rows, unsent events."""
    row = connection.execute(OPEN_WORK).fetchone()
    assert row is not None
    return (row[0], row[1], row[2], row[3])


def check(
    connection: psycopg.Connection[Any],
    answered: Collection[str],
    ledger: Iterable[Sequence[str]],
    stats: Mapping[str, Any],
    *,
    steady_clock: bool = True,
) -> Verdict:
    """Every order that was accepted, against what the providers did for it.

    Without a `steady_clock` of the database, times of attempts say nothing of what came first: an attempt that ends
    while the clock is ahead ends after the begin of the next. Whether calls overlapped, the providers tell in any case.
    """
    verdict, books = Verdict(), books_of(ledger)
    rows, orders = connection.execute(ORDERS).fetchall(), _orders(connection)
    verdict.statuses = Counter(order.status for order in orders.values())
    verdict.parked = Counter(order.parked for order in orders.values() if order.parked)
    verdict.must(len(rows) == len(orders), f"{len(rows) - len(orders)} orders were placed twice")
    lost = set(answered) - set(orders)
    verdict.must(not lost, f"{len(lost)} accepted orders are lost, e.g. {sorted(lost)[:3]}")
    for order in orders.values():
        verdict.violations += broken(order, books)
    for sentence, sql in NEVER.items():
        if sentence == AT_ONCE and not steady_clock:
            continue
        row = connection.execute(sql).fetchone()
        verdict.must(not (row and row[0]), f"not true for {row and row[0]}: {sentence}")
    verdict.must(not stats.get("conflicts"), f"{stats.get('conflicts')} keys were sent with another body")
    verdict.must(
        not stats.get("overlaps"), f"{stats.get('overlaps')} calls were made beside one with their key"
    )
    return verdict


def _orders(connection: psycopg.Connection[Any]) -> dict[str, OrderRow]:
    steps: dict[str, list[StepRow]] = defaultdict(list)
    for row in connection.execute(STEPS).fetchall():
        steps[row[0]].append(StepRow(*row))
    parked = dict(connection.execute(PARKED).fetchall())
    return {
        name: OrderRow(name, status, living, parked.get(name), tuple(steps[name]))
        for name, status, living in connection.execute(ORDERS).fetchall()
    }


def held_back(connection: psycopg.Connection[Any]) -> list[tuple[str, str]]:
    """Orders (name, tenant) that ended without success and that nobody may place again."""
    return connection.execute(HELD_BACK).fetchall()


def count_ended(connection: psycopg.Connection[Any]) -> int:
    """Of orders' own runs."""
    sql = "SELECT count(*) FROM chains_app_run WHERE ended_at IS NOT NULL AND parent_id IS NULL AND kind = 'chain'"
    row = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0
