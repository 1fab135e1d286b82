"""Races need PostgreSQL: on SQLite those tests are not collected."""

from __future__ import annotations

import pytest
from django.db import connection


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if connection.vendor == "postgresql":
        return
    needs = [item for item in items if item.get_closest_marker("postgres") and "chains_app" in item.nodeid]
    if needs:
        config.hook.pytest_deselected(items=needs)
        items[:] = [item for item in items if item not in needs]
