"""Who is asking, and what they may touch."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any

ANY = ("*",)


class Role(IntEnum):
    """Each role includes the ones below it."""

    VIEWER = 1  # reads
    OPERATOR = 2  # also dispatches, transitions, cancels, trips breakers
    ADMIN = 3  # also edits rules, chains, quotas, retention, templates, keys


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller. Scopes hold exact names, or `*` alone for all."""

    caller_id: str
    auth_method: str
    role: Role
    namespaces: tuple[str, ...] = ANY
    tenants: tuple[str, ...] = ANY
    providers: tuple[str, ...] = ANY
    action_types: tuple[str, ...] = ANY
    idempotency_scope: str = ""
    # The row of the key or token, so that what was revoked is known by it.
    credential: str = ""
    # Of a person whose role differs by namespace: each role and where it holds. Empty: `role` holds everywhere above.
    roles: tuple[tuple[Role, tuple[str, ...]], ...] = ()

    # Of a person: where the request comes from and with what. They say nothing of who he is.
    address: str = field(default="", compare=False)
    agent: str = field(default="", compare=False)

    def acting_as(self, role: Role) -> Principal:
        """The caller where he has that role or a higher one: for a person whose role differs, fewer namespaces."""
        if not self.roles:
            return self
        held = {name for at, names in self.roles if at >= role for name in names}
        return replace(self, role=role, namespaces=ANY if "*" in held else tuple(sorted(held)))

    def role_in(self, namespace: str) -> Role:
        """The role that the caller has there."""
        held = [role for role, names in self.roles if _in(names, namespace)]
        return max(held) if held else self.role

    @property
    def is_authenticated(self) -> bool:
        """DRF asks this of request.user."""
        return True

    @property
    def share(self) -> str:
        """Whose turn it is where callers take turns: keys of the same namespaces and tenants have one together."""
        return repr((sorted(self.namespaces), sorted(self.tenants)))

    @property
    def is_global(self) -> bool:
        """May touch what belongs to no tenant: reload, shared rules, providers, breakers."""
        return "*" in self.namespaces and "*" in self.tenants

    @property
    def covers_all_actions(self) -> bool:
        """May edit what all actions of a tenant go by: rules, chains, quotas, retention, templates."""
        return "*" in self.providers and "*" in self.action_types

    def covers(self, namespace: str, tenant: str) -> bool:
        return _in(self.namespaces, namespace) and _in(self.tenants, tenant)

    def knows(self, namespace: str, tenant: str) -> bool:
        """Whether the caller may read configuration with that scope: his own, and what is for everyone."""
        return (namespace == "*" or _in(self.namespaces, namespace)) and (
            tenant == "*" or _in(self.tenants, tenant)
        )

    def covers_action(self, namespace: str, tenant: str, provider: str, action_type: str) -> bool:
        return (
            self.covers(namespace, tenant)
            and _in(self.providers, provider)
            and _in(self.action_types, action_type)
        )

    def lookups(self, prefix: str = "") -> dict[str, Any]:
        """Filters of a queryset down to the tenants' rows that the caller may see."""
        return _lookups(prefix, namespace=self.namespaces, tenant=self.tenants)

    def action_lookups(self, prefix: str = "") -> dict[str, Any]:
        """The same for rows about an action, which has a provider and an action type too."""
        return self.lookups(prefix) | _lookups(prefix, provider=self.providers, action_type=self.action_types)


def _lookups(prefix: str, **scopes: tuple[str, ...]) -> dict[str, Any]:
    return {f"{prefix}{field}__in": names for field, names in scopes.items() if "*" not in names}


def _in(scope: tuple[str, ...], name: str) -> bool:
    return "*" in scope or name in scope


def caller_facts(caller: Principal, namespace: str) -> dict[str, str]:
    """What rules see of who sends an action to that namespace, by their paths (rules_app.engine.facts)."""
    return {
        "caller.id": caller.caller_id,
        "caller.role": caller.role_in(namespace).name.lower(),
        "caller.auth_method": caller.auth_method,
    }


SYSTEM = Principal("system", "internal", Role.ADMIN)
