"""What the trail brings to the site and to the apps above it. Registered at start-up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from acteon_site.access import revocation
from acteon_site.base.registry import Hook, Registry
from acteon_site.base.tidying import TIDIES
from acteon_site.config_files.kind import KINDS
from acteon_site.http.openapi_hooks import DESCRIPTIONS, Description
from acteon_site.serving.stopping import ON_STOP
from acteon_site.watching.checkups.table import CHECKUPS
from acteon_site.watching.metrics import FAMILIES, GAUGES, TOTALS
from acteon_site.watching.status_parts import STATUS_PARTS
from audit_app import checkups, metrics
from audit_app.config_kinds.redaction import Redaction
from audit_app.config_kinds.retention import Retention
from audit_app.selectors import counters
from audit_app.services.reaper import REAPERS, Reaper, reap_audit
from audit_app.services.rollups import reap_rollups, rollups_tidy
from audit_app.services.wake import announce_revocation


def stop_stream() -> None:
    from audit_app.api.views_stream import hub  # here: it needs the sign-in, which needs all apps

    hub.stop()


PARTS: Mapping[Registry[Any], Sequence[Any]] = {
    CHECKUPS: checkups.CHECKUPS,
    STATUS_PARTS: (Hook("events", checkups.events_status),),
    KINDS: (Redaction(), Retention()),
    REAPERS: (
        Reaper("audit", reap_audit, "retention_deleted_audit"),
        Reaper("rollups", reap_rollups, "retention_deleted_rollups"),
    ),
    TIDIES: (Hook("rollups", rollups_tidy),),
    DESCRIPTIONS: (Description("audit_app.api.schema"),),
    TOTALS: (Hook("outcomes", counters),),
    GAUGES: (Hook("relay", metrics.backlog),),
    FAMILIES: (
        Hook("actions", metrics.actions),
        Hook("dispatch times", metrics.dispatch_times),
        Hook("rules", metrics.rules),
    ),
    revocation.LISTENERS: (Hook("stream", announce_revocation),),
    ON_STOP: (Hook("stream", stop_stream),),
}
