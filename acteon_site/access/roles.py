"""Giving a person roles in some namespaces only, or everywhere again."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.auth.models import User
from django.db import transaction

from acteon_site.access.revocation import tell_revoked
from acteon_site.models import PersonRoles


@transaction.atomic
def person_roles_set(
    *,
    user: User,
    viewer_in: Sequence[str],
    operator_in: Sequence[str],
    admin_in: Sequence[str],
    tenants: Sequence[str],
) -> bool:
    """Whether anything changed. It counts from the next request on, and open streams that it narrows end."""
    given = {
        "viewer_in": list(viewer_in),
        "operator_in": list(operator_in),
        "admin_in": list(admin_in),
        "tenants": list(tenants),
    }
    row = PersonRoles.objects.select_for_update().filter(user=user).first()
    if row is not None and all(getattr(row, name) == value for name, value in given.items()):
        return False
    PersonRoles.objects.update_or_create(user=user, defaults=given)
    transaction.on_commit(tell_revoked)
    return True


@transaction.atomic
def person_roles_lift(*, user: User) -> bool:
    """The person may do everywhere what the groups allow. Whether that is new."""
    deleted, _ = PersonRoles.objects.filter(user=user).delete()
    transaction.on_commit(tell_revoked)
    return bool(deleted)
