from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from acteon_site.base import config_versions
from chains_app.services.providers import provider_save
from tests.chains_app.gateway import Gateway
from tests.chains_app.peer import peer_running
from tests.world import Shop, load_shop


@pytest.fixture
def shop(db: None) -> Shop:
    """The guide's pipeline as it stands; the other tests of chains have no rule against unmatched orders."""
    load_shop()
    return Shop()


@pytest.fixture
def gateway(shop: Shop, settings: Any) -> Iterator[Gateway]:
    """The shop's providers, which answer as the test's script says."""
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    with peer_running() as peer:
        for name in ("payment-gateway", "warehouse", "email-service"):
            spec = {"name": name, "type": "webhook", "url": peer.url, "envelope": True, "timeout_seconds": 1}
            provider_save(spec=spec, actor="test")
        config_versions.reset()
        yield Gateway(peer)
