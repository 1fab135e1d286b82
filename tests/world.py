"""The small shared world of the tests: one shop, its pipeline, and people with keys."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from copy import copy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from django.apps import apps
from django.db import connection, transaction
from django.db.models import Model
from rest_framework.test import APIClient

from acteon_site.access.keys import api_key_create
from acteon_site.base import config_versions
from acteon_site.config_files.load import load_paths
from acteon_site.models import ConfigStamp
from rules_app.services.rule_sets import rule_set_publish

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "ecommerce"
NAMESPACE, TENANT = "ecommerce", "acme-store"
SCOPE = {"namespace": NAMESPACE, "tenant": TENANT}
# A Wednesday at 11:00 and a Saturday, in New York.
OPEN_HOURS = "2026-03-04T16:00:00Z"
CLOSED_HOURS = "2026-03-07T16:00:00Z"
_numbers = itertools.count(1)
_shop: list[Model] = []
_statements: list[tuple[str, Any]] = []


def load_files() -> None:
    """The guide's pipeline, as `load_pipeline` loads it."""
    load_paths([FIXTURES], actor="tests")


def load_shop() -> None:
    """The same in a database without one: read from the files once a process, put back as rows the second time, and
    then by the statements that did it, which cost a fifth of making them."""
    with transaction.atomic():
        if not _shop:
            _shop.extend(_rows_that(load_files))
            return
        if _statements:
            _say_again()
        else:
            with connection.execute_wrapper(_remember):
                _put_back()
    config_versions.reset()


def _put_back() -> None:
    areas = [row.area for row in _shop if isinstance(row, ConfigStamp)]
    ConfigStamp.objects.filter(area__in=areas).delete()
    for model, rows in itertools.groupby(_shop, type):
        model._default_manager.bulk_create(copy(row) for row in rows)


def _remember(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
    _statements.append((sql, params))
    return execute(sql, params, many, context)


def _say_again() -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_in_one_text())
            return
        for sql, params in _statements:
            cursor.execute(sql, params)


@functools.cache
def _in_one_text() -> str:
    """All of them as PostgreSQL takes them in one message, their values written out."""
    client = psycopg.ClientCursor(connection.connection)
    return ";".join(client.mogrify(sql, params) for sql, params in _statements)


def _rows_that(write: Callable[[], object]) -> list[Model]:
    """All rows that this makes."""
    models = [model for model in apps.get_models() if model._meta.managed]
    before = {model: set(model._default_manager.values_list("pk", flat=True)) for model in models}
    write()
    return [row for model in models for row in model._default_manager.exclude(pk__in=before[model])]


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
