"""Publishing: what validates decides the next order, what does not leaves the last good version in force."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections

from acteon_site.base.errors import AppError
from rules_app.engine import decide
from rules_app.models import Rule, RuleSettings, RuleSetVersion
from rules_app.services.rule_sets import (
    rule_enable,
    rule_save,
    rule_set_publish,
    rule_settings_save,
    rules_delete,
    rules_enable,
)
from rules_app.specs import rule_spec
from tests.rules_app.conftest import add_rule, rules_now
from tests.rules_app.shop import GUIDE, OFFICE_HOURS, PLACES_ORDER, order

pytestmark = pytest.mark.django_db


def verdict() -> str:
    return decide(rules_now(), order({"shipping_country": "NK"}), OFFICE_HOURS).verdict


def test_without_any_published_rules_nothing_is_decided() -> None:
    with pytest.raises(AppError) as caught:
        rules_now()
    assert (caught.value.status, caught.value.code) == (503, "UNAVAILABLE")
    assert caught.value.retryable


def test_a_published_set_decides_in_order_and_carries_its_version(guide: int) -> None:
    rules = rules_now()
    assert rules.version == guide
    assert [rule.name for rule in rules.rules] == [spec["name"] for spec in GUIDE]
    assert verdict() == "deny"


def test_a_switched_rule_decides_the_next_order(guide: int) -> None:
    assert verdict() == "deny"
    rule = rule_enable(name="deny-sanctioned-regions", enabled=False, actor="ann")
    assert (rule.enabled, rule.enabled_by) == (False, "ann")
    assert verdict() == "allow"
    newest = RuleSetVersion.objects.first()
    assert newest is not None
    assert (newest.cause, newest.actor) == ("disabled deny-sanctioned-regions", "ann")


def test_switching_to_what_it_is_makes_no_version_and_remembers_the_person(guide: int) -> None:
    rule = rule_enable(name="deny-unmatched", enabled=True, actor="ann")
    assert rule.enabled_by == "ann"
    assert RuleSetVersion.objects.count() == 1


def test_switching_an_unknown_rule_changes_nothing(guide: int) -> None:
    with pytest.raises(AppError) as caught:
        rules_enable(names=["deny-unmatched", "nobody"], enabled=False, actor="ann")
    assert caught.value.status == 404
    assert Rule.objects.get(name="deny-unmatched").enabled


def test_publishing_the_same_set_again_makes_no_new_version(guide: int) -> None:
    assert rule_set_publish(cause="again", actor="loader").number == guide


def test_a_set_that_does_not_validate_changes_nothing_and_names_rule_and_field(guide: int) -> None:
    condition = {"field": "action.payload.total_cents", "gte": "50000"}
    Rule.objects.filter(name="approve-high-value").update(condition=condition)
    with pytest.raises(AppError) as caught:
        rule_set_publish(cause="edit", actor="ann")
    assert caught.value.status == 422
    assert caught.value.details[0].field == "rules[approve-high-value].condition.gte"
    assert rules_now().version == guide
    assert RuleSetVersion.objects.count() == 1


def test_a_disabled_rule_that_does_not_parse_does_not_stand_in_the_way(guide: int) -> None:
    add_rule(name="draft", condition={}, action={}, enabled=False)
    rule_enable(name="deny-unmatched", enabled=False, actor="ann")
    with pytest.raises(AppError):
        rule_enable(name="draft", enabled=True, actor="ann")
    assert not Rule.objects.get(name="draft").enabled


def test_a_version_that_this_process_cannot_read_leaves_the_one_before_in_force(guide: int) -> None:
    content = {"default_timezone": "UTC", "rules": [{"name": "x", "condition": {"field": "new.field"}}]}
    RuleSetVersion.objects.create(content=content, digest="x", cause="a newer release")
    assert rules_now().version == guide


def new_rule(**spec: Any) -> Rule:
    whole = {"name": "new", "priority": 0, "condition": PLACES_ORDER, "action": {"type": "allow"}} | spec
    return Rule(**whole)


def test_a_rule_saved_by_a_person_is_published_with_it(guide: int) -> None:
    rule_save(rule=new_rule(), actor="ann")
    saved = Rule.objects.get(name="new")
    assert (saved.edited_by, saved.enabled_by) == ("ann", "ann")
    assert verdict() == "allow"
    newest = RuleSetVersion.objects.first()
    assert newest is not None
    assert newest.cause == "made new"


def test_editing_keeps_who_switched_the_rule(guide: int) -> None:
    rule = Rule.objects.get(name="deny-unmatched")
    rule.description = "closing the door"
    rule_save(rule=rule, actor="ann")
    rule.refresh_from_db()
    assert (rule.edited_by, rule.enabled_by) == ("ann", "")


def test_a_rule_that_does_not_validate_is_not_saved(guide: int) -> None:
    with pytest.raises(AppError) as caught:
        rule_save(rule=new_rule(action={"type": "throttle", "max_count": 1}), actor="ann")
    assert caught.value.details[0].field == "action.window_seconds"
    assert not Rule.objects.filter(name="new").exists()


def test_a_second_rule_of_one_name_is_a_conflict(guide: int) -> None:
    with pytest.raises(AppError) as caught:
        rule_save(rule=new_rule(name="deny-unmatched"), actor="ann")
    assert caught.value.status == 409


def test_deleting_rules_publishes_what_is_left(guide: int) -> None:
    rules_delete(names=["deny-sanctioned-regions", "approve-high-value"], actor="ann")
    assert [rule.priority for rule in rules_now().rules] == [10, 15, 20, 100]


def test_the_default_zone_is_part_of_the_version(guide: int) -> None:
    assert rules_now().default_timezone == "UTC"
    rule_settings_save(default_timezone="US/Eastern", actor="ann")
    assert rules_now().default_timezone == "US/Eastern"
    with pytest.raises(AppError) as caught:
        rule_settings_save(default_timezone="US/Easten", actor="ann")
    assert caught.value.details[0].field == "default_timezone"
    assert RuleSettings.objects.get().default_timezone == "US/Eastern"


def test_a_rule_and_its_spec_are_the_same_thing(guide: int) -> None:
    for spec in GUIDE:
        rule = Rule.objects.get(name=spec["name"])
        assert rule_spec(rule) == spec
        assert rule_spec(Rule(**rule_spec(rule))) == spec


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_edits_at_the_same_time_the_last_version_holds_all() -> None:
    names = [f"rule-{number}" for number in range(8)]
    for name in names:
        add_rule(name=name, condition=PLACES_ORDER, action={"type": "allow"}, priority=1)
    rule_set_publish(cause="start", actor="loader")

    def switch(name: str) -> None:
        try:
            rule_enable(name=name, enabled=False, actor="ann")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(switch, names))
    newest = RuleSetVersion.objects.first()
    assert newest is not None
    assert newest.content["rules"] == []
    assert RuleSetVersion.objects.count() == 9
