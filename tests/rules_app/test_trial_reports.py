"""What rules in shadow, and for a share of orders, leave behind; their reports; and the way to live and back."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.db import connection
from django.test.utils import CaptureQueriesContext

from acteon_site.base import config_versions
from acteon_site.base.clock import db_now
from acteon_site.base.errors import AppError
from acteon_site.base.source import SYSTEM_SOURCE
from acteon_site.config_files.load import load_paths
from audit_app.models import AuditRecord, RedactedField, RetentionPolicy
from audit_app.services.reaper import reap
from orders_app.models import Hold
from orders_app.services.decisions import Verdict
from orders_app.services.releases import approval_decide
from orders_app.states import Decision
from rules_app.config_kinds.rules import Rules
from rules_app.differences import difference
from rules_app.drafts import live_spec
from rules_app.models import Rule, RuleSettings, RuleTrial, RuleTrialCount
from rules_app.services.publishing import draft_publish
from rules_app.services.stages import rule_stage
from rules_app.services.trial_counts import trials_count
from rules_app.services.trial_reports import newest_trials, trial_report
from rules_app.trial_report import Report, Side
from rules_app.trial_words import report_lines, sample_in_words
from tests.orders_app.test_costs import statements_of
from tests.orders_app.test_counters import OF_EMAIL, asks, declare
from tests.world import CLOSED_HOURS, SCOPE, Shop, order, publish_rules, tag

LARGE = {"field": "action.payload.total_cents", "gte": 5_000}
DENY = {"name": "odd-orders", "priority": 0, "condition": LARGE, "action": {"type": "deny"}}
NAME = "odd-orders"


def put(**spec: Any) -> None:
    Rule.objects.create(**DENY | spec)
    publish_rules()


def now_report(**scope: Any) -> Report:
    now = db_now()
    return trial_report(NAME, now - timedelta(days=7), now, **scope)


def shadow_side(**scope: Any) -> Side:
    side = now_report(**scope).shadow
    assert side is not None
    return side


@pytest.fixture
def shadowed(shop: Shop) -> Shop:
    put(shadow=True)
    return shop


def test_a_rule_in_shadow_stops_nothing_and_notes_what_it_would_have_stopped(shadowed: Shop) -> None:
    assert tag(shadowed.place(payload={"order_id": "seen"})) == "Executed"
    assert tag(shadowed.place(payload={"total_cents": 4_000})) == "Executed"
    trial = RuleTrial.objects.get()
    assert (trial.side, trial.would, trial.happened, trial.decided_by) == ("shadow", "deny", "executed", "")
    assert (trial.amount, trial.currency) == (7_999, "USD")
    assert AuditRecord.objects.get(action_id=trial.action_id).matched_rule is None


def test_a_dry_run_and_an_evaluation_say_it_and_note_nothing(shadowed: Shop) -> None:
    assert tag(shadowed.dispatch(order(), dry_run=True).json()) == "DryRun"
    told = shadowed.post("/v1/rules/evaluate", order()).json()
    seen = next(line for line in told["trace"] if line["rule_name"] == NAME)
    assert (seen["result"], seen["would"]) == ("matched", "deny")
    assert told.get("matched_rule") != NAME
    assert not RuleTrial.objects.exists()


def test_the_report_tells_what_would_have_been_stopped_and_what_was_anyway(shadowed: Shop) -> None:
    shadowed.place(payload={"total_cents": 6_000})
    shadowed.place(payload={"total_cents": 9_000, "currency": "EUR"})
    shadowed.place(payload={"shipping_country": "SY"})
    twice = order(payload={"total_cents": 60_000})
    assert [tag(shadowed.dispatch(twice).json()) for _ in range(2)] == ["PendingApproval"] * 2
    side = shadow_side()
    assert (side.all.trials, side.all.differing, side.all.anyway) == (5, 3, 2)
    assert side.all.worth == {"USD": 66_000, "EUR": 9_000}
    fates = {(fate.happened, fate.rule): found.differing for fate, found in side.fates.items()}
    assert fates == {
        ("executed", ""): 2,
        ("suppressed", "deny-sanctioned-regions"): 0,
        ("pending_approval", "approve-high-value"): 1,
        ("repeated", "approve-high-value"): 0,
    }
    assert list(side.shops) == [(SCOPE["namespace"], SCOPE["tenant"])]
    assert shadow_side(tenant=SCOPE["tenant"]).all.trials == 5
    assert now_report(tenant="other").sides == {}


THROTTLE = {"type": "throttle", "max_count": 2, "window_seconds": 60}
DEDUPLICATE = {"type": "deduplicate", "ttl_seconds": 60}


def test_a_throttle_in_shadow_tells_which_orders_it_would_have_refused(shop: Shop) -> None:
    put(shadow=True, action=THROTTLE)
    first = [order(payload={"total_cents": 6_000 + number}) for number in range(3)]
    assert {tag(item) for item in shop.batch(first).json()} == {"Executed"}
    assert tag(shop.dispatch(first[0]).json()) == "Deduplicated"
    shop.place()
    shop.place(payload={"shipping_country": "SY"})
    shop.dispatch(order(), dry_run=True)
    wanted = {
        (trial.action_id, trial.amount): trial.would for trial in RuleTrial.objects.exclude(would="passed")
    }
    assert [amount for (_, amount), would in wanted.items() if would == "throttled"] == [6_002, 6_000, 7_999]
    side = shadow_side()
    assert (side.all.trials, side.all.differing, side.all.worth) == (6, 2, {"USD": 6_002 + 7_999})
    (told,) = list(report_lines(now_report()))
    assert told.startswith("In shadow: 2 of 6 orders would have been refused as one too many, and were not")
    newest = newest_trials(NAME).samples["shadow"][0][0]
    assert (
        sample_in_words(newest.would, newest.happened) == "executed, would have been refused as one too many"
    )


def test_a_deduplicate_in_shadow_tells_the_repeats_also_where_a_counter_decides(shop: Shop) -> None:
    declare(OF_EMAIL, never=(asks("orders-of-email", gte=900), {"type": "deny"}))
    Rule.objects.filter(name__in=("dedup-double-submit", "deny-unmatched")).update(enabled=False)
    put(shadow=True, action=DEDUPLICATE)
    twice = [order(dedup_key="same") for _ in range(2)]
    assert [tag(shop.dispatch(one).json()) for one in twice] == ["Executed", "Executed"]
    assert list(RuleTrial.objects.order_by("at", "id").values_list("would", flat=True)) == [
        "passed",
        "deduplicated",
    ]
    assert shadow_side().all.differing == 1


def test_a_gate_in_shadow_costs_a_set_no_statement_more(shop: Shop) -> None:
    put(shadow=True)
    actions = [order(), order()]
    asked = len(statements_of(shop, actions))
    Rule.objects.filter(name=NAME).update(action=THROTTLE)
    publish_rules()
    config_versions.reset()
    assert len(statements_of(shop, [order(), order()])) == asked


def test_an_order_that_is_released_counts_once(shadowed: Shop) -> None:
    held = shadowed.place(payload={"total_cents": 60_000})
    hold = Hold.objects.get(pk=held["PendingApproval"]["approval_id"])
    approval_decide(hold_id=hold.pk, verdict=Verdict(Decision.APPROVE, "ann", SYSTEM_SOURCE))
    assert RuleTrial.objects.values_list("happened", flat=True).get() == "pending_approval"


def test_a_released_order_is_noted_by_a_rule_that_came_meanwhile(shop: Shop) -> None:
    hold = Hold.objects.get(pk=shop.place(payload={"total_cents": 60_000})["PendingApproval"]["approval_id"])
    put(shadow=True)
    approval_decide(hold_id=hold.pk, verdict=Verdict(Decision.APPROVE, "ann", SYSTEM_SOURCE))
    assert RuleTrial.objects.count() == 1


def test_a_total_that_is_redacted_is_worth_nothing(shadowed: Shop) -> None:
    RedactedField.objects.create(path="total_cents")
    config_versions.reset()
    shadowed.place()
    assert RuleTrial.objects.values_list("amount", flat=True).get() is None
    assert shadow_side().all.worth == {"USD": 0}


def test_a_rule_for_a_share_stops_those_within_and_tells_of_both(shop: Shop) -> None:
    put(rollout={"percent": 50})
    tags = [tag(shop.place()) for _ in range(24)]
    report = now_report()
    sides = {side.name: side for side in report.rollout}
    assert sides["within"].outcomes == {"suppressed": tags.count("Suppressed")}
    assert sides["outside"].all.trials == 24 - tags.count("Suppressed")
    assert "suppressed" not in sides["outside"].outcomes
    assert sum(report.share(side) for side in report.rollout) == pytest.approx(100)


def test_hours_that_are_over_are_counted_once_and_the_report_stays_the_same(shadowed: Shop) -> None:
    for _ in range(3):
        shadowed.place()
    shadowed.place(CLOSED_HOURS)
    earlier = RuleTrial.objects.order_by("at")[:2]
    RuleTrial.objects.filter(pk__in=[trial.pk for trial in earlier]).update(at=db_now() - timedelta(hours=3))
    before = shadow_side()
    assert [trials_count(db_now()) for _ in range(2)] == [1, 0]
    assert sum(RuleTrialCount.objects.values_list("trials", flat=True)) == 2
    after = shadow_side()
    assert (after.all, after.fates, after.shops) == (before.all, before.fates, before.shops)


def test_retention_removes_trials_and_their_counts(shadowed: Shop) -> None:
    shadowed.place()
    RuleTrial.objects.update(at=db_now() - timedelta(hours=5))
    trials_count(db_now())
    policy = RetentionPolicy.objects.update_or_create(
        **SCOPE, defaults={"audit_ttl_seconds": 3_600, "enabled": True, "compliance_hold": True}
    )[0]
    reap()
    assert RuleTrial.objects.count() == RuleTrialCount.objects.count() == 1
    policy.compliance_hold = False
    policy.save()
    reap()
    assert RuleTrial.objects.count() == RuleTrialCount.objects.count() == 0


@pytest.mark.postgres  # as in test_costs.py
def test_noting_costs_no_statement_of_its_own_however_many_orders_and_rules(shop: Shop) -> None:
    without = statements_of(shop, [order() for _ in range(2)])
    put(shadow=True)
    put(name="another", shadow=True)
    put(name="some", rollout={"percent": 5}, action={"type": "modify", "changes": {"seen": True}})
    assert len(statements_of(shop, [order() for _ in range(2)])) <= len(without)
    assert len(statements_of(shop, [order() for _ in range(100)])) <= len(without)
    assert RuleTrial.objects.count() > 300


def test_a_report_costs_as_many_statements_however_many_orders(shadowed: Shop) -> None:
    counted = []
    for _ in range(2):
        for _ in range(3):
            shadowed.place()
        with CaptureQueriesContext(connection) as queries:
            shadowed.get(f"/v1/rules/{NAME}/report")
        counted.append([one["sql"] for one in queries if "ruletrial" in one["sql"]])
    assert len(counted[0]) == len(counted[1]) <= 5


def test_one_step_goes_live_and_back_with_a_reason_and_a_version_that_says_so(shadowed: Shop) -> None:
    draft = rule_stage(name=NAME, stage="live", percent=25, reason="a good week", actor="ann")
    assert (draft.status, draft.version.cause) == ("published", f"{NAME}: live, for 25 % of orders")
    assert live_spec(NAME) == {**DENY, "rollout": {"percent": 25}}
    rule_stage(name=NAME, stage="all", reason="better", actor="ann")
    assert live_spec(NAME) == DENY
    rule_stage(name=NAME, stage="shadow", reason="too much", actor="ann")
    assert live_spec(NAME) == {**DENY, "shadow": True}
    with pytest.raises(AppError, match="is so already"):
        rule_stage(name=NAME, stage="shadow", reason="again", actor="ann")
    with pytest.raises(AppError, match="reason"):
        rule_stage(name=NAME, stage="live", reason=" ", actor="ann")


def test_an_explanation_says_what_a_rule_in_shadow_would_have_made_of_the_order(shadowed: Shop) -> None:
    put(name="half", rollout={"percent": 50}, action={"type": "schedule", "delay_seconds": 9})
    for number in range(2):
        shadowed.place(id=f"act-of-{number}", payload={"order_id": f"told-{number}"})
        text = shadowed.get(f"/v1/rules/explain/act-of-{number}").json()["explanation"]
        assert f"By the rule {NAME}, which is in shadow, it would have been refused." in text
        assert ("for 50 % of orders, and this one is" in text) is True


def test_where_a_second_person_is_asked_for_the_step_waits_for_one(shadowed: Shop) -> None:
    RuleSettings.objects.update_or_create(pk=1, defaults={"second_person": ["*"]})
    draft = rule_stage(name=NAME, stage="live", reason="a good week", actor="ann")
    assert (draft.is_open, live_spec(NAME)) == (True, {**DENY, "shadow": True})
    with pytest.raises(AppError, match="somebody else"):
        draft_publish(number=draft.pk, reason="now", actor="ann")
    draft_publish(number=draft.pk, reason="now", actor="ben")
    assert live_spec(NAME) == DENY


def test_differences_say_in_words_what_is_in_shadow_now_and_for_how_many() -> None:
    shadow = {**DENY, "shadow": True}
    tenth = {**DENY, "rollout": {"percent": 10, "by": "action.payload.customer.id"}}
    words = [str(said) for one in (shadow, tenth) for said in difference(NAME, DENY, one).words]
    assert words == [
        "stage: live → in shadow: notes what it would do, and does nothing",
        "stage: live → live, for 10 % by action.payload.customer.id",
    ]
    added = difference(NAME, None, shadow | {"rollout": {"percent": 2.5}}).words[0]
    assert "In shadow, for 2.5 % of orders. When" in str(added)


def test_files_say_both_and_are_written_back_as_they_were(tmp_path: Path, db: None) -> None:
    file = tmp_path / "rules.yaml"
    told = {**DENY, "shadow": True, "rollout": {"percent": 2.5, "by": "action.payload.customer.id"}}
    file.write_text(yaml.safe_dump({"rules": [told]}))
    load_paths([file], actor="tests", source="mine")
    assert live_spec(NAME) == told
    assert Rules().to_spec(Rule.objects.get(name=NAME)) == told
    file.write_text(yaml.safe_dump({"rules": [{**told, "rollout": {"percent": 250}}]}))
    with pytest.raises(AppError) as refused:
        load_paths([file], actor="tests", source="mine")
    assert [problem.field for problem in refused.value.details] == ["rollout.percent"]
