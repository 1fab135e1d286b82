"""What every test shares: which tests run where and in which order, and caches that do not outlive a rollback."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.db import connection

from acteon_site.base import config_versions
from tests.people import People
from tests.world import Shop, load_shop

# Files that wait for a running system most of their time: begun first, they run beside everything else.
SLOW = ("tests/e2e/", "tests/docs/", "tests/contract/test_stream", "tests/contract/test_fuzzed")


def pytest_configure() -> None:
    # A real hasher is slow on purpose, and every signed-in test would pay for it.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Races and plans need PostgreSQL, real workers Redis too: elsewhere those tests are not collected.

    What needs no database, or brings its own SQLite (the embedded system), the pass on SQLite runs; the other does
    not repeat it.
    """
    unwanted = [item for item in items if _runs_elsewhere(item)]
    if unwanted:
        config.hook.pytest_deselected(items=unwanted)
    kept = set(items) - set(unwanted)
    items[:] = sorted((item for item in items if item in kept), key=lambda item: not _is_slow(item))


def _runs_elsewhere(item: pytest.Item) -> bool:
    marked = {mark.name for mark in item.iter_markers()}
    if "services" in marked and not os.environ.get("REDIS_URL"):
        return True
    if connection.vendor == "sqlite":
        return bool(marked & {"postgres", "services"})
    return "embedded" in marked or not (marked & {"postgres", "services"} or _needs_database(item))


def _needs_database(item: pytest.Item) -> bool:
    fixtures = getattr(item, "fixturenames", ())
    return item.get_closest_marker("django_db") is not None or not {"db", "transactional_db"}.isdisjoint(
        fixtures
    )


def _is_slow(item: pytest.Item) -> bool:
    return item.nodeid.startswith(SLOW)


@pytest.fixture(autouse=True)
def _fresh_configuration_caches() -> Iterator[None]:
    """Tests roll back what a cache has read."""
    config_versions.reset()
    yield
    config_versions.reset()


@pytest.fixture
def shop(db: None) -> Shop:
    """The guide's pipeline, loaded, and a storefront with every right."""
    load_shop()
    return Shop()


@pytest.fixture
def people(db: None) -> People:
    return People()
