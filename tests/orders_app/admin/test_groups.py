"""Groups of actions in the admin: what waits, what is inside without its secrets, and the button that sends it."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from audit_app.models import AuditRecord
from orders_app.models import ActionGroup
from tests.orders_app.gathered import alert, group_rule, send_all
from tests.people import People, page_of, press, told
from tests.world import Shop

LIST, PAGE, FLUSH = (f"orders_app_actiongroup_{page}" for page in ("changelist", "change", "flush"))


@pytest.fixture
def group(shop: Shop) -> ActionGroup:
    group_rule()
    shop.batch([alert("north"), alert("north")])
    return ActionGroup.objects.get()


def test_the_page_tells_what_is_inside_and_nothing_secret(group: ActionGroup, people: People) -> None:
    client = people.client("viewer")
    assert "group-stock-alerts: north" in page_of(client, LIST)
    page = page_of(client, PAGE, group.pk)
    for said in (
        "2 actions",
        "alert-",
        "north",
        "[REDACTED]",
        "gather those alike in action.payload.warehouse",
    ):
        assert said in page
    assert "4111111111111111" not in page
    assert "Send now" not in page
    assert press(client, FLUSH, group).status_code == 403
    group.refresh_from_db()
    assert group.state == "waiting"


def test_who_may_move_orders_sends_a_group_before_its_time(group: ActionGroup, people: People) -> None:
    client = people.client("operator")
    assert "Closed with 2 actions" in told(press(client, FLUSH, group))
    send_all()
    assert "group-stock-alerts: north" not in page_of(client, LIST)
    assert "group-stock-alerts: north" in page_of(client, LIST, state="flushed")
    assert "by operator" in page_of(client, PAGE, group.pk)
    record = AuditRecord.objects.get(action_id=str(group.pk))
    assert (record.caller_id, record.auth_method, record.outcome) == ("operator", "admin", "executed")
    assert "Closed with 2 actions" in told(press(client, FLUSH, group))
    assert AuditRecord.objects.filter(action_id=str(group.pk)).count() == 1


def test_a_group_that_cannot_be_sent_is_not_said_to_be(group: ActionGroup, people: People) -> None:
    ActionGroup.objects.update(template="gone")
    said = told(press(people.client("operator"), FLUSH, group))
    assert "Closed with 2 actions, and not sent yet:" in said
    assert "gone" in said
    assert "is called" not in said


def test_the_list_costs_the_same_however_many_groups_there_are(
    group: ActionGroup, shop: Shop, people: People
) -> None:
    client, counts = people.client("viewer"), []
    page_of(client, LIST)
    for more in ((), [alert(f"w-{number}") for number in range(30)]):
        if more:
            shop.batch(list(more))
        with CaptureQueriesContext(connection) as queries:
            page_of(client, LIST)
        counts.append(len([one for one in queries if "acteon_site_configstamp" not in one["sql"]]))
    assert counts[0] == counts[1]


def test_a_group_is_found_by_its_key_its_id_and_an_action_in_it(group: ActionGroup, people: People) -> None:
    client = people.client("viewer")
    action = group.members.first()
    assert action is not None
    for asked in (group.group_key, str(group.pk), action.action.action_id):
        answer = client.get(reverse("find"), {"q": asked}, follow=True)
        assert "2 actions" in answer.content.decode()
