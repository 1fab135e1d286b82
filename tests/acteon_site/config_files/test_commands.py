"""load_pipeline and export_pipeline as people run them."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command, execute_from_command_line, load_command_class

from rules_app.models import Rule
from tests.acteon_site.config_files.conftest import ECOMMERCE, RULES, SMALL, Pipeline

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[3]


def run(command: str, *args: object, **options: object) -> str:
    out = io.StringIO()
    call_command(command, *map(str, args), stdout=out, **options)
    return out.getvalue()


def test_a_load_prints_what_it_did_and_which_rules_are_in_force() -> None:
    text = run("load_pipeline", ECOMMERCE)
    assert "deny-sanctioned-regions" in text
    assert "ecommerce: 33 added; rule set version" in text
    assert "acteon.toml: not read" in text
    again = run("load_pipeline", ECOMMERCE)
    assert "33 unchanged" in again
    assert "deny-sanctioned-regions" not in again


def test_verbosity_two_lists_what_stayed_and_zero_says_nothing() -> None:
    assert run("load_pipeline", ECOMMERCE, verbosity=0) == ""
    assert "deny-sanctioned-regions" in run("load_pipeline", ECOMMERCE, verbosity=2)


def test_a_dry_run_says_so_and_writes_nothing(shop: Pipeline) -> None:
    shop.write(SMALL)
    text = run("load_pipeline", shop.directory, "--dry-run")
    assert "would change" in text
    assert "refuse-small" in text
    assert "(dry run: nothing was written)" in text
    assert not Rule.objects.exists()


def test_a_dry_run_shows_old_and_new_values_and_removals(shop: Pipeline) -> None:
    shop.load({**SMALL, "more.yaml": RULES.replace("refuse-small", "refuse-tiny")})
    (shop.directory / "more.yaml").unlink()
    shop.write({"rules.yaml": RULES.replace("priority: 5", "priority: 7")})
    text = run("load_pipeline", shop.directory, "--dry-run")
    assert "priority 5 → 7" in text
    assert "removed" in text


def test_a_bad_file_ends_with_exit_code_1_and_every_problem(shop: Pipeline) -> None:
    shop.write({**SMALL, "rules.yaml": RULES.replace("priority: 5", "priority: NO\n    foo: 1")})
    with pytest.raises(CommandError) as caught:
        run("load_pipeline", shop.directory)
    assert caught.value.returncode == 1
    lines = str(caught.value).splitlines()
    assert lines[0] == "Nothing was loaded, 2 problems:"
    assert lines[1].startswith(f'  {shop.directory}/rules.yaml:3: rule "refuse-small": priority: unquoted NO')
    assert lines[2].startswith(f'  {shop.directory}/rules.yaml:4: rule "refuse-small": foo: unknown key')


def test_a_path_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="there is no"):
        run("load_pipeline", tmp_path / "gone")


@pytest.mark.parametrize("command", ["load_pipeline", "export_pipeline"])
def test_help_has_examples_and_exit_codes(command: str) -> None:
    text = load_command_class("acteon_site", command).create_parser("manage.py", command).format_help()
    assert "examples:\n  python manage.py" in text
    assert "exit codes: 0 " in text


def test_watch_and_dry_run_exclude_each_other() -> None:
    with pytest.raises(CommandError, match="not allowed with"):
        run("load_pipeline", ECOMMERCE, "--watch", "--dry-run")


def test_an_export_lists_its_files_and_refuses_a_second_time(tmp_path: Path) -> None:
    run("load_pipeline", ECOMMERCE)
    text = run("export_pipeline", tmp_path / "out")
    assert "6 providers, 6 circuit breakers" in text
    with pytest.raises(CommandError, match="--force"):
        run("export_pipeline", tmp_path / "out")
    run("export_pipeline", tmp_path / "out", "--force")
    assert "33 unchanged" in run("load_pipeline", tmp_path / "out", "--source", "ecommerce")


@pytest.mark.django_db(False)
@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["load_pipeline"], 2),
        (["load_pipeline", "fixtures", "--nonsense"], 2),
        (["load_pipeline", "--help", "--skip-checks"], 0),
    ],
)
def test_exit_codes_are_as_documented(args: list[str], code: int) -> None:
    with pytest.raises(SystemExit) as ended:
        execute_from_command_line(["manage.py", *args])
    assert ended.value.code == code


@pytest.mark.django_db(False)
@pytest.mark.embedded
def test_a_shell_sees_the_exit_code(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "load_pipeline", "no-such-directory", "--skip-checks"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
