"""What the site itself brings to its tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from acteon_site.access import login_limits, sessions, tokens
from acteon_site.base.registry import Hook, Registry
from acteon_site.base.tidying import TIDIES
from acteon_site.http.openapi_hooks import DESCRIPTIONS, Description
from acteon_site.watching import status_parts
from acteon_site.watching.checkups.own import OWN
from acteon_site.watching.checkups.table import CHECKUPS
from acteon_site.watching.metrics import FAMILIES, database, disks, processes, replica_lag

PARTS: Mapping[Registry[Any], Sequence[Any]] = {
    TIDIES: (
        Hook("login tokens", tokens.tidy_tokens),
        Hook("login attempts", login_limits.tidy_attempts),
        Hook("sessions", sessions.tidy_sessions),
    ),
    FAMILIES: (
        Hook("replica lag", replica_lag),
        Hook("processes", processes),
        Hook("database", database),
        Hook("disks", disks),
    ),
    CHECKUPS: OWN,
    status_parts.STATUS_PARTS: (Hook("workers", status_parts.workers),),
    DESCRIPTIONS: (Description("acteon_site.watching.schema"), Description("acteon_site.access.schema")),
}
