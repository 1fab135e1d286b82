"""The pages of named lists: filled by rule editors, looked at by others without the values."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from acteon_site.base.principals import SYSTEM
from audit_app.models import AuditRecord
from rules_app.admin.builder import materials
from rules_app.lists.texts import Entry
from rules_app.models import ListEntry, NamedList
from rules_app.services.list_entries import entries_add
from tests.people import People
from tests.rules_app.test_named_lists import EDITOR, made, saved

pytestmark = pytest.mark.django_db
EVE = "eve@example.com"


def url(row: NamedList, page: str) -> str:
    return reverse(f"admin:rules_app_namedlist_{page}", args=[row.pk])


def text_of(client: Client, address: str, **posted: Any) -> str:
    answer = client.post(address, posted, follow=True) if posted else client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def test_an_editor_makes_a_list_fills_it_finds_a_value_and_takes_it_off(people: People) -> None:
    client = people.client("rule editor", name="maria")
    facts = {
        "name": "blocked",
        "description": "Who does not pay",
        "matching": "folded",
        "namespace": "*",
        "tenant": "*",
    }
    made_by_form = client.post(reverse("admin:rules_app_namedlist_add"), facts)
    assert made_by_form.status_code == 302
    row = NamedList.objects.get()
    page = url(row, "entries")
    assert "It is on the list" in text_of(
        client, page, do="add", value=EVE, note="charged back", expires_at=""
    )
    assert "It was on the list already" in text_of(client, page, do="add", value=EVE.upper(), expires_at="")
    assert "looks like a card number" in text_of(client, page, do="add", value="4111 1111 1111 1111")
    assert "with its offset" in text_of(client, page, do="add", value="x@example.com", expires_at="tomorrow")
    assert "charged back" in text_of(client, page, do="find", find=f" {EVE}")
    assert "That value is not on the list" in text_of(client, page, do="find", find="mallory@example.com")
    assert "1 taken off" in text_of(client, page, do="remove", entry=[ListEntry.objects.get().pk])
    told = [str(one) for one in (*LogEntry.objects.values_list(), *AuditRecord.objects.values_list())]
    assert not any("eve@" in one.lower() for one in told)
    assert {"maria"} == set(AuditRecord.objects.values_list("caller_id", flat=True))


def test_an_import_is_looked_at_before_it_is_done(people: People) -> None:
    row, client = made("blocked", ("*", "*"), EVE), people.client("rule editor")
    page = url(row, "import")
    bad = text_of(client, page, pasted=f"{EVE}\nmallory@example.com\n4111111111111111\n")
    assert "Line 3: looks like a card number" in bad.replace("value looks", "looks")
    assert 'name="text"' not in bad
    answer = client.post(page, {"pasted": f"{EVE}\nmallory@example.com\n", "replace": "on"})
    assert ListEntry.objects.count() == 1
    packed = answer.context["packed"]
    assert "1 added, 1 double, 0 removed" in text_of(client, page, text=packed, replace="yes")
    assert "Nothing was imported" in text_of(client, page, text="no packed text")


def test_an_export_comes_back_as_it_was_and_no_spreadsheet_calculates_it(people: People) -> None:
    row, client = made("blocked", ("*", "*"), Entry("=1+1", note="a, b")), people.client("rule editor")
    answer: Any = client.get(url(row, "export"))
    exported = b"".join(answer.streaming_content).decode()
    assert exported == '\ufeffvalue,note,expires_at\n\'=1+1,"a, b",\n'
    lines: Any = client.get(url(row, "export"), {"format": "jsonl"})
    assert [json.loads(one) for one in b"".join(lines.streaming_content).splitlines()] == [
        {"value": "=1+1", "note": "a, b", "expires_at": None}
    ]
    assert client.get(url(row, "export"), {"format": "pdf"}).status_code == 400
    preview = client.post(url(made("other"), "import"), {"pasted": exported}).context["found"]
    assert preview.new == (Entry("=1+1", "a, b"),)


def test_who_may_not_change_lists_sees_no_value_and_changes_nothing(people: People) -> None:
    row, client = made("blocked", ("*", "*"), Entry(EVE, note="owes money")), people.client("viewer")
    page = text_of(client, url(row, "entries"))
    assert EVE not in page
    assert "owes money" not in page
    for name, posted in (
        ("entries", {"do": "find", "find": EVE}),
        ("import", {"pasted": "x"}),
        ("export", None),
    ):
        answer = client.post(url(row, name), posted) if posted else client.get(url(row, name))
        assert answer.status_code == 403, name
    assert ListEntry.objects.count() == 1


def test_a_page_shows_a_part_of_a_long_list_by_few_statements(
    people: People, django_assert_max_num_queries: Any
) -> None:
    row, client = made("blocked"), people.client("rule editor")
    entries_add(row=row, entries=[Entry(f"{number}@example.com") for number in range(120)], source=EDITOR)
    text_of(client, url(row, "entries"))  # its first request notes where it is signed in
    with django_assert_max_num_queries(14):
        page = text_of(client, f"{url(row, 'entries')}?page=2")
    assert "Page 2 of 3" in page
    assert page.count("@example.com</td>") == 50


def test_a_list_that_a_rule_asks_says_so_and_is_not_deleted(people: People) -> None:
    row, client = made("sanctioned"), people.client("rule editor")
    saved()
    assert "deny" in text_of(client, reverse("admin:rules_app_namedlist_change", args=[row.pk]))
    gone = text_of(client, reverse("admin:rules_app_namedlist_delete", args=[row.pk]), post="yes")
    assert "is asked by rule deny" in gone
    assert NamedList.objects.exists()


def test_whoever_builds_a_rule_is_offered_the_lists_and_their_operators() -> None:
    made("sanctioned")
    offered = materials(SYSTEM, with_examples=False)
    assert offered["names"]["lists"] == ["sanctioned"]
    words = {one["name"]: one["words"] for one in offered["operators"]}
    assert words["not_in_named_list"] == "is not on the list"
