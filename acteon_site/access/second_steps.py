"""What a person proves himself with beside the password: codes of an app, codes for once, passkeys (in passkeys.py).

pyotp is imported where it is used: few processes and few requests need it.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone
from fernet_fields import EncryptedTextField

from acteon_site.base.compliance import locks_of
from acteon_site.base.digest import keyed_hash
from acteon_site.base.errors import invalid_field
from acteon_site.models import GroupSecurity, SecondStep

ISSUER = "Order gateway"
STEP_SECONDS = 30
AROUND = (0, -1, 1)  # time steps by which a phone's clock may be off
RECOVERY_CODES = 10
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that is read for something else
REAL = (SecondStep.Kind.APP, SecondStep.Kind.PASSKEY)
APP_MARK = "app"  # one app a person


@dataclass(frozen=True, slots=True)
class Standing:
    """`has` a second step; `must` have one."""

    has: bool
    must: bool

    @property
    def is_asked(self) -> bool:
        return self.has or self.must


def standing_of(user: User) -> Standing:
    """By one query, which brings the person's roles as well: a page asks for both.

    A superuser may do what every group may, so he must what any group must; a compliance mode may ask it of everybody.
    """
    asking = GroupSecurity.objects.filter(two_steps=True)
    if not user.is_superuser:
        asking = asking.filter(group__user=OuterRef("pk"))
    own = SecondStep.objects.filter(user=OuterRef("pk"), kind__in=REAL)
    people: Any = User.objects.select_related("person_roles").annotate(has=Exists(own), must=Exists(asking))
    row = people.filter(pk=user.pk).first()
    if row is None:
        return Standing(has=True, must=True)
    roles: Any = User._meta.get_field("person_roles")
    roles.set_cached_value(user, roles.get_cached_value(row))
    return Standing(row.has, row.must or locks_of(settings.COMPLIANCE_MODE).two_steps)


def new_app_secret() -> str:
    import pyotp

    return pyotp.random_base32()


def app_address(user: User, secret: str) -> str:
    """What the picture says that an app photographs."""
    import pyotp

    return pyotp.TOTP(secret).provisioning_uri(name=user.get_username(), issuer_name=ISSUER)


@transaction.atomic
def app_add(*, user: User, secret: str, code: str) -> None:
    """The app counts from now on, in place of one before it. Raises 422 where the code is not the app's."""
    step = _time_step(secret, code)
    if step is None:
        raise invalid_field("code", "is not the one that the app shows now")
    SecondStep.objects.filter(user=user, kind=SecondStep.Kind.APP).delete()
    kind, name = SecondStep.Kind.APP, SecondStep.Kind.APP.label
    SecondStep.objects.create(user=user, kind=kind, name=name, mark=APP_MARK, secret=secret, counter=step)


def code_take(*, user: User, code: str) -> str:
    """Which kind of code this was, once; empty where it is none of the person's, or was taken before.

    Of several that come with the same code at once, one gets through.
    """
    plain = "".join(code.split()).replace("-", "").lower()
    app = SecondStep.objects.filter(user=user, kind=SecondStep.Kind.APP).first()
    if app is not None and (step := _time_step(app.secret, plain)) is not None:
        fresh = SecondStep.objects.filter(pk=app.pk, counter__lt=step)
        return "app" if fresh.update(counter=step, last_used_at=timezone.now()) else ""
    once = SecondStep.objects.filter(
        user=user, kind=SecondStep.Kind.RECOVERY, mark=_recovery_mark(user, plain)
    )
    deleted, _ = once.delete()
    return "recovery" if deleted else ""


@transaction.atomic
def recovery_codes_make(*, user: User) -> list[str]:
    """Ten new codes, each for one sign-in; those before them are good no more. They cannot be shown again."""
    SecondStep.objects.filter(user=user, kind=SecondStep.Kind.RECOVERY).delete()
    codes = ["".join(secrets.choice(_ALPHABET) for _ in range(10)) for _ in range(RECOVERY_CODES)]
    kind = SecondStep.Kind.RECOVERY
    SecondStep.objects.bulk_create(
        [SecondStep(user=user, kind=kind, mark=_recovery_mark(user, code)) for code in codes]
    )
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def recovery_codes_left(user: User) -> int:
    return SecondStep.objects.filter(user=user, kind=SecondStep.Kind.RECOVERY).count()


@transaction.atomic
def second_step_remove(*, user: User, pk: UUID | None) -> SecondStep | None:
    """One of the person's; with the last one its codes for once go, too."""
    own = SecondStep.objects.filter(user=user)
    step = own.filter(pk=pk, kind__in=REAL).first() if pk else None
    if step is None:
        return None
    SecondStep.objects.filter(pk=step.pk).delete()
    if not own.filter(kind__in=REAL).exists():
        own.delete()
    return step


def second_steps_clear(*, user: User) -> int:
    """All of them: for who has lost them. How many there were."""
    deleted, _ = SecondStep.objects.filter(user=user).delete()
    return deleted


def sealed(text: str) -> str:
    """For a session, whose row anybody who reads the database can read."""
    token: bytes = EncryptedTextField().fernet.encrypt(text.encode())
    return token.decode()


def unsealed(token: str) -> str:
    text: bytes = EncryptedTextField().fernet.decrypt(token.encode())
    return text.decode()


def _time_step(secret: str, code: str) -> int | None:
    """The time step of which this is the code, by the clock of this host."""
    import pyotp

    if len(code) != 6 or not code.isascii() or not code.isdigit():
        return None
    app, now = pyotp.TOTP(secret), int(time.time()) // STEP_SECONDS
    steps = (now + off for off in AROUND)
    return next((step for step in steps if secrets.compare_digest(app.at(step * STEP_SECONDS), code)), None)


def _recovery_mark(user: User, code: str) -> str:
    return keyed_hash("recovery", str(user.pk), code)
