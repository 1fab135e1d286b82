"""What a unit of work leaves behind."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from acteon_site.base import config_versions
from audit_app.models import AuditRecord, Event, RedactedField
from audit_app.selectors import current_redactor
from audit_app.services.journal import Journal
from audit_app.services.redaction import redacted_field_delete, redacted_field_save
from audit_app.services.relay import relay
from audit_app.services.verify import audit_verify
from tests.audit_app.conftest import CALLER, SHOP

pytestmark = pytest.mark.django_db
CARD = "4111111111111111"
MARK = "[REDACTED]"


@pytest.fixture(autouse=True)
def _redacted() -> None:
    for path in ("card_number", "card_last4"):
        RedactedField.objects.create(path=path)
    config_versions.reset()


def test_nothing_is_stored_before_write() -> None:
    journal = Journal(CALLER)
    journal.audit(SHOP, outcome="executed", verdict="allow")
    journal.event("timeout", SHOP)
    assert not AuditRecord.objects.exists()
    journal.write()
    journal.write()
    assert (AuditRecord.objects.count(), Event.objects.count()) == (1, 1)


def test_it_costs_one_statement_for_rows_and_one_for_events() -> None:
    journal = Journal(CALLER)
    for _ in range(20):
        journal.audit(SHOP, outcome="executed", verdict="allow", payload={"a": 1})
        journal.event("timeout", SHOP, fingerprint="f")
    with transaction.atomic(), CaptureQueriesContext(connection) as caught:
        journal.write()
    inserts = [query for query in caught if "INSERT INTO" in query["sql"]]
    assert len(inserts) == 2
    assert len(caught) - len(inserts) == sum("SAVEPOINT" in query["sql"] for query in caught)


def test_a_rollback_takes_the_trail_along() -> None:
    with transaction.atomic():
        journal = Journal(CALLER)
        journal.audit(SHOP, outcome="executed", verdict="allow")
        journal.write()
        transaction.set_rollback(True)
    assert not AuditRecord.objects.exists()


def test_every_part_of_a_row_is_redacted() -> None:
    journal = Journal(CALLER)
    journal.audit(
        SHOP,
        outcome="failed",
        verdict="allow",
        payload={"card_number": "tok_secret_1", "card_last4": "4242", "qty": 1},
        verdict_details={"why": "tok_secret_1"},
        outcome_details={"error": f"declined {CARD}", "request": {"CARD_LAST4": 4242}},
        metadata={"note": "tok_secret_1"},
    )
    journal.write()
    record = AuditRecord.objects.get()
    assert record.action_payload == {"card_number": MARK, "card_last4": MARK, "qty": 1}
    assert record.verdict_details == {"why": MARK}
    assert record.outcome_details == {"error": f"declined {MARK}", "request": {"CARD_LAST4": MARK}}
    assert record.metadata == {"note": MARK}


def test_a_scrubber_of_the_order_serves_rows_about_its_steps() -> None:
    scrubber = current_redactor().scrubber({"card_number": "tok_secret_1"})
    journal = Journal(CALLER)
    journal.audit(
        SHOP,
        outcome="chain_step_failed",
        verdict="chain",
        scrubber=scrubber,
        payload={"reference": "ref tok_secret_1"},
        outcome_details={"error": "no tok_secret_1"},
    )
    journal.event("chain_step_completed", SHOP, scrubber=scrubber, step_name="charge tok_secret_1")
    journal.write()
    record = AuditRecord.objects.get()
    assert record.action_payload == {"reference": f"ref {MARK}"}
    assert record.outcome_details == {"error": f"no {MARK}"}
    assert Event.objects.get().data == {"step_name": f"charge {MARK}"}


def test_ids_and_times_are_stored_as_given() -> None:
    moment = datetime(2026, 1, 31, 12, tzinfo=UTC)
    chain = UUID("01900000-0000-7000-8000-000000000001")
    journal = Journal(CALLER)
    journal.audit(
        SHOP,
        outcome="executed",
        verdict="allow",
        dispatched_at=moment,
        chain_id=chain,
        duration_ms=7,
        ruleset_version=3,
        matched_rule="",
        outcome_details={"chain": chain, "at": moment},
    )
    journal.event("chain_advanced", SHOP, chain_id=chain)
    journal.write()
    record = AuditRecord.objects.get()
    assert (record.dispatched_at, record.chain_id, record.duration_ms) == (moment, chain, 7)
    assert (record.caller_id, record.auth_method, record.request_id) == ("key:shop", "api_key", "req-1")
    assert record.matched_rule is None
    assert record.outcome_details == {"chain": str(chain), "at": "2026-01-31T12:00:00Z"}
    assert Event.objects.get().chain_id == str(chain)


def test_editing_redaction_reaches_the_next_decision() -> None:
    assert current_redactor().scrubber({"pin": "1"}).payload == {"pin": "1"}
    field = redacted_field_save(field=RedactedField(path="pin", placeholder="(pin)"), actor="maria")
    config_versions.expire()
    assert current_redactor().scrubber({"pin": "1"}).payload == {"pin": "(pin)"}
    redacted_field_delete(field=field)
    config_versions.expire()
    assert current_redactor().scrubber({"pin": "1"}).payload == {"pin": "1"}


def test_what_a_provider_answers_never_keeps_the_row_from_being_written() -> None:
    odd = {
        "nul": "a\x00b \\u0000",
        "half": "x\ud800y",
        "nan": float("nan"),
        "inf": float("-inf"),
        "big": 10**30,
    }
    journal = Journal(CALLER)
    journal.audit(SHOP, outcome="failed", verdict="allow", payload={"ü": "\u2028"}, outcome_details=odd)
    journal.event("timeout", SHOP, **odd)
    journal.write()
    details = AuditRecord.objects.get().outcome_details
    assert (details["nan"], details["inf"], details["big"]) == ("nan", "-inf", 10**30)
    assert (details["nul"], details["half"]) == ("a\ufffdb \\u0000", "x?y")
    relay()
    assert audit_verify(namespace=SHOP.namespace, tenant=SHOP.tenant).records_checked == 1
