"""One web process for each file, on a SQLite database of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acteon_site.serving.raw import Wire
from tests.e2e.installation import INSTALL
from tests.e2e.running import ROOT, background, environment, free_port, run, wait_ready


def installed(directory: Path) -> tuple[dict[str, str], str]:
    """An environment with the fixture's pipeline in it, and an administrator's key."""
    env = environment(directory)
    ran = run(env, "-c", INSTALL, str(ROOT / "fixtures" / "ecommerce"))
    assert ran.returncode == 0, ran.stderr
    return env, ran.stdout.split()[-1]


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    directory = tmp_path_factory.mktemp("web")
    env, key = installed(directory)
    port = free_port()
    command = ("-m", "tests.acteon_site.serving.quick_web", "--port", str(port))
    with background(env, directory / "web.log", *command) as process:
        wait_ready(process, f"http://127.0.0.1:{port}", "/health")
        yield Wire(port, key)
        assert "Traceback" not in process.output, process.output
