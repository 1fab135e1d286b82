"""The trail in the admin: evidence only, and cheap to look at."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from acteon_site.admin.read_only import EstimatedPaginator
from acteon_site.base import config_versions
from audit_app.models import AuditRecord, Event, RedactedField, RetentionPolicy
from audit_app.selectors import current_redactor
from audit_app.services.relay import relay
from tests.audit_app.conftest import SHOP, STRANGER, note

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager() -> Client:
    person = User.objects.create_superuser("maria", password="a long enough password")
    client = Client()
    client.force_login(person)
    return client


def test_records_are_shown_and_cannot_be_touched(manager: Client) -> None:
    note(SHOP, payload={"<b>note</b>": "<script>"}, outcome_details={"error": "declined"})
    record = AuditRecord.objects.get()
    page = manager.get(f"/admin/audit_app/auditrecord/{record.pk}/change/").content.decode()
    assert "declined" in page
    assert "&lt;script&gt;" in page
    assert "<script>&quot;" not in page
    assert 'name="_save"' not in page
    for path in ("add/", f"{record.pk}/delete/"):
        assert manager.post(f"/admin/audit_app/auditrecord/{path}", {"post": "yes"}).status_code == 403
    assert (
        manager.post(f"/admin/audit_app/auditrecord/{record.pk}/change/", {"outcome": "x"}).status_code == 403
    )
    assert AuditRecord.objects.get().outcome == "executed"


def test_the_list_filters_and_searches_exactly(manager: Client) -> None:
    note(SHOP, outcome="suppressed")
    note(SHOP)
    note(STRANGER)
    relay()

    def rows(query: str) -> int:
        answer = manager.get(f"/admin/audit_app/auditrecord/{query}")
        assert answer.status_code == 200
        return len(answer.context["cl"].result_list)

    assert rows("") == 3
    assert rows("?scope=ecommerce:other-store") == 1
    assert rows("?outcome=suppressed") == 1
    assert rows("?q=order-9") == 1
    assert rows("?q=ORDER-9") == 0


def test_the_list_counts_no_big_table(manager: Client) -> None:
    note()
    with CaptureQueriesContext(connection) as caught:
        manager.get("/admin/audit_app/auditrecord/")
    counts = [query["sql"] for query in caught if "COUNT(" in query["sql"] and "auditrecord" in query["sql"]]
    assert all("LIMIT" in sql for sql in counts)


def test_a_count_stops_at_its_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EstimatedPaginator, "CAP", 2)
    for _ in range(3):
        note()
    assert EstimatedPaginator(AuditRecord.objects.filter(outcome="executed").order_by("id"), 1).count == 2
    assert EstimatedPaginator([1, 2, 3, 4], 1).count == 4


@pytest.mark.parametrize("size", [1, 2, 3, 7, 9])
def test_pages_of_the_second_half_are_read_from_the_end_and_no_row_is_shown_twice(
    manager: Client, size: int
) -> None:
    for _ in range(9):
        note()
    newest = AuditRecord.objects.order_by("-dispatched_at", "-id")
    paginator = EstimatedPaginator(newest, size)
    shown, statements = [], ""
    for number in paginator.page_range:
        with CaptureQueriesContext(connection) as caught:
            shown += list(paginator.page(number).object_list)
        statements = " ".join(query["sql"] for query in caught)
    assert shown == list(newest)
    assert f"OFFSET {9 - 9 % size}" not in statements
    assert f"OFFSET {9 - size}" not in statements


@pytest.mark.postgres
def test_a_whole_big_table_is_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        note()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE audit_app_auditrecord")
    monkeypatch.setattr(EstimatedPaginator, "CAP", 2)
    assert EstimatedPaginator(AuditRecord.objects.order_by("id"), 1).count == 5


def test_events_are_shown_and_cannot_be_touched(manager: Client) -> None:
    note()
    event = Event.objects.get()
    assert manager.get("/admin/audit_app/event/?q=order-1").status_code == 200
    assert b"Executed" in manager.get(f"/admin/audit_app/event/{event.pk}/change/").content
    assert manager.post(f"/admin/audit_app/event/{event.pk}/delete/", {"post": "yes"}).status_code == 403


def test_a_redacted_field_that_a_person_adds_or_removes_is_in_force_at_once(manager: Client) -> None:
    values = {"path": "pin", "placeholder": "(pin)", "enabled": "on"}
    assert manager.post("/admin/audit_app/redactedfield/add/", values).status_code == 302
    field = RedactedField.objects.get()
    assert field.edited_by == "maria"
    config_versions.expire()
    assert current_redactor().scrubber({"pin": 1}).payload == {"pin": "(pin)"}
    assert (
        manager.post(f"/admin/audit_app/redactedfield/{field.pk}/delete/", {"post": "yes"}).status_code == 302
    )
    config_versions.expire()
    assert current_redactor().scrubber({"pin": 1}).payload == {"pin": 1}


def test_a_chosen_lot_of_redacted_fields_can_be_removed(manager: Client) -> None:
    for path in ("a", "b"):
        RedactedField.objects.create(path=path)
    chosen = list(RedactedField.objects.values_list("pk", flat=True))
    data = {"action": "delete_selected", "_selected_action": chosen, "post": "yes"}
    manager.post("/admin/audit_app/redactedfield/", data)
    assert not RedactedField.objects.exists()
    config_versions.expire()
    assert current_redactor().scrubber({"a": 1}).payload == {"a": 1}


def test_a_retention_policy_is_edited_by_name_and_within_bounds(manager: Client) -> None:
    values = {"namespace": "n", "tenant": "t", "enabled": "on", "audit_ttl_seconds": "60", "labels": "{}"}
    answer = manager.post("/admin/audit_app/retentionpolicy/add/", {**values, "audit_ttl_seconds": "0"})
    assert answer.status_code == 200
    assert not RetentionPolicy.objects.exists()
    assert manager.post("/admin/audit_app/retentionpolicy/add/", values).status_code == 302
    policy = RetentionPolicy.objects.get()
    assert (policy.edited_by, policy.audit_ttl_seconds) == ("maria", 60)
