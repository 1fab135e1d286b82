"""The guide's shop as far as chains go: its providers, its two chains, and a caller."""

from __future__ import annotations

import copy
from typing import Any

from django.test import Client

from acteon_site.access.keys import api_key_create
from acteon_site.base import config_versions
from acteon_site.base.ids import new_id
from chains_app.services.definitions import chains_save
from chains_app.services.providers import provider_save
from tests.chains_app.test_definitions import ORDER_PROCESSING

PROVIDERS = ("payment-gateway", "warehouse", "email-service", "fraud-analyzer", "compliance-queue")
FRAUD_REVIEW: dict[str, Any] = {
    "name": "fraud-review",
    "steps": [{"name": "analyze", "provider": "fraud-analyzer", "action_type": "deep_scan"}],
}


def open_shop() -> None:
    """The providers and both chains, as a person would have made them."""
    for name in PROVIDERS:
        provider_save(spec={"name": name, "type": "log"}, actor="owner")
    chains_save(specs=[order_processing(), FRAUD_REVIEW], actor="owner")
    config_versions.reset()


def order_processing(**keys: Any) -> dict[str, Any]:
    return {**copy.deepcopy(ORDER_PROCESSING), **keys}


class Caller:
    """An API client with a key of its own."""

    def __init__(self, role: str = "admin", **scopes: Any) -> None:
        self._headers = {"X-API-Key": api_key_create(name=str(new_id()), role=role, **scopes)[1]}
        self._client = Client(raise_request_exception=True)

    def get(self, path: str) -> Any:
        return self._client.get(path, headers=self._headers)

    def put(self, path: str, body: Any) -> Any:
        return self._client.put(path, body, content_type="application/json", headers=self._headers)

    def post(self, path: str, body: Any = None) -> Any:
        return self._client.post(path, body or {}, content_type="application/json", headers=self._headers)

    def delete(self, path: str) -> Any:
        return self._client.delete(path, headers=self._headers)
