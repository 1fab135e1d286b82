"""What the documents tell people to type is typed here: every ```bash block that is marked `run`.

The blocks of a document run in order, with bash, against a gateway that has the documents of this file to itself.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core.management import get_commands

from tests.e2e.running import ROOT, background, environment, free_port, wait_ready

DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
RUN = re.compile(r"^```bash run\n(.*?)^```", re.M | re.S)
FENCED = re.compile(r"^```.*?^```", re.M | re.S)
WITH_COMMANDS = [path for path in DOCUMENTS if RUN.search(path.read_text())]
ADDRESS = "http://127.0.0.1:8080"


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@contextmanager
def served(directory: Path) -> Iterator[dict[str, str]]:
    """A running gateway: the environment in which a reader's shell would find it."""
    env = environment(directory)
    port = free_port()
    with background(env, directory / "serve.log", "manage.py", "serve", "--port", str(port)) as process:
        url = f"http://127.0.0.1:{port}"
        wait_ready(process, url)
        path = os.pathsep.join([str(Path(sys.executable).parent), env["PATH"]])
        yield env | {"ACTEON_URL": url, "PATH": path}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with served(tmp_path_factory.mktemp("documents")) as env:
        yield env


@pytest.mark.embedded
@pytest.mark.parametrize("document", WITH_COMMANDS, ids=name_of)
def test_every_command_of_a_document_works(document: Path, gateway: dict[str, str]) -> None:
    for block in RUN.findall(document.read_text()):
        script = block.replace(ADDRESS, gateway["ACTEON_URL"])
        ran = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script], cwd=ROOT, env=gateway, capture_output=True, text=True
        )
        assert ran.returncode == 0, f"{script}\n{ran.stdout}\n{ran.stderr}"


def test_the_readme_and_the_operations_guide_have_commands_that_are_run() -> None:
    assert {"README.md", "docs/operations.md"} <= set(map(name_of, WITH_COMMANDS))


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_management_commands_and_links_of_a_document_exist(document: Path) -> None:
    text = document.read_text()
    own = set(get_commands())
    for command in re.findall(r"manage\.py ([a-z_]+)", text):
        assert command in own, f"{name_of(document)}: manage.py {command}"
    for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", FENCED.sub("", text)):
        if "://" not in link:
            assert (document.parent / link).exists(), f"{name_of(document)}: {link}"


def test_every_setting_is_documented_and_every_documented_one_is_read() -> None:
    source = (ROOT / "acteon_site" / "settings.py").read_text()
    read = set(re.findall(r'env(?:\.\w+)?\(\s*"([A-Z_]+)"', source))
    section = (ROOT / "docs" / "operations.md").read_text().partition("## Settings")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `([A-Z_]+)`", section, re.M)) == read


def test_make_targets_that_documents_name_exist() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.M))
    for document in DOCUMENTS:
        for target in re.findall(r"(?:^|`)make (\w+)", document.read_text(), re.M):
            assert target in targets, f"{name_of(document)}: make {target}"
