"""What the trail brings to the site and to the apps above it. Registered at start-up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from acteon_site.access import revocation
from acteon_site.admin.home import CARDS
from acteon_site.admin.sidebar import PAGES, Page
from acteon_site.base.registry import Hook, Registry
from acteon_site.config_files.kind import KINDS
from acteon_site.http.openapi_hooks import DESCRIPTIONS, Description
from acteon_site.serving.stopping import ON_STOP
from acteon_site.watching.checkups.table import CHECKUPS
from acteon_site.watching.metrics import FAMILIES, GAUGES, TOTALS
from acteon_site.watching.status import STATUS_PARTS
from audit_app import checkups, home_cards, metrics
from audit_app.config_kinds.redaction import Redaction
from audit_app.config_kinds.retention import Retention
from audit_app.selectors import counters
from audit_app.services.reaper import REAPERS, Reaper, reap_audit
from audit_app.services.wake import announce_revocation


def stop_stream() -> None:
    from audit_app.api.views_stream import hub  # here: it needs the sign-in, which needs all apps

    hub.stop()


PARTS: Mapping[Registry[Any], Sequence[Any]] = {
    CHECKUPS: checkups.CHECKUPS,
    STATUS_PARTS: (Hook("events", checkups.events_status),),
    KINDS: (Redaction(), Retention()),
    REAPERS: (Reaper("audit", reap_audit, "retention_deleted_audit"),),
    CARDS: home_cards.CARDS,
    PAGES: (
        Page("Trail", 1, "Audit", "fact_check", "audit_app.auditrecord"),
        Page("Trail", 2, "Events", "stream", "audit_app.event"),
        Page("Trail", 3, "Legal holds", "gavel", "audit_app.legalhold"),
        Page("Configuration", 7, "Retention", "auto_delete", "audit_app.retentionpolicy"),
        Page("Configuration", 8, "Redaction", "visibility_off", "audit_app.redactedfield"),
    ),
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
