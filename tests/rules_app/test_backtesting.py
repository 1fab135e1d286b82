"""A backtest against the truth: the same actions, sent in order to the rules that are tried."""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rules_app.backtesting import Judged, Past, Replay, Tally, Would
from rules_app.engine import ActionView, RuleSet, decide
from rules_app.engine.counters import micros
from rules_app.testing.play import Bench, Outcome
from tests.rules_app.shop import OFFICE_HOURS, order, rule_set

TAGS = {
    "Executed": "executed",
    "Suppressed": "suppressed",
    "Deduplicated": "deduplicated",
    "Throttled": "throttled",
    "PendingApproval": "pending_approval",
    "Scheduled": "scheduled",
}
ALLOW_ALL = rule_set()


class Orders:
    """Every action is an order, named by its payload."""

    def judge(self, action: ActionView) -> None:
        return None

    def name_of(self, action: ActionView, payload: dict[str, Any]) -> str | None:
        return str(payload["order_id"])


cheap = st.sampled_from([{"field": "action.payload.total_cents", "lt": limit} for limit in (20, 50, 80)])
terminal = st.sampled_from(
    [
        {"type": "deny"},
        {"type": "allow"},
        {"type": "schedule", "delay_seconds": 20},
        {"type": "request_approval", "notify_provider": "mail", "timeout_seconds": 40},
    ]
)
gates = st.one_of(
    st.builds(lambda ttl: {"type": "deduplicate", "ttl_seconds": ttl}, st.sampled_from([15, 60])),
    st.builds(
        lambda count, window: {"type": "throttle", "max_count": count, "window_seconds": window},
        st.integers(1, 3),
        st.sampled_from([10, 30]),
    ),
)


@st.composite
def sets(draw: st.DrawFn) -> RuleSet:
    """Small sets of the same few names, so that two of them often share a rule."""
    rules = [
        {"name": name, "priority": place, "condition": draw(cheap), "action": draw(action)}
        for place, (name, action) in enumerate(
            (("gate", gates), ("other-gate", gates), ("verdict", terminal))
        )
        if draw(st.booleans())
    ]
    return rule_set(*rules)


sent = st.lists(
    st.tuples(
        st.integers(0, 12),  # seconds since the one before
        st.sampled_from([10, 30, 60, 90]),
        st.sampled_from(["o-1", "o-2", "o-3", "o-4", "o-5"]),
        st.sampled_from(["k-1", "k-2", "k-3", "k-4"]),
    ),
    min_size=1,
    max_size=14,
)


def past_of(view: ActionView, at: Any, was: Bench, tried: RuleSet) -> Past:
    """What the trail would say of it, and how the rules that are tried decide it."""
    probe = deepcopy(was)
    probe.rules = ALLOW_ALL
    lived = probe.send(view, at, has_key=False)
    then, now = decide(was.rules, view, at), decide(tried, view, at)
    found: Outcome = was.send(view, at, has_key=True)
    actions = {rule.name: rule.action for rule in was.rules.rules}
    verdict = found.verdict
    notes = {"it waits already": "repeat", "dedup_key": "dedup_key", "living_order": "living_order"}
    judged = Judged(
        now.verdict,
        now.rule.name if now.rule else "",
        tuple(rule.name for rule in now.gates),
        (view.namespace, view.tenant, view.action_type, view.dedup_key or ""),
        (view.namespace, view.tenant, view.payload["order_id"]),
        alike=now.verdict == verdict,
        same_gates=tuple(rule.name for rule in now.gates if actions.get(rule.name) == rule.action),
        lived=TAGS[lived.tag]
        if lived.tag != "Executed" and (notes.get(found.note) or verdict == "deny")
        else "",
        key_rule_then=next((rule.name for rule in then.gates if rule.action.type == "deduplicate"), ""),
    )
    return Past(
        *("record", "row", view.namespace, view.tenant, view.action_type, view.id, micros(at)),
        *(TAGS[found.tag], verdict, found.rule, 1),
        gates=tuple(rule.name for rule in then.gates),
        repeat=notes.get(found.note, ""),
        judged=judged,
    )


def replayed(
    was: RuleSet, tried: RuleSet, orders: list[tuple[int, int, str, str]]
) -> list[tuple[Past, Would, str]]:
    """Each with what it really comes to where the tried rules are in force."""
    old, new, replay, at, found = (
        Bench(was, Orders()),
        Bench(tried, Orders()),
        Replay(tried),
        OFFICE_HOURS,
        [],
    )
    for number, (pause, cents, name, key) in enumerate(orders):
        at += timedelta(seconds=pause, milliseconds=1)
        view = order({"order_id": name, "total_cents": cents}, id=f"a-{number}", dedup_key=key)
        past = past_of(view, at, old, tried)
        found.append((past, replay.send(past), TAGS[new.send(view, at, has_key=True).tag]))
    return found


@settings(max_examples=60)
@given(sets(), sets(), sent)
def test_what_a_backtest_says_is_what_the_rules_come_to_where_they_are_in_force(
    was: RuleSet, tried: RuleSet, orders: list[tuple[int, int, str, str]]
) -> None:
    for past, would, truth in replayed(was, tried, orders):
        assert would.unknown or would.outcome == truth, (past, would)


@settings(max_examples=40)
@given(sets(), sent)
def test_the_rules_that_decided_change_nothing_and_leave_nothing_unknown(
    rules: RuleSet, orders: list[tuple[int, int, str, str]]
) -> None:
    tally = Tally()
    for past, would, _ in replayed(rules, rules, orders):
        tally.add(past, would)
    assert tally.summary()["same"] == len(orders)
