"""docker-compose.yml, the Dockerfile, the Makefile and the monitoring files refer to what exists."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from fnmatch import fnmatch
from typing import Any

import pytest
import yaml
from django.core.management import get_commands
from django.test import Client

from acteon_site.access.keys import api_key_create
from acteon_site.bootstrap import SECRETS
from acteon_site.watching.metrics import exposition
from tests.docs.compose import COMPOSE, OURS, ROOT, SERVICES, command_of, environment_of, without_values

SETTINGS = ROOT / "acteon_site" / "settings.py"
GUIDE = (ROOT / "docs" / "operations.md").read_text()
PROMETHEUS: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "prometheus.yml").read_text())
GRAFANA = ROOT / "deploy" / "grafana"
DASHBOARDS = sorted((GRAFANA / "dashboards").glob("*.json"))
# What a container is not given: a file of the host, and what opens the embedded mode alone.
NOT_PASSED = {"ACTEON_ENV_FILE", "ACTEON_API_OPEN", "ACTEON_DEMO_CLOCK"}
NEEDED = {name: f"given-{name}" for name in (*SECRETS, "POSTGRES_PASSWORD", "REDIS_PASSWORD")} | {
    "ALLOWED_HOSTS": "orders.example.com",
    "ACTEON_PUBLIC_URL": "https://orders.example.com",
}


def words(name: str) -> list[str]:
    return command_of(name, NEEDED)


def test_compose_has_our_four_services_what_they_stand_on_and_what_watches_them() -> None:
    assert set(SERVICES) == {"postgres", "redis", *OURS, "prometheus", "grafana"}
    for name in OURS:
        assert SERVICES[name]["environment"]["ACTEON_MODE"] == "production"
        assert (ROOT / SERVICES[name]["build"]["dockerfile"]).is_file()
        assert SERVICES[name]["read_only"]
    assert all(SERVICES[name]["profiles"] == ["monitoring"] for name in ("prometheus", "grafana"))


def test_compose_file_is_one_by_the_schema_of_the_specification() -> None:
    checker = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    checked = subprocess.run(
        [*checker, str(ROOT / "docker-compose.yml")], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_compose_passes_on_every_setting_and_nothing_that_is_none() -> None:
    read = set(re.findall(r'env(?:\.\w+)?\(\s*"([A-Z_]+)"', SETTINGS.read_text()))
    for name in OURS:
        passed_on = {one for one in SERVICES[name]["environment"] if not one.startswith("OTEL_")}
        assert passed_on == (read - NOT_PASSED) | {"ACTEON_MODE"}
    given = NEEDED | {
        "EMAIL_URL": "smtp://mail:25",
        "ACTEON_RATE_BURST": "7",
        "DATABASE_URL": "postgres://own/db",
    }
    passed = environment_of("worker", given)
    assert passed.items() >= {"EMAIL_URL": "smtp://mail:25", "ACTEON_RATE_BURST": "7"}.items()
    assert passed["DATABASE_URL"] == "postgres://own/db"
    assert passed["REDIS_URL"] == "redis://:given-REDIS_PASSWORD@redis:6379/0"
    assert "ACTEON_RATE_BURST" not in environment_of("worker", NEEDED), "an empty number is refused"


def test_the_secrets_of_providers_and_the_pipeline_reach_every_process() -> None:
    for name in OURS:
        assert SERVICES[name]["env_file"] == [{"path": "providers.env", "required": False}]
        [mount] = SERVICES[name]["volumes"]
        assert mount["target"] == SERVICES[name]["environment"]["ACTEON_RULES_ROOT"]
        assert mount["source"].startswith("${ACTEON_RULES_ROOT:-")


def test_git_and_docker_ignore_everything_that_holds_a_secret() -> None:
    for path in (".gitignore", ".dockerignore"):
        patterns = (ROOT / path).read_text().split()
        for name in (".env", ".env.lock", "providers.env", "prometheus.key"):
            assert any(fnmatch(name, pattern) for pattern in patterns), f"{path}: {name}"


def test_the_guide_has_the_commands_of_compose() -> None:
    for name in ("web", "worker", "scheduler"):
        [shown] = re.findall(rf"^\| {name} \| `([^`]+)`", GUIDE, re.M)
        ours = [word for word in without_values(words(name)) if word != "--loglevel"]
        assert without_values(shown.split()) == ours


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
    assert "--enable-remote-control" in words("scheduler"), "without, no scheduler answers its health check"
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
    for name in packages | {"fixtures", "manage.py", "requirements.txt", "requirements-otel.txt"}:
        assert re.search(rf"^COPY .*\b{re.escape(name)}", dockerfile, re.M), name


@pytest.mark.django_db
def test_prometheus_reads_the_metrics_as_it_is_set_up_to(settings: Any) -> None:
    """Its target is an allowed host, its request no redirect where http is sent to https, and its key is let in."""
    environment = environment_of("web", NEEDED)
    settings.ALLOWED_HOSTS = environment["ALLOWED_HOSTS"].split(",")
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.API_OPEN_ON_LOOPBACK = False
    [job] = PROMETHEUS["scrape_configs"]
    [target] = job["static_configs"][0]["targets"]
    [secret] = SERVICES["prometheus"]["secrets"]
    assert job["authorization"] == {"type": "Bearer", "credentials_file": f"/run/secrets/{secret}"}
    assert secret in COMPOSE["secrets"]
    _, key = api_key_create(name="prometheus", role="viewer")
    headers = {name: field["values"][0] for name, field in job["http_headers"].items()}
    headers |= {"Host": target, "Authorization": f"Bearer {key}"}
    scraped = Client(headers=headers).get(job["metrics_path"])
    assert scraped.status_code == 200
    assert b"acteon_dispatched_total" in scraped.content


def test_grafana_finds_its_data_source_and_its_dashboard() -> None:
    [source] = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yml").read_text())[
        "datasources"
    ]
    assert source["type"] == "prometheus"
    assert source["url"].split("/")[2].split(":")[0] in SERVICES
    [provider] = yaml.safe_load((GRAFANA / "provisioning/dashboards/acteon.yml").read_text())["providers"]
    mounts = dict(volume.split(":")[:2] for volume in SERVICES["grafana"]["volumes"])
    assert mounts["./deploy/grafana/provisioning"] == "/etc/grafana/provisioning"
    assert mounts["./deploy/grafana/dashboards"] == provider["options"]["path"]


def test_grafana_does_not_start_with_the_password_that_everybody_knows() -> None:
    shell = SERVICES["grafana"]["entrypoint"]
    script = shell[-1].replace("$$", "$").replace("/run.sh", "true")
    for password in ("", "own"):
        ran = subprocess.run(["sh", "-c", script], env={"GF_SECURITY_ADMIN_PASSWORD": password}, check=False)
        assert (ran.returncode == 0) == bool(password)


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    files = [
        ROOT / "Makefile",
        ROOT / "docker-compose.yml",
        *(ROOT / ".ci").iterdir(),
        *ROOT.glob("deploy/**/*"),
    ]
    for path in files:
        if path.is_file() and path.suffix != ".pyc":  # which another test's import may have left
            assert not re.search(r"/(work|home|root|Users)/", path.read_text()), path


@pytest.mark.django_db
def test_every_metric_of_the_dashboard_and_of_the_alarms_is_one_that_the_gateway_tells() -> None:
    told = set(
        re.findall(r"^# TYPE (acteon_\w+) (?:counter|gauge|histogram)$", exposition()[0].decode(), re.M)
    )
    looked = [*DASHBOARDS, ROOT / "deploy" / "alerts.yml", ROOT / "docs" / "operations.md"]
    for path in looked:
        for name in re.findall(r"\bacteon_(?!site)[a-z0-9_]+(?!\*)\b", path.read_text()):
            assert {name, re.sub("_(total|bucket|sum|count)$", "", name)} & told, f"{path.name}: {name}"


def test_the_dashboards_are_those_that_their_maker_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(GRAFANA))
    made = runpy.run_path(str(GRAFANA / "make_dashboards.py"))
    assert {path.stem for path in DASHBOARDS} == set(made["DASHBOARDS"])
    for path in DASHBOARDS:
        assert path.read_text() == made["text"](path.stem), "run deploy/grafana/make_dashboards.py"
