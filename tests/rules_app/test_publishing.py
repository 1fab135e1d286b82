"""Publishing and rolling back: one transaction, with a reason; what two people changed is never lost."""

from __future__ import annotations

from typing import Any

import pytest

from acteon_site.base.errors import AppError
from rules_app.differences import revision_of
from rules_app.drafts import draft_view, version_differences, version_get
from rules_app.merging import RuleConflict
from rules_app.models import Rule, RuleDraft, RuleSettings, RuleSetVersion
from rules_app.services.drafts import draft_discard, draft_put, draft_put_timezone
from rules_app.services.publishing import draft_publish, restore_preview, version_restore
from rules_app.services.rule_sets import rule_enable, rule_save, rule_settings_save, rules_delete
from rules_app.specs import rule_spec
from tests.rules_app.conftest import rules_now
from tests.rules_app.drafting import DENY, HIGH, VOUCHERS, add, begun, edit, fresh, live, remove
from tests.rules_app.shop import GUIDE
from tests.threads import at_once

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("providers")]


def publish(draft: RuleDraft, actor: str = "ann", **more: Any) -> RuleSetVersion:
    return draft_publish(number=draft.pk, reason="because", actor=actor, **more)


def refused(draft: RuleDraft, status: int, actor: str = "ann", **more: Any) -> AppError:
    before = RuleSetVersion.objects.count()
    with pytest.raises(AppError) as caught:
        publish(draft, actor, **more)
    assert caught.value.status == status
    assert RuleSetVersion.objects.count() == before
    assert fresh(draft).status == draft.status
    return caught.value


def names_now() -> list[str]:
    return [rule.name for rule in rules_now().rules]


def test_a_published_draft_decides_and_says_who_when_and_why(guide: int) -> None:
    draft = begun("spring")
    edit(draft, HIGH, "ben", priority=0)
    remove(draft, DENY)
    version = publish(draft, "ann")
    assert names_now()[0] == HIGH
    assert DENY not in names_now()
    assert (version.actor, version.reason, version.draft) == ("ann", "because", draft)
    assert version.cause == f"published draft {draft.pk}: spring"
    closed = fresh(draft)
    assert (closed.status, closed.closed_by, closed.version) == ("published", "ann", version)
    rule = Rule.objects.get(name=HIGH)
    assert (rule.edited_by, rule.enabled_by) == ("ben", "")


def test_a_closed_draft_still_shows_what_it_changed_then(guide: int) -> None:
    draft = begun()
    edit(draft, HIGH, priority=4)
    publish(draft)
    rule_enable(name=HIGH, enabled=False, actor="ben")
    (view,) = draft_view(fresh(draft)).changes
    assert [str(said) for said in view.difference.words] == ["priority: 3 → 4"]


@pytest.mark.parametrize("reason", ["", "  \n ", "x" * 501])
def test_without_a_reason_nothing_is_published(guide: int, reason: str) -> None:
    draft = begun()
    add(draft)
    with pytest.raises(AppError) as caught:
        draft_publish(number=draft.pk, reason=reason, actor="ann")
    assert (caught.value.status, caught.value.details[0].field) == (422, "reason")
    assert "allow-vouchers" not in names_now()


def test_a_draft_that_changes_nothing_is_not_published(guide: int) -> None:
    draft = begun()
    refused(draft, 409)
    edit(draft, HIGH, enabled=False)
    rule_enable(name=HIGH, enabled=False, actor="ben")
    refused(draft, 409)


def test_rules_that_changed_on_one_side_only_merge(guide: int) -> None:
    draft = begun()
    edit(draft, HIGH, priority=4)
    rule_enable(name=DENY, enabled=False, actor="ben")
    rules_delete(names=["deny-unmatched"], actor="ben")
    publish(draft)
    assert live(HIGH)["priority"] == 4
    assert DENY not in names_now()
    assert "deny-unmatched" not in names_now()


@pytest.mark.parametrize("gone", [False, True])
def test_a_rule_that_changed_on_both_sides_is_shown_with_both(guide: int, gone: bool) -> None:
    base, draft = live(HIGH), begun()
    edit(draft, HIGH, priority=4)
    add(draft)
    if gone:
        rules_delete(names=[HIGH], actor="ben")
    else:
        rule = Rule.objects.get(name=HIGH)
        rule.priority = 5
        rule_save(rule=rule, actor="ben")
    error = refused(draft, 409)
    assert isinstance(error, RuleConflict)
    (told,) = error.conflicts
    theirs = None if gone else {**base, "priority": 5}
    assert (told.base, told.theirs, told.yours) == (base, theirs, {**base, "priority": 4})
    assert told.by == ("" if gone else "ben")
    assert "allow-vouchers" not in names_now()


