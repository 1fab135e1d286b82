"""Backtests by hand, by key and by command: asked for, looked at, removed, and by whom."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from rules_app.models import Backtest, RuleDraft, RuleSetVersion
from rules_app.services.backtest_run import backtest_run
from rules_app.services.publishing import draft_publish
from tests.contract.client import Strict
from tests.contract.strict import anything
from tests.people import People, page_of, press
from tests.rules_app.drafting import begun, remove
from tests.world import Shop

PATH = "/v1/rules/backtests"


@pytest.fixture
def draft(shop: Shop) -> RuleDraft:
    """It lets pass what was denied: one of two orders."""
    shop.place(id="sent-there", payload={"shipping_country": "KP", "total_cents": 12_300})
    shop.place()
    return remove(begun(), "deny-sanctioned-regions")


def asked_by_form(client: Client, draft: RuleDraft, **changes: str) -> Any:
    day = f"{timezone.now():%Y-%m-%d}"
    return press(
        client,
        "rules_app_ruledraft_backtest",
        draft,
        **{"from": f"{day}T00:00", "to": f"{day}T23:59", **changes},
    )


def test_a_draft_is_backtested_from_its_page_and_the_result_leads_to_the_orders(
    draft: RuleDraft, people: People
) -> None:
    client = people.client()
    assert "Backtest" in page_of(client, "rules_app_ruledraft_change", draft.pk)
    asked_by_form(client, draft)
    row = Backtest.objects.get()
    assert (row.state, row.draft, row.requested_by) == ("queued", draft, "boss")
    assert 'data-refresh="#backtest"' in page_of(client, "rules_app_backtest_change", row.pk)
    backtest_run(row.pk)
    page = page_of(client, "rules_app_backtest_change", row.pk)
    assert "1 of 2 would change" in page
    assert "$123.00" in page
    listed = row.orders.get()
    assert f"/admin/audit_app/auditrecord/{listed.record_id}/change/" in page
    assert "its provider&#x27;s answer is not known" in page
    assert "data-refresh" not in page
    pair = page_of(
        client, "rules_app_backtest_change", row.pk, from_outcome="executed", to_outcome="suppressed"
    )
    assert "sent-there" not in pair
    assert "1 of 2 would change" in page_of(client, "rules_app_ruledraft_change", draft.pk)
    press(client, "rules_app_backtest_remove", row)
    assert not Backtest.objects.exists()


def test_versions_are_backtested_from_their_page_and_from_where_two_are_compared(
    draft: RuleDraft, people: People
) -> None:
    client, day = people.client(), f"{timezone.now():%Y-%m-%d}"
    draft_publish(number=draft.pk, reason="open", actor="boss")
    older, newer = list(RuleSetVersion.objects.order_by("number"))[-2:]
    address = reverse("admin:rules_app_rulesetversion_backtest", args=[older.pk])
    compared = client.get(
        reverse("admin:rules_app_rulesetversion_compare"), {"from": older.pk, "to": newer.pk}
    )
    assert f'formaction="{address}"' in compared.content.decode()
    assert f'action="{address}"' in page_of(client, "rules_app_rulesetversion_change", older.pk)
    asked = {"from": f"{day}T00:00", "to": f"{day}T23:59"}
    assert client.get(address).status_code == 405
    assert people.client("viewer").post(address, asked).status_code == 403
    client.post(address, {**asked, "from": "soon"})
    assert not Backtest.objects.exists()
    answer = client.post(address, asked)
    row = Backtest.objects.get()
    assert (row.version, answer.url) == (older.pk, reverse("admin:rules_app_backtest_change", args=[row.pk]))


def test_the_page_costs_the_same_however_many_orders_it_lists(
    draft: RuleDraft, people: People, django_assert_max_num_queries: Any
) -> None:
    client = people.client()
    asked_by_form(client, draft)
    row = Backtest.objects.get()
    backtest_run(row.pk)
    first = row.orders.get()
    rows = [type(first)(**{**_values(first), "position": place}) for place in range(1, 200)]
    type(first).objects.bulk_create(rows)
    with django_assert_max_num_queries(12):
        assert "More" in page_of(client, "rules_app_backtest_change", row.pk)


def _values(row: Any) -> dict[str, Any]:
    return {
        field.attname: getattr(row, field.attname)
        for field in row._meta.concrete_fields
        if field.attname != "id"
    }


def test_a_range_that_is_none_is_refused_and_who_may_not_edit_rules_asks_for_none(
    draft: RuleDraft, people: People
) -> None:
    asked_by_form(people.client(), draft, to="2020-01-01T00:00")
    asked_by_form(people.client(name="other"), draft, **{"from": "yesterday"})
    assert asked_by_form(people.client("viewer"), draft).status_code == 403
    assert not Backtest.objects.exists()


def test_by_key_it_is_asked_for_looked_at_and_forgotten(draft: RuleDraft, shop: Shop) -> None:
    client = Strict(shop.secret)
    body = {"draft": draft.pk, "from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z"}
    made = client.post(PATH, anything, body, status=202)
    backtest_run(made["id"])
    found = client.get(f"{PATH}/{made['id']}", anything)
    assert (found["state"], found["percent"], found["summary"]["changed"]) == ("done", 100, 1)
    (order,) = client.get(f"{PATH}/{made['id']}/orders?how=changed&to_outcome=executed", anything)["orders"]
    assert (order["from_outcome"], order["from_rule"], order["amount"]) == (
        "suppressed",
        "deny-sanctioned-regions",
        12_300,
    )
    assert client.get(f"{PATH}/{made['id']}/orders?how=unknown", anything)["orders"] == []
    assert shop.get(f"{PATH}/{made['id']}/orders", to_outcome="sold\0").status_code == 400
    assert [one["id"] for one in client.get(f"{PATH}?draft={draft.pk}", anything)["backtests"]] == [
        made["id"]
    ]
    assert shop.client.delete(f"{PATH}/{made['id']}").status_code == 204
    assert shop.get(f"{PATH}/{made['id']}").status_code == 404


def test_a_key_that_does_not_see_every_action_gets_none_of_it(shop: Shop) -> None:
    assert Shop(name="one tenant", tenants=["acme-store"]).get(PATH).status_code == 403
    assert Shop(name="one type", action_types=["place_order"]).get(PATH).status_code == 403


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"to": "2019-01-01T00:00:00Z"}, "to"),
        ({"from": "monday"}, "from"),
        ({"draft": "3"}, "draft"),
        ({"draft": 1, "version": 1}, "version"),
        ({"tenant": 7}, "tenant"),
    ],
)
def test_what_is_wrong_is_refused_by_the_name_of_its_field(
    shop: Shop, changes: dict[str, Any], field: str
) -> None:
    answer = shop.post(PATH, {"from": "2020-01-01T00:00:00Z", "to": "2020-02-01T00:00:00Z"} | changes)
    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["details"]] == [field]


def test_more_than_ten_do_not_wait(shop: Shop) -> None:
    body = {"from": "2020-01-01T00:00:00Z", "to": "2020-02-01T00:00:00Z"}
    answers = [shop.post(PATH, body).status_code for _ in range(11)]
    assert answers == [*[202] * 10, 409]


def test_by_command_it_is_computed_at_once(draft: RuleDraft, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("backtest_rules", draft=draft.pk, processes=1)
    out = capsys.readouterr().out
    assert "2 dispatches: 1 would change, 1 would not" in out
    assert "$123.00" in out
    call_command("backtest_rules", format="json", processes=1)
    assert json.loads(capsys.readouterr().out)["changed"] == 0
    with pytest.raises(SystemExit):
        call_command("backtest_rules", draft=draft.pk, processes=1, fail_on_change=True)
    with pytest.raises(CommandError, match="must be a day"):
        call_command("backtest_rules", begins="monday")
    call_command("backtest_rules", begins="0001-01-01", processes=1)
    with pytest.raises(CommandError, match="no draft 99"):
        call_command("backtest_rules", draft=99)
    assert {row.state for row in Backtest.objects.all()} == {"done"}
