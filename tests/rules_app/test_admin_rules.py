"""The rule pages: what a manager types is checked as a loaded file is, and decides the next order."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from acteon_site.admin.structured_field import read_structure
from rules_app.models import Rule, RuleSettings, RuleSetVersion
from tests.people import page_of
from tests.rules_app.conftest import rules_now
from tests.rules_app.drafting import HIGH, begun, edit
from tests.rules_app.shop import PLACES_ORDER
from tests.rules_app.test_words import seen
from tests.world import load_shop

pytestmark = pytest.mark.django_db
LIST = "admin:rules_app_rule_changelist"


def manager(*codenames: str) -> Client:
    """A signed-in member of staff with these permissions; without any named, with all."""
    user = User.objects.create_user("ann", is_staff=True, is_superuser=not codenames)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


def form(**changes: Any) -> dict[str, Any]:
    """The page's form for a rule that lets vouchers pass, published at once."""
    fields = {
        "name": "allow-vouchers",
        "description": "",
        "enabled": "on",
        "priority": "0",
        "condition": json.dumps({"field": "action.action_type", "eq": "voucher"}),
        "action": '{"type": "allow"}',
        "timezone": "",
        "namespace": "*",
        "tenant": "*",
        "only_unmatched": "unknown",
        "save_to": "publish",
        "reason": "vouchers are on sale",
    }
    return fields | changes


def add(client: Client, **changes: Any) -> Any:
    return client.post(reverse("admin:rules_app_rule_add"), form(**changes))


def errors_of(answer: Any) -> dict[str, list[str]]:
    assert answer.status_code == 200
    return dict(answer.context["adminform"].form.errors)


def test_a_rule_typed_as_json_is_published_with_its_author(guide: int) -> None:
    assert add(manager()).status_code == 302
    rule = Rule.objects.get(name="allow-vouchers")
    assert rule.condition == {"field": "action.action_type", "eq": "voucher"}
    assert (rule.edited_by, rule.enabled_by) == ("ann", "ann")
    newest = RuleSetVersion.objects.first()
    assert newest is not None
    assert (newest.actor, newest.cause) == ("ann", "made allow-vouchers")
    assert newest.reason == "vouchers are on sale"
    assert rules_now().rules[0].name == "allow-vouchers"


def test_yaml_as_in_the_files_is_understood(guide: int) -> None:
    condition = """
    all:
      - field: action.action_type
        eq: "place_order"
      - field: action.payload.shipping_country
        in_list: ["NO", "SE"]
    """
    action = "type: schedule\ndelay_seconds: 30"
    assert add(manager(), condition=condition, action=action).status_code == 302
    rule = Rule.objects.get(name="allow-vouchers")
    assert rule.condition["all"][1]["in_list"] == ["NO", "SE"]
    assert rule.action == {"type": "schedule", "delay_seconds": 30}


MISTAKES: list[tuple[dict[str, str], str, str]] = [
    ({"condition": "field: action.action_typ\neq: x"}, "condition", "did you mean 'action.action_type'?"),
    (
        {"condition": "field: action.payload.country\nin_list: [NO]"},
        "condition",
        "line 2: unquoted NO means false",
    ),
    ({"condition": '{"field": "action.payload.country", "in_list": [false]}'}, "condition", "quote it: 'NO'"),
    ({"condition": '{"field": "action.id", "eqq": "x"}'}, "condition", "condition.eqq: unknown operator"),
    ({"condition": '{"field": "action.id", '}, "condition", "line 1"),
    ({"condition": "just text"}, "condition", "top level"),
    ({"condition": "a: &x 1"}, "condition", "anchors"),
    ({"condition": '{"a": 1, "a": 2}'}, "condition", "twice"),
    ({"condition": ""}, "condition", "This field is required."),
    ({"action": '{"type": "throttle", "max_count": 10}'}, "action", "action.window_seconds: is missing"),
    ({"action": '{"type": "state_machine"}'}, "action", "not supported"),
    ({"timezone": "US/Easten"}, "timezone", "did you mean 'US/Eastern'?"),
    ({"priority": "high"}, "priority", "Enter a whole number."),
    ({"tenant": "a:b"}, "tenant", "colon"),
    ({"name": "deny-unmatched"}, "name", "already exists"),
    ({"only_unmatched": "true"}, "only_unmatched", "is for suppress rules"),
]


