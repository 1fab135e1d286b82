"""What other apps know of chains and providers: who names them, and whether a step's lifecycle state exists.

Filled at start-up by whoever holds rules, quotas and lifecycles; chains_app knows none of them.
"""

from __future__ import annotations

from typing import Protocol

from acteon_site.base.errors import FieldProblem
from chains_app.definitions import Definition


class Neighbour(Protocol):
    def hold(self) -> None:
        """Let nobody begin to name a chain or a provider until the transaction ends."""

    def chain_users(self, name: str) -> list[str]:
        """What names the chain, as a person calls it: `rule big-orders`."""

    def provider_users(self, name: str) -> list[str]:
        """What names the provider."""

    def definition_problems(self, definition: Definition) -> list[FieldProblem]:
        """What speaks against a chain from outside; fields are those of its own specification."""


_neighbours: list[Neighbour] = []


def register(neighbour: Neighbour) -> None:
    if not any(type(known) is type(neighbour) for known in _neighbours):
        _neighbours.append(neighbour)


def hold() -> None:
    for neighbour in _neighbours:
        neighbour.hold()


def chain_users(name: str) -> list[str]:
    return [user for neighbour in _neighbours for user in neighbour.chain_users(name)]


def provider_users(name: str) -> list[str]:
    return [user for neighbour in _neighbours for user in neighbour.provider_users(name)]


def definition_problems(definition: Definition) -> list[FieldProblem]:
    return [problem for neighbour in _neighbours for problem in neighbour.definition_problems(definition)]
