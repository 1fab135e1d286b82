"""The small shared world of the tests: one shop, its pipeline, and people with keys."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.db.models import Model
from rest_framework.test import APIClient

from acteon_site.access.keys import api_key_create
from acteon_site.base import config_versions
from acteon_site.config_files.load import load_paths
from acteon_site.models import ConfigStamp
from rules_app.services.rule_sets import rule_set_publish
from tests.remembered import RememberedRows

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "ecommerce"
NAMESPACE, TENANT = "ecommerce", "acme-store"
SCOPE = {"namespace": NAMESPACE, "tenant": TENANT}
# A Wednesday at 11:00 and a Saturday, in New York.
OPEN_HOURS = "2026-03-04T16:00:00Z"
CLOSED_HOURS = "2026-03-07T16:00:00Z"
_numbers = itertools.count(1)


def load_files() -> None:
    """The guide's pipeline, as `load_pipeline` loads it."""
    load_paths([FIXTURES], actor="tests")


def load_shop() -> None:
    """The same in a database without one."""
    _SHOP.put()
    config_versions.reset()


def _no_stamps(rows: list[Model]) -> None:
    ConfigStamp.objects.filter(area__in=[row.area for row in rows if isinstance(row, ConfigStamp)]).delete()


_SHOP = RememberedRows(load_files, clear=_no_stamps)


def publish_rules() -> None:
    """Put the rule rows in force. A test's transaction never commits, so the caches are told by hand."""
    rule_set_publish(cause="test", actor="test")
    config_versions.reset()


def order(**changes: Any) -> dict[str, Any]:
    """A plain order that nothing holds or refuses; `payload` changes are merged into its payload."""
    number = next(_numbers)
    payload = {
        "order_id": f"ord-{number}",
        "total_cents": 7999,
        "currency": "USD",
        "shipping_country": "US",
        "items": [{"sku": "A-1", "qty": 2}],
        "customer_email": "ada@example.com",
        "card_last4": "4242",
        "card_number": "4111111111111111",
        "billing_zip": "94107",
        **changes.pop("payload", {}),
    }
    base = {
        **SCOPE,
        "provider": "payment-gateway",
        "action_type": "place_order",
        "id": f"act-{number}",
        "dedup_key": f"key-{number}",
    }
    return {**base, "payload": payload, **changes}


class Shop:
    """A storefront: an API client with a key, and the words for what storefronts do."""

    def __init__(self, *, role: str = "admin", name: str = "", **scopes: Any) -> None:
        self.key, self.secret = api_key_create(name=name or f"key-{next(_numbers)}", role=role, **scopes)
        self.client = APIClient(raise_request_exception=False)
        self.client.credentials(HTTP_AUTHORIZATION=f"Bearer {self.secret}")

    def dispatch(self, action: Any, *, now: str = OPEN_HOURS, dry_run: bool = False, **headers: str) -> Any:
        path = "/v1/dispatch?dry_run=true" if dry_run else "/v1/dispatch"
        return self.post(path, action, HTTP_X_DEMO_NOW=now, **headers)

    def batch(self, actions: list[Any], *, now: str = OPEN_HOURS) -> Any:
        return self.post("/v1/dispatch/batch", actions, HTTP_X_DEMO_NOW=now)

    def place(self, now: str = OPEN_HOURS, **changes: Any) -> Any:
        """The outcome of a plain order with these changes."""
        return self.dispatch(order(**changes), now=now).json()

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(path, query)

    def scoped(self, path: str, **query: Any) -> Any:
        return self.client.get(path, {**SCOPE, **query}).json()

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.client.post(path, body if body is not None else {}, format="json", **headers)

    def put(self, path: str, body: Any) -> Any:
        return self.client.put(path, body, format="json")

    def audit(self, **query: Any) -> list[dict[str, Any]]:
        records: list[dict[str, Any]] = self.scoped("/v1/audit", limit=1000, **query)["records"]
        return records


def tag(outcome: Any) -> str:
    """An outcome's name: `Executed`, `Deduplicated`, …"""
    return outcome if isinstance(outcome, str) else next(iter(outcome))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
