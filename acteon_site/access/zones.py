"""The time zone in which a person reads the pages."""

from __future__ import annotations

from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from acteon_site.base.errors import invalid_field
from acteon_site.models import PersonSettings

UTC = "UTC"


@cache
def zone_names() -> tuple[str, ...]:
    """Those that people choose from: places, and UTC."""
    places = sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/"))
    return (UTC, *places)


def zone_of(user: Any) -> ZoneInfo:
    """The one that this person has chosen, UTC until then."""
    name = PersonSettings.objects.filter(user_id=user.pk).values_list("zone", flat=True).first()
    return ZoneInfo(name if name in zone_names() else UTC)


def zone_choose(*, user: Any, name: str) -> ZoneInfo:
    """Keep a person's zone. Raises 422 for a name that is none."""
    if name not in zone_names():
        raise invalid_field("zone", "is no time zone; take a name like Europe/Berlin")
    PersonSettings.objects.update_or_create(user_id=user.pk, defaults={"zone": name})
    return ZoneInfo(name)
