"""What the trail brings to the site and to the apps above it. Registered at start-up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from acteon_site.access import revocation
from acteon_site.admin.home import CARDS
from acteon_site.admin.sidebar import PAGES, Page
from acteon_site.base.registry import Hook, Registry
from acteon_site.base.tidying import TIDIES
from acteon_site.config_files.kind import KINDS
from acteon_site.http.openapi_hooks import DESCRIPTIONS, Description
from acteon_site.serving.stopping import ON_STOP
from acteon_site.watching.metrics import FAMILIES, GAUGES, TOTALS
from audit_app import home_cards, metrics
from audit_app.admin import dashboard_panels
from audit_app.analytics.panels import PANELS
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
    KINDS: (Redaction(), Retention()),
    REAPERS: (
        Reaper("audit", reap_audit, "retention_deleted_audit"),
        Reaper("rollups", reap_rollups, "retention_deleted_rollups"),
    ),
    TIDIES: (Hook("rollups", rollups_tidy),),
    CARDS: home_cards.CARDS,
    PAGES: (
        Page("Today", 6, "Dashboard", "monitoring", "audit_app.dashboard"),
        Page("Today", 5, "Live", "sensors", "audit_app.liveboard"),
        Page("Trail", 1, "Audit", "fact_check", "audit_app.auditrecord"),
        Page("Trail", 2, "Events", "stream", "audit_app.event"),
        Page("Configuration", 7, "Retention", "auto_delete", "audit_app.retentionpolicy"),
        Page("Configuration", 8, "Redaction", "visibility_off", "audit_app.redactedfield"),
    ),
    PANELS: dashboard_panels.PANELS,
    DESCRIPTIONS: (Description("audit_app.api.schema"),),
    TOTALS: (Hook("outcomes", counters),),
    GAUGES: (Hook("relay", metrics.backlog),),
    FAMILIES: (Hook("actions", metrics.actions),),
    revocation.LISTENERS: (Hook("stream", announce_revocation),),
    ON_STOP: (Hook("stream", stop_stream),),
}
