"""The arrows: orders → chains, rules → audit → the site; inside an app inwards; pure modules without Django.

CONTRIBUTING.md and docs/architecture.md show the rooms; here they are held to it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SITE = "acteon_site"
APPS = ("orders_app", "subscriptions_app", "chains_app", "rules_app", "audit_app")
MAY_IMPORT = {
    "orders_app": {"chains_app", "rules_app", "audit_app"},
    "subscriptions_app": {"chains_app", "audit_app"},
    "chains_app": {"audit_app"},
    "rules_app": {"audit_app"},
    "audit_app": set(),
}
# The site's rooms, and which of its other rooms each may use. Its root puts everything together.
ROOMS = {
    "base": set(),
    "access": {"base", "http"},
    "http": {"base", "access"},
    "watching": {"base", "access", "http"},
    "config_files": {"base"},
    "admin": {"base", "access", "http", "config_files"},
    "client": {"base"},
    "serving": {"base", "access", "config_files"},
    "management": {"base", "access", "client", "config_files", "serving", "watching"},
    "formats": set(),
}
# What puts the apps together: the only modules of the site that may name one.
COMPOSITION = {"settings", "urls", "celery", "apps"}
# An app's rooms, and which of the site's each may use beside base. What is not listed uses base alone.
SITE_ROOMS = {
    "api": {"access", "http", "config_files"},
    "admin": {"admin", "http"},
    "stream": {"access", "http"},
    "management": {"management", "config_files"},
    "config_kinds": {"config_files"},
    "parts": set(ROOMS),
    "apps": set(ROOMS),
}
FACES = {
    "api",
    "admin",
    "stream",
    "management",
    "tasks",
    "config_kinds",
    "metrics",
    "checkups",
    "parts",
    "apps",
}
PURE = (
    "acteon_site/base/errors.py",
    "acteon_site/base/cards",
    "acteon_site/base/clock_text.py",
    "acteon_site/base/compliance.py",
    "acteon_site/base/money.py",
    "acteon_site/base/names.py",
    "acteon_site/base/principals.py",
    "acteon_site/base/proxies.py",
    "acteon_site/base/registry.py",
    "acteon_site/base/source.py",
    "acteon_site/base/tracing.py",
    "acteon_site/base/findings.py",
    "acteon_site/http/strict_json.py",
    "rules_app/checking",
    "rules_app/engine",
    "rules_app/differences.py",
    "rules_app/merging.py",
    "rules_app/testing",
    "rules_app/backtesting",
    "chains_app/definitions",
    "chains_app/templating.py",
    "chains_app/branching.py",
    "subscriptions_app/matching.py",
    "subscriptions_app/schedule.py",
    "orders_app/lifecycles",
    "orders_app/contract",
    "orders_app/recurring",
    "orders_app/sandbox",
    "audit_app/redaction",
    "audit_app/records",
)


def modules(folder: str) -> Iterator[Path]:
    path = ROOT / folder
    files = [path] if path.suffix else sorted(path.rglob("*.py"))
    assert files, folder
    yield from (file for file in files if "migrations" not in file.parts)


@cache
def imports(file: Path) -> frozenset[str]:
    """Every module that the file imports, also those that functions import."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(found)


def room_of(file: Path) -> str:
    """The folder or module directly below the package."""
    return file.relative_to(ROOT).parts[1].removesuffix(".py")


def rooms_used(file: Path, package: str) -> set[str]:
    return {name.split(".")[1] for name in imports(file) if name.startswith(f"{package}.")}


@pytest.mark.parametrize("app", APPS)
def test_an_app_imports_only_the_apps_below_it(app: str) -> None:
    for file in modules(app):
        roots = {name.split(".")[0] for name in imports(file)} & set(APPS)
        assert roots <= MAY_IMPORT[app] | {app}, f"{file} imports {roots}"


def test_the_site_names_no_app_outside_what_puts_them_together() -> None:
    for file in modules(SITE):
        if room_of(file) not in COMPOSITION:
            roots = {name.split(".")[0] for name in imports(file)} & set(APPS)
            assert not roots, f"{file} imports {roots}"


def test_at_the_root_of_the_site_stand_only_the_names_that_django_people_look_for() -> None:
    names = {path.stem for path in (ROOT / SITE).glob("*.py")}
    django = {"__init__", "settings", "urls", "asgi", "celery", "apps", "models", "tasks"}
    # A command that runs before anything is installed, and what each app has, too.
    assert names == django | {"bootstrap", "parts"}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_of_the_site_uses_only_the_rooms_that_it_may(room: str) -> None:
    for file in modules(f"{SITE}/{room}"):
        used = rooms_used(file, SITE) & set(ROOMS) - {room}
        assert used <= ROOMS[room], f"{file} uses {used - ROOMS[room]}"


@pytest.mark.parametrize("app", APPS)
def test_an_app_uses_of_the_site_its_base_and_at_its_faces_the_rooms_for_them(app: str) -> None:
    for file in modules(app):
        allowed = {"base"} | SITE_ROOMS.get(room_of(file), set())
        used = rooms_used(file, SITE)
        assert used <= allowed, f"{file} uses {used - allowed}"


@pytest.mark.parametrize("app", APPS)
def test_inside_an_app_nothing_leans_on_its_faces(app: str) -> None:
    """api, admin, tasks, commands → services, selectors → models."""
    for file in modules(app):
        used = rooms_used(file, app)
        room = room_of(file)
        if room == "models":
            assert not used & {"services", "selectors", "pipeline", *FACES}, file
        if room not in FACES:
            assert not used & FACES, f"{file} uses {used & FACES}"


@pytest.mark.parametrize("folder", PURE)
def test_pure_modules_import_no_django(folder: str) -> None:
    for file in modules(folder):
        roots = {name.split(".")[0] for name in imports(file)}
        assert not roots & {"django", "rest_framework", "celery"}, f"{file} imports {roots}"


def test_the_machine_imports_no_orm() -> None:
    """Its states are TextChoices, which is all that it may know of Django."""
    for file in modules("chains_app/engine"):
        assert not any(name.startswith("django") for name in imports(file)), file


def test_no_module_is_longer_than_four_hundred_lines() -> None:
    for folder in (*APPS, SITE, "bench", "tests"):
        for file in modules(folder):
            assert len(file.read_text().splitlines()) <= 400, file
