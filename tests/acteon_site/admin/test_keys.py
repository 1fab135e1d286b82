"""API keys: made by a form, shown once, revoked by a button."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from acteon_site.access.keys import api_key_create, key_principal
from acteon_site.models import ApiKey
from tests.people import People, errors_of, page_of, press, told

pytestmark = pytest.mark.django_db
ADD, LIST, PAGE, REVOKE = (f"acteon_site_apikey_{page}" for page in ("add", "changelist", "change", "revoke"))


def form(**changes: str) -> dict[str, str]:
    fields = {
        "name": "storefront",
        "role": "operator",
        "namespaces": "ecommerce",
        "tenants": "acme-store, other-store",
        "providers": "*",
        "action_types": "place_order",
        "expires_at_0": "",
        "expires_at_1": "",
    }
    return fields | changes


def add(client: Client, **changes: str) -> Any:
    return client.post(reverse(f"admin:{ADD}"), form(**changes))


def test_a_key_is_shown_once_works_and_is_never_seen_again(people: People) -> None:
    client = people.client("administrator")
    answer = add(client)
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    secret = answer.context["secret"]
    assert answer.content.decode().count(secret) == 1
    key, principal = ApiKey.objects.get(), key_principal(secret)
    assert principal is not None
    assert (principal.caller_id, principal.tenants) == ("key:storefront", ("acme-store", "other-store"))
    later = page_of(client, LIST) + page_of(client, PAGE, key.pk) + page_of(client, "index")
    for hidden in (secret, key.secret_hash):
        assert hidden not in later
        assert hidden not in repr(list(LogEntry.objects.values())) + str(answer.cookies)
    assert key.prefix in later


def test_sending_the_form_again_makes_no_second_key(people: People) -> None:
    client = people.client("administrator")
    add(client)
    assert "already exists" in errors_of(add(client))["name"][0]
    assert ApiKey.objects.count() == 1


MISTAKES = [
    ({"name": ""}, "name", "required"),
    ({"name": "a\u200bb"}, "name", "invisible"),
    ({"name": "x" * 151}, "name", "at most 150"),
    ({"role": "root"}, "role", "valid choice"),
    ({"tenants": "a:b"}, "tenants", "colon"),
    ({"tenants": " , "}, "tenants", "required"),
    ({"namespaces": "*, ecommerce"}, "namespaces", "alone"),
    ({"expires_at_0": "2020-01-01", "expires_at_1": "00:00:00"}, "expires_at", "future"),
    ({"expires_at_0": "2199-01-01", "expires_at_1": "00:00:00"}, "expires_at", "within 36500 days"),
]


@pytest.mark.parametrize(("changes", "field", "words"), MISTAKES)
def test_a_mistake_is_told_on_its_field(
    people: People, changes: dict[str, str], field: str, words: str
) -> None:
    errors = errors_of(add(people.client("administrator"), **changes))
    assert words in " ".join(errors[field]), errors
    assert not ApiKey.objects.exists()


def test_a_key_may_expire(people: People) -> None:
    add(people.client("administrator"), expires_at_0="2099-01-01", expires_at_1="00:00:00")
    expires = ApiKey.objects.get().expires_at
    assert expires is not None
    assert expires.year == 2099


def test_a_revoked_key_opens_nothing_any_more(people: People) -> None:
    key, secret = api_key_create(name="old", role="viewer")
    client = people.client("administrator")
    assert "Yes, revoke it" in page_of(client, PAGE, key.pk)
    assert "old is revoked" in told(press(client, REVOKE, key))
    assert key_principal(secret) is None
    assert "Yes, revoke it" not in page_of(client, PAGE, key.pk)
    assert "revoked" in page_of(client, LIST)
    assert LogEntry.objects.get().get_change_message() == "Revoked."


def test_a_key_is_neither_edited_nor_deleted(people: People) -> None:
    key, secret = api_key_create(name="k", role="viewer")
    client = people.client()
    assert client.post(reverse(f"admin:{PAGE}", args=[key.pk]), form(role="admin")).status_code == 403
    delete = reverse("admin:acteon_site_apikey_delete", args=[key.pk])
    assert client.post(delete, {"post": "yes"}).status_code == 403
    assert client.get(reverse(f"admin:{REVOKE}", args=[key.pk])).status_code == 405
    principal = key_principal(secret)
    assert principal is not None
    assert principal.role == 1


@pytest.mark.parametrize("group", ["viewer", "approver", "operator", "rule editor"])
def test_only_administrators_handle_keys(people: People, group: str) -> None:
    key, secret = api_key_create(name="k", role="viewer")
    client = people.client(group)
    for page in (LIST, ADD):
        assert client.get(reverse(f"admin:{page}")).status_code == 403
    assert add(client).status_code == 403
    assert press(client, REVOKE, key).status_code == 403
    assert key_principal(secret) is not None
    assert ApiKey.objects.count() == 1
