"""Named lists in decisions: which list is asked, what is on it when, and that a change reaches every process."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from acteon_site.base import config_versions
from acteon_site.base.errors import AppError
from acteon_site.base.source import Source
from audit_app.models import AuditRecord
from rules_app.engine import decide, parse_rule
from rules_app.engine.named_lists import Held, Identity, Lists
from rules_app.lists.memory import current_lists
from rules_app.lists.stored import KEPT, StoredLists
from rules_app.lists.texts import Entry
from rules_app.models import ListEntry, NamedList, Rule
from rules_app.services.list_entries import (
    entries_add,
    entries_import,
    entries_remove,
    import_preview,
    tidy_lists,
)
from rules_app.services.lists import list_create, list_delete
from rules_app.services.rule_sets import rule_save
from tests.rules_app.conftest import rules_now
from tests.rules_app.shop import OFFICE_HOURS, order, rule_of, rule_set

EDITOR = Source("maria", "admin", "")
COUNTRY = "action.payload.shipping_country"
SANCTIONED = {"field": COUNTRY, "in_named_list": "sanctioned"}
DENY = {"type": "deny"}
Place = tuple[str, str]
SHARED: Place = ("*", "*")


def made(name: str = "sanctioned", place: Place = SHARED, *values: Any, **facts: Any) -> NamedList:
    row = list_create(spec={"name": name, "namespace": place[0], "tenant": place[1], **facts}, source=EDITOR)
    entries = [value if isinstance(value, Entry) else Entry(value) for value in values]
    if entries:
        entries_add(row=row, entries=entries, source=EDITOR)
    row.refresh_from_db()
    return row


def lists_now() -> Lists:
    config_versions.expire()
    return current_lists()


def is_on(value: str, name: str = "sanctioned", at: datetime | None = None) -> bool:
    return lists_now().holds(name, "ecommerce", "acme-store", value, at or timezone.now())


def test_the_tenants_list_goes_before_the_namespaces_and_that_before_the_one_that_all_share() -> None:
    action = order({"shipping_country": "NK"})
    denies = rule_set(rule_of(condition=SANCTIONED, action=DENY))
    places = [(action.namespace, action.tenant), (action.namespace, "*"), SHARED]
    for count, place in enumerate(places):
        held: dict[Identity, Held] = {("sanctioned", *place): Held({"NK": None})}
        held |= {("sanctioned", *other): Held() for other in places[count + 1 :]}
        assert decide(denies.with_lists(Lists(held)), action, OFFICE_HOURS).verdict == "deny"


def test_without_its_list_a_rule_fails_closed() -> None:
    plan = decide(
        rule_set(rule_of(condition=SANCTIONED, action=DENY)), order({"shipping_country": "NK"}), OFFICE_HOURS
    )
    assert plan.failed is not None
    assert "no list named sanctioned" in plan.failed.message


@settings(max_examples=40)
@given(st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.lists(st.text())), st.sets(st.text()))
def test_the_two_operators_are_exact_opposites_and_only_texts_are_on_lists(
    value: Any, held: set[str]
) -> None:
    lists = Lists({("sanctioned", "*", "*"): Held(dict.fromkeys(held))})
    action = replace(order({"shipping_country": value}), payload={"shipping_country": value})
    found = []
    for operator in ("in_named_list", "not_in_named_list"):
        clause = {"field": COUNTRY, operator: "sanctioned"}
        rules = rule_set(rule_of(condition=clause, action=DENY)).with_lists(lists)
        found.append(decide(rules, action, OFFICE_HOURS).verdict == "deny")
    on = isinstance(value, str) and value in held
    assert found == [on, not on]


@pytest.mark.parametrize(
    ("clause", "message"),
    [
        (
            {"field": COUNTRY, "in_named_list": ["NK"]},
            "must be the name of a list; for values written here use in_list",
        ),
        ({"field": COUNTRY, "in_named_lst": "a"}, "did you mean 'in_named_list'?"),
        ({"field": COUNTRY, "in_list": "sanctioned"}, "for a list that is kept by name write in_named_list"),
        ({"field": "time.hour", "in_named_list": "a"}, "belongs to the clock"),
    ],
)
def test_what_is_no_name_of_a_list_is_refused(clause: dict[str, Any], message: str) -> None:
    _, problems = parse_rule({"name": "r", "condition": clause, "action": DENY})
    assert message in problems[0].message


def test_a_value_counts_until_it_expires_by_the_clock_of_the_decision(db: None) -> None:
    soon = timezone.now() + timedelta(hours=1)
    made("sanctioned", SHARED, Entry("IR", expires_at=soon), "NK")
    assert is_on("IR", at=soon - timedelta(seconds=1))
    assert not is_on("IR", at=soon)
    assert is_on("NK", at=soon)


def test_a_folded_list_disregards_case_and_blanks_and_an_exact_one_does_not(db: None) -> None:
    made("sanctioned", SHARED, "NK")
    made("blocked", SHARED, " Eve@Example.com", matching="folded")
    assert is_on("eve@example.COM ", "blocked")
    assert not is_on("nk")


def test_processes_take_over_each_change_and_nothing_else(db: None) -> None:
    row, other = made("sanctioned", SHARED, "NK"), made("blocked", SHARED, "eve@example.com")
    before = lists_now()
    entries_add(row=row, entries=[Entry("IR")], source=EDITOR)
    entries_remove(row=row, values=["NK"], source=EDITOR)
    entries_add(row=row, entries=[Entry("NK")], source=EDITOR)
    entries_remove(row=row, values=["IR"], source=EDITOR)
    after = lists_now()
    assert [is_on(value) for value in ("NK", "IR")] == [True, False]
    identity = (other.name, "*", "*")
    assert after._lists[identity].expiries is before._lists[identity].expiries  # type: ignore[attr-defined]


def test_how_the_lists_stood_is_known_again_for_any_change(db: None) -> None:
    row = made("sanctioned", SHARED, "NK")
    then = lists_now().version
    entries_remove(row=row, values=["NK"], source=EDITOR)
    asked = ("sanctioned", "ecommerce", "acme-store", "NK", timezone.now())
    assert StoredLists(then).holds(*asked)
    assert not StoredLists(lists_now().version).holds(*asked)


def test_neither_a_row_nor_the_trail_shows_a_value(db: None) -> None:
    row = made("blocked", SHARED, Entry("eve@example.com", note="owes us money"))
    (entry,) = ListEntry.objects.all()
    assert entry.content == {"value": "eve@example.com", "note": "owes us money"}
    record = AuditRecord.objects.latest("id")
    assert (record.caller_id, record.outcome) == ("maria", "state_changed")
    assert record.outcome_details == {
        "rule_list": "blocked",
        "scope": "*/*",
        "change": "added",
        "added": 1,
        "entries": [entry.key[:12]],
    }
    entries_remove(row=row, values=["eve@example.com"], source=EDITOR)
    entry.refresh_from_db()
    assert (entry.content, entry.removed_by) == (None, "maria")


def test_what_has_expired_is_taken_off_and_what_was_taken_off_is_forgotten_later(db: None) -> None:
    now = timezone.now()
    row = made("sanctioned", SHARED, Entry("IR", expires_at=now + timedelta(hours=1)), "NK")
    assert tidy_lists(now + timedelta(hours=2), 10) == 1
    row.refresh_from_db()
    assert (row.size, ListEntry.objects.count()) == (1, 2)
    assert tidy_lists(now + timedelta(hours=3) + KEPT, 10) == 1
    assert ListEntry.objects.count() == 1


def test_an_import_says_what_is_new_double_and_bad_and_takes_all_or_nothing(db: None) -> None:
    row = made("blocked", SHARED, "eve@example.com", matching="folded")
    text = (
        "value;note;expires_at\nEVE@example.com;;\nmallory@example.com;fraud;2999-01-01T00:00:00Z\n"
        'mallory@example.com;;\n"\'=cmd";;\n;empty;\ntrudy@example.com;;tomorrow\n4111 1111 1111 1111;;\n'
    )
    found = import_preview(row=row, text=text)
    assert [entry.value for entry in found.new] == ["mallory@example.com", "=cmd"]
    assert found.double == ((2, "is on the list already"), (4, "stands on line 3 already"))
    assert [(number, problem.partition(" ")[0]) for number, problem in found.bad] == [
        (6, "value"),
        (7, "expires_at"),
        (8, "value"),
    ]
    with pytest.raises(AppError, match="line 6"):
        entries_import(row=row, text=text, source=EDITOR)
    changed = entries_import(row=row, text="mallory@example.com\n", source=EDITOR, replace=True)
    assert (changed.added, changed.removed) == (1, 1)
    assert is_on("Mallory@example.com", "blocked")
    assert not is_on("eve@example.com", "blocked")


def saved(**facts: Any) -> Rule:
    rule = Rule(**{"name": "deny", "condition": SANCTIONED, "action": DENY, **facts})
    return rule_save(rule=rule, actor="maria")


def test_a_rule_must_find_its_list_wherever_it_is_asked(db: None) -> None:
    with pytest.raises(AppError, match="there is no list 'sanctioned'"):
        saved()
    made("sanctioned-countries")
    with pytest.raises(AppError, match="did you mean 'sanctioned-countries'"):
        saved()
    made("sanctioned", ("ecommerce", "acme-store"))
    with pytest.raises(
        AppError, match="is there for ecommerce/acme-store only, and the rule is for ecommerce/"
    ):
        saved(namespace="ecommerce")
    assert saved(namespace="ecommerce", tenant="acme-store").pk


def test_a_list_that_a_rule_names_stays_unless_another_takes_its_place(db: None) -> None:
    own, shared = made("sanctioned", ("ecommerce", "acme-store")), made("sanctioned", SHARED, "NK")
    saved(namespace="ecommerce", tenant="acme-store", enabled=False)
    list_delete(row=own, source=EDITOR)
    with pytest.raises(AppError, match=r"is asked by rule deny \(disabled\)"):
        list_delete(row=shared, source=EDITOR)
    assert NamedList.objects.get() == shared


def test_the_rules_in_force_ask_the_lists_of_now(db: None) -> None:
    row = made("sanctioned", SHARED, "NK")
    saved()
    action = order({"shipping_country": "IR"})
    assert decide(rules_now(), action, OFFICE_HOURS).verdict == "allow"
    entries_add(row=row, entries=[Entry("IR")], source=EDITOR)
    assert decide(rules_now(), action, OFFICE_HOURS).verdict == "deny"
    assert rules_now() is rules_now()
