"""The shipped pipeline: both of its forms load, say the same, and are what the guide describes."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from acteon_site.base import config_versions
from acteon_site.config_files.checking import check_entries
from acteon_site.config_files.load import load_paths
from acteon_site.config_files.reading import read_paths
from audit_app.models import RetentionPolicy
from chains_app.models import ChainDefinition, CircuitBreaker, Provider
from orders_app.models import Lifecycle
from rules_app.engine import ActionView, decide
from rules_app.models import Quota
from rules_app.selectors import current_rules
from tests.acteon_site.config_files.conftest import ECOMMERCE, done

TUESDAY_AT_ELEVEN = datetime(2026, 3, 10, 15, 0, tzinfo=UTC)


def specs_of(path: Path) -> dict[str, Any]:
    reading = read_paths([path])
    checked = check_entries(reading.entries)
    assert [*reading.problems, *checked.problems, *reading.warnings, *checked.warnings] == []
    return {
        section: {identity: valid.spec for identity, valid in entries.items()}
        for section, entries in checked.entries.items()
    }


def test_the_toml_file_says_what_the_yaml_files_say() -> None:
    assert specs_of(ECOMMERCE) == specs_of(ECOMMERCE / "acteon.toml")


@pytest.mark.django_db
def test_the_guides_pipeline_loads_and_is_complete() -> None:
    report = load_paths([ECOMMERCE], actor="tester")
    assert (report.source, report.rule_set) == ("ecommerce", current_rules().version)
    assert set(done(report).values()) == {"added"}
    assert Provider.objects.filter(kind="log").count() == 6
    assert sorted(ChainDefinition.objects.values_list("name", flat=True)) == [
        "fraud-review",
        "order-processing",
    ]
    assert Lifecycle.objects.get().states == ["placed", "confirmed", "shipped", "delivered"]
    gateway = CircuitBreaker.objects.get(provider="payment-gateway")
    assert (gateway.failure_threshold, gateway.success_threshold, gateway.recovery_timeout_seconds) == (
        2,
        1,
        60,
    )
    assert gateway.fallback_provider == "compliance-queue"
    # `pipeline setup` makes these through the API, as the guide does.
    assert not Quota.objects.exists()
    assert not RetentionPolicy.objects.exists()


@pytest.mark.django_db
def test_loading_either_form_after_the_other_changes_nothing() -> None:
    first = load_paths([ECOMMERCE], actor="tester")
    for path in (ECOMMERCE / "acteon.toml", ECOMMERCE):
        again = load_paths([path], actor="tester")
        assert done(again) == {}
        assert again.rule_set == first.rule_set


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("country", "total", "verdict"),
    [("KP", 2500, "deny"), ("NK", 2500, "deny"), ("US", 50000, "request_approval"), ("US", 49999, "allow")],
)
def test_the_loaded_rules_decide_as_the_guide_says(country: str, total: int, verdict: str) -> None:
    load_paths([ECOMMERCE], actor="tester")
    config_versions.expire()
    action = ActionView(
        namespace="ecommerce",
        tenant="acme-store",
        provider="payment-gateway",
        action_type="place_order",
        payload={"shipping_country": country, "total_cents": total},
        id="1",
    )
    assert decide(current_rules(), action, TUESDAY_AT_ELEVEN).verdict == verdict


@pytest.mark.django_db
def test_a_directory_in_the_guides_layout_loads_by_its_toml_file(tmp_path: Path) -> None:
    guide = tmp_path / "ecommerce-order-pipeline"
    shutil.copytree(ECOMMERCE / "rules", guide / "rules")
    shutil.copy(ECOMMERCE / "acteon.toml", guide)
    report = load_paths([guide], actor="tester")
    assert report.source == "ecommerce-order-pipeline"
    assert len(done(report)) == 33


def test_the_sample_orders_are_the_guides_fifteen() -> None:
    samples = yaml.safe_load((ECOMMERCE / "orders" / "sample-orders.yaml").read_text())["sample_orders"]
    orders = samples["orders"]
    assert len({order["label"] for order in orders}) == 15
    duplicates = [order["action"] for order in orders if order["category"] == "duplicate"]
    assert len({action["dedup_key"] for action in duplicates}) == 1
    assert len({action["id"] for action in duplicates}) == 2
    keys = {order["action"]["dedup_key"] for order in orders}
    assert len(keys) == 14
    assert all("{run}" in key for key in keys)
