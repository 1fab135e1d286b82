"""What a process imports when it starts. Every command and every worker pays for it, so what one of them never uses it
leaves out: import it late, where it is used, and not at the top of a module that `parts.py` leads to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.apps import AppConfig, apps
from django.core.management import call_command

from tests.e2e.running import ROOT

COMMAND = """
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", "check", "--tag", "installation"])
from acteon_site.base.registry import parts_load
parts_load()
"""
WORKER = """
from acteon_site.celery import app
app.loader.import_default_modules()
assert app.tasks["orders_app.sweep"]
"""
PRODUCTION = {
    "ACTEON_MODE": "production",
    "DATABASE_URL": "postgres://nobody@database.invalid/none",
    "REDIS_URL": "redis://broker.invalid/0",
}
# The paths, the pages behind them, what describes the API, the web server, and what only some rules ask for.
SEEN_BY_NOBODY = {
    "acteon_site.urls",
    "acteon_site.admin",
    "orders_app.admin",
    "unfold.admin",
    "rest_framework.views",
    "drf_spectacular.openapi",
    "uvicorn",
    "celpy",
    "acteon_site.watching.otel",
    "opentelemetry.sdk.trace",
}
SERVERS = {"psycopg", "redis"}  # SQLite and the in-process broker need neither


@pytest.mark.parametrize(
    ("start", "mode", "unwanted"),
    [(COMMAND, {}, SEEN_BY_NOBODY | SERVERS), (WORKER, PRODUCTION, SEEN_BY_NOBODY)],
    ids=["a command", "a worker"],
)
def test_who_shows_no_page_imports_none(start: str, mode: dict[str, str], unwanted: set[str]) -> None:
    env = {name: value for name, value in os.environ.items() if not name.endswith("_URL")} | mode
    script = f"{start}\nimport json, sys\nprint(json.dumps(list(sys.modules)))"
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    )
    imported = set(json.loads(ran.stdout.splitlines()[-1]))
    assert "orders_app.parts" in imported
    assert sorted(imported & unwanted) == []


def test_an_admin_page_that_does_not_import_fails_the_checks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages are imported with the paths, and that many processes never do: the checks must."""
    package = tmp_path / "app_with_a_broken_page"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "admin.py").write_text("import a_module_that_is_not_there")
    monkeypatch.syspath_prepend(tmp_path)
    broken = AppConfig.create(package.name)
    monkeypatch.setitem(apps.app_configs, broken.label, broken)
    with pytest.raises(ModuleNotFoundError, match="a_module_that_is_not_there"):
        call_command("check", tags=["admin"])
