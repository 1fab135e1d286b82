"""The quota pages: same checks as the API, the use shown beside the limit."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from rules_app.models import Quota
from rules_app.services.quota_windows import quotas_counting
from rules_app.services.quotas import quota_create
from tests.rules_app.test_admin_rules import errors_of, manager

pytestmark = pytest.mark.django_db
ADD = "admin:rules_app_quota_add"


def form(**changes: Any) -> dict[str, Any]:
    fields = {
        "namespace": "ecommerce",
        "tenant": "acme-store",
        "max_actions": "200",
        "window": "hourly",
        "window_seconds": "",
        "overage": "block",
        "overage_target": "",
        "enabled": "on",
        "provider": "",
        "principal": "",
        "description": "",
        "labels": "{}",
    }
    return fields | changes


def test_a_quota_made_by_hand_counts_at_once_and_shows_its_use(providers: object) -> None:
    client = manager()
    assert (
        client.post(reverse(ADD), form(overage="notify", overage_target="email-service")).status_code == 302
    )
    quota = Quota.objects.get()
    assert (quota.edited_by, quota.overage_target) == ("ann", "email-service")
    assert len(quotas_counting("ecommerce", "acme-store", "any", "any")) == 1
    page = client.get(reverse("admin:rules_app_quota_changelist")).content.decode()
    assert "0 of 200, resets" in page
    assert "notify:email-service" in page
    detail = client.get(reverse("admin:rules_app_quota_change", args=[quota.pk]))
    assert detail.status_code == 200


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"max_actions": "0"}, "max_actions"),
        ({"max_actions": ""}, "max_actions"),
        ({"tenant": "a:b"}, "tenant"),
        ({"window": "custom"}, "window_seconds"),
        ({"overage": "degrade"}, "overage_target"),
        ({"overage": "degrade", "overage_target": "a:b"}, "overage_target"),
        ({"overage": "degrade", "overage_target": "email-servce"}, "overage_target"),
        ({"overage": "notify", "overage_target": "nobody"}, "overage_target"),
        ({"provider": "email-servce"}, "provider"),
        ({"principal": "key:a", "per_principal": "on"}, "per_principal"),
        ({"labels": "[1]"}, "labels"),
    ],
)
def test_a_mistake_stands_at_its_field(changes: dict[str, str], field: str) -> None:
    assert list(errors_of(manager().post(reverse(ADD), form(**changes)))) == [field]
    assert not Quota.objects.exists()


def test_a_second_quota_of_one_scope_is_refused_on_the_page() -> None:
    client = manager()
    client.post(reverse(ADD), form())
    assert "already exists" in str(errors_of(client.post(reverse(ADD), form())))
    assert Quota.objects.count() == 1


def test_a_quota_is_changed_and_deleted() -> None:
    client = manager()
    quota = quota_create(
        spec={"namespace": "ecommerce", "tenant": "acme-store", "max_actions": 5, "window": 90},
        actor="loader",
    )
    page = reverse("admin:rules_app_quota_change", args=[quota.pk])
    client.post(page, form(max_actions="7", window="custom", window_seconds="60"))
    quota.refresh_from_db()
    assert (quota.max_actions, quota.window_seconds) == (7, 60)
    keys = {"action": "delete_selected", "_selected_action": [str(quota.pk)], "post": "yes"}
    client.post(reverse("admin:rules_app_quota_changelist"), keys)
    assert not Quota.objects.exists()


def test_who_may_only_look_can_change_nothing() -> None:
    client = manager("view_quota")
    assert client.post(reverse(ADD), form()).status_code == 403
    assert not Quota.objects.exists()
