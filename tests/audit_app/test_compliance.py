"""The compliance modes lock what they say they lock."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import checks
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import timezone

from acteon_site.access.sessions import BEGAN, PROVED, is_over
from acteon_site.base import config_versions
from acteon_site.base.clock import db_now
from acteon_site.base.compliance import MODES, locks_of
from audit_app.compliance import trail_lock_apply
from audit_app.config_kinds.retention import Retention
from audit_app.models import AuditRecord, RetentionPolicy
from audit_app.services import reaper
from audit_app.services.relay import relay
from tests.audit_app.conftest import SHOP, note
from tests.people import People
from tests.world import SCOPE, Shop

pytestmark = pytest.mark.django_db
YEAR = 365 * 86_400


@pytest.fixture
def soc2(settings: Any) -> None:
    settings.COMPLIANCE_MODE = "soc2"
    trail_lock_apply()


def proved(client: Client) -> Client:
    """As a mode asks it of everybody: signed in by two steps, just now."""
    session = client.session
    session.update(dict.fromkeys((PROVED, BEGAN), timezone.now().timestamp()))
    session.save()
    return client


def ids(tag: str = "installation", **more: Any) -> set[str | None]:
    return {message.id for message in checks.run_checks(tags=[tag], **more)}


def test_a_mode_that_is_unknown_open_or_without_its_fields_does_not_start(settings: Any) -> None:
    settings.COMPLIANCE_MODE = "sox"
    assert "acteon.E020" in ids()
    settings.COMPLIANCE_MODE = "hipaa"
    assert {"acteon.E021", "acteon.E022"} <= ids()
    settings.EMBEDDED, settings.PHI_FIELDS = False, ["patient.name"]
    assert not {"acteon.E020", "acteon.E021", "acteon.E022"} & ids()


def test_an_unknown_mode_is_as_strict_as_the_strictest() -> None:
    assert locks_of("typo") == MODES["hipaa"]


def test_sessions_and_tokens_end_as_the_mode_says() -> None:
    told = "s.SESSION_COOKIE_AGE, s.SESSION_SAVE_EVERY_REQUEST, s.TOKEN_SECONDS"
    code = f"from acteon_site import settings as s; print({told})"
    env = {**os.environ, "ACTEON_COMPLIANCE_MODE": "hipaa", "ACTEON_TOKEN_SECONDS": "99999"}
    ran = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["900", "True", "3600"]


def test_a_policy_that_keeps_records_too_shortly_is_refused_everywhere(
    shop: Shop, people: People, soc2: None
) -> None:
    short = {**SCOPE, "audit_ttl_seconds": YEAR - 1}
    refused = shop.post("/v1/retention", short)
    assert refused.status_code == 422
    assert "365 days" in refused.json()["details"][0]["message"]
    (problem,) = Retention().validate(short)
    assert problem.field == "audit_ttl_seconds"
    page = proved(people.client()).post("/admin/audit_app/retentionpolicy/add/", {**short, "labels": "{}"})
    assert "365 days" in page.content.decode()
    assert not RetentionPolicy.objects.filter(audit_ttl_seconds=YEAR - 1).exists()
    assert shop.post("/v1/retention", {**short, "audit_ttl_seconds": YEAR}).status_code == 201


def test_a_policy_from_before_the_mode_deletes_nothing_too_early(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    RetentionPolicy.objects.create(**SCOPE, audit_ttl_seconds=60)
    note(SHOP)
    relay()
    settings.COMPLIANCE_MODE = "soc2"
    trail_lock_apply()
    for days, left in ((300, 1), (366, 0)):
        monkeypatch.setattr(reaper, "db_now", lambda days=days: db_now() + timedelta(days=days))
        reaper.reap()
        assert AuditRecord.objects.count() == left
    if connection.vendor == "postgresql":
        assert "acteon.W024" in ids("database", databases=["default"])


def test_health_fields_are_redacted_whatever_is_configured(shop: Shop, settings: Any) -> None:
    settings.PHI_FIELDS = ["diagnosis", "patient.name"]
    config_versions.reset()
    shop.place(
        payload={"diagnosis": "measles", "patient": {"name": "Ada Lovelace"}, "shipping_country": "SY"}
    )
    (record,) = shop.audit(outcome="suppressed")
    assert "measles" not in str(record)
    assert "Lovelace" not in str(record)


def test_the_status_says_the_mode_and_whether_the_trail_is_locked(shop: Shop, settings: Any) -> None:
    assert shop.get("/v1/compliance/status").json() == {
        "mode": "none",
        "sync_audit_writes": True,
        "immutable_audit": False,
        "hash_chain": True,
    }
    settings.COMPLIANCE_MODE = "soc2"
    trail_lock_apply()
    told = shop.get("/v1/compliance/status").json()
    assert (told["mode"], told["immutable_audit"]) == ("soc2", connection.vendor == "postgresql")


@pytest.mark.postgres
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_app_auditrecord SET outcome = 'failed'",
        "DELETE FROM audit_app_auditrecord",
        "TRUNCATE audit_app_auditrecord",
    ],
)
def test_the_database_refuses_to_change_what_is_sealed(soc2: None, statement: str) -> None:
    note(SHOP)
    relay()
    with (
        pytest.raises(DatabaseError, match="cannot be changed"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    note(SHOP)
    assert relay() > 0, "sealing goes on"
    assert AuditRecord.objects.count() == 2


@pytest.mark.postgres
def test_without_a_mode_the_lock_is_taken_off_and_with_one_its_absence_is_told(
    settings: Any, soc2: None
) -> None:
    assert "acteon.W023" not in ids("database", databases=["default"])
    settings.COMPLIANCE_MODE = "none"
    trail_lock_apply()
    note(SHOP)
    relay()
    AuditRecord.objects.all().delete()
    settings.COMPLIANCE_MODE = "soc2"
    assert "acteon.W023" in ids("database", databases=["default"])


def test_a_mode_asks_everybody_for_a_second_step_and_to_sign_in_anew_in_time(
    settings: Any,
) -> None:
    client = People().client("viewer")
    assert client.get("/admin/").status_code == 200
    settings.COMPLIANCE_MODE = "soc2"
    assert client.get("/admin/").status_code == 302, "begun before, by one step"
    fields = {"username": "viewer", "password": "pw"}
    user = User.objects.get(username="viewer")
    user.set_password("pw")
    user.save()
    asked = client.post("/admin/login/?next=/admin/", fields)
    assert asked.headers["Location"] == "/admin/second-step/set-up/"
    client.force_login(user)
    assert proved(client).get("/admin/").status_code == 200
    session = client.session
    session[BEGAN] -= 25 * 3600
    session.save()
    assert client.get("/admin/").status_code == 302, "a day is over, however busy it was"
    assert is_over(session)
