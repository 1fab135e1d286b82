"""docs/architecture.md and CONTRIBUTING.md name what is there, and leave out nothing that should be named."""

from __future__ import annotations

import re

import pytest
from django.apps import apps

from tests.e2e.running import ROOT

PAGES = ("docs/architecture.md", "CONTRIBUTING.md")
OURS = ("acteon_site", "audit_app", "rules_app", "chains_app", "orders_app", "subscriptions_app")
# `orders_app/pipeline/`, `.ci/run`, `CHANGELOG.md`
PATH = re.compile(r"`((?:[\w.-]+/)+[\w.-]*|[A-Z]+\.md|[\w-]+\.toml)`")


@pytest.mark.parametrize("page", PAGES)
def test_every_path_that_a_page_names_is_there(page: str) -> None:
    found = PATH.findall((ROOT / page).read_text())
    assert found
    places = [
        path
        for path in found
        if path.split("/")[0] in (*OURS, "docs", "tests", "deploy", ".ci") or "/" not in path
    ]
    assert [path for path in places if not (ROOT / path).exists()] == []
    # Rooms that each app has under the same name.
    for room in set(found) - set(places):
        assert any((ROOT / app / room).exists() for app in OURS), room


def test_the_page_says_of_every_table_who_writes_it() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    tables = [model.__name__ for model in apps.get_models() if model._meta.app_label in OURS]
    assert [name for name in tables if f"`{name}`" not in text] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_place_inside_a_page_that_is_linked_to_is_a_heading(page: str) -> None:
    text = (ROOT / page).read_text()
    headings = {
        re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in text.splitlines()
        if line.startswith("#")
    }
    assert set(re.findall(r"\]\(#([\w-]+)\)", text)) <= headings
