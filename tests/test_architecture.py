"""The arrows between the apps: orders → chains, rules → audit; base knows nobody; pure modules no Django."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
APPS = ("orders_app", "chains_app", "rules_app", "audit_app")
MAY_IMPORT = {
    "orders_app": {"chains_app", "rules_app", "audit_app"},
    "chains_app": {"audit_app"},
    "rules_app": {"audit_app"},
    "audit_app": set(),
}
# What the edges of an app (its API views and admin pages) may use of the site.
EDGE_MODULES = {
    "acteon_site.api",
    "acteon_site.admin_evidence",
    "acteon_site.admin_times",
    "acteon_site.admin_tools",
    "acteon_site.commands",
    "acteon_site.structured_field",
    "acteon_site.authentication",
    "acteon_site.error_handler",
    "acteon_site.openapi",
    "acteon_site.revocation",
    "acteon_site.strict_json",
    "acteon_site.money",
}
PURE = (
    "acteon_site/base/errors.py",
    "acteon_site/base/clock_text.py",
    "acteon_site/base/names.py",
    "acteon_site/base/principals.py",
    "acteon_site/strict_json.py",
    "rules_app/engine",
    "chains_app/definitions",
    "chains_app/templating.py",
    "chains_app/branching.py",
    "orders_app/lifecycles",
    "orders_app/actions.py",
    "orders_app/outcomes.py",
    "orders_app/approval_links.py",
    "orders_app/rendering.py",
    "orders_app/sandbox",
    "audit_app/redaction.py",
    "audit_app/sealing.py",
    "audit_app/counting.py",
)


def modules(folder: str) -> Iterator[Path]:
    path = ROOT / folder
    files = [path] if path.suffix else sorted(path.rglob("*.py"))
    assert files, folder
    yield from (file for file in files if "migrations" not in file.parts)


def imports(file: Path) -> set[str]:
    """Every module that the file imports, also those that functions import."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def is_edge(file: Path) -> bool:
    inside = file.relative_to(ROOT).parts[1:]
    return inside[0] in ("api", "admin", "admin.py", "stream", "management")


@pytest.mark.parametrize("app", APPS)
def test_an_app_imports_only_the_apps_below_it(app: str) -> None:
    for file in modules(app):
        roots = {name.split(".")[0] for name in imports(file)} & set(APPS)
        assert roots <= MAY_IMPORT[app] | {app}, f"{file} imports {roots}"


@pytest.mark.parametrize("app", APPS)
def test_an_app_uses_of_the_site_only_its_base_and_at_its_edges_the_shared_edge(app: str) -> None:
    for file in modules(app):
        for name in imports(file):
            if not name.startswith("acteon_site.") or name.startswith("acteon_site.base"):
                continue
            module = ".".join(name.split(".")[:2])
            allowed = is_edge(file) and module in EDGE_MODULES
            assert allowed, f"{file} imports {name}"


def test_the_base_knows_no_app() -> None:
    for file in modules("acteon_site/base"):
        assert not {name.split(".")[0] for name in imports(file)} & set(APPS), file


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
    for app in (*APPS, "acteon_site"):
        for file in modules(app):
            assert len(file.read_text().splitlines()) <= 400, file
