"""Recurring actions in the admin: made by a form with a preview, paused, resumed, run and made up for by buttons."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from acteon_site.base import config_versions
from acteon_site.base.source import SYSTEM_SOURCE
from orders_app.admin.recurring_forms import MomentField
from orders_app.models import RecurringAction, RecurringFiring
from orders_app.services.recurring.by_hand import recurring_run_now
from rules_app.models import RuleSetVersion
from tests.orders_app.recurring.world import Clock, made, outcomes
from tests.people import People, told
from tests.world import NAMESPACE, TENANT, Shop

pytestmark = pytest.mark.django_db
LIST = "/admin/orders_app/recurringaction/"
CARD = "4111111111111111"
TYPED = {
    "name": "morning-report",
    "namespace": NAMESPACE,
    "tenant": TENANT,
    "provider": "email-service",
    "action_type": "send_report",
    "payload": '{"to": "ops"}',
    "metadata": "",
    "dedup_key": "",
    "cron_expression": "0 9 * * MON-FRI",
    "timezone": "Europe/Berlin",
    "starts_at": "",
    "ends_at": "2099-01-01 00:00",
    "max_executions": "",
    "missed": "once",
    "overlap_policy": "skip",
    "description": "",
    "labels": "",
}


def page_of(row: RecurringAction, name: str = "change") -> str:
    return reverse(f"admin:orders_app_recurringaction_{name}", args=[row.pk])


def test_one_is_made_looked_at_and_changed(shop: Shop, people: People) -> None:
    boss = people.client()
    answer = boss.post(f"{LIST}add/", TYPED)
    assert answer.status_code == 302, answer.context["errors"]
    row = RecurringAction.objects.get()
    assert (row.timezone, row.ends_at, row.created_by) == (
        "Europe/Berlin",
        datetime(2099, 1, 1, tzinfo=UTC),
        "boss",
    )
    listed = boss.get(LIST).content.decode()
    assert "At 09:00 on Monday through Friday (Europe/Berlin)" in listed
    shown = boss.get(page_of(row)).content.decode()
    assert "2099-01-01 00:00" in shown
    assert shown.count("09:00</td>") == 10
    changed = {**TYPED, "cron_expression": "30 9 * * *", "ends_at": ""}
    assert boss.post(page_of(row), changed).status_code == 302
    row.refresh_from_db()
    assert (row.cron_expression, row.ends_at) == ("30 9 * * *", None)
    assert boss.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not RecurringAction.objects.exists()


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"cron_expression": "@daily"}, "cron_expression", "write 0 0 * * *"),
        ({"cron_expression": "0 0 30 2 *"}, "cron_expression", "never comes"),
        ({"missed": "all"}, "missed", "overlap_policy"),
        ({"ends_at": "soon"}, "ends_at", "must be a time"),
        ({"payload": "[1]"}, "payload", ""),
        ({"provider": "a:b"}, "provider", "colon"),
        ({"max_executions": "0"}, "max_executions", "from 1"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    shop: Shop, people: People, changes: dict[str, str], field: str, said: str
) -> None:
    answer = people.client().post(f"{LIST}add/", {**TYPED, **changes})
    errors = answer.context["adminform"].form.errors
    assert list(errors) == [field]
    assert said in str(errors[field])


def test_what_services_refuse_is_told_and_nothing_is_saved(shop: Shop, people: People) -> None:
    boss = people.client()
    answer = boss.post(f"{LIST}add/", {**TYPED, "ends_at": "2020-01-01 00:00"})
    assert "never fires again" in told(answer)
    assert not RecurringAction.objects.exists()


def test_the_preview_says_what_is_typed_in_words_and_times(shop: Shop, people: People) -> None:
    boss, url = people.client(), reverse("admin:orders_app_recurringaction_preview")
    said = boss.get(url, {"cron_expression": "0 9 * * MON", "timezone": "Asia/Tokyo"}).content.decode()
    assert "At 09:00 on Monday" in said
    assert said.count("<li>") == 5
    assert "in UTC" in said
    assert "write 0 * * * *" in boss.get(url, {"cron_expression": "@hourly"}).content.decode()
    assert "time zone" in boss.get(url, {"cron_expression": "* * * * *", "timezone": "x"}).content.decode()
    assert boss.get(url).content.decode().strip() == ""


def test_buttons_pause_resume_and_run_it_and_a_viewer_has_none(shop: Shop, people: People) -> None:
    row = made(name="digest", namespace="elsewhere", payload={"card_number": CARD, "to": "ops"})
    operator, viewer = people.client("operator"), people.client("viewer")
    assert "Pause" in operator.get(page_of(row)).content.decode()
    assert "is paused" in told(operator.post(page_of(row, "pause")))
    assert "is paused already" in told(operator.post(page_of(row, "pause")))
    assert "goes on" in told(operator.post(page_of(row, "resume")))
    assert "Dispatched: executed" in told(operator.post(page_of(row, "run")))
    assert outcomes(row) == ["executed"]
    assert RecurringFiring.objects.get().kind == "manual"
    assert CARD not in operator.get(page_of(row)).content.decode()
    seen = viewer.get(page_of(row)).content.decode()
    assert "executed" in seen
    assert CARD not in seen
    assert "Run now" not in seen
    for name in ("pause", "resume", "run"):
        assert viewer.post(page_of(row, name)).status_code == 403
        assert operator.get(page_of(row, name)).status_code == 405
    assert viewer.get(page_of(row, "backfill")).status_code == 403
    RecurringAction.objects.all().delete()
    assert "no such recurring action" in told(operator.post(page_of(row, "run")))


def test_a_second_press_within_the_minute_fires_nothing(
    shop: Shop, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr("orders_app.services.recurring.by_hand.db_now", clock)
    row, boss = made(namespace="elsewhere"), people.client()
    assert "Dispatched" in told(boss.post(page_of(row, "run")))
    assert "at most one firing a minute" in told(boss.post(page_of(row, "run")))
    clock.forward(minutes=1)
    assert "Dispatched" in told(boss.post(page_of(row, "run")))
    assert RecurringFiring.objects.count() == 2


def test_a_backfill_shows_what_it_will_do_and_does_that(shop: Shop, people: People) -> None:
    row = made(namespace="elsewhere", cron_expression="0 * * * *")
    boss, url = people.client(), page_of(row, "backfill")
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    asked: dict[str, Any] = {
        "start": f"{hour - timedelta(hours=2):%Y-%m-%d %H:%M}",
        "end": f"{hour:%Y-%m-%d %H:%M}",
        "limit": "100",
        "overlap": "",
    }
    shown = boss.post(url, asked).content.decode()
    assert shown.count("it is dispatched") == 3
    assert not RecurringFiring.objects.exists()
    answer = boss.post(url, {**asked, "do": "fire"})
    assert "3 dispatched, 0 not" in told(answer)
    assert outcomes(row) == ["executed"] * 3
    assert "There is nothing to make up for" in boss.post(url, asked).content.decode()
    wrong = boss.post(url, {**asked, "end": "2099-01-01 00:00"}).content.decode()
    assert "in the future" in wrong


def test_the_list_and_a_page_cost_the_same_however_many_there_are(
    shop: Shop, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Else a slow machine looks between two pages whether configuration has changed.
    monkeypatch.setattr(config_versions, "CHECK_SECONDS", 3600.0)
    boss = people.client()

    def cost(client: Client, url: str) -> int:
        with CaptureQueriesContext(connection) as asked:
            assert client.get(url).status_code == 200
        return len(asked)

    row = made(namespace="elsewhere")
    recurring_run_now(row=row, source=SYSTEM_SOURCE)
    cost(boss, LIST), cost(boss, page_of(row))  # what each reads once is read
    few = cost(boss, LIST), cost(boss, page_of(row))
    for _ in range(5):
        made(namespace="elsewhere")
    RecurringFiring.objects.bulk_create(
        RecurringFiring(
            recurring_id=row.pk,
            name=row.name,
            namespace=row.namespace,
            tenant=row.tenant,
            provider="p",
            action_type="t",
            occurrence=datetime(2026, 1, day, tzinfo=UTC),
            outcome="executed",
        )
        for day in range(1, 20)
    )
    assert (cost(boss, LIST), cost(boss, page_of(row))) == few


@pytest.mark.parametrize("typed", ["2026-12-31 18:00 CET", "2026-12-31T18:00+01:00", "2026-12-31 18:00pm"])
def test_a_time_whose_zone_is_not_read_is_refused_and_never_taken_for_utc(typed: str) -> None:
    with pytest.raises(ValidationError):
        MomentField().clean(typed)


@pytest.mark.parametrize(
    "typed",
    [
        "2026-12-31 18:00",
        "2026-12-31 18:00 UTC",
        "2026-12-31T18:00Z",
        "2026-12-31 18:00:00",
        "2026-12-31T19:00:00+01:00",
    ],
)
def test_a_time_is_read_in_utc_or_with_its_offset(typed: str) -> None:
    assert MomentField().clean(typed) == datetime(2026, 12, 31, 18, tzinfo=UTC)


def test_a_backfill_that_cannot_be_decided_says_so(
    shop: Shop, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = made(namespace="elsewhere", cron_expression="0 * * * *")
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    typed = f"{hour:%Y-%m-%d %H:%M}"
    RuleSetVersion.objects.all().delete()
    config_versions.reset()
    asked = {"start": typed, "end": typed, "limit": "9", "overlap": "", "do": "fire"}
    assert (
        "no rule set has been loaded"
        in people.client().post(page_of(row, "backfill"), asked).content.decode()
    )
