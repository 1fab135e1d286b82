"""Who signs in to the admin in these tests, and what they find there."""

from __future__ import annotations

import functools
from typing import Any

from django.contrib.auth.models import Group, Permission, User
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from acteon_site.access.people import groups_ensure
from orders_app.models import Hold
from rules_app.models import Rule
from tests.remembered import RememberedRows
from tests.world import Shop, publish_rules

HIGH = {"total_cents": 75_000, "order_id": "big-1"}
PRIVATE = ("4111111111111111", "4242", "94107")
EMAIL = "ada@example.com"


@functools.cache
def _groups_with(first_permission: int) -> RememberedRows:
    """A test that commits leaves permissions under other keys, on SQLite."""
    return RememberedRows(groups_ensure)


class People:
    """Staff by their group; a client is signed in for each that is asked for."""

    def __init__(self) -> None:
        if not Group.objects.exists():
            first = Permission.objects.order_by("pk").values_list("pk", flat=True)[0]
            _groups_with(first).put()

    def client(self, group: str = "", *, name: str = "", csrf: bool = False) -> Client:
        """Somebody of this group; without one, a superuser."""
        user = User.objects.create_user(name or (group or "boss").replace(" ", "-"), password="pw")
        user.is_staff, user.is_superuser = True, not group
        user.save()
        user.groups.set(Group.objects.filter(name=group))
        client = Client(enforce_csrf_checks=csrf)
        client.force_login(user)
        return client


def held(shop: Shop, **payload: Any) -> Hold:
    """An order that waits for a decision, until long after the test."""
    answer = shop.place(payload={**HIGH, **payload})
    return Hold.objects.get(pk=answer["PendingApproval"]["approval_id"])


def always_open() -> None:
    """Releases run by the real clock; these tests must not depend on it."""
    Rule.objects.filter(name="schedule-after-hours").update(enabled=False)
    publish_rules()


def page_of(client: Client, name: str, *args: object, **query: Any) -> str:
    answer = client.get(reverse(f"admin:{name}", args=args), query)
    assert answer.status_code == 200, answer
    return answer.content.decode()


def press(client: Client, name: str, row: Any, **data: str) -> Any:
    """Post a button of a row's page."""
    return client.post(reverse(f"admin:{name}", args=[row.pk]), data)


def told(answer: Any) -> str:
    """What the person is told next."""
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def errors_of(answer: Any) -> dict[str, list[str]]:
    assert answer.status_code == 200
    return dict(answer.context["adminform"].form.errors)
