"""A hundred approvals at once: found, sorted, paged, decided together, passed on; and what the pages cost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from acteon_site.base import config_versions
from audit_app.models import AuditRecord
from audit_app.services.relay import relay
from orders_app.admin import approval_list
from orders_app.models import ApprovalPolicy, Hold, Order, SavedFilter
from orders_app.services.releases import holds_sweep
from orders_app.services.ties import ties_draw
from rules_app.models import Rule
from tests.people import PRIVATE, People, always_open, held, page_of, press, told
from tests.world import Shop, order, publish_rules

LIST, PAGE, BULK = (f"orders_app_approval_{name}" for name in ("changelist", "change", "bulk"))
MOST_FOR_ONE = 30


def listed(client: Client, **query: str) -> list[str]:
    return [row.name for row in client.get(reverse(f"admin:{LIST}"), query).context["rows"]]


def names_by_page(client: Client, **query: str) -> list[str]:
    """Of all pages, one after the other."""
    names: list[str] = []
    while True:
        context = client.get(reverse(f"admin:{LIST}"), query).context
        names += [row.name for row in context["rows"]]
        if not context["next_text"]:
            return names
        query = {name: values[0] for name, values in parse_qs(context["next_text"]).items()}


def bulk(client: Client, decision: str, *holds: Hold, **more: str) -> Any:
    data = {"decision": decision, "id": [str(hold.pk) for hold in holds], **more}
    return client.post(reverse(f"admin:{BULK}"), data)


def states(client: Client, hold: Hold) -> dict[str, str]:
    found: dict[str, str] = client.get(reverse("admin:orders_app_approval_states"), {"id": hold.pk}).json()
    return found


def test_the_list_sorts_by_time_value_and_risk_and_no_page_loses_or_doubles_a_row(
    shop: Shop, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(approval_list.approvals_page, "__defaults__", (2,))
    totals = {"a": 60_000, "b": 90_000, "c": 90_000, "d": 70_000, "e": 50_000}
    for number, (name, total) in enumerate(totals.items()):
        hold = held(shop, order_id=name, total_cents=total)
        Hold.objects.filter(pk=hold.pk).update(
            risk=number % 2, due_at=F("due_at") + timedelta(minutes=9 - number)
        )
    client = people.client("approver")
    assert names_by_page(client) == ["e", "d", "c", "b", "a"]
    assert names_by_page(client, sort="value") == ["c", "b", "d", "a", "e"]
    assert names_by_page(client, sort="risk") == ["d", "b", "e", "c", "a"]
    assert names_by_page(client, sort="newest") == ["e", "d", "c", "b", "a"]
    assert names_by_page(client, state="all") == ["e", "d", "c", "b", "a"]


@pytest.mark.parametrize("after", ["", "x", "x_y", "1_2", f"9{'9' * 30}_{'0' * 32}", "\0"])
def test_a_key_that_was_made_up_begins_at_the_top(shop: Shop, people: People, after: str) -> None:
    held(shop)
    for sort in approval_list.SORTS:
        assert listed(people.client("approver", name=sort), sort=sort, after=after) == ["big-1"]


def test_the_search_finds_by_order_action_approval_shop_and_customer(shop: Shop, people: People) -> None:
    mine = held(shop, customer_email="ben@shop.example")
    held(shop, order_id="other")
    relay()
    ties_draw()
    client = people.client("approver")
    for text in ("big-1", mine.action_id_text, str(mine.pk), " BEN@shop.example "):
        assert listed(client, q=text) == ["big-1"], text
    assert len(listed(client, q="acme-store")) == 2
    assert listed(client, q="nobody") == []


def test_the_filters_narrow_the_list(shop: Shop, people: People) -> None:
    held(shop, order_id="cheap", total_cents=50_000)
    dear = held(shop, order_id="dear", total_cents=90_000)
    client = people.client("approver", name="maria")
    assert listed(client, least="600") == ["dear"]
    assert listed(client, shop="ecommerce:other") == []
    press(client, "orders_app_approval_assign", dear, to="maria")
    assert listed(client, whose="mine") == ["dear"]
    assert listed(client, whose="nobody") == ["cheap"]
    Hold.objects.filter(pk=dear.pk).update(escalated_to="approver")
    assert listed(client, whose="escalated") == ["dear"]


def test_several_are_decided_after_a_page_that_says_what_would_happen(shop: Shop, people: People) -> None:
    always_open()
    first, second, gone = (held(shop, order_id=name) for name in ("a", "b", "c"))
    client = people.client("approver", name="maria")
    press(client, "orders_app_approval_reject", gone)
    preview = bulk(client, "approve", first, second, gone)
    lines = {line.name: (line.able, line.told) for line in preview.context["lines"]}
    assert lines["a"] == lines["b"] == (True, "the chain order-processing starts")
    assert lines["c"] == (False, "it is rejected already")
    assert preview.context["sums"] == "$1,500.00"
    assert Hold.objects.filter(status="pending").count() == 2
    done = bulk(client, "approve", first, second, gone, confirm="yes", comment="all known")
    assert done.context["able"] == 2
    assert Order.objects.filter(status="processing").count() == 2
    records = AuditRecord.objects.filter(outcome="approval_approved")
    assert {record.outcome_details["comment"] for record in records} == {"all known"}


def test_what_would_not_simply_go_on_is_shown_and_not_ticked(shop: Shop, people: People) -> None:
    hold = held(shop)
    condition = {"field": "action.payload.shipping_country", "eq": "US"}
    Rule.objects.filter(name="deny-sanctioned-regions").update(condition=condition)
    publish_rules()
    (line,) = bulk(people.client("approver"), "approve", hold).context["lines"]
    assert (line.able, line.expected) == (True, False)
    assert "deny-sanctioned-regions stops it now" in line.told


def test_several_are_decided_only_by_who_may_and_only_by_a_form_of_ours(shop: Shop, people: People) -> None:
    hold = held(shop)
    assert bulk(people.client("viewer"), "approve", hold, confirm="yes").status_code == 403
    assert bulk(people.client("approver", csrf=True), "approve", hold, confirm="yes").status_code == 403
    client = people.client("administrator")
    assert client.get(reverse(f"admin:{BULK}")).status_code == 405
    assert bulk(client, "nonsense", hold, confirm="yes").status_code == 302
    assert Hold.objects.get().status == "pending"


def test_a_decision_leads_to_the_next_one_of_the_list_and_can_be_undone(
    shop: Shop, people: People, settings: Any
) -> None:
    settings.APPROVAL_UNDO_SECONDS = 300
    cheap, dear = held(shop, order_id="cheap", total_cents=50_000), held(shop, order_id="dear")
    client = people.client("approver", name="maria")
    answer = press(client, "orders_app_approval_approve", dear, list="sort=value", comment="fine")
    assert urlsplit(answer.headers["Location"]).path == reverse(f"admin:{PAGE}", args=[cheap.pk])
    assert "still undo it" in told(answer)
    page = page_of(client, PAGE, cheap.pk)
    assert "takes effect in" in page
    assert "takes effect in" not in page_of(people.client("approver", name="tom"), PAGE, cheap.pk)
    assert listed(client) == ["cheap"]
    press(client, "orders_app_approval_undo", dear)
    assert len(listed(client)) == 2
    bulk(client, "reject", cheap, dear, confirm="yes")
    assert listed(client) == []
    assert "2 undone" in told(bulk(client, "undo"))
    holds_sweep()
    assert Hold.objects.filter(status="pending", taken="").count() == 2


def test_a_page_is_told_that_it_is_behind_when_somebody_else_did_something(
    shop: Shop, people: People
) -> None:
    hold = held(shop)
    maria, tom = people.client("approver", name="maria"), people.client("approver", name="tom")
    seen = states(maria, hold)
    assert states(maria, hold) == seen
    press(tom, "orders_app_approval_assign", hold, to="tom")
    assert (now := states(maria, hold))["rows"] != seen["rows"]
    held(shop, order_id="new")
    assert states(maria, hold)["newest"] != now["newest"]
    context = maria.get(reverse(f"admin:{PAGE}", args=[hold.pk])).context
    assert context["versions"] == states(maria, hold)
    assert people.client("nobody").get(reverse("admin:orders_app_approval_states")).status_code == 403


def test_an_approval_is_taken_handed_over_and_put_off_and_the_trail_says_so(
    shop: Shop, people: People
) -> None:
    hold = held(shop)
    Hold.objects.filter(pk=hold.pk).update(due_at=timezone.now() + timedelta(hours=2))
    client = people.client("approver", name="maria")
    people.client("approver", name="tom")
    people.client("viewer", name="vera")
    assert "may not decide" in told(press(client, "orders_app_approval_assign", hold, to="vera"))
    press(
        client, "orders_app_approval_assign", hold, to="tom", comment="your customer, card 4111111111111111"
    )
    press(client, "orders_app_approval_snooze", hold, to="60")
    assert listed(client) == []
    assert listed(client, state="snoozed") == ["big-1"]
    for wrong in ("240", "never"):
        press(client, "orders_app_approval_snooze", hold, to=wrong)
    page = page_of(client, PAGE, hold.pk)
    assert "assigned to tom: your customer" in page
    assert not any(secret in page for secret in PRIVATE)
    press(client, "orders_app_approval_snooze", hold, to="")
    assert listed(client) == ["big-1"]
    for button in ("assign", "snooze", "undo"):
        answer = press(people.client("viewer", name=button), f"orders_app_approval_{button}", hold, to="15")
        assert answer.status_code == 403


def test_who_placed_an_order_is_told_that_somebody_else_approves_it(shop: Shop, people: People) -> None:
    hold = held(shop)
    Hold.objects.filter(pk=hold.pk).update(context={**hold.context, "caller_id": "user:maria"})
    client = people.client("approver", name="maria")
    assert "You placed this order" in page_of(client, PAGE, hold.pk)
    assert "nobody approves what they placed" in told(press(client, "orders_app_approval_approve", hold))
    (line,) = bulk(client, "approve", hold).context["lines"]
    assert not line.able


def test_reasons_of_the_shop_are_offered(shop: Shop, people: People) -> None:
    ApprovalPolicy.objects.create(name="p", reasons=["looks like fraud"], reason_required=True)
    config_versions.reset()
    hold, client = held(shop), people.client("approver")
    assert "<option>looks like fraud</option>" in page_of(client, PAGE, hold.pk)
    assert bulk(client, "reject", hold).context["reasons"] == ("looks like fraud",)
    assert "must be one of" in told(press(client, "orders_app_approval_reject", hold, reason="dunno"))
    press(client, "orders_app_approval_reject", hold, reason="looks like fraud", comment="three cards")
    assert Order.objects.get().reason == "looks like fraud: three cards"


def test_a_view_is_kept_by_name_for_its_owner_alone_and_without_what_was_searched(
    shop: Shop, people: People
) -> None:
    client, other = people.client("approver", name="maria"), people.client("approver", name="tom")
    path = reverse("admin:orders_app_approval_filters")
    client.post(path, {"name": " dear  ones", "list": "sort=value&least=500&q=ada@example.com&x=1"})
    assert SavedFilter.objects.get().query == "sort=value&least=500"
    assert "dear ones" in page_of(client, LIST)
    assert "dear ones" not in page_of(other, LIST)
    other.post(path, {"delete": str(SavedFilter.objects.get().pk)})
    assert SavedFilter.objects.count() == 1
    client.post(path, {"name": ""})
    client.post(path, {"delete": str(SavedFilter.objects.get().pk)})
    assert SavedFilter.objects.count() == 0


def test_what_expired_is_counted_and_worth_something_by_currency(shop: Shop, people: People) -> None:
    for name, currency in (("a", "USD"), ("b", "USD"), ("c", "JPY")):
        held(shop, order_id=name, currency=currency)
    past = timezone.now() - timedelta(hours=1)
    Hold.objects.update(due_at=past, next_run_at=past)
    holds_sweep()
    answer = people.client("viewer").get(reverse("admin:orders_app_approval_expired"))
    assert answer.context["total"].text == "¥75,000 + $1,500.00"
    assert dict(answer.context["tables"])["rule"][0][1].count == 3


def test_an_approvals_page_costs_the_same_whatever_the_customers_past(shop: Shop, people: People) -> None:
    client = people.client("approver")

    def cost(hold: Hold) -> int:
        with CaptureQueriesContext(connection) as caught:
            page_of(client, PAGE, hold.pk)
        return len([query for query in caught if "configstamp" not in query["sql"]])

    shop.place()
    hold = held(shop)
    relay()
    ties_draw()
    cost(hold)
    few = cost(hold)
    shop.batch([order(payload={"order_id": f"past-{number}"}) for number in range(9)])
    hold = held(shop, order_id="later")
    relay()
    ties_draw()
    assert cost(hold) <= few <= MOST_FOR_ONE


def test_a_policy_is_edited_in_the_admin_with_its_mistakes_at_their_fields(
    shop: Shop, people: People
) -> None:
    client = people.client("administrator")
    path = reverse("admin:orders_app_approvalpolicy_add")
    form = {"name": "p", "enabled": "on", "namespace": "*", "tenant": "*", "reasons": "[fraud]"}
    wrong = {**form, "risk": "{luck: {points: 1}}", "reminders": "- {before_seconds: 60, provider: nobody}"}
    errors = client.post(path, wrong).context["adminform"].form.errors
    assert "is no sign of risk" in str(errors)
    errors = client.post(path, {**form, "reminders": wrong["reminders"]}).context["adminform"].form.errors
    assert "there is no provider" in str(errors)
    assert client.post(path, form).status_code == 302
    assert ApprovalPolicy.objects.get().reasons == ["fraud"]
    assert "same shops" in str(client.post(path, {**form, "name": "q"}).context["adminform"].form.errors)
