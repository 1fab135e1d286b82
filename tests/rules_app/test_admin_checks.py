"""What the check says stands where rules are edited."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from rules_app.admin import checks
from rules_app.models import Rule
from tests.people import People, page_of, told
from tests.rules_app.shop import PLACES_ORDER
from tests.world import publish_rules

LIST, CHANGE = "rules_app_rule_changelist", "rules_app_rule_change"
HIDDEN: dict[str, Any] = {
    "name": "too-late",
    "priority": 2,
    "condition": {"all": [PLACES_ORDER, {"field": "action.payload.shipping_country", "eq": "KP"}]},
    "action": {"type": "deny"},
}


@pytest.fixture
def too_late(shop: Any) -> Rule:
    rule = Rule.objects.create(**HIDDEN)
    publish_rules()
    return rule


def test_the_list_and_the_rules_own_page_say_what_is_wrong(too_late: Rule, people: People) -> None:
    client = people.client()
    for page in (page_of(client, LIST), page_of(client, CHANGE, too_late.pk)):
        assert "is reached by nothing: rule &quot;deny-sanctioned-regions&quot; above it" in page
    other = Rule.objects.get(name="approve-high-value")
    assert "is reached by nothing" not in page_of(client, CHANGE, other.pk)


def test_rules_that_are_right_have_nothing_said_of_them(shop: Any, people: People) -> None:
    assert "What the check says" not in page_of(people.client(), LIST)


def test_whoever_saves_a_rule_that_nothing_reaches_is_warned_and_it_is_saved(
    shop: Any, people: People
) -> None:
    client = people.client()
    form = {**HIDDEN, "enabled": "on", "condition": str(HIDDEN["condition"]), "action": "type: deny"}
    form |= {"namespace": "*", "tenant": "*", "only_unmatched": "unknown", "description": "", "timezone": ""}
    form |= {"save_to": "publish", "reason": "North Korea has two codes"}
    form["condition"] = (
        "all:\n  - {field: action.action_type, eq: place_order}\n"
        '  - {field: action.payload.shipping_country, eq: "KP"}\n'
    )
    answer = client.post(reverse("admin:rules_app_rule_add"), form)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    assert Rule.objects.filter(name="too-late").exists()
    assert 'Saved, but "too-late" is reached by nothing' in told(answer)


def test_more_rules_than_a_page_can_wait_for_are_left_to_the_command(
    too_late: Rule, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "MOST_CHECKED", 3)
    assert "is reached by nothing" not in page_of(people.client(), LIST)
