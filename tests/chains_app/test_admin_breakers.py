"""The breakers' page: settings are checked with all others, the buttons move the state."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from audit_app.models import AuditRecord
from chains_app.models import (
    CircuitBreaker,
)
from chains_app.services.providers import breaker_save
from tests.chains_app.pages import errors_of, press, staff, url
from tests.chains_app.shop import open_shop

pytestmark = pytest.mark.django_db


def breaker_form(**changes: Any) -> dict[str, Any]:
    fields = {
        "provider": "payment-gateway",
        "enabled": "on",
        "failure_threshold": "2",
        "success_threshold": "1",
        "recovery_timeout_seconds": "60",
        "fallback_provider": "compliance-queue",
    }
    return fields | changes


def test_a_breaker_is_added_and_checked_with_all_others() -> None:
    open_shop()
    client = staff()
    assert client.post(url("circuitbreaker", "add"), breaker_form()).status_code == 302
    assert CircuitBreaker.objects.get().fallback_provider == "compliance-queue"
    back = breaker_form(provider="compliance-queue", fallback_provider="payment-gateway")
    refused = client.post(url("circuitbreaker", "add"), back)
    assert "circle" in str(errors_of(refused))
    assert CircuitBreaker.objects.count() == 1


def test_saving_a_breakers_settings_leaves_its_state_alone() -> None:
    open_shop()
    breaker = breaker_save(spec={"provider": "warehouse"}, actor="x")
    CircuitBreaker.objects.update(state="open", opened_at=timezone.now(), failures=9)
    form = breaker_form(fallback_provider="", failure_threshold="7")
    assert staff().post(url("circuitbreaker", "change", breaker.pk), form).status_code == 302
    breaker.refresh_from_db()
    assert (breaker.provider, breaker.state, breaker.failures) == ("warehouse", "open", 9)
    assert breaker.failure_threshold == 7


def test_the_buttons_trip_and_reset_a_breaker() -> None:
    open_shop()
    breaker = breaker_save(spec={"provider": "warehouse"}, actor="x")
    client = staff("view_circuitbreaker", "change_circuitbreaker")
    assert b"Trip" in client.get(url("circuitbreaker", "change", breaker.pk)).content
    assert client.get(url("circuitbreaker", "trip", breaker.pk)).status_code == 200
    breaker.refresh_from_db()
    assert breaker.state == "closed"  # a link alone changes nothing
    assert press(client, "circuitbreaker", "trip", breaker.pk).status_code == 302
    breaker.refresh_from_db()
    assert breaker.state == "open"
    row = AuditRecord.objects.get(outcome="state_changed")
    assert (row.caller_id, row.auth_method, row.caller_address) == ("ann", "admin", "127.0.0.1")
    press(client, "circuitbreaker", "reset", breaker.pk)
    breaker.refresh_from_db()
    assert breaker.state == "closed"


def test_who_may_only_look_cannot_press_the_buttons() -> None:
    open_shop()
    breaker = breaker_save(spec={"provider": "warehouse"}, actor="x")
    client = staff("view_circuitbreaker")
    assert b"Trip" not in client.get(url("circuitbreaker", "change", breaker.pk)).content
    assert press(client, "circuitbreaker", "trip", breaker.pk).status_code == 403
    breaker.refresh_from_db()
    assert breaker.state == "closed"
