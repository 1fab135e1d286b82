"""/v1/rules/explain/{action_id} and explain_order: why an order fared as it did, in sentences."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from acteon_site.base import config_versions
from acteon_site.base.source import Source
from audit_app.models import AuditRecord, RedactedField
from orders_app.models import Action, Hold
from orders_app.services.releases import hold_release
from rules_app.lists.texts import Entry
from rules_app.models import Rule
from rules_app.services.list_entries import entries_add, entries_remove
from rules_app.services.lists import list_create
from rules_app.services.rule_sets import rule_save
from tests.contract import shapes
from tests.contract.client import Strict
from tests.world import CLOSED_HOURS, OPEN_HOURS, SCOPE, Shop, order, publish_rules

HIGH = {"total_cents": 60_000, "card_last4": "4242"}


def explained(client: Strict, action_id: str) -> Any:
    return client.get(f"/v1/rules/explain/{action_id}", shapes.EXPLANATION)


def dispatched(client: Strict, action_id: str, now: str = OPEN_HOURS, **changes: Any) -> Any:
    client.post("/v1/dispatch", shapes.outcome, order(id=action_id, **changes), headers={"X-Demo-Now": now})
    return explained(client, action_id)


def test_what_was_held_is_told_with_its_values_what_had_to_differ_and_who_wrote_the_rule(
    client: Strict,
) -> None:
    told = dispatched(client, "big", payload=HIGH)
    assert told["matched_rule"] == "approve-high-value"
    assert told["explanation"].startswith("It was held for approval by the rule approve-high-value. ")
    assert (
        "because the total, $600.00, is at least $500.00 and the action type is place_order"
        in told["explanation"]
    )
    assert "With a total of $499.99 ($100.01 less) it would have been carried out" in told["explanation"]
    assert told["changes"][0]["verdict"] == "allow"
    assert told["rule_since"]["version"] <= told["ruleset_version"]
    assert told["unknown"] is None


def test_the_rule_of_then_explains_and_not_the_one_of_today(client: Strict) -> None:
    first = dispatched(client, "big", payload=HIGH)
    rule = Rule.objects.get(name="approve-high-value")
    rule.condition = {"field": "action.payload.total_cents", "gte": 10_000_000}
    rule_save(rule=rule, actor="maria")
    config_versions.reset()
    assert explained(client, "big") == first
    rule.condition = {"field": "action.payload.total_cents", "gte": 20_000}
    rule_save(rule=rule, actor="mario")
    config_versions.reset()
    later = dispatched(client, "later", payload=HIGH)
    assert "is at least $200.00" in later["explanation"]
    assert (later["rule_since"]["actor"], later["rule_since"]["version"]) == (
        "mario",
        later["ruleset_version"],
    )
    # A version that leaves the rule as it was does not make it younger.
    other = Rule.objects.get(name="deny-unmatched")
    other.description = "changed"
    rule_save(rule=other, actor="eve")
    config_versions.reset()
    youngest = dispatched(client, "youngest", payload=HIGH)
    assert youngest["rule_since"] == later["rule_since"]
    assert youngest["ruleset_version"] == later["ruleset_version"] + 1


def test_the_clock_of_the_decision_explains_what_waits_for_the_morning(client: Strict) -> None:
    told = dispatched(client, "weekend", CLOSED_HOURS)
    assert told["matched_rule"] == "schedule-after-hours"
    assert told["decided_at"] == CLOSED_HOURS.replace("Z", ".000Z")
    assert "the number of the weekday, 6, is at least 6" in told["explanation"]
    assert [change["verdict"] for change in told["changes"][:2]] == ["allow", "allow"]
    assert "in US/Eastern (" in told["explanation"]


def test_what_no_rule_stopped_is_told_so(client: Strict) -> None:
    told = dispatched(client, "plain")
    assert told["matched_rule"] is None
    assert "No rule refused or held it" in told["explanation"]
    assert told["clauses"] == told["changes"] == []


def test_a_repeat_is_told_from_the_trail(client: Strict) -> None:
    again = order(id="first")
    for name in ("first", "second"):
        client.post("/v1/dispatch", shapes.outcome, {**again, "id": name})
    told = explained(client, "second")
    assert told["outcome"] == "deduplicated"
    assert "refused as a repeat of first by the rule dedup-double-submit" in told["explanation"]


def test_a_release_is_explained_by_what_it_had_passed(client: Strict) -> None:
    dispatched(client, "night", CLOSED_HOURS)
    hold_release(hold_id=Hold.objects.get().pk, at_once=True)
    told = explained(client, "night")
    assert told["outcome"] == "executed"
    assert "after it was held by the rule schedule-after-hours" in told["explanation"]
    assert told["unknown"] is None


def test_where_the_original_is_gone_it_is_said_and_not_guessed(client: Strict) -> None:
    dispatched(client, "sanctioned", payload={"shipping_country": "SY"})
    Action.objects.all().delete()
    told = explained(client, "sanctioned")
    assert told["clauses"] == told["changes"] == []
    assert "no longer stored" in told["unknown"]
    assert "refused by the rule deny-sanctioned-regions" in told["explanation"]


def test_where_the_original_comes_to_something_else_it_is_said(client: Strict) -> None:
    dispatched(client, "sanctioned", payload={"shipping_country": "SY"})
    row = Action.objects.get()
    row.body = {**row.body, "payload": {**row.body["payload"], "shipping_country": "US"}}
    row.save()
    assert "comes to something else" in explained(client, "sanctioned")["unknown"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_what_the_trail_hides_no_explanation_shows(client: Strict, when: str) -> None:
    """Neither where it was hidden when the row was written, nor where it is hidden since."""
    clause = {
        "any": [
            {"field": "action.payload.vip_code", "gte": 7_654_321},
            {"field": "action.payload.x", "eq": 1},
        ]
    }
    Rule.objects.create(name="vip", priority=0, condition=clause, action={"type": "deny"})
    publish_rules()
    if when == "before":
        RedactedField.objects.create(path="vip_code")
        config_versions.reset()
    dispatched(client, "vip", payload={"vip_code": 7_654_329})
    if when == "after":
        RedactedField.objects.create(path="vip_code")
    else:
        RedactedField.objects.filter(path="vip_code").delete()
    config_versions.reset()
    told = explained(client, "vip")
    assert told["matched_rule"] == "vip"
    assert "76543" not in str(told)
    assert "vip code (not shown)" in told["explanation"]


@pytest.mark.parametrize(
    "clause",
    [
        {"field": "action.payload.guess", "gt": {"field": "action.payload.vip_code"}},
        {"field": "action.payload.codes[*].vip_code", "any": {"gte": 7_654_321}},
    ],
)
def test_a_hidden_field_is_hidden_too_where_another_is_compared_with_it_or_members_are_asked_for_it(
    client: Strict, clause: dict[str, Any]
) -> None:
    Rule.objects.create(name="vip", priority=0, condition=clause, action={"type": "deny"})
    publish_rules()
    RedactedField.objects.create(path="vip_code")
    config_versions.reset()
    codes = [{"vip_code": 7_654_329}]
    told = dispatched(client, "vip", payload={"guess": 7_654_340, "vip_code": 7_654_329, "codes": codes})
    assert told["matched_rule"] == "vip"
    assert "76543" not in str(told["changes"]).replace(",", "")
    assert "(not shown)" in told["explanation"]


def test_what_was_never_decided_is_not_found(client: Strict, stranger: Strict) -> None:
    dispatched(client, "mine")
    client.refused("GET", "/v1/rules/explain/nobody", 404, "NOT_FOUND")
    stranger.refused("GET", "/v1/rules/explain/mine", 404, "NOT_FOUND")


def test_a_viewer_and_the_command_are_told_the_same(client: Strict, shop: Shop) -> None:
    told = dispatched(client, "big", payload={**HIGH, "order_id": "O-77"})
    viewer = Shop(role="viewer")
    assert viewer.get("/v1/rules/explain/big").json() == told
    for name in ("big", "O-77"):
        out = StringIO()
        call_command("explain_order", name, tenant=SCOPE["tenant"], stdout=out)
        assert out.getvalue().replace("\n", " ").strip() == told["explanation"]
    out = StringIO()
    call_command("explain_order", "big", json=True, stdout=out)
    assert '"matched_rule": "approve-high-value"' in out.getvalue()
    with pytest.raises(CommandError, match="no decision about nobody"):
        call_command("explain_order", "nobody")


def test_every_row_that_a_dispatch_leaves_can_be_explained(client: Strict) -> None:
    for number, changes in enumerate(({}, {"provider": "nobody"}, {"payload": {"shipping_country": "NK"}})):
        told = dispatched(client, f"n-{number}", **changes)
        assert told["explanation"]
    assert AuditRecord.objects.filter(ruleset_version__isnull=False).count() == 3


def test_by_which_entry_of_a_list_it_came_about_is_told_to_who_may_see_that(
    client: Strict, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = list_create(spec={"name": "blocked", "matching": "folded"}, source=Source("maria", "admin", ""))
    eve = Entry("Eve@example.com", note="she charged back twice.")
    entries_add(row=row, entries=[eve], source=Source("maria", "admin", ""))
    rule = Rule(
        name="deny-blocked",
        priority=0,
        condition={"field": "action.payload.customer_email", "in_named_list": "blocked"},
        action={"type": "deny"},
    )
    rule_save(rule=rule, actor="maria")
    config_versions.reset()
    told = dispatched(client, "eve", payload={"customer_email": "eve@EXAMPLE.com"})
    assert "because the customer email, eve@EXAMPLE.com, is on the list blocked" in told["explanation"]
    assert "was put on the list blocked (*/*) by maria at " in told["explanation"]
    assert "UTC, because she charged back twice." in told["explanation"]
    entries_remove(row=row, values=["eve@example.com"], source=Source("paul", "admin", ""))
    config_versions.reset()
    again = explained(client, "eve")
    assert again["unknown"] is None
    assert "by maria at " in again["explanation"]
    assert "it was taken off at " in again["explanation"]
    viewer = Strict(Shop(role="viewer").secret)
    assert "maria" not in explained(viewer, "eve")["explanation"].partition("The rule had stood")[0]
    monkeypatch.setattr("rules_app.lists.explained.KEPT", timedelta(0))
    assert explained(client, "eve")["unknown"] == "what the lists of that time held is no longer known"
