"""Actions that a rule groups: gathered, sent in one call, and told of everywhere."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from acteon_site.base import config_versions
from acteon_site.base.clock import db_now
from acteon_site.base.source import SYSTEM_SOURCE
from audit_app.models import AuditRecord, Event, RetentionPolicy
from audit_app.services.legal_holds import legal_hold_lift, legal_hold_place
from audit_app.services.reaper import reap
from audit_app.services.relay import relay
from chains_app.models import Provider, Run
from chains_app.providers.base import Call
from orders_app.models import Action, ActionGroup, GroupedAction, Hold, TemplateProfile
from orders_app.services.releases import holds_sweep
from rules_app.models import Quota, Rule, RuleCounter, RuleTrial
from rules_app.services.rule_sets import rule_check
from rules_app.specs import counter_columns
from tests.orders_app.gathered import PROVIDER, RULE, TYPE, alert, calls, group_rule, make_due, send_all
from tests.world import SCOPE, Shop, order, publish_rules, tag

__all__ = ["calls"]
IS_ALERT = {"field": "action.action_type", "eq": TYPE}


def grouped(outcome: Any) -> dict[str, Any]:
    assert tag(outcome) == "Grouped", outcome
    found: dict[str, Any] = outcome["Grouped"]
    return found


def gather(shop: Shop, action: dict[str, Any]) -> dict[str, Any]:
    return grouped(shop.dispatch(action).json())


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_alike_actions_go_out_in_one_call_once_their_time_has_come(shop: Shop, calls: list[Call]) -> None:
    group_rule()
    sent = [alert("north"), alert("south"), alert("north")]
    told = [gather(shop, one) for one in sent]
    assert [one["group_size"] for one in told] == [1, 1, 2]
    assert told[0]["group_id"] == told[2]["group_id"] != told[1]["group_id"]
    send_all()
    assert not calls
    make_due()
    send_all()
    (north,) = [call for call in calls if call.payload["labels"] == {"action.payload.warehouse": "north"}]
    assert len(calls) == 2
    assert north.payload["count"] == 2
    assert [event["id"] for event in north.payload["events"]] == [sent[0]["id"], sent[2]["id"]]
    assert north.payload["events"][0]["payload"] == sent[0]["payload"]
    run = Run.objects.get(action_id=told[0]["group_id"])
    assert north.idempotency_key == f"{run.pk}:call"
    send_all()
    assert len(calls) == 2


def test_what_comes_after_a_call_waits_for_the_interval_and_after_that_for_the_wait_again(shop: Shop) -> None:
    group_rule(group_wait_seconds=20, group_interval_seconds=600)
    first = gather(shop, alert())
    assert timedelta(seconds=15) < at(first["notify_at"]) - db_now() <= timedelta(seconds=20)
    make_due()
    # Its time has come and nobody has sent it yet: it takes nothing more.
    second = gather(shop, alert())
    assert second["group_id"] != first["group_id"]
    assert second["group_size"] == 1
    assert timedelta(seconds=500) < at(second["notify_at"]) - db_now() <= timedelta(seconds=600)
    send_all()
    assert gather(shop, alert())["group_id"] == second["group_id"]
    assert set(ActionGroup.objects.values_list("state", flat=True)) == {"flushed", "waiting"}


def test_a_full_group_goes_at_once_and_a_hundred_of_one_batch_fill_ten(shop: Shop, calls: list[Call]) -> None:
    group_rule(max_group_size=10)
    told = [grouped(one) for one in shop.batch([alert() for _ in range(105)]).json()]
    assert [one["group_size"] for one in told] == [*range(1, 11)] * 10 + [*range(1, 6)]
    assert len({one["group_id"] for one in told}) == 11
    send_all()
    assert [call.payload["count"] for call in calls] == [10] * 10
    ids = [event["id"] for call in calls for event in call.payload["events"]]
    assert len(set(ids)) == 100
    (rest,) = ActionGroup.objects.filter(state="waiting")
    assert (rest.event_count, rest.members.count()) == (5, 5)


def test_groups_are_told_apart_as_rules_compare_and_what_is_missing_is_null(shop: Shop) -> None:
    group_rule(group_by=["action.payload.warehouse", "action.metadata.team"])
    alike = [(5, 5.0), (None, "absent"), ("5", "5")]
    for one, other in alike:
        other_alert = alert(other)
        if other == "absent":
            del other_alert["payload"]["warehouse"]
        assert gather(shop, alert(one))["group_id"] == gather(shop, other_alert)["group_id"]
    apart = [
        alert(5),
        alert("5"),
        alert(True),
        alert(5, metadata={"team": "b"}),
        alert(5, provider="warehouse"),
    ]
    assert len({gather(shop, one)["group_id"] for one in apart}) == 5


@pytest.mark.postgres  # SQLite bounds the values of a statement, so that Django splits a large one
def test_a_set_costs_as_many_statements_whatever_its_size(shop: Shop) -> None:
    group_rule()
    counts = []
    for size in (2, 2, 200):
        with CaptureQueriesContext(connection) as queries:
            shop.batch([alert(f"w-{number % 50}") for number in range(size)])
        counts.append(len([one for one in queries if "acteon_site_configstamp" not in one["sql"]]))
    assert counts[2] <= counts[1]


def test_orders_and_what_a_chain_carries_out_are_never_grouped(shop: Shop) -> None:
    group_rule()
    Rule.objects.filter(name=RULE).update(condition={"field": "action.tenant", "ne": ""})
    publish_rules()
    failed = shop.dispatch(order()).json()["Failed"]
    assert (failed["code"], failed["retryable"], failed["attempts"]) == ("CONFIGURATION", True, 0)
    assert "lifecycle" in failed["message"]
    assert not ActionGroup.objects.exists()


def test_a_rule_that_groups_orders_is_refused_where_it_is_written(shop: Shop) -> None:
    rule = {
        "name": RULE,
        "condition": {"field": "action.action_type", "eq": "place_order"},
        "action": {"type": "group", "group_by": []},
    }
    with pytest.raises(Exception, match="makes orders"):
        rule_check(rule)


def test_a_dry_run_says_group_and_leaves_nothing(shop: Shop) -> None:
    group_rule()
    told = shop.dispatch(alert(), dry_run=True).json()["DryRun"]
    assert told == {"verdict": "group", "matched_rule": RULE, "would_be_provider": PROVIDER}
    assert not ActionGroup.objects.exists()
    evaluated = shop.post("/v1/rules/evaluate", {**alert(), "evaluate_all": True}).json()
    assert evaluated["verdict"] == "group"


def test_the_trail_tells_of_an_action_and_of_its_call_and_what_is_secret_stays_so(
    shop: Shop, calls: list[Call]
) -> None:
    group_rule(group_by=["action.payload.card_number"])
    sent = alert()
    told = gather(shop, sent)
    record = shop.get(f"/v1/audit/{sent['id']}").json()
    assert (record["outcome"], record["verdict"], record["flush"]) == ("grouped", "group", None)
    assert record["outcome_details"]["group_id"] == told["group_id"]
    make_due()
    send_all()
    flush = shop.get(f"/v1/audit/{sent['id']}").json()["flush"]
    assert (flush["outcome"], flush["action_id"], flush["matched_rule"]) == (
        "executed",
        told["group_id"],
        RULE,
    )
    assert flush["payload"]["action_ids"] == [sent["id"]]
    assert calls[0].payload["labels"] == {"action.payload.card_number": "4111111111111111"}
    detail = shop.get(f"/v1/groups/{told['group_id']}").json()
    assert detail["labels"] == {"action.payload.card_number": "[REDACTED]"}
    seen = [detail, flush, list(Event.objects.values("data")), list(AuditRecord.objects.values())]
    assert "4111111111111111" not in json.dumps(seen, default=str)
    with connection.cursor() as cursor:
        cursor.execute("SELECT body FROM orders_app_groupedaction")
        assert b"4111" not in bytes(cursor.fetchone()[0])
    why = shop.get(f"/v1/rules/explain/{sent['id']}").json()["explanation"]
    assert f"by the rule {RULE} into the group" in why
    relay()
    metrics = shop.get("/metrics").json()
    assert (metrics["grouped"], metrics["executed"], metrics["dispatched"]) == (1, 1, 1)


def test_a_group_is_listed_shown_and_sent_before_its_time(shop: Shop, calls: list[Call]) -> None:
    group_rule()
    told = [gather(shop, alert()) for _ in range(3)]
    (row,) = shop.scoped("/v1/groups")["groups"]
    assert (row["group_id"], row["event_count"], row["state"]) == (told[0]["group_id"], 3, "waiting")
    key = row["group_key"]
    detail = shop.get(f"/v1/groups/{key}", limit=2, offset=1).json()
    assert detail["labels"] == {"action.payload.warehouse": "north"}
    assert len(detail["events"]) == 2
    for _ in range(2):  # the second finds it closed
        answer = shop.client.delete(f"/v1/groups/{key}").json()
        assert answer == {"group_id": row["group_id"], "event_count": 3, "status": "flushing"}
    assert gather(shop, alert())["group_id"] != row["group_id"]
    send_all()
    assert len(calls) == 1
    assert shop.scoped("/v1/groups", state="flushed")["total"] == 1
    assert shop.get(f"/v1/audit/{row['group_id']}").json()["caller_id"] == f"key:{shop.key.name}"
    assert shop.scoped("/v1/groups", state="lost")["code"] == "BAD_QUERY"
    assert shop.get("/v1/groups/nothing").status_code == 404


def test_a_key_sees_and_sends_the_groups_of_its_own_shop_provider_and_type(shop: Shop) -> None:
    group_rule()
    told = gather(shop, alert())
    scopes: list[dict[str, Any]] = [
        {"tenants": ["other"]},
        {"providers": ["warehouse"]},
        {"action_types": ["x"]},
    ]
    for scope in scopes:
        stranger = Shop(**scope)
        assert stranger.get(f"/v1/groups/{told['group_id']}").status_code == 404
        assert stranger.client.delete(f"/v1/groups/{told['group_id']}").status_code == 404
        assert stranger.scoped("/v1/groups").get("groups", []) == []
    assert Shop(role="viewer").client.delete(f"/v1/groups/{told['group_id']}").status_code == 403
    assert ActionGroup.objects.get().state == "waiting"


def test_a_profile_says_what_is_told_of_a_group_and_one_that_is_gone_keeps_it_waiting(
    shop: Shop, calls: list[Call]
) -> None:
    group_rule(template="digest")
    assert shop.dispatch(alert()).json()["Failed"]["code"] == "CONFIGURATION"
    text = "{{ count }}: {% for one in events %}{{ one.payload.sku }} {% endfor %}"
    profile = TemplateProfile.objects.create(**SCOPE, name="digest", fields={"subject": text})
    config_versions.reset()
    sent = [alert(), alert()]
    for one in sent:
        gather(shop, one)
    fields, profile.fields = profile.fields, {"subject": "{{ count / 0 }}"}
    profile.save()
    config_versions.reset()
    make_due()
    send_all()
    group = ActionGroup.objects.get()
    assert (group.state, group.attempts, group.run_id) == ("flushing", 1, None)
    assert "cannot be rendered" in group.problem
    profile.fields = fields
    profile.save()
    config_versions.reset()
    ActionGroup.objects.update(next_run_at=db_now())
    send_all()
    (call,) = calls
    assert call.payload["subject"] == f"2: {sent[0]['payload']['sku']} {sent[1]['payload']['sku']} "
    assert "events" not in call.payload


def test_a_call_that_fails_is_told_and_its_actions_may_be_replayed_and_no_others(shop: Shop) -> None:
    group_rule(max_group_size=1)
    lost, done = alert(), alert()
    Provider.objects.filter(name=PROVIDER).update(enabled=False)
    config_versions.reset()
    gather(shop, lost)
    send_all()
    assert ActionGroup.objects.get().state == "failed"
    assert shop.get(f"/v1/audit/{lost['id']}").json()["flush"]["outcome"] == "failed"
    Provider.objects.filter(name=PROVIDER).update(enabled=True)
    config_versions.reset()
    gather(shop, done)
    assert shop.post(f"/v1/audit/{done['id']}/replay", SCOPE).json()["success"] is False
    send_all()
    assert shop.post(f"/v1/audit/{done['id']}/replay", SCOPE).json()["success"] is False
    again = shop.post(f"/v1/audit/{lost['id']}/replay", SCOPE).json()
    assert tag(again["outcome"]) == "Grouped", again


def test_a_grouped_action_counts_in_a_quota_and_owns_its_dedup_key(shop: Shop) -> None:
    group_rule()
    Rule.objects.create(
        name="dedup-alerts",
        priority=0,
        condition={"field": "action.action_type", "eq": TYPE},
        action={"type": "deduplicate", "ttl_seconds": 600},
    )
    Quota.objects.create(**SCOPE, max_actions=2, window="daily", overage="block")
    publish_rules()
    first = alert()
    gather(shop, first)
    assert shop.dispatch(first).json() == "Deduplicated"
    gather(shop, alert())
    assert tag(shop.dispatch(alert()).json()) == "QuotaExceeded"
    assert ActionGroup.objects.get().event_count == 2


def test_what_was_scheduled_is_grouped_on_its_release_into_one_call(shop: Shop, calls: list[Call]) -> None:
    group_rule()
    Rule.objects.create(
        name="later", priority=0, condition=IS_ALERT, action={"type": "schedule", "delay_seconds": 60}
    )
    publish_rules()
    sent = [alert() for _ in range(3)]
    assert {tag(one) for one in shop.batch(sent).json()} == {"Scheduled"}
    Hold.objects.update(next_run_at=db_now(), due_at=db_now())
    holds_sweep()
    assert {hold.outcome["tag"] for hold in Hold.objects.all()} == {"Grouped"}
    make_due()
    send_all()
    (call,) = calls
    assert {event["id"] for event in call.payload["events"]} == {one["id"] for one in sent}


def test_a_group_outlives_its_rule_and_every_publishing(shop: Shop, calls: list[Call]) -> None:
    group_rule()
    told = gather(shop, alert())
    group_rule(group_wait_seconds=1)
    assert gather(shop, alert())["notify_at"] == told["notify_at"]
    Rule.objects.filter(name=RULE).delete()
    publish_rules()
    send_all()
    assert not calls
    make_due()
    send_all()
    assert [call.payload["count"] for call in calls] == [2]


def test_counters_decide_who_is_grouped_and_with_whom(shop: Shop) -> None:
    group_rule()
    by = ["action.payload.sku"]
    RuleCounter.objects.create(
        **counter_columns({"name": "of-sku", "count": "orders", "by": by, "window": "24h"})
    )
    Rule.objects.create(
        name="often",
        priority=0,
        condition={"all": [IS_ALERT, {"field": "counter.of-sku", "gte": 2}]},
        action={"type": "modify", "changes": {"warehouse": "often"}},
    )
    Rule.objects.create(
        name="tried", priority=0, shadow=True, condition=IS_ALERT, action={"type": "group", "group_by": []}
    )
    publish_rules()
    same = {"warehouse": "north", "sku": "S"}
    told = [grouped(one) for one in shop.batch([alert(payload=same) for _ in range(4)]).json()]
    assert [one["group_size"] for one in told] == [1, 2, 1, 2]
    labels = ActionGroup.objects.order_by("id").values_list("labels", flat=True)
    assert [one["action.payload.warehouse"] for one in labels] == ["north", "often"]
    assert set(RuleTrial.objects.values_list("rule", "would", "happened")) == {("tried", "group", "grouped")}


def test_a_quota_that_degrades_sends_an_action_to_its_target_by_itself(shop: Shop, calls: list[Call]) -> None:
    group_rule()
    Quota.objects.create(
        **SCOPE, max_actions=1, window="daily", overage="degrade", overage_target="compliance-queue"
    )
    config_versions.reset()
    gather(shop, alert())
    assert tag(shop.dispatch(alert()).json()) == "Executed"
    assert [call.provider for call in calls] == ["compliance-queue"]
    assert ActionGroup.objects.get().event_count == 1


def test_retention_takes_sent_groups_and_then_their_actions_and_nothing_that_waits(shop: Shop) -> None:
    group_rule(max_group_size=2)
    for _ in range(3):
        gather(shop, alert())
    send_all()
    RetentionPolicy.objects.create(**SCOPE, state_ttl_seconds=60, audit_ttl_seconds=60)
    past = db_now() - timedelta(hours=1)
    ActionGroup.objects.filter(state="flushed").update(ended_at=past)
    Action.objects.update(received_at=past)
    reap()
    assert list(ActionGroup.objects.values_list("state", flat=True)) == ["waiting"]
    assert GroupedAction.objects.count() == Action.objects.count() == 1


def test_a_legal_hold_of_a_time_keeps_the_groups_that_were_there_in_it(shop: Shop) -> None:
    group_rule(max_group_size=1)
    gather(shop, alert())
    send_all()
    past = db_now() - timedelta(hours=9)
    ActionGroup.objects.update(created_at=past, ended_at=past)
    RetentionPolicy.objects.create(**SCOPE, state_ttl_seconds=60)
    span = {"held_from": past - timedelta(hours=1), "held_until": past + timedelta(hours=1)}
    hold = legal_hold_place(**SCOPE, reason="case 1", source=SYSTEM_SOURCE, **span)
    reap()
    assert ActionGroup.objects.count() == GroupedAction.objects.count() == 1
    legal_hold_lift(hold_id=hold.pk, reason="closed", source=SYSTEM_SOURCE)
    reap()
    assert not ActionGroup.objects.exists()
