"""How far a person reaches: what the groups let him do, narrowed to the namespaces where he has a role for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

from django.contrib.auth.models import User
from django.db.models import Model, Q, QuerySet

from acteon_site.base.principals import ANY, Principal, Role
from acteon_site.models import PersonRoles

M = TypeVar("M", bound=Model)
Roles = tuple[tuple[Role, tuple[str, ...]], ...]
ROLE_FIELDS = {Role.VIEWER: "viewer_in", Role.OPERATOR: "operator_in", Role.ADMIN: "admin_in"}


def person_principal(user: User, *, most: Role = Role.ADMIN, **facts: Any) -> Principal:
    """The person as a caller whose role is nowhere above `most`. `facts` are further fields of the principal."""
    named = {"caller_id": f"user:{user.get_username()}", "auth_method": "admin", **facts}
    row = None if user.is_superuser else _row(user)
    if row is None:
        return Principal(role=most, **named)
    roles = tuple((min(at, most), tuple(getattr(row, name))) for at, name in ROLE_FIELDS.items())
    held = tuple((at, names) for at, names in roles if names)
    highest = max((at for at, _ in held), default=Role.VIEWER)
    # Of who has no role at all a pair stays, so that nothing is taken for everything.
    whole = Principal(role=highest, tenants=tuple(row.tenants), roles=held or ((Role.VIEWER, ()),), **named)
    return replace(whole.acting_as(Role.VIEWER), role=highest)


def _row(user: User) -> PersonRoles | None:
    try:
        return user.person_roles
    except PersonRoles.DoesNotExist:
        return None


def is_everywhere(reader: Principal) -> bool:
    """Whether nothing is kept from the reader."""
    return reader.is_global


def tenant_path(model: type[Model]) -> str | None:
    """Where rows of the model say whose they are: a prefix of lookups, or None for what belongs to no tenant."""
    names = {field.name for field in model._meta.fields}
    if {"namespace", "tenant"} <= names:
        return ""
    path: str | None = getattr(model, "TENANT_PATH", None)
    return path


def narrowed(rows: QuerySet[M], reader: Principal, *, shared: bool = False) -> QuerySet[M]:
    """The rows that the reader may know of. `shared`: with those that are for everyone, whose names are `*`.

    The one door for everything that a person is shown. What belongs to no tenant is for who reaches everywhere.
    """
    if is_everywhere(reader):
        return rows
    path = tenant_path(rows.model)
    if path is None:
        return rows.none()
    return rows.filter(scope_query(reader, path, shared=shared))


def scope_query(reader: Principal, path: str = "", *, shared: bool = False) -> Q:
    """The same as a condition on rows that say at `path` whose they are."""
    more = ANY if shared else ()
    found = Q()
    for name, values in (("namespace", reader.namespaces), ("tenant", reader.tenants)):
        if "*" not in values:
            found &= Q(**{f"{path}{name}__in": (*values, *more)})
    return found


def covers_row(reader: Principal, row: Model) -> bool:
    """Whether the reader, as the role that he acts in, reaches the row."""
    path = tenant_path(type(row))
    if is_everywhere(reader) or path is None:
        return is_everywhere(reader)
    owner: Any = row
    for step in filter(None, path.split("__")):
        owner = getattr(owner, step)
    return reader.covers(owner.namespace, owner.tenant)
