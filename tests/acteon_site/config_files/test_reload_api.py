"""POST /v1/rules/reload: all or nothing, below the rules root only, by callers whose scope is everything."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings
from rest_framework.test import APIClient

from acteon_site.access.keys import api_key_create
from chains_app.models import Provider
from rules_app.models import Rule, RuleSettings, RuleSetVersion
from rules_app.services.rule_sets import rule_save
from tests.acteon_site.config_files.conftest import RULES, SMALL, Pipeline

pytestmark = pytest.mark.django_db
SETTINGS = "settings: {default_timezone: US/Eastern}\n"


@pytest.fixture
def root(shop: Pipeline) -> Any:
    with override_settings(RULES_ROOT=shop.directory):
        yield shop


def caller(role: str = "admin", **scopes: Any) -> APIClient:
    _, secret = api_key_create(name=f"{role}-{len(scopes)}", role=role, **scopes)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return client


def reload(client: APIClient | None = None, **body: Any) -> Any:
    return (client or caller()).post("/v1/rules/reload", body, format="json")


def test_it_loads_the_rules_below_the_root_and_nothing_else(root: Pipeline) -> None:
    root.write({**SMALL, "settings.yaml": SETTINGS})
    answer = (caller()).post("/v1/rules/reload")
    assert (answer.status_code, answer.json()) == (
        200,
        {"reloaded": 1, "loaded": 1, "errors": [], "directory": ".", "warnings": []},
    )
    assert Rule.objects.get().source == "shop"
    assert RuleSettings.objects.get().default_timezone == "US/Eastern"
    assert not Provider.objects.exists()


def test_it_continues_what_load_pipeline_began(root: Pipeline) -> None:
    root.load({**SMALL, "settings.yaml": SETTINGS})
    root.write({"rules.yaml": RULES.replace("priority: 5", "priority: 8")})
    assert reload().status_code == 200
    assert Rule.objects.get().priority == 8
    assert Provider.objects.count() == 2


def test_a_directory_is_then_all_there_is_of_the_roots_rules(root: Pipeline) -> None:
    root.load({**SMALL, "settings.yaml": SETTINGS})
    root.write({"sub/rules.yaml": RULES.replace("refuse-small", "refuse-tiny")})
    answer = reload(directory="sub")
    assert answer.json()["directory"] == "sub"
    assert list(Rule.objects.values_list("name", flat=True)) == ["refuse-tiny"]
    assert RuleSettings.objects.get().default_timezone == "US/Eastern"


def test_a_bad_file_changes_nothing_and_is_told_with_file_line_and_field(root: Pipeline) -> None:
    root.load(SMALL)
    versions = RuleSetVersion.objects.count()
    root.write(
        {
            "rules.yaml": RULES.replace("priority: 5", "priority: 8"),
            "more.yaml": RULES.replace("refuse-small", "b").replace("lt: 100", "lt: [1]"),
        }
    )
    answer = reload()
    assert answer.status_code == 422
    body = answer.json()
    assert (body["code"], body["retryable"]) == ("VALIDATION", False)
    assert [
        {key: detail[key] for key in ("file", "line", "field", "kind", "name")} for detail in body["details"]
    ] == [{"file": "more.yaml", "line": 6, "field": "condition.lt", "kind": "rule", "name": "b"}]
    assert Rule.objects.get().priority == 5
    assert RuleSetVersion.objects.count() == versions


def test_a_rule_edited_since_is_409_unless_forced(root: Pipeline) -> None:
    root.load(SMALL)
    rule = Rule.objects.get()
    rule.priority = 50
    rule_save(rule=rule, actor="maria")
    client = caller()
    refused = reload(client)
    assert refused.status_code == 409
    assert "edited by maria" in refused.json()["details"][0]["message"]
    assert reload(client, force="yes").status_code == 422
    assert reload(client, force=True).status_code == 200
    assert Rule.objects.get().priority == 5


@pytest.mark.parametrize(
    "directory",
    ["..", "../other", "/etc", "sub/../../other", "nowhere", "rules.yaml", "x" * 5000, 5, ["sub"]],
)
def test_nothing_outside_the_root_can_be_named(root: Pipeline, directory: Any) -> None:
    root.write(SMALL)
    (root.directory.parent / "other").mkdir()
    (root.directory.parent / "other" / "rules.yaml").write_text(RULES)
    answer = reload(directory=directory)
    assert answer.status_code == 422
    assert answer.json()["details"] == [
        {"field": "directory", "message": "must name a directory below the rules root"}
    ]
    assert not Rule.objects.exists()


@pytest.mark.parametrize("kind", ["directory", "directory below", "file"])
def test_links_that_lead_outside_are_not_followed(root: Pipeline, kind: str) -> None:
    outside = root.directory.parent / "other"
    outside.mkdir()
    (outside / "rules.yaml").write_text("secret: 1\n")
    if kind == "directory":
        os.symlink(outside, root.directory / "link")
        answer = reload(directory="link")
    elif kind == "directory below":
        os.symlink(outside, root.directory / "link")
        answer = reload()
    else:
        os.symlink(outside / "rules.yaml", root.directory / "link.yaml")
        answer = reload()
    assert answer.status_code == 422
    assert "secret" not in answer.content.decode()
    assert str(outside) not in answer.content.decode()


def test_a_toml_files_rule_directory_cannot_lead_outside(root: Pipeline) -> None:
    outside = root.directory.parent / "other"
    outside.mkdir()
    (outside / "rules.yaml").write_text(RULES)
    root.write({"acteon.toml": '[rules]\ndirectory = "../other"\n'})
    answer = reload()
    assert answer.status_code == 422
    assert "leads outside" in answer.json()["message"]
    assert not Rule.objects.exists()


@pytest.mark.parametrize(
    ("role", "scopes"), [("viewer", {}), ("operator", {}), ("admin", {"tenants": ["acme-store"]})]
)
def test_only_administrators_of_everything_may_reload(
    root: Pipeline, role: str, scopes: dict[str, Any]
) -> None:
    root.write(SMALL)
    assert reload(caller(role, **scopes)).status_code == 403
    assert not Rule.objects.exists()


def test_without_a_key_nothing_is_told(root: Pipeline) -> None:
    assert APIClient().post("/v1/rules/reload").status_code == 401


def test_no_path_of_this_machine_is_in_an_answer(root: Pipeline) -> None:
    root.write({"rules.yaml": "rules: [\n"})
    assert str(Path(root.directory).parent) not in reload().content.decode()
