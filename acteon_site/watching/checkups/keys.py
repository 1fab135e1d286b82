"""Secrets and keys: of this installation, and those that were given out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection, models
from django.utils import timezone

from acteon_site.access.people import DEMO_USERS
from acteon_site.base.encrypted import encrypted_models, key_of
from acteon_site.base.findings import Finding, fail, ok, warn
from acteon_site.models import ApiKey

OLD = timedelta(days=365)
SOON = timedelta(days=14)
NAMED = 5  # keys in one finding


def rotation() -> Iterator[Finding]:
    """Whether a change of secrets was begun and not ended, and by which key rows are read."""
    used = _places_in_use()
    if None in used:
        yield fail(
            "some stored values can be read with none of FERNET_KEYS",
            "Put the key back that they were written with, behind the first, and restart.",
        )
    count = len(settings.FERNET_KEYS)
    if count == 1:
        yield ok("FERNET_KEYS holds one key")
    elif used <= {0}:
        yield warn(
            f"FERNET_KEYS holds {count} keys; the oldest and newest rows use the first",
            "Run `manage.py rotate_keys` to the end, then drop the others.",
        )
    else:
        yield warn(f"FERNET_KEYS holds {count} keys, and rows use an old one", "Run `manage.py rotate_keys`.")
    if len(settings.APPROVAL_KEYS) > 1:
        yield warn(
            "APPROVAL_KEYS holds two keys", "Drop the old one once the links signed with it have expired."
        )


def _places_in_use() -> set[int | None]:
    """Of the oldest and newest row of each table: rows are written with the first key, and rotated oldest first."""
    return {
        key_of(token)
        for model, fields in encrypted_models()
        for field in fields
        for order in ("ASC", "DESC")
        if (token := _token(model, field, order))
    }


def _token(model: type[models.Model], field: str, order: str) -> bytes | None:
    """As the column holds it: read through the model it would be decrypted by any key."""
    quote = connection.ops.quote_name
    table, key = quote(model._meta.db_table), quote(model._meta.pk.column)  # type: ignore[arg-type]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {quote(field)} FROM {table} ORDER BY {key} {order} LIMIT 1")  # noqa: S608 - our names
        row = cursor.fetchone()
    return bytes(row[0]) if row and row[0] is not None else None


def api_keys() -> Iterator[Finding]:
    """Old keys, keys that end soon, and keys that nobody has used for a year."""
    now = timezone.now()
    good = ApiKey.objects.filter(revoked_at=None).exclude(expires_at__lt=now)
    ending = good.filter(expires_at__lt=now + SOON)
    old = good.filter(created_at__lt=now - OLD, expires_at=None)
    unused = good.filter(created_at__lt=now - OLD, last_used_at=None)
    for rows, what, todo in (
        (ending, "end within two weeks", "Make new ones with create_api_key and hand them over."),
        (old, "are older than a year and never end", "Make new ones and revoke these, in the admin."),
        (unused, "were never used in a year", "Revoke them in the admin."),
    ):
        names = list(rows.order_by("name").values_list("name", flat=True)[: NAMED + 1])
        if names:
            more = ", …" if len(names) > NAMED else ""
            yield warn(f"keys that {what}: {', '.join(names[:NAMED])}{more}", todo)
    if not good.exists() and not settings.API_OPEN_ON_LOOPBACK:
        yield warn(
            "there is no API key, so no storefront can order", "Run `manage.py create_api_key NAME …`."
        )
    elif not (ending.exists() or old.exists() or unused.exists()):
        yield ok("none is old, unused or about to end")


def people() -> Iterator[Finding]:
    """The demo's users have passwords that follow from the installation's secrets, and are shown at each start."""
    if settings.EMBEDDED:
        yield ok("the demo's users are part of the embedded mode")
        return
    demo = set(
        User.objects.filter(username__in=DEMO_USERS, is_active=True).values_list("username", flat=True)
    )
    if demo == set(DEMO_USERS):
        yield fail(
            f"the demo's users can sign in: {', '.join(sorted(demo))}", "Deactivate them in the admin."
        )
    elif not User.objects.filter(is_superuser=True, is_active=True).exists():
        yield warn("nobody may administer the gateway", "Run `manage.py createsuperuser`.")
    else:
        yield ok("no user of the demo, and somebody to administer")
