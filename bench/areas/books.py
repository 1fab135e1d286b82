"""What must hold once all of it has come to its end: rows, and the ledgers of all who were called."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.areas.place import Place

TOTAL, REFUND = 10_000, 3_000
EDGE = (
    1.0  # seconds about a minute's end in which an action may have been decided a minute later than it came
)
Rows = Callable[..., list[tuple[Any, ...]]]


@dataclass(frozen=True)
class Books:
    """`outcomes` by the action's id; of `effects` provider, key, type, order; of `taken` webhook-id, action, number; of
    `messages` the kind of service and the action; `wrong`: what such a service saw that may not be."""

    rows: Rows
    outcomes: Mapping[str, str]
    effects: Sequence[Sequence[str]]
    taken: Sequence[tuple[str, str, int]]
    messages: Sequence[tuple[str, str]]
    wrong: Sequence[str]

    @classmethod
    def of(cls, place: Place) -> Books:
        effects, told = place.provider.ask("/ledger")["effects"], place.messengers
        return cls(place.rows, place.shop.outcomes, effects, place.subscriber.taken, told.effects, told.wrong)

    def count(self, sql: str) -> int:
        return int(self.rows(sql)[0][0])


def team_of(notice: int) -> str:
    return "abc"[notice % 3]


# Each counts what is wrong.
NEVER = {
    "an occurrence between the first and the last was not fired": """
        SELECT coalesce(sum(span - have), 0)::int FROM (SELECT count(*) AS have,
            extract(epoch FROM max(occurrence) - min(occurrence)) / 60 + 1 AS span
            FROM orders_app_recurringfiring GROUP BY recurring_id) AS each""",
    "a firing was not executed": "SELECT count(*) FROM orders_app_recurringfiring WHERE outcome <> 'executed'",
    "an action of a recurring one was dispatched twice, or without a firing": """
        SELECT count(*) FROM orders_app_action AS action WHERE namespace = 'night' AND 1 <> (
            SELECT count(*) FROM orders_app_recurringfiring AS f WHERE f.action_row = action.id)""",
    "an alert is in two groups, or in none": """
        SELECT count(*) FROM orders_app_action AS action WHERE action_type = 'stock_low' AND 1 <> (
            SELECT count(*) FROM orders_app_groupedaction AS g WHERE g.action_id = action.id)""",
    "a group was not sent": "SELECT count(*) FROM orders_app_actiongroup WHERE state <> 'flushed'",
    "an event has no delivery, or two": """
        SELECT count(*) FROM audit_app_event AS e, subscriptions_app_subscription AS s
        WHERE e.namespace = s.namespace AND e.tenant = s.tenant AND e.number > s.after_number AND 1 <> (
            SELECT count(*) FROM subscriptions_app_delivery AS d WHERE d.event_number = e.number)""",
    "a delivery was given up": "SELECT count(*) FROM subscriptions_app_delivery WHERE status <> 'delivered'",
    "more was refunded than charged": """
        SELECT count(*) FROM orders_app_order
        WHERE action_type = 'place_order' AND (refunded > 10000 OR reserved <> 0)""",
}


def violations(books: Books) -> list[str]:
    found = [f"{count} times: {what}" for what, sql in NEVER.items() if (count := books.count(sql))]
    for check in (_notices_wrong, _muted_wrong, _messages_wrong, _groups_wrong, _money_wrong, _told_wrong):
        found += check(books)
    return found


def _notices_wrong(books: Books) -> list[str]:
    done = Counter(order for _, _, kind, order in books.effects if kind == "notice")
    most = {"Executed": (1, 1), "Silenced": (0, 0), "Muted": (0, 0)}
    told = [(name, tag) for name, tag in books.outcomes.items() if name.startswith("notice-")]
    wrong = [name for name, tag in told if not within(done[name], most.get(tag, (0, 1)))]
    return [f"notices that were not made as answered: {wrong[:5]}"] if wrong else []


def _muted_wrong(books: Books) -> list[str]:
    """Notices of team c are muted in even minutes and in no other; that a silence had muted them first it does not."""
    wrong, seen = [], Counter[str]()
    for name, at in books.rows(
        "SELECT action_id, received_at FROM orders_app_action WHERE action_type = 'notice'"
    ):
        if team_of(int(name.rpartition("-")[2])) != "c":
            continue
        tag, second = books.outcomes[name], at.second + at.microsecond / 1e6
        seen[tag] += 1
        if EDGE < second < 60 - EDGE and (tag == "Muted") != (at.minute % 2 == 0):
            wrong.append(f"{name} at {at:%T} is {tag}")
    if not (seen["Muted"] and seen["Executed"]):
        wrong.append(f"the time interval had no part in it: {dict(seen)}")
    return wrong


def _messages_wrong(books: Books) -> list[str]:
    """What is done was taken once, what failed never, and nothing twice. Of a bare call nobody may know: then the trail
    says so, it is a dead letter, and it was taken once at most."""
    taken = Counter(books.messages)
    wrong = [f"the carrier or another was shown {what}" for what in sorted(set(books.wrong))]
    for kind, name, status, in_doubt in books.rows(CALLS):
        times = taken.pop((kind, name), 0)
        if not within(times, (0, 1) if in_doubt else (1, 1) if status == "completed" else (0, 0)):
            wrong.append(f"{name} by {kind} is {status}, and was taken {times} times")
    return wrong + [f"nobody sent {name} by {kind}" for kind, name in taken]


CALLS = """
    SELECT s.provider, r.action_id, s.status, r.kind = 'single' AND r.dead_lettered_at IS NOT NULL AND s.unknown
    FROM chains_app_steprun s JOIN chains_app_run r ON r.id = s.run_id WHERE r.tenant = 'south'
