"""Every example of docs/configuration.md loads, and every section has its chapter."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from acteon_site.config_files.kind import KINDS
from acteon_site.config_files.toml_mapping import tables
from tests.acteon_site.config_files.conftest import Pipeline, done

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "configuration.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.django_db
def test_the_yaml_examples_are_one_pipeline_that_loads(
    shop: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAREHOUSE_HOOK_SECRET", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDazdnv5rAK/s=")
    for name in ("STRIPE_KEY", "SLACK_PATH", "SIGNING_KEY"):
        monkeypatch.setenv(name, "only-for-this-test")
    report = shop.load({f"{index:02}.yaml": text for index, text in enumerate(blocks("yaml"))})
    assert report.warnings == ()
    assert {name.partition("/")[0] for name in done(report)} == set(KINDS)


@pytest.mark.django_db
def test_the_toml_example_loads(shop: Pipeline) -> None:
    report = shop.load({"acteon.toml": "".join(blocks("toml"))})
    assert report.warnings == ()
    assert len(done(report)) == 6


def test_every_section_and_every_toml_table_is_described() -> None:
    chapters = set(re.findall(r"^### (.*)$", PAGE, re.MULTILINE))
    for section in KINDS:
        assert section in chapters or section in ("templates", "profiles")
    for table in tables():
        assert re.search(rf"`\[+{re.escape(table)}", PAGE), table
