"""What subscriptions have to do with providers. Listed in parts.py."""

from __future__ import annotations

from acteon_site.base import config_versions
from acteon_site.base.errors import FieldProblem
from chains_app.definitions import Definition
from subscriptions_app.models import Subscription


class Subscribers:
    """A neighbour as chains_app.references asks it."""

    name = "subscriptions"

    def hold(self) -> None:
        config_versions.touch(config_versions.SUBSCRIPTIONS)

    def chain_users(self, name: str) -> list[str]:
        return []

    def provider_users(self, name: str) -> list[str]:
        return [f"subscription {row}" for row in Subscription.objects.filter(notify_provider=name)[:50]]

    def definition_problems(self, definition: Definition) -> list[FieldProblem]:
        return []
