from __future__ import annotations

import pytest

from tests.world import Shop, load_shop


@pytest.fixture
def shop(db: None) -> Shop:
    load_shop()
    return Shop()