def test_the_same_change_on_both_sides_is_no_conflict(guide: int) -> None:
    draft = begun()
    edit(draft, HIGH, enabled=False)
    add(draft)
    rule_enable(name=HIGH, enabled=False, actor="ben")
    publish(draft)
    assert HIGH not in names_now()
    assert "allow-vouchers" in names_now()


def test_what_changed_after_the_review_is_not_published(guide: int) -> None:
    draft = begun()
    add(draft)
    reviewed = draft_view(draft).revision
    edit(draft, HIGH, "ben", priority=4)
    refused(draft, 409, seen=reviewed)
    publish(draft, seen=draft_view(draft).revision)


def test_rules_that_do_not_go_together_are_named_and_nothing_is_published(guide: int) -> None:
    draft = begun()
    edit(draft, HIGH, priority=4)
    Rule.objects.filter(name="deny-unmatched").update(condition={"field": "action.gone", "eq": "x"})
    error = refused(draft, 422)
    assert error.details[0].field == "rules[deny-unmatched].condition.field"
    assert live(HIGH)["priority"] == 3


def test_a_change_of_a_disabled_rule_makes_a_version_too(guide: int) -> None:
    rule_enable(name=HIGH, enabled=False, actor="ann")
    draft = begun()
    edit(draft, HIGH, description="for the summer")
    version = publish(draft)
    before = version_get(version.number - 1)
    (found,) = version_differences(before, version)
    assert [str(said) for said in found.words] == ["description: none → for the summer"]


def test_a_zone_for_all_goes_through_a_draft(guide: int) -> None:
    draft = begun()
    draft_put_timezone(number=draft.pk, default_timezone="US/Eastern", actor="ann")
    publish(draft)
    assert rules_now().default_timezone == "US/Eastern"


# Rolling back --------------------------------------------------------------------------------------------------


def restore(number: int, actor: str = "ann") -> RuleDraft:
    return version_restore(number=number, reason="it was better", actor=actor)


def test_an_older_version_is_put_in_force_again_with_its_switches(guide: int) -> None:
    rule_enable(name=DENY, enabled=False, actor="ann")
    second = RuleSetVersion.objects.first()
    assert second is not None
    rule_enable(name=DENY, enabled=True, actor="ann")
    rules_delete(names=[HIGH], actor="ann")
    rule_save(rule=Rule(**VOUCHERS), actor="ann")
    rule_settings_save(default_timezone="US/Eastern", actor="ann")
    draft = restore(second.number)
    newest = RuleSetVersion.objects.first()
    assert newest is not None
    assert newest.content == second.content
    assert newest.disabled == second.disabled
    assert (newest.cause, newest.reason) == (f"restored version {second.number}", "it was better")
    assert (draft.status, draft.version) == ("published", newest)
    assert not Rule.objects.filter(name="allow-vouchers").exists()
    assert rules_now().default_timezone == "UTC"


def test_what_a_restore_would_change_is_told_before(guide: int) -> None:
    rules_delete(names=[HIGH], actor="ann")
    (found,) = restore_preview(version_get(guide))
    assert (found.name, found.how) == (HIGH, "added")


def test_restoring_what_is_in_force_is_refused(guide: int) -> None:
    with pytest.raises(AppError) as caught:
        restore(guide)
    assert caught.value.status == 409
    with pytest.raises(AppError) as caught:
        restore(9999)
    assert caught.value.status == 404


def test_a_version_from_before_disabled_rules_were_kept_switches_off_what_it_does_not_know(
    guide: int,
) -> None:
    RuleSetVersion.objects.update(disabled=None)
    rule_save(rule=Rule(**VOUCHERS), actor="ann")
    restore(guide)
    assert Rule.objects.get(name="allow-vouchers").enabled is False
    assert len(names_now()) == len(GUIDE)


def test_a_rule_that_a_file_brought_is_switched_off_and_not_removed(guide: int) -> None:
    rule_save(rule=Rule(**VOUCHERS, source="ecommerce"), actor="loader")
    restore(guide)
    rule = Rule.objects.get(name="allow-vouchers")
    assert (rule.enabled, rule.enabled_by) == (False, "ann")


def test_restoring_a_switch_is_no_edit_of_the_rule(guide: int) -> None:
    rule_enable(name=HIGH, enabled=False, actor="ben")
    restore(guide)
    rule = Rule.objects.get(name=HIGH)
    assert (rule.enabled, rule.enabled_by, rule.edited_by) == (True, "ann", "")


# A second person -----------------------------------------------------------------------------------------------


@pytest.fixture
def watched(guide: int) -> None:
    rule_settings_save(default_timezone="", actor="boss", second_person=["ecommerce"])


def scoped(**changes: Any) -> dict[str, Any]:
    return {**VOUCHERS, "namespace": "travel", **changes}


def test_who_edited_a_draft_does_not_publish_it_where_a_second_person_must(watched: None) -> None:
    draft = begun()
    edit(draft, HIGH, "ann", priority=4)
    edit(draft, HIGH, "ben", priority=5)
    for editor in ("ann", "ben"):
        assert refused(draft, 409, editor).code == "SECOND_PERSON"
    publish(draft, "cleo")
    assert live(HIGH)["priority"] == 5


