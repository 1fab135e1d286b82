"""Provider secrets come from the environment, are compared without being shown, and never leave as text."""

from __future__ import annotations

from pathlib import Path

import pytest

from acteon_site.config_files.export import export_to
from acteon_site.config_files.load import load_paths
from chains_app.models import Provider
from tests.acteon_site.config_files.conftest import Pipeline, done

pytestmark = pytest.mark.django_db
SECRET = "Bearer sk_live_verysecret"
HOOK = """\
providers:
  - name: payment-gateway
    type: webhook
    url: https://pay.example/v1
    headers:
      Authorization: Bearer ${STRIPE_KEY}
      Content-Type: application/json
    signing_key: ${SIGNING_KEY}
"""


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_KEY", "sk_live_verysecret")
    monkeypatch.setenv("SIGNING_KEY", "a-signing-key-of-some-length")


def stored() -> dict[str, object]:
    return Provider.objects.get().secrets or {}


def test_variables_are_filled_in_when_loaded(shop: Pipeline) -> None:
    report = shop.load({"providers.yaml": HOOK})
    assert report.warnings == ()
    assert stored() == {
        "headers": {"Authorization": SECRET, "Content-Type": "application/json"},
        "signing_key": "a-signing-key-of-some-length",
    }
    assert done(shop.load()) == {}


