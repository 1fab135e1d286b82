"""The page of a rule's report, its buttons, and how far a rule goes on its own page."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from rules_app.differences import revision_of
from rules_app.drafts import live_spec
from rules_app.models import Rule, RuleSetVersion, RuleTrial
from tests.people import People, errors_of, page_of, press, told
from tests.rules_app.test_trial_reports import NAME, put
from tests.world import Shop


@pytest.fixture
def rule(shop: Shop) -> Rule:
    put(shadow=True, rollout={"percent": 100, "by": "action.payload.customer_email"})
    shop.place(payload={"order_id": "seen-1", "total_cents": 6_000})
    return Rule.objects.get(name=NAME)


def test_the_report_says_what_the_rule_would_have_stopped_and_links_the_orders(
    rule: Rule, people: People
) -> None:
    page = page_of(people.client("viewer"), "rules_app_rule_report", rule.pk)
    assert "1 of 1" in page
    assert "been refused by it, and were not, worth $60.00" in page
    assert "seen-1" in page
    assert "in shadow: notes what it would do" in page
    assert "Go live" not in page
    assert "No order has come" not in page_of(people.client(), "rules_app_rule_report", rule.pk, days="1")


def test_a_rule_that_is_simply_live_points_to_the_trail(shop: Shop, people: People) -> None:
    rule = Rule.objects.get(name="deny-unmatched")
    assert "live for all orders" in page_of(people.client(), "rules_app_rule_report", rule.pk)


def test_one_click_goes_live_with_a_reason(rule: Rule, people: People) -> None:
    editor = people.client("rule editor")
    assert "Go live" in page_of(editor, "rules_app_rule_report", rule.pk)
    assert "reason" in told(press(editor, "rules_app_rule_stage", rule, to="live"))
    answer = press(editor, "rules_app_rule_stage", rule, to="live", reason="a good week")
    assert "is in force: odd-orders: live" in told(answer)
    assert RuleSetVersion.objects.values_list("reason", flat=True)[0] == "a good week"
    page = page_of(editor, "rules_app_rule_report", rule.pk)
    assert "To 100 %" in page
    assert "Back to shadow" in page
    press(editor, "rules_app_rule_stage", rule, to="all", reason="better")
    rule.refresh_from_db()
    assert (rule.shadow, rule.rollout) == (False, None)


def test_who_may_not_publish_presses_nothing(rule: Rule, people: People) -> None:
    answer = press(people.client("operator"), "rules_app_rule_stage", rule, to="live", reason="x")
    assert answer.status_code == 403
    rule.refresh_from_db()
    assert rule.shadow


def form_of(rule: Rule, **changes: Any) -> dict[str, Any]:
    """The form of a rule as it stands, in shadow and for nobody in particular."""
    texts = {"condition": json.dumps(rule.condition), "action": json.dumps(rule.action), "name": rule.name}
    plain = {"namespace": "*", "tenant": "*", "priority": rule.priority, "enabled": "on", "shadow": "on"}
    seen = revision_of(live_spec(rule.name))
    saving = {"only_unmatched": "unknown", "save_to": "publish", "reason": "why", "seen": seen}
    return {**texts, **plain, **saving, **changes}


def save(client: Client, rule: Rule, **changes: Any) -> Any:
    return client.post(reverse("admin:rules_app_rule_change", args=[rule.pk]), form_of(rule, **changes))


def test_the_form_of_a_rule_says_how_far_it_goes(rule: Rule, people: People) -> None:
    editor = people.client("rule editor")
    assert save(editor, rule, percent="12.5", by="").status_code == 302
    rule.refresh_from_db()
    assert (rule.shadow, rule.rollout) == (True, {"percent": 12.5})
    assert "is missing" in errors_of(save(editor, rule, percent="", by="action.id"))["percent"][0]
    problems = errors_of(save(editor, rule, percent="10", by="payload.id"))
    assert "did you mean 'action.payload.id'?" in problems["by"][0]


def test_who_may_only_look_sees_how_far_a_rule_goes(rule: Rule, people: People) -> None:
    viewer = people.client("viewer")
    page = page_of(viewer, "rules_app_rule_change", rule.pk)
    assert "for 100 % by action.payload.customer_email" in page
    assert "in shadow" in page_of(viewer, "rules_app_rule_changelist")


def test_a_draft_takes_it_along(rule: Rule, people: People) -> None:
    editor = people.client("rule editor")
    answer = save(editor, rule, save_to="new", percent="5")
    draft = answer.url.rstrip("/").split("/")[-2]
    url = reverse("admin:rules_app_ruledraft_rule", args=[draft])
    assert 'value="5"' in editor.get(url, {"name": NAME}).content.decode()
    assert RuleTrial.objects.count() == 1
