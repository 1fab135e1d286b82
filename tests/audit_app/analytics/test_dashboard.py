"""The dashboard: its numbers lead to their rows, in the viewer's zone, beside those of the week before."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from html import unescape
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from acteon_site.access.zones import zone_of
from audit_app.admin.ranges import range_of
from audit_app.analytics.chart import axis_of
from audit_app.analytics.spans import Span
from audit_app.analytics.zone_days import cover_of
from audit_app.services.relay import relay
from audit_app.services.rollups import rollups_fold
from tests.audit_app.analytics.world import ORDER, some_of_everything
from tests.audit_app.conftest import SHOP, note
from tests.people import People

pytestmark = pytest.mark.django_db
PAGE = "/admin/audit_app/dashboard/"
LINK = re.compile(r'<a class="gw-link" href="(/admin/audit_app/auditrecord/\?[^"]+)">([\d,]+)')


@pytest.fixture
def viewer() -> Client:
    return People().client("viewer")


def shown(client: Client, **query: Any) -> str:
    answer = client.get(PAGE, query)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize("scope", ["", "ecommerce:acme-store"])
def test_every_number_is_that_of_the_rows_it_leads_to(viewer: Client, scope: str) -> None:
    some_of_everything()
    note(SHOP, outcome="approval_expired", verdict="request_approval", outcome_details={"waited_ms": 60_000})
    relay()
    rollups_fold()
    note(SHOP, payload=ORDER)  # the relay has not seen it
    links = LINK.findall(shown(viewer, range="month", **({"scope": scope} if scope else {})))
    assert len(links) > 10
    for url, count in links:
        if "provider__exact" in url:
            continue  # calls, and not steps
        rows = viewer.get(unescape(url)).context["cl"].result_count
        assert rows == int(count.replace(",", "")), url


def test_the_zone_is_kept_for_a_person_and_stated(viewer: Client) -> None:
    answer = viewer.post(PAGE + "zone/", {"zone": "Asia/Kolkata", "back": "range=week"}, follow=True)
    assert answer.redirect_chain == [(PAGE + "?range=week", 302)]
    page = answer.content.decode()
    assert "<option selected>Asia/Kolkata</option>" in page
    assert "Asia/Kolkata. Numbers are exact" in page
    person = answer.wsgi_request.user
    refused = viewer.post(PAGE + "zone/", {"zone": "../etc/passwd"}, follow=True)
    assert "is no time zone" in refused.content.decode()
    assert zone_of(person) == ZoneInfo("Asia/Kolkata")
    assert "<option selected>UTC</option>" in shown(People().client("operator"))


def test_days_begin_at_midnight_of_the_zone_also_where_that_is_at_half_past() -> None:
    span = Span(*(int(datetime(2026, 3, day, tzinfo=UTC).timestamp()) for day in (1, 12)))
    kolkata = axis_of(span, ZoneInfo("Asia/Kolkata"))
    assert {datetime.fromtimestamp(at, UTC).strftime("%H:%M") for at in kolkata.begins[1:]} == {"18:30"}
    days = axis_of(span, ZoneInfo("America/New_York")).begins[1:]  # clocks go forward on the eighth
    assert sorted({later - earlier for earlier, later in pairwise(days)}) == [
        82_800,
        86_400,
    ]


@pytest.mark.parametrize(
    "name", ["UTC", "Asia/Kolkata", "Asia/Kathmandu", "America/New_York", "Europe/London"]
)
@pytest.mark.parametrize("hours", [50, 73, 400])
def test_bars_of_a_zones_days_hold_each_minute_once_and_few_sums_are_read_for_them(
    name: str, hours: int
) -> None:
    until = int(datetime(2026, 4, 2, 7, 38, tzinfo=UTC).timestamp())  # clocks went forward in March
    span, zone = Span(until - hours * 3600, until), ZoneInfo(name)
    axis = axis_of(span, zone)
    cover = cover_of(axis, span)
    read = {(grain, at) for grain, one in cover.pieces for at in range(one.since, one.until, grain)}
    found = Counter[tuple[int, int]]()
    for grain, at in read:
        for bar, sign in cover.parts_of(axis, grain, at):
            found.update({(bar, minute): sign for minute in range(at, at + grain, 60)})
    counted = {key: count for key, count in found.items() if count}
    assert counted == {(axis.index(at), at): 1 for at in range(span.since, span.until, 60)}
    assert len(read) < 160 + hours / 24 * 10


@pytest.mark.parametrize("name", ["hour", "today", "yesterday", "day", "week", "month"])
def test_a_range_is_compared_with_the_same_days_of_the_week_before_it(name: str) -> None:
    asked = range_of({"range": name}, timezone.now(), ZoneInfo("Europe/Berlin"))
    assert (asked.span.since - asked.before.since) % (7 * 86_400) == 0
    assert asked.before.until <= asked.span.since


@pytest.mark.parametrize(
    "query", [{"first": "x"}, {"first": "2026-03-02", "last": "2026-03-01"}, {"first": "0001-01-01"}]
)
def test_days_that_cannot_be_meant_are_told(viewer: Client, query: dict[str, str]) -> None:
    assert 'class="gw-problem"' in shown(viewer, **query)


def test_worth_and_waiting_time_are_shown(viewer: Client) -> None:
    note(SHOP, payload=ORDER, matched_rule="vip", outcome="suppressed")
    note(SHOP, outcome="approval_approved", verdict="request_approval", outcome_details={"waited_ms": 90_000})
    note(SHOP, payload={**ORDER, "total_cents": 50}, dispatched_at=timezone.now() - timedelta(days=7))
    page = shown(viewer, range="hour")
    assert "€12.50" in page
    assert re.search(r"50 % decided within</dt><dd>(8[89]|9[012])", page)


def test_who_may_not_see_the_trail_sees_no_sums_of_it() -> None:
    client = People().client("nobody of these")
    assert client.get(PAGE).status_code == 403
    assert Client().get(PAGE).status_code == 302


def test_the_page_costs_the_same_however_much_there_is(
    viewer: Client, django_assert_max_num_queries: Any
) -> None:
    some_of_everything()
    relay()
    with django_assert_max_num_queries(42):
        shown(viewer, range="month")