def test_a_variable_that_is_not_set_is_a_problem_at_its_line(
    shop: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STRIPE_KEY")
    assert shop.refused({"providers.yaml": HOOK}) == [
        'providers.yaml:6: provider "payment-gateway": headers.Authorization: '
        "the environment variable STRIPE_KEY is not set"
    ]


def test_a_rotated_secret_is_a_change_that_shows_no_value(
    shop: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.load({"providers.yaml": HOOK})
    monkeypatch.setenv("SIGNING_KEY", "another-key-of-some-length")
    report = shop.load()
    assert [str(field) for change in report.changes for field in change.fields] == ["signing_key"]
    assert stored()["signing_key"] == "another-key-of-some-length"


def test_a_secret_edited_by_a_person_is_a_conflict_that_shows_no_value(shop: Pipeline) -> None:
    shop.load({"providers.yaml": HOOK})
    row = Provider.objects.get()
    row.secrets = {**(row.secrets or {}), "signing_key": "typed-in-by-a-person"}
    row.save()
    problems = shop.refused()
    assert "differs in signing_key;" in problems[0]
    assert "typed-in" not in problems[0]


def test_a_secret_in_the_file_loads_with_a_warning(shop: Pipeline) -> None:
    report = shop.load({"providers.yaml": HOOK.replace("${STRIPE_KEY}", "sk_live_verysecret")})
    assert [str(warning).removeprefix(f"{shop.directory}/") for warning in report.warnings] == [
        'providers.yaml:6: provider "payment-gateway": headers.Authorization: '
        "stands in the file; write ${NAME} and set NAME where loads run"
    ]


SLACK = """\
providers:
  - name: slack
    type: webhook
    url: https://hooks.slack.com/services/${SLACK_PATH}
    signing_keys:
      - ${NEW_KEY}
      - ${SIGNING_KEY}
"""
SLACK_PATH = "T0AAAAAAA/B0BBBBBBB/ccccccccccccccccccccccc1"


@pytest.fixture
def slack(shop: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    monkeypatch.setenv("SLACK_PATH", SLACK_PATH)
    monkeypatch.setenv("NEW_KEY", "a-new-key-of-some-length")
    shop.write({"providers.yaml": SLACK})
    return shop


def test_an_address_that_names_a_variable_is_a_secret(slack: Pipeline) -> None:
    assert slack.load().warnings == ()
    assert Provider.objects.get().config == {}
    assert stored() == {
        "secret_url": f"https://hooks.slack.com/services/{SLACK_PATH}",
        "signing_keys": ["a-new-key-of-some-length", "a-signing-key-of-some-length"],
    }
    assert SLACK_PATH not in str(Provider.objects.get().secret_spellings)
    assert done(slack.load()) == {}


def test_an_address_and_keys_are_exported_as_the_file_spelled_them(slack: Pipeline, tmp_path: Path) -> None:
    slack.load()
    report = export_to(tmp_path / "out")
    text = (tmp_path / "out" / "providers.yaml").read_text()
    assert "url: https://hooks.slack.com/services/${SLACK_PATH}" in text
    assert "secret_url" not in text
    assert report.variables == ("NEW_KEY", "SIGNING_KEY", "SLACK_PATH")
    assert done(load_paths([tmp_path / "out"], actor="tester", source="shop")) == {}


def test_an_address_typed_as_a_secret_is_exported_under_a_variable(tmp_path: Path) -> None:
    secrets = {"secret_url": "https://hooks.example/x", "signing_keys": ["x" * 20, "y" * 20]}
    Provider.objects.create(name="slack", kind="webhook", config={}, secrets=secrets)
    assert export_to(tmp_path / "out").variables == (
        "SLACK_SECRET_URL",
        "SLACK_SIGNING_KEYS_0",
        "SLACK_SIGNING_KEYS_1",
    )


def test_what_is_wrong_with_a_secret_address_is_told_of_url_at_its_line(
    slack: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLACK_PATH")
    monkeypatch.setenv("NEW_KEY", "short")
    assert slack.refused() == [
        'providers.yaml:4: provider "slack": url: the environment variable SLACK_PATH is not set',
        'providers.yaml:6: provider "slack": signing_keys[0]: must be text of at least 16 bytes',
    ]
    monkeypatch.setenv("SLACK_PATH", SLACK_PATH)
    monkeypatch.setenv("NEW_KEY", "a-new-key-of-some-length")
    assert slack.refused({"providers.yaml": SLACK.replace("https://", "gopher://")}) == [
        'providers.yaml:4: provider "slack": url: must begin with https:// (or http://) and name a host'
    ]


def test_a_new_key_in_front_is_a_change_that_shows_no_value(
    slack: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    slack.load({"providers.yaml": SLACK.replace("      - ${NEW_KEY}\n", "")})
    report = slack.load({"providers.yaml": SLACK})
    assert [str(field) for change in report.changes for field in change.fields] == ["signing_keys"]


def test_an_address_becomes_a_secret_by_a_change_of_the_file(slack: Pipeline) -> None:
    report = slack.load({"providers.yaml": SLACK.replace("${SLACK_PATH}", SLACK_PATH)})
    assert "url: looks as if it held a token" in str(report.warnings[0])
    assert SLACK_PATH not in str(report.warnings[0])
    assert "url" in Provider.objects.get().config
    assert done(slack.load({"providers.yaml": SLACK})) == {"providers/slack": "changed"}
    assert Provider.objects.get().config == {}


def test_toml_spells_them_the_same(slack: Pipeline) -> None:
    slack.load()
    (slack.directory / "providers.yaml").unlink()
    slack.write(
        {
            "acteon.toml": """\
[[providers]]
name = "slack"
type = "webhook"
url = "https://hooks.slack.com/services/${SLACK_PATH}"
signing_keys = ["${NEW_KEY}", "${SIGNING_KEY}"]
success_statuses = ["2xx", 409]
response_mapping = { in_stock = "data.items[0].available" }
"""
        }
    )
    assert done(slack.load()) == {"providers/slack": "changed"}
    assert Provider.objects.get().config == {
        "success_statuses": ["2xx", 409],
        "response_mapping": {"in_stock": "data.items[0].available"},
    }
    assert "secret_url" in stored()


def test_a_type_without_secret_addresses_takes_none_from_the_environment(shop: Pipeline) -> None:
    text = "providers:\n  - name: x\n    type: log\n    url: https://x.example/${STRIPE_KEY}\n"
    assert "url: only secrets are taken from the environment" in shop.refused({"providers.yaml": text})[0]


def test_a_doubled_dollar_stands_for_itself(shop: Pipeline) -> None:
    shop.load({"providers.yaml": HOOK.replace("${STRIPE_KEY}", "$${STRIPE_KEY}")})
    assert stored()["headers"] == {
        "Authorization": "Bearer ${STRIPE_KEY}",
        "Content-Type": "application/json",
    }


def test_an_export_spells_secrets_as_the_file_did(shop: Pipeline, tmp_path: Path) -> None:
    shop.load({"providers.yaml": HOOK})
    report = export_to(tmp_path / "out")
    text = (tmp_path / "out" / "providers.yaml").read_text()
    assert "Authorization: Bearer ${STRIPE_KEY}" in text
    assert "Content-Type: application/json" in text
    assert "verysecret" not in text
    assert report.variables == ("SIGNING_KEY", "STRIPE_KEY")
    assert done(load_paths([tmp_path / "out"], actor="tester", source="shop")) == {}


def test_an_export_names_variables_for_secrets_that_no_file_spelled(tmp_path: Path) -> None:
    Provider.objects.create(
        name="2-pay",
        kind="webhook",
        config={"url": "https://pay.example"},
        secrets={"headers": {"X-Api-Key": SECRET}, "signing_key": "x" * 20},
    )
    report = export_to(tmp_path / "out")
    assert report.variables == ("P_2_PAY_SIGNING_KEY", "P_2_PAY_X_API_KEY")
    assert "verysecret" not in (tmp_path / "out" / "providers.yaml").read_text()


def test_a_secret_changed_since_the_load_is_not_exported_under_its_old_name(
    shop: Pipeline, tmp_path: Path
) -> None:
    shop.load({"providers.yaml": HOOK})
    row = Provider.objects.get()
    row.secrets = {**(row.secrets or {}), "signing_key": "typed-in-by-a-person"}
    row.save()
    assert export_to(tmp_path / "out").variables == ("PAYMENT_GATEWAY_SIGNING_KEY", "STRIPE_KEY")
