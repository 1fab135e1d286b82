"""Templates and profiles: checked where they are typed, and used by the next order."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from acteon_site.base import config_versions
from orders_app.models import Template, TemplateProfile
from orders_app.selectors import profile_named
from tests.people import People, errors_of
from tests.world import NAMESPACE, TENANT

pytestmark = pytest.mark.django_db
SCOPE = {"namespace": NAMESPACE, "tenant": TENANT, "description": "", "labels": ""}


def add(client: Client, model: str, **fields: str) -> Any:
    return client.post(reverse(f"admin:orders_app_{model}_add"), {**SCOPE, **fields})


def test_a_template_and_the_profile_that_uses_it_are_in_force_at_once(people: People) -> None:
    client = people.client(name="maria")
    assert add(client, "template", name="greeting", content="Hello {{ payload.name }}").status_code == 302
    profile = "subject: 'Order {{ payload.order_id }}'\nbody: {$ref: greeting}"
    assert add(client, "templateprofile", name="mail", fields=profile).status_code == 302
    assert Template.objects.get().edited_by == TemplateProfile.objects.get().edited_by == "maria"
    config_versions.expire()
    texts = profile_named(NAMESPACE, TENANT, "mail")
    assert texts == {"subject": "Order {{ payload.order_id }}", "body": "Hello {{ payload.name }}"}


MISTAKES: list[tuple[str, dict[str, str], str, str]] = [
    ("template", {"name": "x", "content": "{{ payload."}, "content", "is no template"),
    ("template", {"name": " x\u200b", "content": "y"}, "name", "invisible"),
    ("template", {"name": "x", "content": ""}, "content", "required"),
    ("template", {"name": "x", "content": "y", "tenant": "a:b"}, "tenant", "colon"),
    ("template", {"name": "x", "content": "y", "labels": "[1"}, "labels", "line 1"),
    ("templateprofile", {"name": "x", "fields": "body: {$ref: nowhere}"}, "fields", "does not exist"),
    ("templateprofile", {"name": "x", "fields": "body: '{% for %}'"}, "fields", "fields.body"),
    ("templateprofile", {"name": "x", "fields": "body: 5"}, "fields", "must be text"),
    ("templateprofile", {"name": "x", "fields": "{}"}, "fields", "required"),
]


@pytest.mark.parametrize(("model", "fields", "field", "words"), MISTAKES)
def test_a_mistake_is_told_on_its_field(
    people: People, model: str, fields: dict[str, str], field: str, words: str
) -> None:
    errors = errors_of(add(people.client(), model, **fields))
    assert words in " ".join(errors[field]), errors
    assert not Template.objects.exists()
    assert not TemplateProfile.objects.exists()


def test_a_name_is_given_once_for_each_tenant(people: People) -> None:
    client = people.client()
    add(client, "template", name="greeting", content="a")
    answer = add(client, "template", name="greeting", content="b")
    assert answer.status_code == 200
    assert add(client, "template", name="greeting", content="b", tenant="other-store").status_code == 302
    assert Template.objects.count() == 2


def test_a_template_keeps_its_name_and_is_not_deleted_under_its_profiles(people: People) -> None:
    client = people.client()
    add(client, "template", name="greeting", content="a")
    add(client, "templateprofile", name="mail", fields="body: {$ref: greeting}")
    row = Template.objects.get()
    change, delete = (
        reverse(f"admin:orders_app_template_{page}", args=[row.pk]) for page in ("change", "delete")
    )
    assert client.post(change, {**SCOPE, "name": "renamed", "content": "new"}).status_code == 302
    row.refresh_from_db()
    assert (row.name, row.content) == ("greeting", "new")
    answer = client.post(delete, {"post": "yes"}, follow=True)
    assert "profiles refer to it: mail" in answer.content.decode()
    profile = TemplateProfile.objects.get()
    client.post(reverse("admin:orders_app_templateprofile_delete", args=[profile.pk]), {"post": "yes"})
    client.post(delete, {"post": "yes"})
    assert not Template.objects.exists()


def test_who_may_only_look_edits_nothing(people: People) -> None:
    client = people.client("approver")
    for model in ("template", "templateprofile"):
        assert client.get(reverse(f"admin:orders_app_{model}_changelist")).status_code == 200
        assert add(client, model, name="x", content="y", fields="a: b").status_code == 403
    assert not Template.objects.exists()
