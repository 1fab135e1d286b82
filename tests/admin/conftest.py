from __future__ import annotations

import pytest

from tests.admin.people import People
from tests.world import Shop, load_shop


@pytest.fixture
def shop(db: None) -> Shop:
    """The guide's pipeline, loaded, and a storefront with every right."""
    load_shop()
    return Shop()


@pytest.fixture
def people(db: None) -> People:
    return People()
