"""docker-compose.yml, the Dockerfile, the Makefile and the monitoring files refer to what exists."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands

from acteon_site.bootstrap import SECRETS
from acteon_site.watching.metrics import exposition

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = ("migrate", "web", "worker", "scheduler")


def words(name: str) -> list[str]:
    command = SERVICES[name]["command"]
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", " ".join(command)).split()


def test_compose_has_the_six_services_and_each_of_ours_runs_in_production_mode() -> None:
    assert set(SERVICES) == {"postgres", "redis", *OURS}
    for name in OURS:
        assert SERVICES[name]["environment"]["ACTEON_MODE"] == "production"
        assert (ROOT / SERVICES[name]["build"]["dockerfile"]).is_file()


def test_no_secret_has_a_default() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    for name in (*SECRETS, "POSTGRES_PASSWORD", "REDIS_PASSWORD", "ALLOWED_HOSTS"):
        uses = re.findall(rf"\$\{{{name}([^}}]*)\}}", text)
        assert uses, name
        assert set(uses) == {f":?set {name}"}
    assert not re.search(r"(?i)(password|secret|key)\w*: *[\"']?[a-z0-9]", text)


def test_everything_that_serves_has_a_health_check_that_exists() -> None:
    commands = get_commands()
    for name in ("postgres", "redis", "web", "worker", "scheduler"):
        assert SERVICES[name]["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
    for name in ("web", "worker", "scheduler"):
        test = SERVICES[name]["healthcheck"]["test"]
        assert test[1:5] == ["python", "manage.py", "healthcheck", name]
        assert test[3] in commands


def test_the_web_command_has_options_that_the_web_server_has() -> None:
    command = words("web")
    assert command[:3] == ["python", "-m", "acteon_site.serving.web"]
    _options_exist(command[3:], command[2])


@pytest.mark.parametrize("name", ["worker", "scheduler"])
def test_the_celery_commands_have_options_that_celery_has(name: str) -> None:
    command = words(name)
    assert command[:2] == ["celery", "--app=acteon_site"]
    _options_exist(command[3:], "celery", command[2])


def _options_exist(options: list[str], *module: str) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", *module, "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for option in options:
        assert re.search(rf"{re.escape(option.partition('=')[0])}\b", shown), f"{module} has no {option}"


def test_migrate_runs_commands_that_exist_and_the_others_wait_for_it() -> None:
    commands = get_commands()
    used = re.findall(r"manage\.py (\w+)", " ".join(words("migrate")))
    assert used == ["migrate", "create_groups"]
    assert set(used) <= set(commands)
    for name in ("web", "worker", "scheduler"):
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


def test_the_image_holds_every_package_of_the_system() -> None:
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "bench"}
    for name in packages | {"fixtures", "manage.py", "requirements.txt"}:
        assert re.search(rf"^COPY .*\b{re.escape(name)}", dockerfile, re.M), name


def test_every_service_setting_is_one_that_the_settings_read() -> None:
    source = (ROOT / "acteon_site" / "settings.py").read_text()
    for name in SERVICES["web"]["environment"]:
        assert f'"{name}"' in source, name


def test_prometheus_scrapes_the_web_service_where_its_metrics_are() -> None:
    [job] = yaml.safe_load((ROOT / "deploy" / "prometheus.yml").read_text())["scrape_configs"]
    assert job["metrics_path"] == "/metrics/prometheus"
    assert job["static_configs"][0]["targets"] == ["web:8080"]


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    files = [
        ROOT / "Makefile",
        ROOT / "docker-compose.yml",
        *(ROOT / ".ci").iterdir(),
        *ROOT.glob("deploy/**/*"),
    ]
    for path in files:
        if path.is_file():
            assert not re.search(r"/(work|home|root|Users)/", path.read_text()), path


@pytest.mark.django_db
def test_every_metric_of_the_dashboard_and_of_the_alarms_is_one_that_the_gateway_tells() -> None:
    told = set(re.findall(r"^# TYPE (acteon_\w+) (?:counter|gauge)$", exposition()[0].decode(), re.M))
    for path in (ROOT / "deploy" / "grafana" / "dashboard.json", ROOT / "docs" / "operations.md"):
        for name in re.findall(r"\bacteon_(?!site)[a-z_]+", path.read_text()):
            assert {name, name.removesuffix("_total")} & told, f"{path.name}: {name}"


def test_the_dashboard_is_valid_json_with_a_query_in_every_panel() -> None:
    dashboard = json.loads((ROOT / "deploy" / "grafana" / "dashboard.json").read_text())
    assert len(dashboard["panels"]) >= 8
    for panel in dashboard["panels"]:
        assert panel["title"]
        assert all("acteon_" in target["expr"] for target in panel["targets"])
