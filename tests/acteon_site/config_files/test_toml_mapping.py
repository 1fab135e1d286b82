"""The guide's TOML keys: what they become, what belongs elsewhere, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from acteon_site.config_files.load import load_paths
from acteon_site.config_files.reading import Reading, read_paths
from chains_app.models import ChainDefinition, CircuitBreaker, Provider
from tests.acteon_site.config_files.conftest import RULES, Pipeline, done

# The reference's server tables, which have their place elsewhere here.
SERVER = """\
[server]
host = "127.0.0.1"
port = 8080
approval_secret = "deadbeefdeadbeef"

[state]
backend = "postgres"
url = "postgres://localhost:5432/acteon"

[audit]
enabled = true
backend = "postgres"
url = "postgres://localhost:5432/acteon"
store_payload = true
ttl_seconds = 1209600  # 14 days
cleanup_interval_seconds = 3600
region = "eu-central-1"
prefix = "acteon_"
table_name = "acteon_audit"

[executor]
max_retries = 2

[background]
enabled = true

[quotas]
enabled = true
"""
# The guide's "Adding Inventory Checks": default_next stands below the branch and means the step.
INVENTORY = """\
[[providers]]
name = "warehouse"
type = "log"

[[chains.definitions]]
name = "stocking"

[[chains.definitions.steps]]
name = "check-inventory"
provider = "warehouse"
action_type = "inventory_check"
payload_template = {
    items = "{{origin.payload.items}}",
    warehouse_region = "{{origin.payload.shipping_country}}"
}

  [[chains.definitions.steps.branches]]
  field = "body.in_stock"
  operator = "eq"
  value = true
  target = "fulfill"

  default_next = "notify-backorder"

[[chains.definitions.steps]]
name = "fulfill"
provider = "warehouse"
action_type = "ship_order"
default_next = "end"

[[chains.definitions.steps]]
name = "notify-backorder"
provider = "warehouse"
action_type = "backorder"
"""
BREAKERS = """\
[[providers]]
name = "till"
type = "log"

[[providers]]
name = "depot"
type = "log"

[circuit_breaker]
enabled = true
failure_threshold = 4

