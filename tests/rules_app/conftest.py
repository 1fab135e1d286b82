"""Callers with keys, and the guide's rules in the database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from acteon_site.access.keys import api_key_create
from acteon_site.base import config_versions
from chains_app.models import Provider
from rules_app.engine import RuleSet
from rules_app.models import Rule
from rules_app.selectors import current_rules
from rules_app.services.rule_sets import rule_set_publish
from tests.rules_app.shop import GUIDE

Caller = Callable[..., APIClient]


@pytest.fixture
def caller(db: None) -> Caller:
    """A client with a key of its own: `caller("viewer", tenants=["acme-store"])`."""
    made: list[str] = []

    def make(role: str = "admin", **scopes: Any) -> APIClient:
        made.append(role)
        _, secret = api_key_create(name=f"{role}-{len(made)}", role=role, **scopes)
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
        return client

    return make


def rules_now() -> RuleSet:
    """The rules in force, read at once: a test's transaction never commits, so nothing tells the cache."""
    config_versions.expire()
    return current_rules()


def add_rule(**spec: Any) -> Rule:
    """An unpublished row with this content."""
    rule = Rule(**spec)
    rule.save()
    return rule


@pytest.fixture
def providers(db: None) -> list[Provider]:
    """Some that quotas may name."""
    names = ("email-service", "warehouse")
    return Provider.objects.bulk_create(Provider(name=name, kind="log") for name in names)


@pytest.fixture
def guide(db: None) -> int:
    """The guide's six rules, published; answers the version's number."""
    for spec in GUIDE:
        add_rule(**spec)
    return rule_set_publish(cause="test", actor="loader").number
