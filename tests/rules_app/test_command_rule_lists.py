"""`manage.py rule_lists`: the same as the pages, from a shell."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

pytestmark = pytest.mark.django_db


def run(*words: str) -> str:
    out = io.StringIO()
    call_command("rule_lists", *words, stdout=out)
    return out.getvalue()


def test_a_list_is_made_imported_looked_up_exported_and_deleted(tmp_path: Path) -> None:
    file = tmp_path / "blocked.csv"
    file.write_text("value,note\neve@example.com,charged back\nEVE@example.com,\n,x\n")
    run("make", "blocked", "--matching", "folded")
    said = run("import", "blocked", str(file), "--dry-run")
    assert "1 new, 1 double, 1 bad. Nothing was changed." in said
    assert "line 4: value is missing" in said
    file.write_text("value,note\neve@example.com,charged back\n")
    assert "1 added" in run("import", "blocked", str(file))
    assert "1 added, 1 were on it" in run(
        "add", "blocked", "a@example.com", "eve@example.com", "--note", "why"
    )
    assert "charged back" in run("show", "blocked", "--find", "Eve@Example.com")
    assert run("export", "blocked").splitlines()[1:] == [
        "eve@example.com,charged back,",
        "a@example.com,why,",
    ]
    assert "1 removed, 1 were not on it." in run("remove", "blocked", "a@example.com", "nobody@example.com")
    assert "blocked" in run("list")
    run("delete", "blocked")
    with pytest.raises(CommandError, match="no list named blocked"):
        run("show", "blocked")


def test_its_help_shows_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call_command("rule_lists", "import", "--help")
    assert (
        "python manage.py rule_lists import sanctioned-countries countries.csv --replace"
        in capsys.readouterr().out
    )