[circuit_breaker.providers.till]
failure_threshold = 2
fallback_provider = "depot"
"""


def read(tmp_path: Path, text: str) -> Reading:
    path = tmp_path / "acteon.toml"
    path.write_text(text)
    return read_paths([path])


def lines(problems: list[Any]) -> list[tuple[int, str]]:
    return [(problem.line, problem.field) for problem in problems]


def test_server_tables_are_warned_about_with_where_they_belong(tmp_path: Path) -> None:
    reading = read(tmp_path, SERVER)
    assert reading.problems == []
    assert reading.entries == []
    told = {problem.field: problem for problem in reading.warnings}
    assert set(told) == {
        "server",
        "server.approval_secret",
        "state",
        "executor",
        "background",
        "quotas",
        "audit.backend",
        "audit.url",
        "audit.ttl_seconds",
        "audit.cleanup_interval_seconds",
        "audit.region",
        "audit.prefix",
        "audit.table_name",
    }
    assert told["server.approval_secret"].line == 4
    assert "APPROVAL_KEYS" in told["server.approval_secret"].message
    assert "retention" in told["audit.ttl_seconds"].message
    assert "deadbeef" not in "".join(map(str, reading.warnings))


def test_breaker_settings_are_shared_and_overridden_by_provider(tmp_path: Path) -> None:
    specs = [entry.spec for entry in read(tmp_path, BREAKERS).entries if entry.section == "circuit_breakers"]
    assert specs == [
        {"provider": "till", "enabled": True, "failure_threshold": 2, "fallback_provider": "depot"},
        {"provider": "depot", "enabled": True, "failure_threshold": 4},
    ]


@pytest.mark.django_db
def test_a_wrong_shared_breaker_setting_is_told_at_its_own_line(shop: Pipeline) -> None:
    problems = shop.refused({"acteon.toml": BREAKERS.replace("= 4", '= "4"')})
    assert problems == [
        'acteon.toml:11: circuit breaker "depot": failure_threshold: must be a whole number from 1 to 1000'
    ]


@pytest.mark.django_db
def test_default_next_below_a_branch_belongs_to_the_step(shop: Pipeline) -> None:
    shop.load({"acteon.toml": INVENTORY})
    chain = ChainDefinition.objects.get()
    assert chain.current is not None
    first = chain.current.spec["steps"][0]
    assert first["default_next"] == "notify-backorder"
    assert "default_next" not in first["branches"][0]


@pytest.mark.django_db
def test_a_wrong_default_next_below_a_branch_is_told_at_its_own_line(shop: Pipeline) -> None:
    problems = shop.refused(
        {"acteon.toml": INVENTORY.replace('"notify-backorder"\n\n', '"notify-bakorder"\n\n')}
    )
    assert problems[0].startswith(
        'acteon.toml:23: chain "stocking": steps[0].default_next: no step is called'
    )


def test_a_step_cannot_have_two_default_nexts(tmp_path: Path) -> None:
    text = INVENTORY.replace('action_type = "inventory_check"', 'action_type = "x"\ndefault_next = "end"')
    assert lines(read(tmp_path, text).problems) == [
        (24, "chains.definitions[0].steps[0].branches[0].default_next")
    ]


@pytest.mark.parametrize(
    ("text", "line", "field", "words"),
    [
        ("[provider]\n", 1, "provider", "did you mean 'providers'"),
        ("[circuit_breaker]\nfailure_treshold = 3\n", 2, "circuit_breaker.failure_treshold", "did you mean"),
        ("[circuit_breaker]\nproviders = 3\n", 2, "circuit_breaker.providers", "must be a table"),
        ("[chains]\ndefinition = []\n", 2, "chains.definition", "did you mean 'definitions'"),
        ("[chains]\ndefinitions = 5\n", 2, "chains.definitions", "array of tables"),
        ("[rules]\ndirectoy = 'x'\n", 2, "rules.directoy", "did you mean 'directory'"),
        ("[rules]\ndirectory = 'nowhere'\n", 2, "rules.directory", "'nowhere' is no directory"),
        ("[rules]\ndirectory = 5\n", 2, "rules.directory", "must be the path"),
        ("[audit]\nenabled = false\n", 2, "audit.enabled", "cannot be turned off"),
        ("[audit]\nstore_payload = false\n", 2, "audit.store_payload", "[audit.redact]"),
        ("[audit.redact]\nfield = ['x']\n", 1, "audit.redact", "`fields`"),
        ("[audit.redact]\nfields = ['x']\nplacehlder = 'y'\n", 3, "audit.redact.placehlder", "unknown key"),
    ],
)
def test_unknown_and_wrong_keys_are_refused_at_their_line(
    tmp_path: Path, text: str, line: int, field: str, words: str
) -> None:
    problems = read(tmp_path, text).problems
    assert lines(problems) == [(line, field)]
    assert words in problems[0].message


@pytest.mark.parametrize("where", ["beside", "working directory"])
def test_the_rules_directory_is_found_beside_the_file_or_where_the_command_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf" / "rules").mkdir(parents=True)
    (tmp_path / "conf" / "rules" / "a.yaml").write_text(RULES)
    directory = "rules" if where == "beside" else "conf/rules"
    (tmp_path / "conf" / "acteon.toml").write_text(f'[rules]\ndirectory = "{directory}"\n')
    reading = read_paths([tmp_path / "conf" / "acteon.toml"])
    assert reading.problems == []
    assert [entry.spec["name"] for entry in reading.entries] == ["refuse-small"]


@pytest.mark.django_db
def test_redaction_can_be_switched_off_and_stays_listed(shop: Pipeline) -> None:
    report = shop.load({"acteon.toml": '[audit.redact]\nenabled = false\nfields = ["iban"]\n'})
    assert done(report) == {"redaction/iban": "added"}


@pytest.mark.django_db
def test_the_guides_stripe_provider_loads_and_its_secret_is_warned_about(tmp_path: Path) -> None:
    path = tmp_path / "acteon.toml"
    path.write_text(
        '[[providers]]\nname = "payment-gateway"\ntype = "webhook"\nurl = "https://api.stripe.com/v1/charges"\n'
        'headers = { "Authorization" = "Bearer sk_live_xxx", '
        '"Content-Type" = "application/x-www-form-urlencoded" }\n'
    )
    report = load_paths([path], actor="tester", source="shop")
    assert [(warning.line, warning.field) for warning in report.warnings] == [(5, "headers.Authorization")]
    assert "sk_live" not in str(report.warnings[0])
    assert (Provider.objects.get().secrets or {})["headers"]["Authorization"] == "Bearer sk_live_xxx"
    assert not CircuitBreaker.objects.exists()
