"""What operators are told: metrics, the doctor, files, and providers that somebody names."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from acteon_site.base import config_versions
from acteon_site.base.errors import AppError
from acteon_site.config_files.export import export_to
from acteon_site.config_files.load import load_paths
from chains_app.services.providers import provider_delete, provider_save
from subscriptions_app import checkups, metrics
from subscriptions_app.models import Delivery, Subscription
from subscriptions_app.services.subscriptions import subscription_update
from tests.chains_app.peer import Peer
from tests.subscriptions_app.receiving import WHO, fan_out, happen, sent, subscribe, verified

pytestmark = pytest.mark.django_db
SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDazdnv5rAK/s="
FILE = """
subscriptions:
  - namespace: ecommerce
    tenant: acme-store
    name: warehouse
    url: {url}
    event_types: [action_*]
    secret: ${{WAREHOUSE_SECRET}}
"""


def test_metrics_and_the_doctor_tell_what_waits_and_who_takes_nothing(peer: Peer) -> None:
    assert set(metrics.deliveries().values()) == {0}
    off, fails = subscribe(peer, name="off"), subscribe(peer, name="fails")
    happen("act-1")
    fan_out()
    happen("act-2")
    Delivery.objects.update(due_at=timezone.now() - timedelta(seconds=700))
    Subscription.objects.filter(pk=off.pk).update(enabled=False, disabled_reason="failing")
    Subscription.objects.filter(pk=fails.pk).update(failing_since=timezone.now() - timedelta(hours=5))
    told = metrics.deliveries()
    assert told.pop("subscription_oldest_due_seconds") >= 700
    assert told == {
        "subscription_deliveries_due": 1,
        "subscription_events_behind": 1,
        "subscriptions_failing": 1,
        "subscriptions_switched_off": 1,
    }
    found = [one.text for checkup in checkups.CHECKUPS for one in checkup.look()]
    assert "subscription ecommerce/acme-store off was switched off: failing" in found
    assert "subscription ecommerce/acme-store fails takes nothing for 5 h" in found
    assert "deliveries that are due: the oldest is 11 min old" in found


def test_a_file_makes_it_with_a_secret_of_the_environment_and_exports_it_without(
    peer: Peer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "subscriptions.yaml"
    file.write_text(FILE.format(url=peer.url))
    monkeypatch.setenv("WAREHOUSE_SECRET", SECRET)
    load_paths([file], actor="tests")
    config_versions.expire()
    happen("act-1")
    sent()
    assert verified(peer.said[0], SECRET)
    export_to(tmp_path / "out")
    texts = (tmp_path / "out" / "subscriptions.yaml").read_text()
    assert "${WAREHOUSE_SECRET}" in texts
    assert SECRET not in texts
    other = SECRET.replace("C2F", "D2F")
    monkeypatch.setenv("WAREHOUSE_SECRET", other)
    Subscription.objects.update(enabled=False, disabled_reason="failing")
    load_paths([file], actor="tests")
    row = Subscription.objects.get()
    assert row.secrets == {"current": other, "previous": SECRET}
    assert row.previous_until is not None
    assert not row.enabled  # what has failed is switched on by a person
    file.write_text(file.read_text().replace("${WAREHOUSE_SECRET}", SECRET))
    load_paths([file], actor="tests")
    assert not load_paths([file], actor="tests").changed  # a secret in the file is no edit at the next load
    file.write_text(FILE.format(url=peer.url))
    monkeypatch.delenv("WAREHOUSE_SECRET")
    with pytest.raises(AppError, match="WAREHOUSE_SECRET is not set"):
        load_paths([file], actor="tests")


def test_a_provider_that_is_to_be_told_stays(peer: Peer) -> None:
    provider_save(spec={"name": "mails", "type": "log"}, actor="tests")
    row = subscribe(peer, notify_provider="mails")
    with pytest.raises(AppError, match="is used by subscription"):
        provider_delete(name="mails")
    subscription_update(subscription=row, changes={"notify_provider": ""}, source=WHO)
    provider_delete(name="mails")
