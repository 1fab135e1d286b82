from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rules_app.models import Rule
from tests.audit_app.serving import Service, serving
from tests.contract.client import Strict
from tests.world import Shop, load_shop, publish_rules

AddRule = Callable[..., None]


@pytest.fixture
def service(transactional_db: None) -> Iterator[Service]:
    """The guide's pipeline behind a real socket."""
    load_shop()
    with serving() as running:
        yield running


@pytest.fixture
def client(shop: Shop) -> Strict:
    return Strict(shop.secret)


@pytest.fixture
def stranger(shop: Shop) -> Strict:
    """An administrator of another tenant."""
    return Strict(Shop(namespaces=["ecommerce"], tenants=["other-store"]).secret)


@pytest.fixture
def rule(shop: Shop) -> AddRule:
    """Put one more rule in force, above all others; by default for the action type `ping`."""

    def add(type_: str, *, name: str = "test-rule", on: str = "ping", **settings: Any) -> None:
        condition = {"field": "action.action_type", "eq": on}
        Rule.objects.create(name=name, priority=0, condition=condition, action={"type": type_, **settings})
        publish_rules()

    return add
