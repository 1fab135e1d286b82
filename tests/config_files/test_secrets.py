"""Provider secrets come from the environment, are compared without being shown, and never leave as text."""

from __future__ import annotations

from pathlib import Path

import pytest

from acteon_site.config_files.export import export_to
from acteon_site.config_files.load import load_paths
from chains_app.models import Provider
from tests.config_files.conftest import Pipeline, done

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


def test_a_url_takes_nothing_from_the_environment(shop: Pipeline) -> None:
    problems = shop.refused({"providers.yaml": HOOK.replace("pay.example", "${HOST}")})
    assert problems[0].startswith('providers.yaml:4: provider "payment-gateway": url: only headers')


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
