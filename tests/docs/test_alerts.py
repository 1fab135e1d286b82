"""Each alert fires when it should, and its runbook exists."""

from __future__ import annotations

import re
from typing import Any

import yaml

from tests.docs.compose import ROOT, SERVICES
from tests.docs.promtool import needs_promtool, promtool

DEPLOY = ROOT / "deploy"
GUIDE = (ROOT / "docs" / "operations.md").read_text()
[GROUP] = yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"]
ALERTS: dict[str, Any] = {rule["alert"]: rule for rule in GROUP["rules"]}


@needs_promtool
def test_the_alerts_fire_as_their_unit_tests_say() -> None:
    ran = promtool("test", "rules", "alerts_test.yml", folder=DEPLOY)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_every_alert_has_a_unit_test_in_which_it_fires() -> None:
    tested = (DEPLOY / "alerts_test.yml").read_text()
    for name in ALERTS:
        assert re.search(rf'alertname: {name}\n\s+exp_alerts|alertname="{name}"', tested), name


def test_every_alert_has_a_runbook_in_the_guide_and_every_runbook_an_alert() -> None:
    runbooks = re.findall(r"^#### (Acteon\w+)$", GUIDE, re.M)
    assert runbooks == list(ALERTS)
    for name, rule in ALERTS.items():
        assert rule["annotations"]["runbook_url"] == f"docs/operations.md#{name.lower()}"
        assert rule["labels"]["severity"] in ("critical", "warning")


def test_prometheus_reads_the_alerts_where_compose_puts_them() -> None:
    [rules] = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())["rule_files"]
    mounts = dict(volume.split(":")[:2] for volume in SERVICES["prometheus"]["volumes"])
    assert mounts[f"./deploy/{rules}"] == f"/etc/prometheus/{rules}"
