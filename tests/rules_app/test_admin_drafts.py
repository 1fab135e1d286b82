"""The draft pages: saved, looked at, published, discarded; the versions compared and rolled back."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from rules_app.drafts import draft_view
from rules_app.models import Rule, RuleDraft, RuleSettings, RuleSetVersion
from rules_app.services.drafts import draft_discard
from rules_app.services.rule_sets import rule_enable, rule_settings_save
from tests.people import People, page_of, press, told
from tests.rules_app.conftest import rules_now
from tests.rules_app.drafting import HIGH, VOUCHERS, add, begun, edit, fresh, live, seen_in
from tests.rules_app.test_admin_rules import ORDER, TRY, errors_of, form, manager

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("providers")]
PAGE = "rules_app_ruledraft_change"


def rule_page(name: str = HIGH) -> str:
    return reverse("admin:rules_app_rule_change", args=[Rule.objects.get(name=name).pk])


def typed(client: Client, path: str, **changes: Any) -> dict[str, Any]:
    """The page's form as it stands there, with these changes."""
    context = client.get(path).context
    shown = context["adminform"].form if "adminform" in context else context["form"]
    values = {name: shown[name].value() for name in shown.fields if shown[name].value() is not None}
    values |= {
        "enabled": "on",
        "only_unmatched": "unknown",
        "seen": context.get("seen") or values.get("seen"),
    }
    return values | changes


def test_a_rule_is_saved_to_a_new_draft_unless_told_otherwise(guide: int) -> None:
    client = manager()
    shown = client.get(rule_page()).context["adminform"].form
    assert [value for value, _ in shown.fields["save_to"].choices] == ["new", "publish"]
    posted = typed(client, rule_page(), priority="4", save_to="new", draft_name="spring")
    answer = client.post(rule_page(), posted, follow=True)
    draft = RuleDraft.objects.get()
    assert answer.redirect_chain[-1][0] == reverse(f"admin:{PAGE}", args=[draft.pk])
    page = answer.content.decode()
    assert "Nothing is live yet" in page
    assert '<span class="gw-was">3</span> → <span class="gw-is">4</span>' in page
    assert (draft.name, draft.editors, live(HIGH)["priority"]) == ("spring", ["ann"], 3)
    assert RuleSetVersion.objects.count() == 1
    again = client.get(rule_page())
    assert next(iter(again.context["adminform"].form.fields["save_to"].choices))[0] == str(draft.pk)
    assert "edit it there" in again.content.decode()


def test_a_new_rule_is_saved_to_a_draft(guide: int) -> None:
    client, draft = manager(), begun()
    answer = client.post(reverse("admin:rules_app_rule_add"), form(save_to=str(draft.pk)))
    assert answer.status_code == 302
    assert [view.change.name for view in draft_view(draft).changes] == ["allow-vouchers"]
    assert not Rule.objects.filter(name="allow-vouchers").exists()


def test_publishing_at_once_asks_for_a_reason(guide: int) -> None:
    posted = form(reason=" ")
    errors = errors_of(manager().post(reverse("admin:rules_app_rule_add"), posted))
    assert list(errors) == ["reason"]


def test_the_rules_list_says_what_drafts_change(guide: int) -> None:
    edit(begun("spring"), HIGH, priority=4)
    page = page_of(manager(), "rules_app_rule_changelist")
    assert "not live: this list is what decides now" in page
    assert "1 rule changed, begun by ann" in page


def test_a_live_rule_that_somebody_changed_meanwhile_shows_both_sides(guide: int) -> None:
    client = manager()
    for target in ("publish", "new"):
        posted = typed(client, rule_page(), priority="4", save_to=target, reason="mine")
        enabled = live(HIGH).get("enabled", True)
        rule_enable(name=HIGH, enabled=not enabled, actor="ben")
        answer = client.post(rule_page(), posted)
        assert answer.status_code == 409
        assert "Nothing was saved" in answer.content.decode()
        assert '<span class="gw-is">4</span>' in answer.content.decode()
    assert live(HIGH)["priority"] == 3
    assert not RuleDraft.objects.exists()


def test_a_rule_is_edited_added_and_removed_in_a_draft(guide: int) -> None:
    client, draft = manager(), begun()
    path = reverse("admin:rules_app_ruledraft_rule", args=[draft.pk])
    assert (
        client.post(f"{path}?name={HIGH}", typed(client, f"{path}?name={HIGH}", priority="4")).status_code
        == 302
    )
    assert client.post(path, form(seen="")).status_code == 302
    removal = {"rule": "deny-unmatched", "seen": seen_in(draft, "deny-unmatched") or ""}
    press(client, "rules_app_ruledraft_remove", draft, **removal)
    hows = {view.change.name: view.difference.how for view in draft_view(draft).changes}
    assert hows == {"allow-vouchers": "added", HIGH: "changed", "deny-unmatched": "removed"}
    renamed = typed(client, f"{path}?name={HIGH}", name="approve-large")
    assert client.post(f"{path}?name={HIGH}", renamed).status_code == 302
    hows = {view.change.name: view.difference.how for view in draft_view(draft).changes}
    assert (hows["approve-large"], hows[HIGH]) == ("added", "removed")


