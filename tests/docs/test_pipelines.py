"""The pipelines of fixtures/: all of them beside each other, and what comes of each one's samples."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.db.models import F

from acteon_site.base import config_versions
from acteon_site.client.outcomes import outcome_of
from acteon_site.client.samples import Sample, sample_orders
from acteon_site.config_files.load import load_paths
from chains_app.models import Run
from chains_app.services.advance import runs_sweep
from chains_app.services.providers import provider_save
from orders_app.models import Order
from tests.acteon_site.config_files.conftest import done
from tests.chains_app.gateway import Gateway
from tests.chains_app.peer import peer_running
from tests.world import FIXTURES, Shop, tag

PIPELINES = ("marketplace", "tickets", "billing", "incidents")
ROW = re.compile(r"^\| `([\w-]+)` \| (\w+) \| (?:`([\w-]+)`|–) \|", re.MULTILINE)

pytestmark = pytest.mark.django_db


def folder(name: str) -> Path:
    return FIXTURES.parent / name


def samples(name: str) -> list[Sample]:
    return sample_orders(folder(name) / "orders" / "sample-orders.yaml", "1")


def send(shop: Shop, sample: Sample) -> Any:
    assert sample.demo_now is not None
    return shop.dispatch(sample.action, now=sample.demo_now).json()


def collected(shop: Shop) -> Run:
    """The run of the first invoice."""
    return Run.objects.get(pk=outcome_of(send(shop, samples("billing")[0])).chain_id)


def after(run: Run, days: float) -> str:
    """How it stands when so much of its waiting has passed."""
    earlier = timedelta(days=days)
    Run.objects.filter(pk=run.pk).update(next_run_at=F("next_run_at") - earlier)
    run.steps.filter(retry_at__isnull=False).update(retry_at=F("retry_at") - earlier)
    for _ in range(4):
        runs_sweep()
    return Run.objects.get(pk=run.pk).status


@pytest.fixture(scope="module")
def gateways() -> Any:
    with peer_running() as peer:
        yield peer


@pytest.mark.parametrize("name", PIPELINES)
def test_every_sample_comes_as_its_readme_says_and_every_run_to_its_end(shop: Shop, name: str) -> None:
    """Beside the shop's own pipeline: none takes another's rules, chains or providers."""
    load_paths([folder(name)], actor="tests")
    config_versions.reset()
    for sample in samples(name):
        outcome = send(shop, sample)
        assert (sample.label, tag(outcome)) == (sample.label, sample.expected)
        record = shop.get(f"/v1/audit/{sample.action['id']}").json()
        assert sample.rule in (None, record["matched_rule"])
        if chain_id := outcome_of(outcome).chain_id:
            for _ in range(4):
                runs_sweep()
            assert Run.objects.get(pk=chain_id).status == sample.chain
    shown = ROW.findall((folder(name) / "README.md").read_text())
    assert shown == [(sample.label, sample.expected, sample.rule or "") for sample in samples(name)]


def test_all_pipelines_load_beside_each_other_and_a_second_time_nothing_changes(shop: Shop) -> None:
    for name in ("returns", *PIPELINES):
        load_paths([folder(name)], actor="tests")
    for name in ("ecommerce", "returns", *PIPELINES):
        assert done(load_paths([folder(name)], actor="tests")) == {}


@pytest.mark.parametrize(
    ("declines", "waits", "state", "mails"),
    [(1, (3,), "paid", 2), (2, (3, 5), "paid", 3), (3, (3, 5), "suspended", 2)],
)
def test_a_declined_card_is_tried_again_after_days_and_then_the_subscription_is_suspended(
    shop: Shop, gateways: Any, settings: Any, declines: int, waits: tuple[int, ...], state: str, mails: int
) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    load_paths([folder("billing")], actor="tests")
    gateways.said.clear()
    gateway = Gateway(gateways)
    gateway.script = {"charge_card": [402] * declines}
    for name in ("card-gateway", "billing-mail", "accounts"):
        spec = {"name": name, "type": "webhook", "url": gateways.url, "envelope": True}
        provider_save(spec=spec, actor="tests")
    config_versions.reset()
    run = collected(shop)
    after(run, 0)
    for days in waits:
        assert Order.objects.get(run_id=run.pk).state == "overdue"
        assert after(run, days - 0.1) == "waiting_timer"
        after(run, 0.2)
    assert Run.objects.get(pk=run.pk).status == "completed"
    assert Order.objects.get(run_id=run.pk).state == state
    tries = min(declines + 1, 3)
    assert len(gateway.keys("charge_card")) == len(gateway.calls("charge_card")) == tries
    assert len(gateway.calls("payment_failed")) + len(gateway.calls("send_receipt")) == mails
    assert len(gateway.calls("suspend_subscription")) == (state == "suspended")


def test_an_incident_is_acknowledged_by_a_signal_or_escalated_by_nobody(shop: Shop) -> None:
    load_paths([folder("incidents")], actor="tests")
    config_versions.reset()
    ends = {}
    for number, answered in enumerate((True, False)):
        sample = sample_orders(folder("incidents") / "orders" / "sample-orders.yaml", f"r{number}")[0]
        run = Run.objects.get(pk=outcome_of(send(shop, sample)).chain_id)
        assert after(run, 0) == "waiting_signal"
        if answered:
            body = {
                "namespace": "ops",
                "tenant": "platform",
                "signal": "acknowledged",
                "payload": {"by": "ada"},
            }
            assert shop.post(f"/v1/chains/{run.pk}/signal", body).status_code == 200
        assert after(run, 0 if answered else 1) == "completed"
        ends[answered] = Order.objects.get(run_id=run.pk).state
    assert ends == {True: "acknowledged", False: "escalated"}


def test_the_yaml_of_the_readmes_is_configuration_that_loads(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for variable in ("PAGERDUTY_KEY", "SLACK_PATH"):
        monkeypatch.setenv(variable, "0nlyF0rTh1sTest" * 2 + "00")
    text = (folder("incidents") / "README.md").read_text()
    (example,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert {one["type"] for one in yaml.safe_load(example)["providers"]} == {"pagerduty", "slack"}
    (tmp_path / "providers.yaml").write_text(example)
    assert load_paths([tmp_path], actor="tests").warnings == ()
