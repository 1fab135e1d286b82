"""docs/providers.md, "Adding a kind": its example is built by following its steps, and a chain runs with it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.conf import settings as django_settings

from acteon_site.base import config_versions
from acteon_site.config_files.export import export_to
from acteon_site.config_files.load import load_paths
from acteon_site.config_files.problems import LoadRefused
from chains_app.models import Provider, Run
from chains_app.providers import registry
from chains_app.services.advance import runs_sweep
from tests.chains_app.peer import Peer, peer_running
from tests.world import Shop, order

ROOT = Path(django_settings.BASE_DIR)
PAGE = (ROOT / "docs" / "providers.md").read_text()
MODULE = "chains_app.providers.sms"


def block(language: str, mark: str) -> str:
    found = re.findall(rf"^```{language} {re.escape(mark)}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert len(found) == 1, mark
    text: str = found[0]
    return text


def module(name: str, source: str) -> ModuleType:
    made = ModuleType(name)
    exec(compile(source, name, "exec"), made.__dict__)
    return made


def table_with_the_two_lines() -> Any:
    """A copy of registry.py, edited as step 2 says."""
    source = Path(registry.__file__).read_text()
    last_import = re.findall(r"^from chains_app.*$", source, re.MULTILINE)[-1]
    source = source.replace(last_import, last_import + "\n" + block("python", "recipe=import"))
    last_entry = re.findall(r'^        ".*": .*\n', source, re.MULTILINE)[-1]
    return module("registry_copy", source.replace(last_entry, last_entry + block("python", "recipe=entry")))


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The kind's own file, and its table wherever the original is used."""
    sms = module(MODULE, block("python", "recipe=chains_app/providers/sms.py"))
    monkeypatch.setitem(sys.modules, MODULE, sms)
    kinds, original = table_with_the_two_lines().KINDS, registry.KINDS
    assert set(kinds) == {*original, "sms"}
    for user in list(sys.modules.values()):
        if user is not None and getattr(user, "KINDS", None) is original:
            monkeypatch.setattr(user, "KINDS", kinds)
    return sms


@pytest.fixture
def peer(settings: Any) -> Iterator[Peer]:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    with peer_running() as running:
        yield running


@pytest.fixture
def files(built: ModuleType, tmp_path: Path, peer: Peer, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SMS_TOKEN", "t0ken-verysecret")
    directory = tmp_path / "texts"
    directory.mkdir()
    example = block("yaml", "recipe").replace("https://sms.example/v1/messages", peer.url)
    (directory / "texts.yaml").write_text(example)
    return directory


def test_the_example_is_as_lint_and_types_want_it(tmp_path: Path) -> None:
    path = tmp_path / "sms.py"
    path.write_text(block("python", "recipe=chains_app/providers/sms.py"))
    configured = ["--config", str(ROOT / "pyproject.toml")]
    for command in (["check"], ["format", "--check"]):
        ran = subprocess.run(
            [sys.executable, "-m", "ruff", *command, *configured, str(path)], capture_output=True, text=True
        )
        assert ran.returncode == 0, ran.stdout


def test_the_kind_has_what_the_table_asks_for(built: ModuleType) -> None:
    kind = registry.KINDS["sms"]
    assert (kind.name, kind.repeatable) == ("sms", True)
    assert not kind.config_keys & kind.secret_keys
    assert kind.check({"no_such_key": 1}, {})[0].field == "no_such_key"


def test_the_tests_of_the_example_pass(built: ModuleType, peer: Peer) -> None:
    tests = module("test_sms", block("python", "recipe=tests/chains_app/test_sms.py"))
    found = {name: test for name, test in vars(tests).items() if name.startswith("test_")}
    assert len(found) == 3
    for test in found.values():
        peer.said.clear()
        test(*[peer] * test.__code__.co_argcount)


def test_a_chain_runs_with_the_new_kind(shop: Shop, files: Path, peer: Peer) -> None:
    assert load_paths([files], actor="tester").warnings == ()
    config_versions.reset()
    peer.answers(503)
    action = order(action_type="parcel_sent", payload={"phone": "+4915112345678", "order_id": "o-7"})
    outcome = shop.dispatch(action).json()
    run = Run.objects.get(pk=outcome["Executed"]["body"]["chain_id"])
    runs_sweep()
    peer.answers(202, {"id": "m-1"})
    run.steps.filter(retry_at__isnull=False).update(retry_at="2020-01-01T00:00:00Z")
    Run.objects.filter(pk=run.pk).update(next_run_at="2020-01-01T00:00:00Z")
    runs_sweep()
    run.refresh_from_db()
    assert run.status == "completed"
    assert run.steps.get().response == {"id": "m-1"}
    assert len(peer.said) == 2
    assert {said.headers["idempotency-key"] for said in peer.said} == {f"{run.pk}:text"}
    assert json.loads(peer.said[1].body) == {
        "to": "+4915112345678",
        "text": "Parcel o-7 is on its way.",
    }


def test_its_secret_is_kept_and_exported_as_such(db: None, files: Path, tmp_path: Path) -> None:
    load_paths([files], actor="tester")
    row = Provider.objects.get(name="texts")
    assert row.secrets == {"token": "t0ken-verysecret"}
    assert export_to(tmp_path / "out").variables == ("SMS_TOKEN",)
    assert "verysecret" not in (tmp_path / "out" / "providers.yaml").read_text()


def test_wrong_settings_of_it_are_refused_at_their_line(db: None, files: Path) -> None:
    path = files / "texts.yaml"
    path.write_text(path.read_text().replace("    text: ", "    txet: "))
    with pytest.raises(LoadRefused) as caught:
        load_paths([files], actor="tester")
    assert any(":6: " in str(problem) and "txet" in str(problem) for problem in caught.value.problems)
