from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from acteon_site import bootstrap

ROOT = Path(__file__).resolve().parents[2]


def values(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text().splitlines())


def test_a_new_installation_gets_every_secret_in_a_file_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "var" / "acteon.env"
    assert bootstrap.bootstrap(path) == list(bootstrap.SECRETS)
    assert path.stat().st_mode & 0o777 == 0o600
    assert set(values(path)) == set(bootstrap.SECRETS)
    kid, _, secret = values(path)["APPROVAL_KEYS"].partition("=")
    assert kid == "k1"
    assert len(bytes.fromhex(secret)) == 32


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "acteon.env"
    bootstrap.bootstrap(path)
    before = path.read_bytes()
    assert bootstrap.bootstrap(path) == []
    assert path.read_bytes() == before


def test_what_a_person_has_written_stays_and_only_missing_names_are_added(tmp_path: Path) -> None:
    path = tmp_path / "acteon.env"
    path.write_text("# mine\nFERNET_KEYS=my-key\nSECRET_KEY=\nLOG=debug")
    assert bootstrap.bootstrap(path) == ["SECRET_KEY", "APPROVAL_KEYS", "LOOKUP_HASH_KEY"]
    text = path.read_text()
    assert text.startswith("# mine\nFERNET_KEYS=my-key\n")
    assert "LOG=debug\n" in text


def test_two_installations_share_no_secret(tmp_path: Path) -> None:
    bootstrap.bootstrap(tmp_path / "a")
    bootstrap.bootstrap(tmp_path / "b")
    assert not set(values(tmp_path / "a").values()) & set(values(tmp_path / "b").values())


def test_starts_at_the_same_time_agree_on_one_set_of_secrets(tmp_path: Path) -> None:
    path = tmp_path / "acteon.env"
    added: list[list[str]] = []
    threads = [threading.Thread(target=lambda: added.append(bootstrap.bootstrap(path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(len, added)) == [0] * 7 + [4]
    assert len(path.read_text().splitlines()) == 4


def test_the_command_needs_no_django_and_says_where_it_wrote(tmp_path: Path) -> None:
    path = tmp_path / "acteon.env"
    script = (
        "import sys; sys.modules['django'] = None; from acteon_site.bootstrap import main; sys.exit(main())"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"ACTEON_ENV_FILE": str(path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert str(path) in ran.stdout
    assert not any(secret in ran.stdout for secret in values(path).values())


def test_a_directory_that_cannot_be_written_is_an_error_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ACTEON_ENV_FILE", str(tmp_path / "file" / "acteon.env"))
    assert bootstrap.main() == 1
    assert "ACTEON_ENV_FILE" in capsys.readouterr().err


def test_it_needs_nothing_installed(tmp_path: Path) -> None:
    """-S leaves out every installed package."""
    env = {**os.environ, "ACTEON_ENV_FILE": str(tmp_path / "acteon.env")}
    command = [sys.executable, "-S", "-m", "acteon_site.bootstrap"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "FERNET_KEYS" in (tmp_path / "acteon.env").read_text()
