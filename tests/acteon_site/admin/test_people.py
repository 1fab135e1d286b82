"""Users and groups: an administrator gives rights by groups, and makes no superuser of anybody."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse

from tests.people import People, page_of

pytestmark = pytest.mark.django_db


def change(user: User, **changes: Any) -> dict[str, Any]:
    groups = list(user.groups.values_list("pk", flat=True))
    fields = {"username": user.username, "is_active": "on", "is_staff": "on", "groups": groups}
    return {**fields, "first_name": "", "last_name": "", "email": "", **changes}


def path_of(user: User, page: str = "change") -> str:
    return reverse(f"admin:auth_user_{page}", args=[user.pk])


def test_an_administrator_adds_a_manager_by_a_group(people: People) -> None:
    client = people.client("administrator")
    group = Group.objects.get(name="approver")
    password = "a long enough password"
    data = {"username": "maria", "usable_password": "true", "password1": password, "password2": password}
    answer = client.post(reverse("admin:auth_user_add"), {**data, "is_staff": "on", "groups": [group.pk]})
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    maria = User.objects.get(username="maria")
    assert maria.check_password(password)
    assert maria.is_staff
    assert maria.has_perm("orders_app.change_hold")
    assert "approver" in page_of(client, "auth_user_changelist")


def test_an_administrator_makes_no_superuser(people: People) -> None:
    client = people.client("administrator")
    someone = User.objects.create_user("someone", is_staff=True)
    for user in (someone, User.objects.get(username="administrator")):
        assert client.post(path_of(user), change(user, is_superuser="on")).status_code == 302
        user.refresh_from_db()
        assert not user.is_superuser


def test_an_administrator_touches_no_superuser(people: People) -> None:
    client = people.client("administrator")
    root = User.objects.create_superuser("root", password="unchanged password")
    assert client.post(path_of(root), change(root, is_active="")).status_code == 403
    assert client.post(path_of(root, "delete"), {"post": "yes"}).status_code == 403
    password = reverse("admin:auth_user_password_change", args=[root.pk])
    assert client.post(password, {"password1": "x" * 20, "password2": "x" * 20}).status_code == 403
    root.refresh_from_db()
    assert root.is_active
    assert root.check_password("unchanged password")


def test_a_superuser_makes_superusers(people: People) -> None:
    client = people.client()
    someone = User.objects.create_user("someone")
    client.post(path_of(someone), change(someone, is_superuser="on"))
    someone.refresh_from_db()
    assert someone.is_superuser


def test_the_group_pages_open_and_others_see_neither(people: People) -> None:
    client = people.client("administrator")
    assert "rule editor" in page_of(client, "auth_group_changelist")
    assert "Permissions" in page_of(client, "auth_group_change", Group.objects.get(name="viewer").pk)
    viewer = people.client("viewer")
    for page in ("auth_user_changelist", "auth_group_changelist"):
        assert viewer.get(reverse(f"admin:{page}")).status_code == 403
