"""Silences and time intervals, through dispatch: what is muted is told so, consumes nothing, and no order is lost."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from acteon_site.base import config_versions
from acteon_site.base.clock_text import rfc3339
from audit_app.admin.home_cards import GROUP_OF
from audit_app.models import AuditRecord, Event
from audit_app.records.vocabulary import DISPATCH_OUTCOMES
from audit_app.services.relay import relay
from orders_app.models import Action, Hold, Order
from orders_app.services.explained import sentences
from orders_app.services.explaining import explain, explainable
from orders_app.services.releases import holds_sweep
from rules_app.models import GateRow, Rule, Silence
from rules_app.services.rule_sets import rule_settings_save
from tests.orders_app.test_backtests import pairs, tried, without_change
from tests.orders_app.test_costs import FRAMING
from tests.rules_app.drafting import begun, edit
from tests.threads import at_once
from tests.world import OPEN_HOURS, SCOPE, Shop, load_shop, order, publish_rules, tag

MAIL = {"field": "action.action_type", "eq": "send_mail"}
CAMPAIGN = {"name": "campaign", "value": "spring.*", "op": "regex"}
MORNING, NIGHT = "2026-03-04T09:00:00Z", "2026-03-04T23:30:00Z"
EVERYONE = {"namespace": "*", "tenant": "*"}
NIGHTS = [{"times": [{"start": "22:00", "end": "24:00"}]}]


def mail(**changes: Any) -> dict[str, Any]:
    """What no lifecycle and no chain claims."""
    labels = changes.pop("labels", {"campaign": "spring-2026"})
    return order(action_type="send_mail", provider="email-service", metadata=labels, **changes)


def mail_rules(**more: Any) -> None:
    """Mail is deduplicated and throttled, and let through by a rule that says `more`."""
    gates = (
        {"type": "deduplicate", "ttl_seconds": 600},
        {"type": "throttle", "max_count": 1, "window_seconds": 600},
    )
    for number, gate in enumerate(gates):
        Rule.objects.create(name=f"mail-{gate['type']}", priority=number, condition=MAIL, action=gate)
    Rule.objects.create(name="newsletters", priority=2, condition=MAIL, action={"type": "allow"}, **more)
    publish_rules()


def let_through() -> None:
    Rule.objects.create(name="newsletters", priority=2, condition=MAIL, action={"type": "allow"})
    publish_rules()


def silence(shop: Shop, *matchers: dict[str, str], **more: Any) -> dict[str, Any]:
    body = {**SCOPE, "matchers": matchers or [CAMPAIGN], "comment": "the sender's address is wrong"}
    answer = shop.post("/v1/silences", {**body, "duration_seconds": 3600, **more})
    assert answer.status_code == 201, answer.content
    config_versions.reset()  # a test's transaction never commits
    return answer.json()  # type: ignore[no-any-return]


def interval(shop: Shop, name: str = "nights", ranges: Any = NIGHTS, **facts: Any) -> dict[str, Any]:
    answer = shop.post("/v1/time-intervals", {**EVERYONE, "name": name, "time_ranges": ranges, **facts})
    assert answer.status_code == 201, answer.content
    config_versions.reset()
    return answer.json()  # type: ignore[no-any-return]


def last(shop: Shop) -> dict[str, Any]:
    return shop.audit()[0]


def told(action: dict[str, Any]) -> str:
    record = explainable(AuditRecord.objects.all(), action["id"]).first()
    assert record is not None
    return " ".join(sentences(explain(record)))


def test_a_silenced_action_answers_so_and_consumes_nothing(shop: Shop) -> None:
    mail_rules()
    made = silence(shop)
    before = GateRow.objects.count()
    action = mail()
    dry = shop.dispatch(action, dry_run=True).json()["DryRun"]
    assert (dry["verdict"], dry["matched_rule"]) == ("silenced", "newsletters")
    wanted = {"Silenced": {"silence_id": made["id"], "matched_rule": "newsletters"}}
    assert shop.dispatch(action).json() == wanted
    assert shop.dispatch(action).json() == wanted  # no dedup key was taken
    assert shop.batch([mail(), order(metadata={"campaign": "autumn"})]).json()[0] == wanted
    assert GateRow.objects.exclude(key__contains="quota").count() - before <= 3  # those of the order
    record = next(one for one in shop.audit() if one["action_id"] == action["id"])
    assert (record["outcome"], record["verdict"], record["matched_rule"]) == (
        "silenced",
        "allow",
        "newsletters",
    )
    by = record["verdict_details"]["silenced_by"]
    assert by["silence_id"] == made["id"]
    assert by["matchers"] == ['campaign=~"spring.*"']
    assert by["comment"] == "the sender's address is wrong"
    assert "because of a silence" in told(action)
    # The very same goes through once it has ended: nothing was taken by what was silenced.
    assert shop.client.delete(f"/v1/silences/{made['id']}").status_code == 204
    config_versions.reset()
    assert tag(shop.dispatch(action).json()) == "Executed"
    assert shop.dispatch(action).json() == "Deduplicated"
    assert tag(shop.dispatch(mail()).json()) == "Throttled"


def test_other_labels_other_tenants_and_other_times_are_not_silenced(shop: Shop) -> None:
    let_through()
    silence(shop)
    later = rfc3339(timezone.now() + timedelta(hours=1))
    silence(shop, {"name": "campaign", "value": "autumn"}, starts_at=later)
    assert tag(shop.dispatch(mail(labels={"campaign": "summer"})).json()) == "Executed"
    assert tag(shop.dispatch(mail(labels={})).json()) == "Executed"
    assert tag(shop.dispatch(mail(labels={"campaign": "autumn"})).json()) == "Executed"
    assert tag(shop.dispatch({**mail(), "tenant": "other-store"}).json()) == "Executed"
    # What rules refuse is refused, and silenced by nothing.
    Rule.objects.create(name="no-mail", priority=0, condition=MAIL, action={"type": "deny"})
    publish_rules()
    assert shop.dispatch(mail()).json() == {"Suppressed": {"rule": "no-mail"}}
    assert "silenced_by" not in last(shop)["verdict_details"]


def test_an_order_is_never_silenced_by_default_and_the_trail_says_why(shop: Shop) -> None:
    let_through()
    made = silence(shop)
    placed = order(metadata={"campaign": "spring-2026"})
    assert tag(shop.dispatch(placed).json()) == "Executed"
    assert Order.objects.count() == 1
    spared = last(shop)["verdict_details"]["not_silenced"]
    assert spared["silence_id"] == made["id"]
    assert "lifecycle" in spared["because"]
    assert "changed nothing: it is an order of the lifecycle" in told(placed)
    # What a bare call came to is told by the run, with the same notes.
    rule_settings_save(default_timezone="", muting=[{"action_type": "send_mail", "may": False}], actor="test")
    config_versions.reset()
    bare = mail()
    assert tag(shop.dispatch(bare).json()) == "Executed"
    assert "rule settings" in last(shop)["verdict_details"]["not_silenced"]["because"]
    # Said explicitly, an order may be silenced, too; the most particular line counts.
    lines = [{"action_type": "place_order", "tenant": "acme-store"}, {"action_type": "*", "may": False}]
    rule_settings_save(default_timezone="", muting=lines, actor="test")
    config_versions.reset()
    assert tag(shop.dispatch(order(metadata={"campaign": "spring-2026"})).json()) == "Silenced"
    assert Order.objects.count() == 1


def test_a_rule_sends_nothing_in_and_outside_of_the_intervals_that_it_names(shop: Shop) -> None:
    interval(shop)
    interval(shop, "office", [{"weekdays": ["monday:friday"], "times": [{"start": "08:00", "end": "18:00"}]}])
    mail_rules(mute_time_intervals=["nights"])
    action = mail()
    muted = {"interval": "nights", "reason": "mute_time_interval", "matched_rule": "newsletters"}
    assert shop.dispatch(action, now=NIGHT, dry_run=True).json()["DryRun"]["verdict"] == "muted"
    assert shop.dispatch(action, now=NIGHT).json() == {"Muted": muted}
    assert last(shop)["outcome"] == "muted"
    assert last(shop)["verdict_details"]["muted_by"]["interval"] == "nights"
    assert "sends nothing in the interval nights" in told(action)
    assert tag(shop.dispatch(action, now=MORNING).json()) == "Executed"  # no key, no slot was taken
    Rule.objects.filter(name="newsletters").update(mute_time_intervals=[], active_time_intervals=["office"])
    Rule.objects.filter(name="mail-throttle").delete()
    publish_rules()
    muted = {"interval": "office", "reason": "active_time_interval", "matched_rule": "newsletters"}
    assert shop.dispatch(mail(), now=NIGHT).json() == {"Muted": muted}
    assert tag(shop.dispatch(mail(), now=MORNING).json()) == "Executed"
    # A gate that names one mutes as well, and a silence goes before both.
    Rule.objects.filter(name="mail-deduplicate").update(mute_time_intervals=["nights"])
    publish_rules()
    assert shop.dispatch(mail(), now=NIGHT).json()["Muted"]["matched_rule"] == "mail-deduplicate"
    silence(shop)
    assert tag(shop.dispatch(mail(), now=NIGHT).json()) == "Silenced"


def test_a_tenants_interval_counts_before_the_shared_one_and_a_change_is_in_force_at_once(shop: Shop) -> None:
    interval(shop, "quiet", [{}])
    interval(shop, "quiet", NIGHTS, **SCOPE)
    mail_rules(mute_time_intervals=["quiet"])
    assert tag(shop.dispatch(mail(), now=MORNING).json()) == "Executed"
    assert tag(shop.dispatch({**mail(), "tenant": "other-store"}, now=MORNING).json()) == "Muted"
    version = last(shop)["ruleset_version"]
    path = "/v1/time-intervals/ecommerce/acme-store/quiet"
    assert shop.put(path, {"time_ranges": [{}]}).status_code == 200
    config_versions.reset()
    action = mail()
    assert tag(shop.dispatch(action, now=MORNING).json()) == "Muted"
    assert last(shop)["ruleset_version"] == version + 1  # what decided is kept with the version
    assert "sends nothing in the interval quiet" in told(action)


def test_an_order_that_its_rule_would_mute_goes_through(shop: Shop) -> None:
    interval(shop, "always", [{}])
    Rule.objects.filter(name="approve-high-value").update(mute_time_intervals=["always"])
    publish_rules()
    placed = order(payload={"total_cents": 60_000})
    assert tag(shop.dispatch(placed).json()) == "PendingApproval"
    assert last(shop)["verdict_details"]["not_muted"]["interval"] == "always"


def test_a_hold_is_not_silenced_away(shop: Shop) -> None:
    wait = {"type": "schedule", "delay_seconds": 60}
    Rule.objects.create(name="mail-later", priority=0, condition=MAIL, action=wait)
    publish_rules()
    held = mail()
    assert tag(shop.dispatch(held).json()) == "Scheduled"
    silence(shop)
    Hold.objects.update(due_at=timezone.now(), next_run_at=timezone.now())
    holds_sweep()
    outcomes = [one["outcome"] for one in shop.audit() if one["action_id"] == held["id"]]
    assert Counter(outcomes) == Counter(("executed", "schedule_released", "scheduled"))
    assert tag(shop.dispatch(mail()).json()) == "Silenced"  # and no new one is held


def test_evaluations_tries_tests_and_totals_know_of_it(shop: Shop) -> None:
    interval(shop)
    mail_rules(mute_time_intervals=["nights"])
    question = {key: value for key, value in mail().items() if key not in ("id", "dedup_key")}
    asked = shop.post("/v1/rules/evaluate", {**question, "evaluate_at": NIGHT}).json()
    assert (asked["verdict"], asked["would_be"]["verdict"]) == ("allow", "muted")
    asked = shop.post("/v1/rules/evaluate", {**question, "evaluate_at": MORNING}).json()
    assert asked["would_be"]["verdict"] == "allow"
    made = silence(shop)
    asked = shop.post("/v1/rules/evaluate", question).json()
    assert (asked["would_be"]["verdict"], asked["would_be"]["matched_rule"]) == ("silenced", "newsletters")
    assert f"The silence {made['id']}" in asked["would_be"]["muting"]
    spared = {**question, **{key: order()[key] for key in ("action_type", "provider", "payload")}}
    asked = shop.post("/v1/rules/evaluate", {**spared, "evaluate_at": rfc3339(timezone.now())}).json()
    assert "may not be muted: it is an order" in asked["would_be"]["muting"]
    # At an instant at which one was in force, though it has ended since.
    shop.client.delete(f"/v1/silences/{made['id']}")
    hours = [timezone.now() - timedelta(hours=count) for count in (1, 2, 3)]
    Silence.objects.update(starts_at=hours[2], ends_at=hours[0])
    config_versions.reset()
    asked = shop.post("/v1/rules/evaluate", {**question, "evaluate_at": rfc3339(hours[1])}).json()
    assert asked["would_be"]["verdict"] == "silenced"


def test_totals_filters_and_the_stream_have_the_two_outcomes(shop: Shop) -> None:
    interval(shop)
    mail_rules(mute_time_intervals=["nights"])
    silence(shop)
    shop.dispatch(mail())
    shop.dispatch(mail(labels={}), now=NIGHT)
    assert [len(shop.audit(outcome=name)) for name in ("silenced", "muted")] == [1, 1]
    outcomes = [one.data["outcome"] for one in Event.objects.filter(type="action_dispatched").order_by("id")]
    assert [tag(one) for one in outcomes] == ["Silenced", "Muted"]
    relay()
    metrics = shop.get("/metrics").json()
    assert (metrics["silenced"], metrics["muted"]) == (1, 1)
    text = shop.get("/metrics/prometheus").content.decode()
    assert "acteon_actions_silenced_total 1.0" in text
    assert "acteon_actions_muted_total 1.0" in text
    found = shop.scoped("/v1/analytics", metric="outcome_breakdown", interval="hourly")
    assert {one["label"]: one["count"] for one in found["top_entries"]} == {"silenced": 1, "muted": 1}


def test_a_backtest_leaves_silences_as_they_were_and_goes_by_the_intervals_of_its_rules(shop: Shop) -> None:
    interval(shop)
    mail_rules(mute_time_intervals=["nights"])
    Rule.objects.filter(name__in=("mail-throttle", "mail-deduplicate")).delete()
    publish_rules()
    silence(shop)
    for sent, now in ((mail(), MORNING), (mail(labels={}), NIGHT), (mail(labels={}), MORNING)):
        shop.dispatch(sent, now=now)
    assert without_change(tried())
    draft = edit(begun(), "newsletters", mute_time_intervals=[])
    assert pairs(tried(draft)) == {("muted", "executed"): 1}


def test_pages_that_group_outcomes_know_all_of_them() -> None:
    assert set(GROUP_OF) == DISPATCH_OUTCOMES


def test_a_silenced_action_costs_no_more_statements_than_a_refused_one(shop: Shop) -> None:
    mail_rules()
    Rule.objects.create(name="no-cats", priority=0, condition=CATS, action={"type": "deny"})
    publish_rules()
    silence(shop)
    assert _asked(shop, mail(), "Silenced") == _asked(shop, mail(payload={"cats": True}), "Suppressed")


CATS = {"field": "action.payload.cats", "eq": True}


def _asked(shop: Shop, action: dict[str, Any], wanted: str) -> int:
    shop.dispatch(mail())  # caches are warm
    with CaptureQueriesContext(connection) as queries:
        assert tag(shop.dispatch(action).json()) == wanted
    asked = [query["sql"] for query in queries if not query["sql"].startswith(FRAMING)]
    return sum("acteon_site_configstamp" not in sql for sql in asked)


def _dispatch(secret: str, action: dict[str, Any]) -> Any:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}", HTTP_X_DEMO_NOW=OPEN_HOURS)
    return client.post("/v1/dispatch", action, format="json").json()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_while_a_silence_is_made_and_ended_each_action_is_wholly_silenced_or_wholly_sent() -> None:
    load_shop()
    shop = Shop()
    Rule.objects.create(
        name="mail-deduplicate",
        priority=0,
        condition=MAIL,
        action={"type": "deduplicate", "ttl_seconds": 600},
    )
    publish_rules()
    shop.post("/v1/quotas", {**SCOPE, "max_actions": 1000, "window": "monthly", "overage_behavior": "block"})
    config_versions.reset()
    actions = [mail() for _ in range(24)]

    def dispatched(some: list[dict[str, Any]]) -> list[Any]:
        return [_dispatch(shop.secret, action) for action in some]

    def silenced() -> list[Any]:
        made = shop.post(
            "/v1/silences", {**SCOPE, "matchers": [CAMPAIGN], "comment": "x", "duration_seconds": 60}
        )
        config_versions.expire()
        shop.client.delete(f"/v1/silences/{made.json()['id']}")
        return []

    answers = at_once([*(partial(dispatched, actions[n::4]) for n in range(4)), silenced, silenced])
    outcomes = Counter(tag(one) for some in answers for one in some)
    assert set(outcomes) <= {"Executed", "Silenced"}
    by_id = {a["id"]: tag(o) for n in range(4) for a, o in zip(actions[n::4], answers[n], strict=True)}
    trail = dict(
        AuditRecord.objects.filter(action_type="send_mail", namespace="ecommerce")
        .exclude(outcome__startswith="chain")
        .values_list("action_id", "outcome")
    )
    assert trail == {name: outcome.lower() for name, outcome in by_id.items()}
    sent = outcomes["Executed"]
    assert Action.objects.filter(action_type="send_mail").count() == 24
    used = [row.data["used"] for row in GateRow.objects.all() if "used" in row.data]
    assert used == ([sent] if sent else [])
    keys = [row for row in GateRow.objects.all() if row.data.get("action_id")]
    assert {row.data["action_id"] for row in keys} == {
        name for name, one in by_id.items() if one == "Executed"
    }
    # And with the silence gone, what was silenced goes through, and what was sent is a repeat.
    config_versions.reset()
    again = Counter(tag(one) for one in dispatched(actions))
    assert again == {"Executed": 24 - sent, "Deduplicated": sent} or (
        sent in (0, 24) and sum(again.values()) == 24
    )
