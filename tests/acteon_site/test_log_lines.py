"""The log stays readable whoever sends what, and where nothing happens."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from typing import Any

import pytest
from django.core.handlers.exception import response_for_exception
from django.test import Client, RequestFactory

from acteon_site.watching import strangers
from tests.audit_app.test_logs import configured
from tests.e2e.running import ROOT


@pytest.fixture(autouse=True)
def _as_json(settings: Any) -> None:
    settings.LOG_FORMAT = "json"


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_wrong_host_is_one_short_warning_without_a_traceback(
    db: None, capsys: pytest.CaptureFixture[str]
) -> None:
    with configured():
        assert Client(headers={"host": "x" * 5000}).get("/health").status_code == 400
    found = lines(capsys)
    assert [line["level"] for line in found] == ["warning"] * len(found)
    assert found
    for line in found:
        assert "exception" not in line
        assert len(json.dumps(line)) < 1000


def test_a_long_path_that_is_not_there_is_a_short_line(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    with configured():
        answer = Client().get("/" + "not-there" * 3_000)
    assert answer.status_code == 404
    (line,) = lines(capsys)
    assert line["event"].startswith("Not Found: /not-there")
    assert line["request_id"] == answer.headers["X-Request-ID"]
    assert len(json.dumps(line)) < 1000


def test_a_probe_that_is_told_of_trouble_leaves_no_line(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    with configured():
        assert Client().get("/ready").status_code == 503  # no worker is here
    assert [line for line in lines(capsys) if line["logger"] == "django.request"] == []


def test_strangers_cannot_fill_the_log(
    db: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strangers, "SECONDS", 3600.0)
    with configured():
        for _ in range(3 * strangers.LINES):
            Client().get("/nowhere")
        assert len(lines(capsys)) == strangers.LINES
        monkeypatch.setattr(strangers, "SECONDS", 0.0)
        Client().get("/nowhere")
    (line,) = lines(capsys)
    assert line["left_out"] == 2 * strangers.LINES


def test_what_fails_here_keeps_its_traceback_however_often(
    rf: RequestFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    with configured():
        for _ in range(strangers.LINES + 1):
            response_for_exception(rf.get("/v1/rules"), RuntimeError("broken"))
    found = lines(capsys)
    assert len(found) == strangers.LINES + 1
    assert all(line["level"] == "error" and "RuntimeError" in line["exception"] for line in found)


@pytest.mark.parametrize("name", ["celery.beat", "celery.worker.strategy", "celery.app.trace"])
def test_an_idle_worker_and_scheduler_say_nothing(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with configured():
        logging.getLogger(name).info("Task chains_app.sweep[1] succeeded in 0.01s: None")
        logging.getLogger(name).error("Task chains_app.sweep[2] raised unexpected")
    (line,) = lines(capsys)
    assert line["level"] == "error"


def test_with_debug_they_tell_of_every_message(settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
    settings.LOG_LEVEL = "DEBUG"
    with configured():
        logging.getLogger("celery.app.trace").info("Task chains_app.sweep[1] succeeded in 0.01s: None")
    assert len(lines(capsys)) == 1


def test_a_start_without_collectstatic_warns_of_nothing() -> None:
    start = """
import os, warnings
os.environ["DJANGO_SETTINGS_MODULE"] = "acteon_site.settings"
from django.conf import settings
settings.STATIC_ROOT = "/nowhere/staticfiles"
import acteon_site.asgi
"""
    done = subprocess.run([sys.executable, "-c", start], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr == ""
