"""Every YAML example of the guides for providers and chains is valid as it stands."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

from chains_app.definitions import check_references, parse_definition
from chains_app.specs import check_breakers, parse_breaker, parse_provider

DOCS = Path(settings.BASE_DIR) / "docs"
PROVIDERS = {
    "payment-gateway",
    "warehouse",
    "email-service",
    "fraud-analyzer",
    "compliance-queue",
}


def examples(page: str, language: str) -> Iterator[str]:
    text = (DOCS / page).read_text()
    yield from re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def sections(page: str) -> Iterator[dict[str, Any]]:
    yield from (yaml.safe_load(example) for example in examples(page, "yaml"))
    yield from (tomllib.loads(example) for example in examples(page, "toml"))


@pytest.mark.parametrize("page", ["providers.md", "chains.md"])
def test_every_example_of_a_page_is_valid(page: str) -> None:
    found = list(sections(page))
    assert found
    for section in found:
        assert section.keys() <= {"providers", "circuit_breakers", "chains"}
        for spec in section.get("providers", ()):
            assert parse_provider(spec)[1] == []
        for spec in section.get("circuit_breakers", ()):
            assert parse_breaker(spec)[1] == []
            assert check_breakers({spec["provider"]: spec["fallback_provider"]}, PROVIDERS) == []
        chains = [parse_definition(spec) for spec in section.get("chains", ())]
        assert [problems for _, problems in chains if problems] == []
        names = {definition.name: definition for definition, _ in chains if definition}
        assert check_references(names, PROVIDERS) == []
