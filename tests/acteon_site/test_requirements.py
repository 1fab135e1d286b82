"""What the gateway imports, requirements.txt installs: a machine without the test tools runs it too.

And requirements.lock pins all of it to the releases that these tests run against.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, packages_distributions, requires, version
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
OPTIONAL = {"greenlet", "msgpack", "opentelemetry"}  # looked for (by redis the last), and not missed
# Everything that a process of the gateway may come to import, in both modes.
LOAD = """
import importlib, json, pkgutil, sys
import django
django.setup()
import kombu.transport.redis, kombu.transport.memory, uvicorn.main
for name in ("acteon_site", "audit_app", "rules_app", "chains_app", "orders_app", "subscriptions_app"):
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, f"{name}."):
        if module.name != "acteon_site.watching.otel":  # for whoever has installed requirements-otel.txt
            importlib.import_module(module.name)
assert "opentelemetry.sdk.trace" not in sys.modules
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def test_everything_that_is_imported_is_required_without_the_test_tools() -> None:
    told = subprocess.run(
        [sys.executable, "-c", LOAD],
        cwd=ROOT,
        env=_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(json.loads(told.stdout.splitlines()[-1]))
    installed_by = packages_distributions()
    allowed = _closure(_required(ROOT / "requirements.txt"))
    missing = {
        name: installed_by[name]
        for name in (loaded & installed_by.keys()) - OPTIONAL
        if not allowed & {_plain(one) for one in installed_by[name]} and not name.startswith("_")
    }
    assert not missing


def test_the_lock_pins_whatever_the_requirements_bring_along() -> None:
    locked = _locked()
    files = ("requirements.txt", "requirements-otel.txt", "requirements-dev.txt")
    wanted = [one for name in files for one in _required(ROOT / name)]
    assert _closure(wanted) - {"pip"} <= locked.keys()  # every environment has one
    assert {one.name: locked[_plain(one.name)] for one in wanted} == {
        one.name: str(one.specifier) for one in wanted
    }


def test_these_tests_run_against_what_is_locked() -> None:
    needed = _closure(_required(ROOT / "requirements.txt"))
    installed = {name: f"=={version(name)}" for name in needed}
    assert installed == {name: pinned for name, pinned in _locked().items() if name in needed}


def _locked() -> dict[str, str]:
    return {_plain(one.name): str(one.specifier) for one in _required(ROOT / "requirements.lock")}


def _environment() -> dict[str, str]:
    return {**os.environ, "DJANGO_SETTINGS_MODULE": "acteon_site.settings"}


def _required(path: Path) -> list[Requirement]:
    lines = [line.split("#")[0].strip() for line in path.read_text().splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith("-")]


def _closure(wanted: list[Requirement]) -> set[str]:
    """The distributions that these bring along, by their plain names."""
    found: set[str] = set()
    waiting = [(one.name, frozenset(one.extras)) for one in wanted]
    while waiting:
        name, extras = waiting.pop()
        if _plain(name) in found and not extras:
            continue
        found.add(_plain(name))
        waiting += [(one.name, frozenset(one.extras)) for one in _needs(name, extras)]
    return found


def _needs(name: str, extras: frozenset[str]) -> list[Requirement]:
    try:
        texts = requires(name) or []
    except PackageNotFoundError:  # for another system or Python
        return []
    needs = [Requirement(text) for text in texts]
    chosen = extras or frozenset({""})
    return [
        one for one in needs if one.marker is None or any(one.marker.evaluate({"extra": e}) for e in chosen)
    ]


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
