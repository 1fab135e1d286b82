from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from acteon_site.access.keys import key_principal
from acteon_site.access.people import DEMO_USERS, GROUPS, demo_users_ensure, groups_ensure
from acteon_site.models import ApiKey

pytestmark = pytest.mark.django_db


def run(*arguments: str, **options: Any) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out, **options)
    return out.getvalue()


def test_a_key_is_shown_once_and_works_within_its_scope() -> None:
    secret = run(
        "create_api_key", "storefront", tenant=["acme-store"], namespace=["ecommerce"], quiet=True
    ).strip()
    principal = key_principal(secret)
    assert principal is not None
    assert principal.covers("ecommerce", "acme-store")
    assert not principal.covers("ecommerce", "other-store")
    assert secret not in repr(ApiKey.objects.values())


def test_a_key_can_expire() -> None:
    run("create_api_key", "short", expires_days=2)
    expires = ApiKey.objects.get(name="short").expires_at
    assert expires is not None
    assert abs(expires - timezone.now() - timedelta(days=2)) < timedelta(minutes=1)
    run("create_api_key", "long", expires_days=36_500)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"tenant": ["a:b"]}, "colon"),
        ({"tenant": [" a"]}, "white space"),
        ({"expires_days": 0}, "from 1 to 36500"),
        ({"expires_days": 36_501}, "from 1 to 36500"),
        ({"expires_days": 5_000_000}, "from 1 to 36500"),
        ({"expires_days": 99_999_999_999}, "from 1 to 36500"),
        ({"name": ""}, "1 to 256 characters"),
        ({"name": "  "}, "white space"),
        ({"name": "a\x01b"}, "invisible"),
        ({"name": "a\u200bb"}, "invisible"),
        ({"name": "x" * 151}, "at most 150"),
        ({"name": "x" * 300}, "at most 150"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(CommandError, match=problem):
        run("create_api_key", options.pop("name", "odd"), **options)
    assert not ApiKey.objects.exists()


def test_two_keys_of_one_name_are_refused() -> None:
    run("create_api_key", "twice")
    with pytest.raises(CommandError, match="exists already"):
        run("create_api_key", "twice")


def test_groups_are_made_once_and_keep_what_a_person_added() -> None:
    run("create_groups")
    viewer = Group.objects.get(name="viewer")
    extra = Permission.objects.get(codename="add_rule")
    viewer.permissions.add(extra)
    run("create_groups")
    assert set(Group.objects.values_list("name", flat=True)) == set(GROUPS)
    assert extra in viewer.permissions.all()


def test_a_viewer_changes_nothing_and_a_rule_editor_changes_rules_only() -> None:
    groups_ensure()
    assert not Group.objects.get(name="viewer").permissions.exclude(codename__startswith="view_").exists()
    editor = Group.objects.get(name="rule editor").permissions.exclude(codename__startswith="view_")
    assert {permission.content_type.app_label for permission in editor} == {"rules_app"}


def test_only_approvers_and_administrators_decide_on_held_orders() -> None:
    groups_ensure()
    deciders = Group.objects.filter(permissions__codename="change_hold").values_list("name", flat=True)
    assert set(deciders) == {"approver", "administrator"}


def test_demo_users_can_sign_in_with_the_password_that_is_shown() -> None:
    shown = demo_users_ensure()
    assert [user.username for user in shown] == list(DEMO_USERS)
    for user in shown:
        row = User.objects.get(username=user.username)
        assert row.is_staff
        assert row.check_password(user.password)
    assert len({user.password for user in shown}) == len(shown)


def test_a_second_start_leaves_a_changed_password_alone() -> None:
    first = {user.username: user.password for user in demo_users_ensure()}
    manager = User.objects.get(username="manager")
    manager.set_password("something else entirely")
    manager.save()
    second = {user.username: user.password for user in demo_users_ensure()}
    assert second == first | {"manager": ""}