def test_rules_of_other_namespaces_need_no_second_person(watched: None) -> None:
    draft = begun()
    add(draft, scoped())
    publish(draft, "ann")
    draft = begun()
    edit(draft, "allow-vouchers", namespace="ecommerce")
    refused(draft, 409, "ann")


def test_there_is_no_way_around_the_second_person(watched: None) -> None:
    ways: list[Any] = [
        lambda: rule_save(rule=Rule(**scoped(namespace="ecommerce")), actor="ann"),
        lambda: rule_enable(name=HIGH, enabled=False, actor="ann"),
        lambda: rules_delete(names=[HIGH], actor="ann"),
        lambda: rule_settings_save(default_timezone="US/Eastern", actor="ann"),
    ]
    for way in ways:
        with pytest.raises(AppError) as caught:
            way()
        assert (caught.value.status, caught.value.code) == (409, "SECOND_PERSON")
    assert len(names_now()) == len(GUIDE)
    rule_save(rule=Rule(**scoped()), actor="ann")


def test_a_restore_waits_for_the_second_person(guide: int) -> None:
    rule_enable(name=HIGH, enabled=False, actor="ann")
    rule_settings_save(default_timezone="", actor="boss", second_person=["*"])
    draft = restore(guide)
    assert (draft.status, draft.reason) == ("open", "it was better")
    assert HIGH not in names_now()
    refused(draft, 409, "ann")
    publish(draft, "ben")
    assert HIGH in names_now()


def test_the_settings_keep_their_namespaces(watched: None) -> None:
    rule_settings_save(default_timezone="", actor="boss")
    assert RuleSettings.objects.get().second_person == ["ecommerce"]


# At once -------------------------------------------------------------------------------------------------------


def outcome_of(act: Any) -> Any:
    def tried() -> Any:
        try:
            return act()
        except AppError as error:
            return error

    return tried


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_many_who_publish_a_draft_at_once_one_does(guide: int) -> None:
    draft = begun()
    add(draft)
    told = at_once([outcome_of(lambda who=f"p{number}": publish(draft, who)) for number in range(6)])
    errors = [one for one in told if isinstance(one, AppError)]
    assert [error.status for error in errors] == [409] * 5
    assert RuleSetVersion.objects.count() == 2


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_two_drafts_of_one_rule_published_at_once_one_is_a_conflict(guide: int) -> None:
    drafts = [begun() for _ in range(2)]
    for number, draft in enumerate(drafts):
        edit(draft, HIGH, priority=40 + number)
        add(draft, {**VOUCHERS, "name": f"own-{number}"})
    told = at_once([outcome_of(lambda one=draft: publish(one)) for draft in drafts])
    (lost,) = [one for one in told if isinstance(one, AppError)]
    assert isinstance(lost, RuleConflict)
    assert [found.name for found in lost.conflicts] == [HIGH]
    assert sum(name.startswith("own-") for name in names_now()) == 1


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_drafts_of_different_rules_published_at_once_all_decide(guide: int) -> None:
    drafts = [begun() for _ in range(6)]
    for number, draft in enumerate(drafts):
        add(draft, {**VOUCHERS, "name": f"own-{number}"})
    told = at_once([outcome_of(lambda one=draft: publish(one)) for draft in drafts])
    assert not [one for one in told if isinstance(one, AppError)]
    newest = RuleSetVersion.objects.first()
    assert newest is not None
    assert len(newest.content["rules"]) == len(GUIDE) + 6


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_two_editors_of_a_rule_at_once_one_is_told_of_the_other(guide: int) -> None:
    draft, spec = begun(), live(HIGH)
    assert rule_spec(Rule.objects.get(name=HIGH)) == spec
    jobs = [outcome_of(lambda number=number: edit_blindly(draft, spec, number)) for number in (11, 12)]
    (lost,) = [one for one in at_once(jobs) if isinstance(one, AppError)]
    assert isinstance(lost, RuleConflict)
    (view,) = draft_view(fresh(draft)).changes
    assert lost.conflicts[0].theirs == view.change.spec


def edit_blindly(draft: RuleDraft, spec: dict[str, Any], number: int) -> RuleDraft:
    changed = {**spec, "priority": number}
    return draft_put(number=draft.pk, spec=changed, seen=revision_of(spec), actor=f"p{number}")


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_draft_is_published_or_discarded_and_never_both(guide: int) -> None:
    draft = begun()
    add(draft)
    discard = outcome_of(lambda: draft_discard(number=draft.pk, actor="ben"))
    told = at_once([outcome_of(lambda: publish(draft)), discard])
    assert sum(isinstance(one, AppError) for one in told) == 1
    assert ("allow-vouchers" in names_now()) == (fresh(draft).status == "published")
