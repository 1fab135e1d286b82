from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

import pytest

from acteon_site.base import config_versions
from audit_app.selectors import current_redactor
from chains_app.providers import calling
from chains_app.providers.base import ProviderSettings
from chains_app.services import calls_in_flight as in_flight
from chains_app.services.calls_in_flight import calls_in_flight
from chains_app.services.providers import provider_save
from tests.chains_app.crowd import Crowd, crowd_served
from tests.chains_app.flights import Providers
from tests.chains_app.gateway import Gateway
from tests.chains_app.peer import peer_running
from tests.world import Shop, load_shop


@pytest.fixture
def shop(db: None) -> Shop:
    load_shop()
    made = Shop()
    made.put("/v1/rules/deny-unmatched/enabled", {"enabled": False})
    config_versions.reset()
    return made


@pytest.fixture
def gateway(shop: Shop, settings: Any) -> Iterator[Gateway]:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    with peer_running() as peer:
        spec = {"name": "peer", "type": "webhook", "url": peer.url, "envelope": True, "timeout_seconds": 1}
        provider_save(spec=spec, actor="test")
        config_versions.reset()
        yield Gateway(peer)


@pytest.fixture
def named(db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Providers]:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    made, redactor, real = Providers(), current_redactor(), calling.kind_of
    monkeypatch.setattr(in_flight, "providers", lambda: cast(Mapping[str, ProviderSettings], made))
    monkeypatch.setattr(calling, "current_redactor", lambda: redactor)
    monkeypatch.setattr(calling, "kind_of", lambda known: made.kinds.get(known.kind) or real(known))
    yield made
    assert calls_in_flight().drain(30)


@pytest.fixture
def crowd(settings: Any) -> Iterator[Crowd]:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    with crowd_served() as served:
        yield served
