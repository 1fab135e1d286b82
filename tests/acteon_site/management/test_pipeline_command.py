"""`manage.py pipeline`: help, exit codes and messages."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from acteon_site.management.commands.pipeline import SUBCOMMANDS

ROOT = Path(__file__).resolve().parents[3]
NOBODY = "http://127.0.0.1:9"


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_without_a_gateway_a_command_says_how_to_start_one(name: str) -> None:
    with pytest.raises(CommandError, match="make demo") as error:
        call_command("pipeline", name, "--url", NOBODY)
    assert error.value.returncode == 3


def test_a_shell_sees_the_exit_code_and_no_traceback() -> None:
    ran = subprocess.run(
        [sys.executable, "manage.py", "pipeline", "report", "--url", NOBODY],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 3
    assert ran.stderr.startswith("CommandError: No gateway answers at http://127.0.0.1:9")
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("name", ["serve", "demo", "pipeline", "create_api_key", "healthcheck"])
def test_help_has_examples_and_exit_codes(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        call_command(name, "--help")
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert "example" in shown
    assert "exit codes" in shown


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_every_subcommand_has_help_of_its_own(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call_command("pipeline", name, "--help")
    shown = capsys.readouterr().out
    assert f"python manage.py pipeline {name}" in shown
    assert "exit codes" in shown


def test_a_wrong_command_is_a_usage_error() -> None:
    with pytest.raises(CommandError, match="invalid choice"):
        call_command("pipeline", "fly")


def test_sample_orders_that_cannot_be_read_are_named() -> None:
    with pytest.raises(CommandError, match=r"nowhere\.yaml") as error:
        call_command("pipeline", "send-orders", "--url", NOBODY, "--orders", "nowhere.yaml")
    assert error.value.returncode == 1
