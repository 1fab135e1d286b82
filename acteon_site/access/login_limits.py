"""How often a username may be tried before it has to wait: from one address, or from a device that is known to be its
own. Counted in the database."""

from __future__ import annotations

import ipaddress
import math
from datetime import datetime, timedelta

from django.db import transaction

from acteon_site.base.clock import db_now
from acteon_site.base.digest import keyed_hash
from acteon_site.base.errors import AppError
from acteon_site.models import LoginAttempts

MOST_FAILURES = 5
WINDOW = timedelta(minutes=15)


def attempt_count(*, username: str, address: str, device: str = "") -> str:
    """Count an attempt before it is made, so that many at once cannot pass; answers its key.

    Raises 429 with Retry-After where the window is full. `attempts_forget` takes a success out again.
    """
    key = keyed_hash("login", username.casefold(), f"device {device}" if device else network_of(address))
    now = db_now()
    with transaction.atomic():
        fresh = {"window_ends_at": now + WINDOW}
        row, _ = LoginAttempts.objects.select_for_update().get_or_create(key=key, defaults=fresh)
        if row.window_ends_at <= now:
            row.count, row.window_ends_at = 0, now + WINDOW
        if row.count >= MOST_FAILURES:
            raise _too_many(row.window_ends_at - now)
        row.count += 1
        row.save(update_fields=["count", "window_ends_at"])
    return key


def attempts_forget(key: str) -> None:
    LoginAttempts.objects.filter(key=key).delete()


def tidy_attempts(now: datetime, batch: int) -> int:
    """Windows that are over."""
    over = LoginAttempts.objects.filter(window_ends_at__lte=now).order_by("window_ends_at")
    keys = list(over.values_list("key", flat=True)[:batch])
    # Asked again: a new window may have begun since.
    deleted, _ = LoginAttempts.objects.filter(key__in=keys, window_ends_at__lte=now).delete()
    return deleted


def _too_many(wait: timedelta) -> AppError:
    seconds = max(1, math.ceil(wait.total_seconds()))
    message = f"too many failed sign-ins of this user from this address; wait {seconds} s"
    headers = {"Retry-After": str(seconds)}
    return AppError(message, "RATE_LIMITED", 429, retryable=True, headers=headers)


def network_of(address: str) -> str:
    """An IPv6 caller owns a whole /64; trying each of its addresses must not help."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network(f"{parsed}/64", strict=False)) if parsed.version == 6 else address