@pytest.mark.parametrize(("changes", "field", "hint"), MISTAKES, ids=[hint for _, _, hint in MISTAKES])
def test_a_mistake_stands_at_its_field_and_nothing_is_saved(
    guide: int, changes: dict[str, str], field: str, hint: str
) -> None:
    errors = errors_of(add(manager(), **changes))
    assert list(errors) == [field]
    assert hint in " ".join(errors[field])
    assert Rule.objects.count() == 6
    assert RuleSetVersion.objects.count() == 1


def test_what_was_typed_stays_in_the_form_after_a_mistake(guide: int) -> None:
    answer = add(manager(), condition="field: action.id\neqq: x")
    assert "eqq: x" in answer.content.decode()


def test_an_edit_is_published_and_a_rule_is_shown_as_yaml(guide: int) -> None:
    client = manager()
    rule = Rule.objects.get(name="dedup-double-submit")
    page = reverse("admin:rules_app_rule_change", args=[rule.pk])
    shown = client.get(page).context["adminform"].form
    assert read_structure(shown["condition"].value()) == PLACES_ORDER
    assert shown["condition"].value().startswith("field: action.action_type\n")
    changed = form(
        name=rule.name,
        priority="15",
        condition=shown["condition"].value(),
        action='{"type": "deduplicate", "ttl_seconds": 60}',
        seen=shown["seen"].value(),
    )
    assert client.post(page, changed).status_code == 302
    rule.refresh_from_db()
    assert rule.action["ttl_seconds"] == 60
    assert RuleSetVersion.objects.count() == 2


def test_saving_without_a_change_makes_no_version(guide: int) -> None:
    client = manager()
    rule = Rule.objects.get(name="deny-unmatched")
    shown = client.get(reverse("admin:rules_app_rule_change", args=[rule.pk])).context["adminform"].form
    same = {name: shown[name].value() for name in shown.fields if shown[name].value() is not None}
    same |= {"only_unmatched": "unknown", "save_to": "publish", "reason": "none"}
    assert client.post(reverse("admin:rules_app_rule_change", args=[rule.pk]), same).status_code == 302
    assert RuleSetVersion.objects.count() == 1


def act(client: Client, action: str, *names: str) -> str:
    keys = [str(rule.pk) for rule in Rule.objects.filter(name__in=names)]
    answer = client.post(reverse(LIST), {"action": action, "_selected_action": keys}, follow=True)
    return " ".join(str(message) for message in answer.context["messages"])


def test_selected_rules_are_disabled_and_enabled_as_one_change(guide: int) -> None:
    client = manager()
    said = act(client, "disable_rules", "deny-unmatched", "approve-high-value")
    assert "approve-high-value, deny-unmatched" in said
    assert len(rules_now().rules) == 4
    assert RuleSetVersion.objects.count() == 2
    act(client, "enable_rules", "deny-unmatched", "approve-high-value")
    assert len(rules_now().rules) == 6


def test_a_broken_draft_cannot_be_enabled_and_the_page_says_why(guide: int) -> None:
    Rule.objects.create(name="draft", condition={}, action={}, enabled=False)
    said = act(manager(), "enable_rules", "draft")
    assert "Nothing was changed" in said
    assert not Rule.objects.get(name="draft").enabled


def test_deleting_rules_publishes_what_is_left(guide: int) -> None:
    client = manager()
    rule = Rule.objects.get(name="approve-high-value")
    client.post(reverse("admin:rules_app_rule_delete", args=[rule.pk]), {"post": "yes"})
    keys = [str(Rule.objects.get(name="deny-unmatched").pk)]
    client.post(reverse(LIST), {"action": "delete_selected", "_selected_action": keys, "post": "yes"})
    assert [rule.priority for rule in rules_now().rules] == [1, 10, 15, 20]


def test_the_list_reads_as_sentences(guide: int) -> None:
    Rule.objects.create(name="draft", condition={}, action={}, enabled=False)
    page = manager().get(reverse(LIST)).content.decode()
    assert "hold for approval, at most 1 minute, and tell email-service" in page
    assert "let at most 10 pass in any 1 minute" in page
    assert "shipping country is one of NK, SY or IR" in page
    assert "does not parse" in page


def test_the_list_is_filtered_by_what_rules_do(guide: int) -> None:
    page = manager().get(reverse(LIST), {"does": "throttle"}).content.decode()
    assert "throttle-merchant-orders" in page
    assert "dedup-double-submit" not in page