def test_a_mistake_in_a_draft_stands_at_its_field(guide: int) -> None:
    client, draft = manager(), begun()
    path = reverse("admin:rules_app_ruledraft_rule", args=[draft.pk])
    page = client.post(path, form(condition="field: action.id\neqq: x")).content.decode()
    assert "unknown operator" in page
    assert not draft.changes.exists()


def test_two_who_edit_one_rule_of_a_draft_meet_on_a_page_with_both_sides(guide: int) -> None:
    client, draft = manager(), begun()
    path = reverse("admin:rules_app_ruledraft_rule", args=[draft.pk]) + f"?name={HIGH}"
    posted = typed(client, path, priority="5")
    edit(draft, HIGH, "ben", priority=7)
    answer = client.post(path, posted)
    assert answer.status_code == 409
    assert "as ben has it" in answer.content.decode()
    assert seen_in(draft, HIGH) == seen_in(fresh(draft), HIGH)


def test_a_draft_is_published_with_a_reason_and_tells_its_version(guide: int) -> None:
    client, draft = manager(), begun()
    add(draft)
    page = page_of(client, PAGE, draft.pk)
    assert "Publish 1 changed rule, as listed below?" in page
    revision = draft_view(draft).revision
    assert "reason" in told(press(client, "rules_app_ruledraft_publish", draft, to=revision))
    answer = press(client, "rules_app_ruledraft_publish", draft, to=revision, reason="spring begins")
    assert "Published as version" in told(answer)
    assert rules_now().rules[0].name == "allow-vouchers"
    closed = page_of(client, PAGE, draft.pk)
    assert "spring begins" in closed
    assert "Yes, publish" not in closed


def test_what_was_not_looked_at_is_not_published(guide: int) -> None:
    client, draft = manager(), begun()
    add(draft)
    answer = press(client, "rules_app_ruledraft_publish", draft, to="older", reason="now")
    assert "look at it again" in told(answer)
    assert fresh(draft).is_open


def test_a_conflict_is_shown_with_both_sides_and_settled(guide: int) -> None:
    client, draft = manager(), begun()
    edit(draft, HIGH, priority=4)
    rule_enable(name=HIGH, enabled=False, actor="ben")
    page = page_of(client, PAGE, draft.pk)
    assert "changed on both sides" in page
    assert '<span class="gw-is">switched off</span>' in page
    assert '<span class="gw-is">4</span>' in page
    assert "Yes, publish" not in page
    (view,) = draft_view(draft).conflicts
    seen = view.live_revision or ""
    press(client, "rules_app_ruledraft_settle", draft, rule=HIGH, seen=seen, take="draft")
    assert "Yes, publish" in page_of(client, PAGE, draft.pk)
    press(client, "rules_app_ruledraft_settle", draft, rule=HIGH, seen=seen, take="live")
    assert not draft.changes.exists()


def test_a_draft_says_what_the_check_would_say_with_it_published(guide: int) -> None:
    client, draft = manager(), add(begun())
    page = client.get(reverse(f"admin:{PAGE}", args=[draft.pk]))
    told_of = {one.rule for one in page.context["findings"] if one.id == "unreachable"}
    assert HIGH in told_of
    assert "What the check says of it" in page.content.decode()
    live_ones = client.get(reverse("admin:rules_app_rule_changelist")).context["rule_findings"]
    assert {one.id for one in page.context["findings"]}.isdisjoint(one.id for one in live_ones)


def test_a_draft_is_begun_and_discarded(guide: int) -> None:
    client = manager()
    client.post(reverse("admin:rules_app_ruledraft_begin"), {"name": "spring"})
    draft = RuleDraft.objects.get()
    assert "is discarded" in told(press(client, "rules_app_ruledraft_discard", draft))
    assert "discarded by ann" in page_of(client, PAGE, draft.pk).lower()
    client.post(reverse("admin:rules_app_ruledraft_begin"), {"name": ""})
    assert RuleDraft.objects.count() == 1


def test_who_may_edit_but_not_publish_prepares_drafts(guide: int) -> None:
    client = manager("view_rule", "change_rule", "add_rule", "view_ruledraft")
    draft = begun()
    add(draft)
    choices = client.get(rule_page()).context["adminform"].form.fields["save_to"].choices
    assert "publish" not in dict(choices)
    assert client.post(reverse("admin:rules_app_rule_add"), form()).context["adminform"].form.errors
    assert press(client, "rules_app_ruledraft_publish", draft, to="", reason="x").status_code == 403
    assert RuleSetVersion.objects.count() == 1


def test_a_viewer_looks_and_a_stranger_does_not(guide: int, people: People) -> None:
    draft = begun()
    add(draft)
    viewer = people.client("viewer")
    page = page_of(viewer, PAGE, draft.pk)
    assert "allow-vouchers" in page
    assert "Discard" not in page
    for name in ("publish", "discard", "settle", "remove"):
        assert press(viewer, f"rules_app_ruledraft_{name}", draft).status_code == 403
    assert viewer.get(reverse("admin:rules_app_ruledraft_rule", args=[draft.pk])).status_code == 403
    assert viewer.post(reverse("admin:rules_app_ruledraft_begin")).status_code == 403
    stranger = manager("view_quota")
    assert stranger.get(reverse("admin:rules_app_rulesetversion_compare")).status_code == 403


