"""The pages for auditors: evidence is taken away by who may, holds are placed and lifted there."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from django.urls import reverse

from audit_app.admin import evidence
from audit_app.models import AuditRecord, LegalHold
from audit_app.services.relay import relay
from tests.audit_app.conftest import SHOP, note
from tests.people import People

pytestmark = pytest.mark.django_db
EVIDENCE = "/admin/audit_app/auditrecord/evidence/"
RANGE = {"scope": "ecommerce:acme-store", "since": "2020-01-01", "until": "2098-12-31"}


@pytest.fixture
def sealed() -> None:
    note(SHOP)
    relay()


@pytest.mark.parametrize("group", ["auditor", "administrator"])
def test_who_may_takes_the_evidence_away_as_a_zip(people: People, sealed: None, group: str) -> None:
    client = people.client(group)
    assert "Export evidence" in client.get("/admin/audit_app/auditrecord/").content.decode()
    assert "acme-store / ecommerce" in client.get(EVIDENCE).content.decode()
    answer = client.post(EVIDENCE, RANGE)
    assert (
        answer.headers["Content-Disposition"]
        == 'attachment; filename="evidence-acme-store-20200101-20981231.zip"'
    )
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    assert (manifest["chain"]["records"], manifest["made_by"]) == (1, group)
    assert AuditRecord.objects.get(action_type="evidence_export").caller_id == group


@pytest.mark.parametrize("group", ["viewer", "approver", "operator"])
def test_others_see_no_button_and_get_nothing(people: People, sealed: None, group: str) -> None:
    client = people.client(group)
    assert "Export evidence" not in client.get("/admin/audit_app/auditrecord/").content.decode()
    assert client.post(EVIDENCE, RANGE).status_code == 403
    assert not AuditRecord.objects.filter(action_type="evidence_export").exists()


def test_a_range_that_is_wrong_or_too_long_is_told(
    people: People, sealed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = people.client("auditor")
    assert "is before the begin" in client.post(EVIDENCE, {**RANGE, "until": "2019-01-01"}).content.decode()
    assert "Select a valid choice" in client.post(EVIDENCE, {**RANGE, "scope": "a:b"}).content.decode()
    monkeypatch.setattr(evidence, "MOST", 0)
    assert "manage.py export_evidence" in client.post(EVIDENCE, RANGE).content.decode()


def test_an_auditor_places_a_hold_and_lifts_it_with_a_reason(people: People) -> None:
    client = people.client("auditor")
    add = reverse("admin:audit_app_legalhold_add")
    assert client.get(add).status_code == 200
    wanted = {"namespace": "ecommerce", "tenant": "*", "order_name": "ORD-7", "reason": "case 4711"}
    assert "must be named where" in client.post(add, wanted).content.decode()
    assert client.post(add, {**wanted, "tenant": "acme-store"}).status_code == 302
    hold = LegalHold.objects.get()
    assert (hold.placed_by, hold.reason) == ("auditor", "case 4711")
    page = reverse("admin:audit_app_legalhold_change", args=[hold.pk])
    shown = client.get(page).content.decode()
    assert "case 4711" in shown
    assert "Yes, lift it" in shown
    lift = reverse("admin:audit_app_legalhold_lift", args=[hold.pk])
    client.post(lift)
    assert LegalHold.objects.get().lifted_at is None, "without a reason nothing is lifted"
    client.post(lift, {"reason": "closed"})
    assert LegalHold.objects.get().lift_reason == "closed"
    assert "Yes, lift it" not in client.get(page).content.decode()
    assert "lifted" in client.get(reverse("admin:audit_app_legalhold_changelist")).content.decode()


def test_a_viewer_sees_holds_and_touches_none(people: People) -> None:
    hold = LegalHold.objects.create(namespace="ecommerce", tenant="acme-store", reason="x", placed_by="y")
    client = people.client("viewer")
    assert client.get(reverse("admin:audit_app_legalhold_add")).status_code == 403
    assert (
        "Yes, lift it"
        not in client.get(reverse("admin:audit_app_legalhold_change", args=[hold.pk])).content.decode()
    )
    assert (
        client.post(reverse("admin:audit_app_legalhold_lift", args=[hold.pk]), {"reason": "x"}).status_code
        == 403
    )
