"""What every test shares: which tests run where, and caches that do not outlive a rollback."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from django.db import connection

from acteon_site.base import stamps


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Races and plans need PostgreSQL, real workers Redis too: elsewhere those tests are not collected.

    Tests that start the embedded system bring its SQLite along: the pass on SQLite runs them, the other does not
    repeat them.
    """
    missing = {"embedded"} if connection.vendor == "postgresql" else {"postgres", "services"}
    if not os.environ.get("REDIS_URL"):
        missing.add("services")
    unwanted = [item for item in items if any(item.get_closest_marker(name) for name in missing)]
    if unwanted:
        config.hook.pytest_deselected(items=unwanted)
        items[:] = [item for item in items if item not in unwanted]


@pytest.fixture(autouse=True)
def _fresh_configuration_caches() -> Iterator[None]:
    """Tests roll back what a cache has read."""
    stamps.reset()
    yield
    stamps.reset()
