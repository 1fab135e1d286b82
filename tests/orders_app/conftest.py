from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.chains_app.gateway import Gateway
from tests.chains_app.peer import peer_running
from tests.world import Shop


@pytest.fixture
def gateway(shop: Shop, settings: Any) -> Iterator[Gateway]:
    """A payment gateway that charges and refunds as each test tells it."""
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    with peer_running() as peer:
        yield Gateway(peer)
