"""Many holds that fall due at once: released in sets, each as if it were alone."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from acteon_site.base.clock import db_now
from orders_app.models import Action, Hold, Order
from orders_app.services.releases import holds_sweep
from rules_app.models import Rule
from tests.orders_app.test_costs import FRAMING
from tests.orders_app.test_holds import make_due
from tests.world import Shop, order, publish_rules, tag


@pytest.fixture
def closed(shop: Shop) -> Shop:
    """A shop that schedules every order, with room for all of them in a minute."""
    Rule.objects.filter(name="schedule-after-hours").update(
        condition={"field": "action.action_type", "eq": "place_order"}
    )
    Rule.objects.filter(name="throttle-merchant-orders").update(
        action={"type": "throttle", "max_count": 1000, "window_seconds": 60}
    )
    publish_rules()
    return shop


def schedule(shop: Shop, count: int) -> None:
    answers = shop.batch([order() for _ in range(count)]).json()
    assert {tag(answer) for answer in answers} == {"Scheduled"}
    make_due()


def test_each_of_many_releases_has_its_run_and_its_two_rows_in_order(closed: Shop) -> None:
    schedule(closed, 60)
    assert holds_sweep() == 60
    orders = Order.objects.all()
    assert {one.status for one in orders} == {"processing"}
    assert len({one.run_id for one in orders}) == 60
    assert {hold.status for hold in Hold.objects.all()} == {"released"}
    rows = closed.audit()[::-1]
    for one in orders:
        outcomes = [row["outcome"] for row in rows if row["action_id"] == one.action_id_text]
        assert outcomes == ["scheduled", "schedule_released", "executed"]


def test_what_one_release_takes_the_next_of_its_set_does_not_get(closed: Shop) -> None:
    schedule(closed, 5)
    Rule.objects.filter(name="throttle-merchant-orders").update(
        action={"type": "throttle", "max_count": 3, "window_seconds": 60}
    )
    Hold.objects.update(passed=[])
    publish_rules()
    due = list(Hold.objects.order_by("next_run_at", "id").values_list("order_id", flat=True))
    holds_sweep()
    assert set(due[:3]) == set(Order.objects.filter(status="processing").values_list("pk", flat=True))
    assert set(due[3:]) == set(Order.objects.filter(status="scheduled").values_list("pk", flat=True))


def test_a_broken_hold_harms_no_other_stays_held_and_is_tried_later(closed: Shop) -> None:
    schedule(closed, 7)
    broken = Hold.objects.order_by("next_run_at", "id")[3]
    Action.objects.filter(pk=broken.action_id).update(body={"not": "an action"})
    holds_sweep()
    assert Order.objects.filter(status="processing").count() == 6
    broken.refresh_from_db()
    assert (broken.status, broken.attempts) == ("pending", 1)
    assert "the log says why" in broken.problem
    assert broken.next_run_at is not None
    assert broken.next_run_at > db_now()
    assert holds_sweep() == 0


@pytest.mark.postgres  # SQLite writes row by row
def test_a_set_costs_as_many_statements_as_two(closed: Shop) -> None:
    costs = []
    for count in (2, 2, 20):  # the first fills the caches
        schedule(closed, count)
        with CaptureQueriesContext(connection) as queries:
            assert holds_sweep() == count
        asked = [query["sql"] for query in queries if not query["sql"].startswith(FRAMING)]
        costs.append([sql for sql in asked if "acteon_site_configstamp" not in sql])
    _, few, many = costs
    assert len(many) <= len(few), "\n".join(sql[:160] for sql in many)