def test_another_rule_that_no_longer_loads_is_told_and_nothing_is_saved(guide: int) -> None:
    Rule.objects.filter(name="deny-unmatched").update(condition={"field": "action.gone", "eq": "x"})
    answer = manager().post(reverse("admin:rules_app_rule_add"), form(), follow=True)
    assert "rules[deny-unmatched].condition.field" in answer.content.decode()
    assert not Rule.objects.filter(name="allow-vouchers").exists()


def test_who_may_only_look_can_change_nothing(guide: int) -> None:
    client = manager("view_rule", "view_rulesetversion")
    assert client.get(reverse(LIST)).status_code == 200
    page = reverse("admin:rules_app_rule_change", args=[Rule.objects.get(name="deny-unmatched").pk])
    assert "suppress what no rule above has claimed" in client.get(page).content.decode()
    assert client.post(page, form()).status_code == 403
    assert add(client).status_code == 403
    act(client, "disable_rules", "deny-unmatched")
    assert Rule.objects.get(name="deny-unmatched").enabled
    assert RuleSetVersion.objects.count() == 1


def test_a_stranger_sees_nothing(guide: int, client: Client) -> None:
    assert client.get(reverse(LIST)).status_code == 302
    assert manager("view_quota").get(reverse(LIST)).status_code == 403


TRY = "admin:rules_app_rule_try_rules"
ORDER = {
    "namespace": "ecommerce",
    "tenant": "acme-store",
    "provider": "payment-gateway",
    "action_type": "place_order",
    "payload": '{"total_cents": 50000}',
    "evaluate_at": "2026-03-11T15:00:00Z",
}


def test_the_rules_can_be_tried_without_consequences(guide: int) -> None:
    client = manager("view_rule")
    assert client.get(reverse(TRY)).status_code == 200
    page = client.post(reverse(TRY), ORDER).content.decode()
    assert "request_approval by approve-high-value" in page
    assert "action.payload.shipping_country is missing, so in_list is false" in page
    assert RuleSetVersion.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({"payload": "no object"}, "top level"),
        ({"tenant": "a:b"}, "colon"),
        ({"evaluate_at": "noon"}, "RFC 3339"),
        ({"action_type": ""}, "This field is required."),
    ],
)
def test_a_mistake_in_the_trial_is_told(guide: int, changes: dict[str, str], hint: str) -> None:
    assert hint in manager().post(reverse(TRY), ORDER | changes).content.decode()


def test_a_trial_without_rules_says_so() -> None:
    page = manager().post(reverse(TRY), ORDER)
    assert page.status_code == 200
    assert "no rule set has been loaded yet" in page.content.decode()


def test_a_trial_takes_the_permission_to_see_rules(guide: int) -> None:
    assert manager("view_quota").get(reverse(TRY)).status_code == 403


def test_a_version_shows_what_it_changed_and_cannot_be_edited(guide: int) -> None:
    client = manager()
    act(client, "disable_rules", "approve-high-value")
    newest = RuleSetVersion.objects.first()
    assert newest is not None
    page = client.get(reverse("admin:rules_app_rulesetversion_change", args=[newest.pk])).content.decode()
    assert "<b>approve-high-value</b> changed" in page
    assert '<span class="gw-is">switched off</span>' in page
    assert client.get(reverse("admin:rules_app_rulesetversion_changelist")).status_code == 200
    assert client.get(reverse("admin:rules_app_rulesetversion_add")).status_code == 403
    delete = reverse("admin:rules_app_rulesetversion_delete", args=[newest.pk])
    assert client.post(delete, {"post": "yes"}).status_code == 403


def test_the_default_zone_is_set_on_its_one_page(guide: int) -> None:
    client = manager()
    answer = client.get(reverse("admin:rules_app_rulesettings_changelist"), follow=True)
    page = answer.redirect_chain[0][0]
    assert client.post(page, {"default_timezone": "US/Eastern"}).status_code == 302
    assert rules_now().default_timezone == "US/Eastern"
    wrong = client.post(page, {"default_timezone": "US/Easten"})
    assert "did you mean" in errors_of(wrong)["default_timezone"][0]
    assert RuleSettings.objects.get().edited_by == "ann"


def test_what_differs_is_told_with_the_lifecycles_labels_and_as_money() -> None:
    load_shop()
    seen({"total_cents": 9900, "currency": "USD", "order_id": "o-1"}).save()
    draft = edit(begun(), HIGH, condition={"field": "action.payload.total_cents", "gte": 25_000})
    page = page_of(manager("view_rule"), "rules_app_ruledraft_change", draft.pk)
    assert '<span class="gw-is">total is at least $250.00</span>' in page
    assert "total is at least $500.00 and action type is place_order</span>" in page
