"""What must hold after any fault, read from the database and from the provider's own books."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg

Effects = Mapping[str, Mapping[str, int]]  # action type -> order -> how often it was carried out

OPEN_WORK = """
    SELECT (SELECT count(*) FROM chains_app_run r WHERE ended_at IS NULL AND NOT EXISTS (
                SELECT 1 FROM chains_app_incident i WHERE i.run_id = r.id AND i.resolved_at IS NULL)
                AND NOT EXISTS (SELECT 1 FROM chains_app_run c JOIN chains_app_incident i ON i.run_id = c.id
                WHERE c.parent_id = r.id AND i.resolved_at IS NULL)),
           (SELECT count(*) FROM orders_app_hold WHERE ended_at IS NULL),
           (SELECT count(*) FROM audit_app_auditrecord WHERE number IS NULL),
           (SELECT count(*) FROM audit_app_event WHERE number IS NULL)
"""
ORDERS = "SELECT fingerprint, status, id FROM orders_app_order"
PARKED = """
    SELECT o.fingerprint, i.reason FROM chains_app_incident i
    JOIN chains_app_run r ON r.id = i.run_id
    LEFT JOIN chains_app_run p ON p.id = r.parent_id
    JOIN orders_app_order o ON o.id = coalesce(p.owner_id, r.owner_id)
    WHERE i.resolved_at IS NULL
"""
PARKED_SCOPES = """
    SELECT DISTINCT r.namespace, r.tenant FROM chains_app_incident i JOIN chains_app_run r ON r.id = i.run_id
    WHERE i.resolved_at IS NULL
"""
# Each of these answers how many rows break the sentence.
NEVER = {
    "audit rows are numbered without a gap":
        "SELECT max(number) - count(*) + min(number) - 1 FROM audit_app_auditrecord",
    "events are numbered without a gap":
        "SELECT max(number) - count(*) + min(number) - 1 FROM audit_app_event",
    "every order has one row that says how it was answered": """
        SELECT count(*) FROM orders_app_order o WHERE 1 <> (SELECT count(*) FROM audit_app_auditrecord a
        WHERE a.action_id = o.action_id_text AND a.outcome = 'executed')""",
    "every order has exactly one run": """
        SELECT count(*) FROM orders_app_order o WHERE 1 <> (SELECT count(*) FROM chains_app_run r
        WHERE r.owner_id = o.id AND r.kind = 'chain')""",
    "every ended chain run has one row that says how it ended": """
        SELECT count(*) FROM chains_app_run r WHERE r.ended_at IS NOT NULL AND r.kind = 'chain'
        AND 1 <> (SELECT count(*) FROM audit_app_auditrecord a WHERE a.chain_id = r.id AND a.outcome IN
        ('chain_completed', 'chain_failed', 'chain_cancelled', 'chain_timed_out'))""",
    "every completed step has one row that says so": """
        SELECT count(*) FROM chains_app_steprun s JOIN chains_app_run r ON r.id = s.run_id
        WHERE s.status = 'completed' AND r.kind = 'chain' AND s.undo = 'none'
        AND 1 <> (SELECT count(*) FROM audit_app_auditrecord a WHERE a.chain_id = r.id
        AND a.outcome = 'chain_step_completed' AND a.outcome_details ->> 'step' = s.name)""",
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
    connection: psycopg.Connection[Any], answered: Collection[str], effects: Effects, stats: Mapping[str, Any]
) -> Verdict:
    """Every order that was accepted, against what the provider did for it."""
    verdict = Verdict()
    rows = connection.execute(ORDERS).fetchall()
    stored = {fingerprint: status for fingerprint, status, _ in rows}
    parked = dict(connection.execute(PARKED).fetchall())
    verdict.statuses, verdict.parked = Counter(stored.values()), Counter(parked.values())
    verdict.must(len(rows) == len(stored), f"{len(rows) - len(stored)} orders were placed twice")
    lost = set(answered) - set(stored)
    verdict.must(not lost, f"{len(lost)} accepted orders are lost, e.g. {sorted(lost)[:3]}")
    for order_id, status in stored.items():
        _check_order(verdict, order_id, status, parked.get(order_id), effects)
    for sentence, sql in NEVER.items():
        row = connection.execute(sql).fetchone()
        verdict.must(not (row and row[0]), f"not true for {row and row[0]}: {sentence}")
    verdict.must(not stats.get("conflicts"), f"{stats.get('conflicts')} keys were sent with another body")
    verdict.must(
        not stats.get("overlaps"), f"{stats.get('overlaps')} calls were made beside one with their key"
    )
    return verdict


def _check_order(verdict: Verdict, order_id: str, status: str, parked: str | None, effects: Effects) -> None:
    def done(action_type: str) -> int:
        return effects.get(action_type, {}).get(order_id, 0)

    charged, refunded, shipped = done("charge_card"), done("refund_card"), done("ship_order")
    story = f"{order_id} ({status}): {charged} charges, {refunded} refunds, {shipped} shipments"
    verdict.must(max(charged, refunded, shipped) <= 1, f"an effect twice: {story}")
    if status == "completed":
        verdict.must((charged, refunded, shipped) == (1, 0, 1), f"completed without its effects: {story}")
    elif status in ("failed", "cancelled"):
        verdict.must(charged == refunded and not shipped, f"failed with an effect that stands: {story}")
    else:
        verdict.must(parked is not None, f"neither ended nor waiting for a person: {story}")


def count_ended(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("SELECT count(*) FROM chains_app_run WHERE ended_at IS NOT NULL").fetchone()
    return int(row[0]) if row else 0
