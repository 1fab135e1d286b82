"""What other apps know of chains and providers: who names them, and whether a step's lifecycle state exists.

Whoever holds rules, quotas and lifecycles lists itself in its `parts.py`; chains_app knows none of them.
"""

from __future__ import annotations

from typing import Protocol

from acteon_site.base.errors import FieldProblem
from acteon_site.base.registry import Registry
from chains_app.definitions import Definition


class Neighbour(Protocol):
    name: str

    def hold(self) -> None:
        """Let nobody begin to name a chain or a provider until the transaction ends."""

    def chain_users(self, name: str) -> list[str]:
        """What names the chain, as a person calls it: `rule big-orders`."""

    def provider_users(self, name: str) -> list[str]:
        """What names the provider."""

    def definition_problems(self, definition: Definition) -> list[FieldProblem]:
        """What speaks against a chain from outside; fields are those of its own specification."""


NEIGHBOURS: Registry[Neighbour] = Registry("neighbour of chains")


def hold() -> None:
    for neighbour in NEIGHBOURS.values():
        neighbour.hold()


def chain_users(name: str) -> list[str]:
    return [user for neighbour in NEIGHBOURS.values() for user in neighbour.chain_users(name)]


def provider_users(name: str) -> list[str]:
    return [user for neighbour in NEIGHBOURS.values() for user in neighbour.provider_users(name)]


def definition_problems(definition: Definition) -> list[FieldProblem]:
    return [
        problem for neighbour in NEIGHBOURS.values() for problem in neighbour.definition_problems(definition)
    ]
