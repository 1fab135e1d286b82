"""Who signs in to the admin: the groups, and the users of a demo."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.models import Group, Permission, User
from django.db import transaction
from django.db.models import Q

from acteon_site.base.digest import keyed_hash

DATA_APPS = ("rules_app", "chains_app", "orders_app", "subscriptions_app", "audit_app")
# Group → the model permissions it has beyond viewing everything, as Django codenames.
GROUPS: dict[str, tuple[str, ...]] = {
    "viewer": (),
    "approver": ("change_hold",),
    "rule editor": (
        "add_rule",
        "change_rule",
        "delete_rule",
        "publish_rule",
        "change_rulesettings",
        "add_quota",
        "change_quota",
        "delete_quota",
        "add_namedlist",
        "change_namedlist",
        "delete_namedlist",
        "add_timeinterval",
        "change_timeinterval",
        "delete_timeinterval",
    ),
    "auditor": ("export_evidence", "add_legalhold", "change_legalhold"),
    # Not change_hold: who runs the gateway does not thereby approve orders.
    "operator": (
        *("change_order", "change_run", "change_circuitbreaker", "change_delivery"),
        *("add_silence", "change_silence"),
        *("add_recurringaction", "change_recurringaction", "delete_recurringaction"),
    ),
    "administrator": ("*",),
}
ADMINISTERED_APPS = (*DATA_APPS, "acteon_site", "auth")
DEMO_USERS: dict[str, tuple[str, ...]] = {
    "manager": ("approver", "rule editor"),
    "operator": ("operator",),
    "viewer": ("viewer",),
    "admin": ("administrator",),
}


@dataclass(frozen=True, slots=True)
class DemoUser:
    """`password` is empty where somebody has changed it since."""

    username: str
    groups: tuple[str, ...]
    password: str


@transaction.atomic
def groups_ensure() -> list[str]:
    """Create the groups and give them what they lack; what a person added stays. Answers their names."""
    for name, codenames in GROUPS.items():
        group, _ = Group.objects.get_or_create(name=name)
        group.permissions.add(*_permissions(codenames))
    return list(GROUPS)


def _permissions(codenames: Iterable[str]) -> list[Permission]:
    seen = Q(content_type__app_label__in=DATA_APPS, codename__startswith="view_")
    if "*" in codenames:
        wanted = seen | Q(content_type__app_label__in=ADMINISTERED_APPS)
    else:
        wanted = seen | Q(content_type__app_label__in=DATA_APPS, codename__in=list(codenames))
    return list(Permission.objects.filter(wanted))


@transaction.atomic
def demo_users_ensure() -> list[DemoUser]:
    """The local users of a demo. Their passwords follow from this installation's own secret: nothing to leak
    from the code, and the same at every start."""
    groups_ensure()
    return [_demo_user(name, groups) for name, groups in DEMO_USERS.items()]


def _demo_user(name: str, groups: tuple[str, ...]) -> DemoUser:
    password = keyed_hash("demo-user", name)[:12]
    user, created = User.objects.get_or_create(
        username=name, defaults={"is_staff": True, "is_superuser": name == "admin"}
    )
    if created:
        user.set_password(password)
        user.save(update_fields=["password"])
        user.groups.set(Group.objects.filter(name__in=groups))
    unchanged = created or user.check_password(password)  # slow on purpose, so not asked of what was just set
    return DemoUser(name, groups, password if unchanged else "")
