"""Drafts: they change nothing that is live, and two who change one rule see each other's side."""

from __future__ import annotations

from typing import Any

import pytest

from acteon_site.base.errors import AppError
from rules_app.drafts import draft_rule_set, draft_view
from rules_app.engine import decide
from rules_app.merging import RuleConflict
from rules_app.models import RuleDraft, RuleSetVersion
from rules_app.services.drafts import draft_discard, draft_put, draft_remove, draft_rename, draft_settle
from rules_app.services.rule_sets import rule_enable
from tests.rules_app.conftest import rules_now
from tests.rules_app.drafting import (
    DENY,
    HIGH,
    VOUCHERS,
    add,
    begun,
    edit,
    fresh,
    live,
    remove,
    seen_in,
    spec_of,
)
from tests.rules_app.shop import OFFICE_HOURS, order

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("providers")]


def refused(status: int, **call: Any) -> AppError:
    act = call.pop("act")
    with pytest.raises(AppError) as caught:
        act(**call)
    assert caught.value.status == status
    return caught.value


def test_a_draft_decides_nothing_and_can_be_asked(guide: int) -> None:
    draft = begun()
    remove(draft, DENY)
    add(draft)
    assert rules_now().rules[0].name == DENY
    assert RuleSetVersion.objects.count() == 1
    drafted = draft_rule_set(draft)
    assert [rule.name for rule in drafted.rules][:2] == ["allow-vouchers", HIGH]
    assert decide(drafted, order({"shipping_country": "NK"}), OFFICE_HOURS).verdict == "allow"


def test_a_draft_holds_only_what_differs_and_says_it_in_words(guide: int) -> None:
    draft = begun()
    edit(draft, HIGH, priority=4)
    (view,) = draft_view(draft).changes
    assert (view.change.name, view.difference.how) == (HIGH, "changed")
    assert [str(said) for said in view.difference.words] == ["priority: 3 → 4"]
    assert [line for line in view.difference.lines if line[:1] in "+-"] == [
        '-  "priority": 3',
        '+  "priority": 4',
    ]


def test_a_rule_that_is_put_back_as_it_is_live_is_no_change(guide: int) -> None:
    draft = begun()
    edit(draft, HIGH, priority=4)
    edit(draft, HIGH, priority=3)
    assert not draft.changes.exists()
    add(draft)
    remove(draft, "allow-vouchers")
    assert not draft.changes.exists()


def test_defaults_that_are_spelled_out_are_no_change(guide: int) -> None:
    draft = begun()
    edit(draft, HIGH, enabled=True, tenant="*", description="")
    assert not draft.changes.exists()


def test_a_rule_that_does_not_validate_is_not_taken(guide: int) -> None:
    spec = {**VOUCHERS, "action": {"type": "reroute", "target_provider": "nobody"}}
    error = refused(422, act=draft_put, number=begun().pk, spec=spec, seen=None, actor="ann")
    assert error.details[0].field == "action.target_provider"


def test_a_rule_that_is_not_there_cannot_be_removed(guide: int) -> None:
    refused(404, act=draft_remove, number=begun().pk, name="nobody", seen=None, actor="ann")
    refused(404, act=draft_remove, number=9999, name=HIGH, seen=None, actor="ann")


def test_of_two_who_edit_a_rule_in_a_draft_the_second_sees_both_sides(guide: int) -> None:
    draft, seen = begun(), seen_in(begun(), HIGH)
    edit(draft, HIGH, "ben", priority=7)
    mine = {**live(HIGH), "priority": 5}
    error = refused(409, act=draft_put, number=draft.pk, spec=mine, seen=seen, actor="ann")
    assert isinstance(error, RuleConflict)
    (told,) = error.conflicts
    assert (told.theirs, told.yours, told.by) == (spec_of(draft, HIGH), mine, "ben")
    assert told.base == live(HIGH)
    assert error.body()["conflicts"][0]["theirs"]["priority"] == 7
    assert spec_of(draft, HIGH)["priority"] == 7


def test_who_adds_a_rule_that_somebody_has_added_meanwhile_sees_it(guide: int) -> None:
    draft = begun()
    add(draft, actor="ben")
    spec = {**VOUCHERS, "action": {"type": "deny"}}
    error = refused(409, act=draft_put, number=draft.pk, spec=spec, seen=None, actor="ann")
    assert isinstance(error, RuleConflict)
    assert error.conflicts[0].theirs == VOUCHERS


def test_a_live_rule_that_changed_under_the_editor_is_a_conflict_too(guide: int) -> None:
    draft, seen = begun(), seen_in(begun(), HIGH)
    rule_enable(name=HIGH, enabled=False, actor="ben")
    refused(409, act=draft_remove, number=draft.pk, name=HIGH, seen=seen, actor="ann")
    assert not draft.changes.exists()


def test_every_editor_is_remembered(guide: int) -> None:
    draft = begun(actor="zoe")
    edit(draft, HIGH, "ann", priority=4)
    edit(fresh(draft), HIGH, "ben", priority=5)
    assert fresh(draft).editors == ["ann", "ben"]


def test_a_conflict_is_settled_for_either_side(guide: int) -> None:
    draft = begun()
    edit(draft, HIGH, priority=4)
    edit(draft, DENY, priority=2)
    for name in (HIGH, DENY):
        rule_enable(name=name, enabled=False, actor="ben")
    assert {view.change.name for view in draft_view(draft).conflicts} == {HIGH, DENY}
    refused(409, act=draft_settle, number=draft.pk, name=HIGH, take="draft", seen="older", actor="ann")
    for name, side in ((HIGH, "draft"), (DENY, "live")):
        seen = next(view.live_revision for view in draft_view(draft).changes if view.change.name == name)
        draft_settle(number=draft.pk, name=name, take=side, seen=seen, actor="ann")
    (left,) = draft_view(draft).due
    assert left.change.name == HIGH
    assert left.live == live(HIGH)


def test_a_discarded_draft_can_be_read_and_no_more(guide: int) -> None:
    draft = begun()
    edit(draft, HIGH, priority=4)
    closed = draft_discard(number=draft.pk, actor="ben")
    assert (closed.status, closed.closed_by) == (RuleDraft.Status.DISCARDED, "ben")
    refused(409, act=draft_discard, number=draft.pk, actor="ann")
    refused(409, act=draft_put, number=draft.pk, spec=VOUCHERS, seen=None, actor="ann")
    assert [view.difference.how for view in draft_view(fresh(draft)).changes] == ["changed"]


def test_a_draft_has_a_name_that_can_be_changed(guide: int) -> None:
    draft = begun()
    assert draft_rename(number=draft.pk, name="summer").name == "summer"
    refused(422, act=draft_rename, number=draft.pk, name=" ")
