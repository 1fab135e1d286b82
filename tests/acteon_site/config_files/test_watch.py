"""--watch: every change is loaded, a bad file is told about, the last good load stays in force."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import watchfiles
from django.core.management import load_command_class

from acteon_site.config_files import watch
from acteon_site.config_files.watch import concerns_us, watch_paths, watched_directories
from rules_app.models import Rule
from tests.acteon_site.config_files.conftest import RULES, SMALL, Pipeline

WAIT_SECONDS = 20
PAUSE_SECONDS = 1.0


@contextmanager
def watching(paths: list[Path]) -> Iterator[queue.Queue[str]]:
    """A watch in a thread; every load puts the texts of the YAML files that it would read."""
    loads: queue.Queue[str] = queue.Queue()
    stop = threading.Event()

    def load() -> None:
        texts = [path.read_text() for root in paths for path in sorted(root.rglob("*.yaml"))]
        loads.put("".join(texts))

    thread = threading.Thread(target=lambda: watch_paths(paths, load, stop=stop))
    thread.start()
    try:
        yield loads
    finally:
        stop.set()
        thread.join(WAIT_SECONDS)
        assert not thread.is_alive()


def test_it_loads_at_once_and_after_every_change(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("one")
    with watching([tmp_path]) as loads:
        assert loads.get(timeout=WAIT_SECONDS) == "one"
        (tmp_path / "a.yaml").write_text("two")
        assert loads.get(timeout=WAIT_SECONDS) == "two"
        replacement = tmp_path / ".a.yaml.swp"
        replacement.write_text("three")
        replacement.replace(tmp_path / "a.yaml")
        assert loads.get(timeout=WAIT_SECONDS) == "three"


def test_what_is_no_configuration_loads_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("one")
    with watching([tmp_path]) as loads:
        loads.get(timeout=WAIT_SECONDS)
        (tmp_path / "notes.txt").write_text("x")
        with pytest.raises(queue.Empty):
            loads.get(timeout=PAUSE_SECONDS)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("a.yaml", True),
        ("a.yml", True),
        ("a.toml", True),
        ("rules", True),
        (".a.yaml", False),
        ("a.txt", False),
    ],
)
def test_which_changes_concern_us(name: str, wanted: bool) -> None:
    assert concerns_us(watchfiles.Change.modified, f"/somewhere/{name}") is wanted


def test_a_toml_files_rule_directory_is_watched_too(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.yaml").write_text(RULES)
    toml = tmp_path / "conf" / "acteon.toml"
    toml.write_text('[rules]\ndirectory = "../rules"\n')
    assert watched_directories([toml]) == [tmp_path / "conf", tmp_path / "rules"]


@pytest.mark.django_db
def test_a_bad_file_leaves_the_last_good_load_in_force(
    shop: Pipeline, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command's own loop, its changes made between the ticks of a watcher that this test drives."""
    shop.write(SMALL)
    steps = iter(
        [
            lambda: shop.write({"rules.yaml": RULES.replace("priority: 5", "priority: five")}),
            lambda: shop.write({"rules.yaml": RULES.replace("priority: 5", "priority: 9")}),
        ]
    )
    priorities: list[int] = []

    def ticks(*paths: Path, **options: object) -> Iterator[set[tuple[int, str]]]:
        yield set()
        for step in steps:
            priorities.append(Rule.objects.get().priority)
            step()
            yield {(1, str(shop.directory / "rules.yaml"))}
        priorities.append(Rule.objects.get().priority)

    monkeypatch.setattr(watch.watchfiles, "watch", ticks)
    monkeypatch.setattr(watch, "close_old_connections", lambda: None)
    command = load_command_class("acteon_site", "load_pipeline")
    command.run_from_argv(["manage.py", "load_pipeline", str(shop.directory), "--watch", "--skip-checks"])
    assert priorities == [5, 5, 9]
    told = capsys.readouterr()
    assert 'rules.yaml:3: rule "refuse-small": priority: must be a whole number' in told.err
    assert "priority 5 → 9" in told.out
