"""The home page: what a manager wants at a glance, and only what they may see."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from acteon_site.admin.sidebar import GROUPS, PAGES
from acteon_site.base.principals import SYSTEM, Principal, Role
from audit_app.admin import home_cards
from audit_app.admin.home_cards import bars, outcomes_of_a_day
from audit_app.models import AuditRecord
from audit_app.services.relay import relay
from chains_app.models import CircuitBreaker, Incident, Run
from orders_app.models import Hold
from rules_app.models import Quota
from rules_app.services.quotas import quota_create
from tests.people import People, held, page_of
from tests.world import CLOSED_HOURS, SCOPE, Shop

SECTIONS = ("approvals", "outcomes", "incidents", "breakers", "quotas")
OUTSIDE = re.compile(r"""(?:src|href|action)\s*=\s*["'](?:https?:)?//|url\(\s*["']?(?:https?:)?//|@import""")


def home(client: Client) -> dict[str, Any]:
    """The figures of all cards, and the tiles' numbers by their words."""
    shown = client.get(reverse("admin:index")).context["home"]
    figures: dict[str, Any] = {"tiles": {tile.words: tile.count for tile in shown["tiles"]}}
    for one in (*shown["wide"], *shown["left"], *shown["right"]):
        figures |= {name: value for name, value in one.figures.items() if name != "tiles"}
    return figures


def test_an_empty_gateway_says_that_all_is_quiet(people: People) -> None:
    page = page_of(people.client("viewer"), "index")
    for words in (
        "Nothing waits for a decision",
        "No orders yet",
        "no run waits",
        "All closed",
        "None is used to 80",
    ):
        assert words in page


def test_what_waits_leads_to_where_it_is_decided(shop: Shop, people: People) -> None:
    hold = held(shop)
    shop.place(now=CLOSED_HOURS)
    client = people.client("approver")
    figures = home(client)
    assert figures["tiles"]["waiting for a decision"] == figures["tiles"]["waiting for their time"] == "1"
    page = page_of(client, "index")
    assert reverse("admin:orders_app_approval_change", args=[hold.pk]) in page
    assert "$750.00" in page


def test_an_approval_whose_time_is_over_is_not_counted(shop: Shop, people: People) -> None:
    held(shop)
    Hold.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    assert home(people.client("approver"))["tiles"]["waiting for a decision"] == "0"


def test_the_orders_of_the_day_are_counted_once_by_outcome(shop: Shop, people: People) -> None:
    shop.place()
    shop.place(payload={"shipping_country": "SY"})
    held(shop)
    figures = home(people.client("viewer"))
    hour = {group["key"]: group["hour"] for group in figures["groups"]}
    assert hour == {"good": 1, "waits": 1, "same": 0, "away": 1, "failed": 0}
    assert figures["day_count"] == 3
    assert figures["tiles"]["orders in the last hour"] == "3"


def note(at: datetime, outcome: str = "executed", verdict: str = "allow") -> None:
    AuditRecord.objects.create(**SCOPE, action_id="a", outcome=outcome, verdict=verdict, dispatched_at=at)


@pytest.mark.django_db
def test_hours_are_clock_hours_and_steps_of_chains_are_left_out() -> None:
    now = datetime(2026, 3, 4, 16, 30, tzinfo=UTC)
    note(now)
    note(now - timedelta(minutes=31))
    note(now - timedelta(hours=23, minutes=29))
    note(now - timedelta(hours=23, minutes=31))
    note(now, "chain_step_completed", "chain")
    note(now, "chain_failed", "chain")
    found = outcomes_of_a_day(now, SYSTEM)
    assert [hour.counts.total() for hour in found.hours] == [1, *[0] * 21, 1, 1]
    assert (found.total["good"], found.last_hour["good"]) == (3, 2)


@pytest.mark.django_db
def test_orders_of_the_day_are_counted_where_the_relay_has_been_and_only_the_readers_own() -> None:
    now = timezone.now()
    note(now)
    relay()
    note(now, "failed")
    found = outcomes_of_a_day(now, SYSTEM)
    assert found.total == found.last_hour == {"good": 1, "failed": 1}
    stranger = Principal("user:stranger", "admin", Role.VIEWER, namespaces=("elsewhere",))
    assert not outcomes_of_a_day(now, stranger).total


@pytest.mark.django_db
def test_every_outcome_of_a_dispatch_has_its_bar() -> None:
    now = timezone.now()
    for outcome in sorted(home_cards.DISPATCH_OUTCOMES):
        note(now, outcome)
    found = outcomes_of_a_day(now, SYSTEM)
    assert found.total.total() == len(home_cards.DISPATCH_OUTCOMES)
    assert {rect["key"] for rect in bars(found)["rects"]} == set(home_cards.OUTCOME_GROUPS)


def test_incidents_and_breakers_that_need_somebody_are_named(shop: Shop, people: People) -> None:
    shop.place()
    Incident.objects.create(run=Run.objects.get(owner_kind="order"), reason="unknown_outcome", step="charge")
    CircuitBreaker.objects.filter(provider="payment-gateway").update(state="open")
    client = people.client("operator")
    page = page_of(client, "index")
    assert "unknown_outcome" in page
    assert "falls back to compliance-queue" in page
    assert home(client)["tiles"]["open incident"] == "1"


def test_quotas_are_named_from_four_fifths_on(shop: Shop, people: People) -> None:
    spec = {**SCOPE, "max_actions": 5, "window": "daily", "overage_behavior": "block"}
    Quota.objects.all().delete()
    quota_create(spec=spec, actor="test")
    client = people.client("viewer")
    for used in range(1, 6):
        shop.place()
        near = home(client)["quotas"]
        assert [item["used"] for item in near] == ([used] if used >= 4 else [])


def test_each_sees_only_what_their_rights_cover(shop: Shop, people: People) -> None:
    held(shop)
    nobody = people.client("nobody")
    page = page_of(nobody, "index")
    assert not any(f'id="{section}"' in page for section in SECTIONS)
    assert "Approvals" not in page
    viewer = page_of(people.client("viewer"), "index")
    assert all(f'id="{section}"' in viewer for section in SECTIONS)
    assert "Approvals" in viewer
    assert "API keys" not in viewer
    assert "API keys" in page_of(people.client("administrator"), "index")


def test_signing_in_without_a_destination_leads_home(people: People) -> None:
    people.client("viewer")
    answer = Client().post(reverse("admin:login"), {"username": "viewer", "password": "pw"})
    assert answer.headers["Location"] == reverse("admin:index")


def pages() -> Iterator[str]:
    yield reverse("admin:index")
    for page in PAGES.values():
        yield reverse(f"admin:{page.name}_changelist")


def test_every_page_of_the_sidebar_opens_and_asks_no_other_server(shop: Shop, people: People) -> None:
    held(shop)
    client = people.client()
    for path in pages():
        answer = client.get(path, follow=True)
        assert answer.status_code == 200, path
        assert not OUTSIDE.search(answer.content.decode()), path
    hold = Hold.objects.get()
    for page in (("orders_app_approval", hold.pk), ("orders_app_order", hold.order_id)):
        assert not OUTSIDE.search(page_of(client, f"{page[0]}_change", page[1]))


def test_the_sidebar_leads_to_every_registered_model() -> None:
    known = {page.name for page in PAGES.values()}
    registered = {f"{model._meta.app_label}_{model._meta.model_name}" for model in admin.site._registry}
    assert registered == known
    assert {page.group for page in PAGES.values()} == set(GROUPS)


@pytest.mark.django_db
def test_a_refusal_is_a_page_for_people(people: People) -> None:
    answer = people.client("viewer").get(reverse("admin:acteon_site_apikey_changelist"))
    assert answer.status_code == 403
    assert "You may not do that" in answer.content.decode()


@pytest.mark.django_db
def test_an_address_that_leads_nowhere_is_a_page_for_people_and_json_for_programs(people: People) -> None:
    client = people.client("viewer")
    page = client.get("/admin/nowhere/", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert "There is nothing here" in page.content.decode()
    for path, accepted in (("/admin/nowhere/", "*/*"), ("/v1/nowhere", "text/html")):
        assert "application/json" in client.get(path, headers={"Accept": accepted}).headers["Content-Type"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("status", "path", "host"),
    [
        (400, "/admin/orders_app/order/?" + "&".join("a" * 1001), "testserver"),
        (400, "/admin/", "elsewhere.example"),
        (403, "/admin/acteon_site/apikey/", "testserver"),
        (404, "/admin/nowhere/", "testserver"),
        (500, "/admin/orders_app/template/", "testserver"),
    ],
)
def test_each_refusal_is_a_page_with_the_number_by_which_the_log_knows_it(
    people: People, monkeypatch: pytest.MonkeyPatch, status: int, path: str, host: str
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("select secret from table")

    monkeypatch.setattr("orders_app.admin.templates.TemplateAdmin.get_queryset", broken)
    client = people.client("viewer")
    client.raise_request_exception = False
    page = client.get(path, headers={"Accept": "text/html", "Host": host})
    assert (page.status_code, page.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert f"Request {page.headers['X-Request-ID']}" in page.content.decode()
    assert "secret" not in page.content.decode()
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
