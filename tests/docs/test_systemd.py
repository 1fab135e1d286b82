"""The units of deploy/systemd run what docker-compose.yml runs, stop as it is stopped there, and may do little."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.docs.compose import OURS, ROOT, SERVICES, command_of, without_values

UNITS = ROOT / "deploy" / "systemd"
GUIDE = (ROOT / "docs" / "operations.md").read_text()
HOME = "/opt/acteon"
RUNNING = ("web", "worker", "scheduler")
# What the exposure of a unit may be, from 0 to 10; a plain unit has 9.6.
WORST_EXPOSURE = 2.0


def settings_of(*paths: str) -> dict[str, list[str]]:
    """The values of each key, in the order of the files; comments and section names are left out."""
    lines = "\n".join((UNITS / path).read_text() for path in paths).splitlines()
    found: dict[str, list[str]] = {}
    for name, _, value in (line.partition("=") for line in lines if re.match(r"[A-Za-z]+=", line)):
        found.setdefault(name, []).append(value)
    return found


def unit(name: str) -> dict[str, list[str]]:
    return settings_of("acteon-.service.d/common.conf", f"acteon-{name}.service")


def test_the_target_holds_every_process_and_ends_them() -> None:
    [wanted] = settings_of("acteon.target")["Wants"]
    assert wanted.split() == [f"acteon-{name}.service" for name in OURS]
    assert all(unit(name)["PartOf"] == ["acteon.target"] for name in OURS)


@pytest.mark.parametrize("name", RUNNING)
def test_a_unit_runs_what_compose_runs(name: str) -> None:
    [line] = unit(name)["ExecStart"]
    words = [word.removeprefix(f"{HOME}/.venv/bin/") for word in shlex.split(line)]
    assert without_values(words) == without_values(command_of(name, {}))


def test_migrate_runs_what_compose_runs() -> None:
    script = command_of("migrate", {})[2]
    lines = [line.removeprefix(f"{HOME}/.venv/bin/") for line in unit("migrate")["ExecStart"]]
    assert " && ".join(lines) == script


@pytest.mark.parametrize("name", RUNNING)
def test_a_unit_is_started_again_for_ever_and_has_the_time_to_stop_that_compose_gives(name: str) -> None:
    settings = unit(name)
    assert settings["Restart"] == ["always"]
    assert settings["StartLimitIntervalSec"] == ["0"]
    assert settings["TimeoutStopSec"] == [SERVICES[name]["stop_grace_period"]]
    # A worker's children die of a SIGTERM of their own, in the middle of a call.
    assert settings["KillMode"] == ["mixed"]
    # What requires a unit that failed once is never started again.
    assert "Requires" not in settings


def test_a_process_may_open_as_many_files_as_streams() -> None:
    table = re.search(r"`ACTEON_STREAM_LISTENERS` \| `(\d+)`", GUIDE)
    assert table is not None
    assert int(unit("web")["LimitNOFILE"][0]) > 2 * int(table.group(1))
    assert SERVICES["web"]["ulimits"]["nofile"] == int(unit("web")["LimitNOFILE"][0])


def test_variables_of_a_unit_have_a_value_and_stand_in_the_guide() -> None:
    [plain] = unit("web")["Environment"]
    values = dict(pair.split("=") for pair in plain.split())
    for name in RUNNING:
        for variable in re.findall(r"\$\{(\w+)\}", unit(name)["ExecStart"][0]):
            assert values[variable].isdigit()
            assert f"`{variable}`" in GUIDE


@pytest.fixture
def installed(tmp_path: Path) -> list[str]:
    """The units as installed below `tmp_path`, with programs that stand where they look for them."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("python", "celery"):
        (programs / name).symlink_to("/bin/true")
    for path in (file for file in UNITS.rglob("*") if file.is_file()):
        target = tmp_path / path.relative_to(UNITS)
        target.parent.mkdir(exist_ok=True)
        target.write_text(path.read_text().replace(f"{HOME}/.venv/bin", str(programs)))
    return sorted(map(str, [*tmp_path.glob("*.service"), *tmp_path.glob("*.target")]))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_finds_nothing_wrong_with_the_units_and_little_that_they_may_do(installed: list[str]) -> None:
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *installed], capture_output=True, text=True, check=False
    )
    assert (verified.returncode, verified.stderr) == (0, "")
    for path in (path for path in installed if path.endswith(".service")):
        shown = subprocess.run(
            ["systemd-analyze", "security", "--offline=yes", "--no-pager", path],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        exposure = re.search(r"exposure level for \S+: ([\d.]+)", shown)
        assert exposure is not None
        assert float(exposure.group(1)) <= WORST_EXPOSURE


def test_the_guide_installs_the_units_that_there_are() -> None:
    blocks = "\n".join(re.findall(r"^```bash systemd\n(.*?)^```", GUIDE, re.M | re.S))
    named = set(re.findall(r"\bacteon-(\w+)\b", blocks))
    assert named == set(OURS)
    assert unit("web")["EnvironmentFile"][0] in blocks
    assert f"cd {unit('web')['WorkingDirectory'][0]}" in blocks
    checked = subprocess.run(["bash", "-n"], input=blocks, text=True, capture_output=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
