"""Every YAML example of the guides for providers and chains is valid as it stands."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

from acteon_site.base import config_versions
from chains_app.definitions import (
    Branch,
    Compensate,
    Definition,
    Notice,
    Parallel,
    Retry,
    Step,
    Timer,
    Trigger,
    WaitForSignal,
    check_definition,
    check_recursion,
    parse_definition,
)
from chains_app.models import Run
from chains_app.services.definitions import chains_save
from chains_app.services.providers import provider_save
from chains_app.specs import check_breakers, parse_breaker, parse_provider
from tests.chains_app.gateway import settle
from tests.world import Shop

DOCS = Path(settings.BASE_DIR) / "docs"
PROVIDERS = {
    "payment-gateway",
    "warehouse",
    "email-service",
    "fraud-analyzer",
    "compliance-queue",
}


def examples(page: str, language: str) -> Iterator[str]:
    """With secrets in place of the variables that name them."""
    text = re.sub(r"\$\{[A-Z0-9_]+\}", "0nlyF0rTh1sTest" * 2 + "00", (DOCS / page).read_text())
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
        assert [check_definition(one, names, PROVIDERS) for one in names.values()] == [[] for _ in names]
        assert check_recursion(names) == []


def chains_of(page: str) -> dict[str, dict[str, Any]]:
    return {spec["name"]: spec for section in sections(page) for spec in section.get("chains", ())}


def test_the_guide_names_every_key_that_a_chain_and_its_steps_may_have() -> None:
    spans = re.findall(r"`[^`\n]+`", (DOCS / "chains.md").read_text())
    words = {word for span in spans for word in re.findall(r"\w+", span)}
    parts = (Definition, Step, Retry, Compensate, Branch, Timer, WaitForSignal, Parallel, Trigger, Notice)
    keys = {field.name for part in parts for field in fields(part)} - {"kind"}
    assert keys - words == set()


@pytest.mark.django_db
def test_every_chain_of_the_guide_is_saved_through_the_api(shop: Shop) -> None:
    chains = chains_of("chains.md")
    names_of = {name: {step.get("sub_chain") for step in spec["steps"]} for name, spec in chains.items()}
    for name in sorted(chains, key=lambda name: bool(names_of[name] - {None})):  # sub-chains first
        answer = shop.put(f"/v1/chains/definitions/{name}", chains[name])
        assert answer.status_code == 200, answer.content
        assert "warnings" not in answer.json()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("payload", "path"),
    [
        ({"approved": True}, ["validate", "review", "ask-a-person", "charge", "fulfill"]),
        ({"approved": False}, ["validate", "review", "ask-a-person", "refuse"]),
        (None, ["validate", "review", "ask-a-person", "refuse"]),
    ],
)
def test_the_variant_that_waits_for_a_person_does_so(
    shop: Shop, payload: dict[str, Any] | None, path: list[str]
) -> None:
    chains = chains_of("chains.md")
    variant = {**chains["order-with-a-person"], "trigger": {"action_type": "special_order"}}
    variant["steps"][0]["branches"][0]["value"] = "never"
    provider_save(spec={"name": "fraud-analyzer", "type": "log", "enabled": False}, actor="test")
    chains_save(specs=[chains["quick-review"], variant], actor="test")
    config_versions.reset()
    chain_id = shop.place(action_type="special_order")["Executed"]["body"]["chain_id"]
    settle(4)
    run = Run.objects.get(pk=chain_id)
    assert run.status == "waiting_signal"
    if payload is None:
        run.steps.update(retry_at=run.started_at)
        Run.objects.filter(pk=run.pk).update(next_run_at=run.started_at)
    else:
        shop.post(f"/v1/chains/{chain_id}/signal", {"signal": "reviewed", "payload": payload})
    settle(2)
    run.refresh_from_db()
    assert (run.status, run.execution_path) == ("completed", path)