def test_versions_are_compared_and_one_is_rolled_back_to(guide: int) -> None:
    client = manager()
    draft = begun()
    edit(draft, HIGH, priority=4)
    press(client, "rules_app_ruledraft_publish", draft, to=draft_view(draft).revision, reason="x")
    compare = page_of(client, "rules_app_rulesetversion_compare", **{"from": guide + 1, "to": guide})
    assert f"From version {guide} to {guide + 1}" in compare
    assert '<span class="gw-was">3</span> → <span class="gw-is">4</span>' in compare
    old = RuleSetVersion.objects.get(pk=guide)
    assert "Roll back to this version" in page_of(client, "rules_app_rulesetversion_change", guide)
    assert "reason" in told(press(client, "rules_app_rulesetversion_restore", old))
    answer = press(client, "rules_app_rulesetversion_restore", old, reason="too early")
    assert "is in force again" in told(answer)
    assert live(HIGH)["priority"] == 3
    for query in ({}, {"from": "x", "to": "1"}, {"from": "1", "to": "999"}):
        assert client.get(reverse("admin:rules_app_rulesetversion_compare"), query).status_code == 302


def test_only_administrators_say_where_a_second_person_is_needed(guide: int, people: People) -> None:
    rule_settings_save(default_timezone="", actor="boss")
    page = reverse("admin:rules_app_rulesettings_change", args=[1])
    editor, boss = people.client("rule editor"), people.client()
    editor.post(page, {"default_timezone": "", "second_person": "*"})
    assert RuleSettings.objects.get().second_person == []
    boss.post(page, {"default_timezone": "", "second_person": "ecommerce, travel"})
    assert RuleSettings.objects.get().second_person == ["ecommerce", "travel"]
    editor.post(page, {"default_timezone": ""})
    assert RuleSettings.objects.get().second_person == ["ecommerce", "travel"]


def test_an_editor_is_told_that_a_second_person_must_publish(guide: int) -> None:
    rule_settings_save(default_timezone="", actor="boss", second_person=["*"])
    client, draft = manager(), begun()
    add(draft, VOUCHERS)
    answer = press(client, "rules_app_ruledraft_publish", draft, to=draft_view(draft).revision, reason="mine")
    assert "somebody else has to publish it" in told(answer)
    old = RuleSetVersion.objects.get()
    Rule.objects.filter(name=HIGH).update(priority=9)
    assert "a second person has to publish it" in told(
        press(client, "rules_app_rulesetversion_restore", old, reason="back")
    )


def tried_by(client: Client, draft: RuleDraft, **changes: Any) -> str:
    answer = client.post(reverse(TRY), {**ORDER, "rules": str(draft.pk), **changes})
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_a_draft_is_tried_beside_what_is_in_force(guide: int) -> None:
    client = manager("view_rule")
    draft = edit(begun(), HIGH, action={"type": "deny"})
    assert f'{reverse(TRY)}?draft={draft.pk}"' in page_of(client, PAGE, draft.pk)
    assert client.get(reverse(TRY), {"draft": draft.pk}).context["form"]["rules"].value() == str(draft.pk)
    page = tried_by(client, draft)
    assert f"Draft {draft.pk} would decide" in page
    assert "deny by approve-high-value" in page
    assert f"Now, by version {guide} in force: <b>request_approval by approve-high-value</b>" in page
    assert "no gate is asked" in page
    assert "The rules in force decide the same" in tried_by(client, draft, payload='{"total_cents": 1}')


def test_a_draft_is_tried_while_it_is_open_and_as_it_would_be_live(guide: int) -> None:
    client, draft = manager("view_rule"), edit(begun(), HIGH, priority=4)
    assert "without disabled rules" in tried_by(client, draft, include_disabled="on")
    draft_discard(number=draft.pk, actor="ann")
    assert "is not one of the available choices" in tried_by(client, draft)


def test_the_zone_of_all_rules_is_saved_to_a_draft(guide: int) -> None:
    client, draft = manager(), begun()
    rule_settings_save(default_timezone="UTC", second_person=["ecommerce"], actor="boss")
    page = reverse("admin:rules_app_rulesettings_change", args=[1])
    typed_in = {"default_timezone": "US/Eastern", "save_to": str(draft.pk), "second_person": "ecommerce"}
    assert "It is not live yet" in told(client.post(page, typed_in))
    settings = RuleSettings.objects.get()
    assert (settings.default_timezone, settings.second_person) == ("UTC", ["ecommerce"])
    assert [str(said) for said in draft_view(draft).changes[0].difference.words] == [
        "default time zone: UTC → US/Eastern"
    ]
    refused = client.post(page, typed_in | {"default_timezone": ""})
    assert "needs a zone by its name" in errors_of(refused)["default_timezone"][0]