"""


def within(count: int, bounds: tuple[int, int]) -> bool:
    return bounds[0] <= count <= bounds[1]


def _groups_wrong(books: Books) -> list[str]:
    runs = books.rows("SELECT run_id::text FROM orders_app_actiongroup WHERE run_id IS NOT NULL")
    sent = sorted(key for _, key, kind, _ in books.effects if kind == "stock_low")
    return [] if sent == sorted(f"{run}:call" for (run,) in runs) else ["groups and their calls differ"]


def _money_wrong(books: Books) -> list[str]:
    """What the provider gave back against what it charged, and against the order's ledger."""
    moved: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for _, key, kind, order in books.effects:
        if kind in ("charge_card", "refund_card"):
            moved[order]["undone" if key.endswith(":compensate") else kind] += 1
    asked = "SELECT fingerprint, refunded FROM orders_app_order WHERE action_type = 'place_order'"
    wrong = []
    for name, refunded in books.rows(asked):
        money = moved[name]
        back = money["refund_card"] * REFUND
        if back + money["undone"] * TOTAL > money["charge_card"] * TOTAL or back != refunded:
            wrong.append(f"{name}: {dict(money)}, its ledger says {refunded}")
    return wrong


def _told_wrong(books: Books) -> list[str]:
    """Whether each event was taken, and those of an action in their order."""
    first: defaultdict[str, list[int]] = defaultdict(list)
    seen = set()
    for webhook_id, action_id, number in books.taken:
        if webhook_id not in seen:
            seen.add(webhook_id)
            first[action_id].append(number)
    asked = """SELECT count(*) FROM audit_app_event AS e, subscriptions_app_subscription AS s
        WHERE e.namespace = s.namespace AND e.tenant = s.tenant AND e.number > s.after_number"""
    found = [
        f"events of {name} came out of order" for name, told in first.items() if name and told != sorted(told)
    ]
    missing = books.count(asked) - len(seen)
    return found + ([f"{missing} events were never taken"] if missing else [])
