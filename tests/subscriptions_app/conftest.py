from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from subscriptions_app.services.courier import courier_stop
from tests.chains_app.peer import Peer, peer_running


@pytest.fixture
def peer(settings: Any) -> Iterator[Peer]:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    with peer_running() as served:
        yield served


@pytest.fixture(autouse=True)
def _no_courier_outlives_its_test() -> Iterator[None]:
    yield
    courier_stop(10.0)
