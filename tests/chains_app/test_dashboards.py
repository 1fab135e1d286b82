"""Each panel of the dashboards, evaluated by Prometheus' own engine over what two instances told of a real run."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from acteon_site.tasks import canary
from audit_app.services.relay import relay
from tests.chains_app.gateway import Gateway, settle
from tests.chains_app.test_metrics import chains, holds, quotas, refusals, slow  # noqa: F401 - a fixture
from tests.docs.compose import ROOT
from tests.docs.promtool import needs_promtool, promtool
from tests.world import Shop

DASHBOARDS = sorted((ROOT / "deploy" / "grafana" / "dashboards").glob("*.json"))
# Nothing to tell where there is no replica.
EMPTY = {"acteon_replica_lag_seconds", "acteon_replica_up"}
# What a reference gateway's own dashboards ask, over one of its instances: here too, and not for each instance twice.
OF_OTHERS = (
    'rate(acteon_actions_dispatched_total{instance="a"}[5m])',
    'acteon_chains_completed_total{instance="a"} / clamp_min(acteon_chains_started_total{instance="a"}, 1)',
    'acteon_provider_success_rate{provider=~"payment-gateway",instance="a"}',
    'acteon_provider_p99_latency_ms{provider=~".*",instance="a"}',
)
NEVER = {"labels": '{never="true"}', "value": 1}
MINUTES = 5
Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scraped(shop: Shop) -> Series:
    families = text_string_to_metric_families(shop.get("/metrics/prometheus").content.decode())
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def written(before: Series, after: Series) -> list[dict[str, str]]:
    """Both instances tell of the whole; counters grow evenly, gauges stand where they came to."""
    series = []
    for (name, labels), value in after.items():
        grows = name.endswith(("_total", "_bucket", "_sum", "_count"))
        first = before.get((name, labels), 0.0) if grows else value
        for instance in "ab":
            shown = ",".join(f"{key}={json.dumps(text)}" for key, text in [*labels, ("instance", instance)])
            series.append(
                {"series": f"{name}{{{shown}}}", "values": f"{first}+{(value - first) / MINUTES}x{MINUTES}"}
            )
    up = [{"series": f'up{{job="acteon",instance="{name}"}}', "values": f"1x{MINUTES}"} for name in "ab"]
    return series + up


def evaluated(series: list[dict[str, str]], queries: list[str], folder: Path) -> dict[str, str]:
    """What each query comes to, in Prometheus' words: an expectation that never holds makes it say so."""
    asked = [{"expr": query, "eval_time": f"{MINUTES}m", "exp_samples": [NEVER]} for query in queries]
    test = {
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": series, "promql_expr_test": asked}],
    }
    (folder / "panels.yml").write_text(yaml.safe_dump(test, allow_unicode=True, width=10_000))
    said = promtool("test", "rules", "panels.yml", folder=folder)
    text = said.stdout + said.stderr
    found = re.findall(r'expr: "((?:[^"\\]|\\.)*)", time: .*\n.*exp: .*\n\s+got: (.*)', text)
    assert len(found) == len(queries), text
    return {json.loads(f'"{query}"'): answer for query, answer in found}


def number(answer: str) -> float:
    return float(answer.removeprefix("{} "))


@needs_promtool
@pytest.mark.django_db
def test_every_panel_shows_what_a_real_run_made_and_shows_it_once(
    shop: Shop,
    slow: Gateway,  # noqa: F811
    tmp_path: Path,
) -> None:
    before = scraped(shop)
    chains(shop, slow)
    holds(shop)
    settle(3)
    refusals(shop)
    quotas(shop)
    relay()
    canary()
    panels: list[dict[str, Any]] = [
        panel for path in DASHBOARDS for panel in json.loads(path.read_text())["panels"]
    ]
    queries = sorted({target["expr"] for panel in panels for target in panel["targets"]})
    answers = evaluated(written(before, scraped(shop)), [*queries, *OF_OTHERS], tmp_path)
    silent = {query for query, answer in answers.items() if answer == "nil"}
    assert {
        query for query in silent if "acteon_database_connections" not in query
    } == EMPTY  # SQLite has no server
    assert number(answers["60 * max(rate(acteon_dispatched_total[5m]))"]) == pytest.approx(23 / MINUTES)
    assert number(answers["max(acteon_approvals_pending)"]) == 1
    assert number(answers['sum(up{job="acteon"})']) == 2
    by_rule = answers["sum by (rule) (max by (rule, outcome) (rate(acteon_rule_actions_total[5m])))"]
    assert '{rule="often"}' in by_rule
    for query in OF_OTHERS:
        assert "NaN" not in answers[query], query
