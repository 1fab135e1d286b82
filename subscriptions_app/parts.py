"""What subscriptions bring to the site and to the apps below. Registered at start-up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from acteon_site.base.doorbell import ring_on_commit
from acteon_site.base.registry import Hook, Registry
from acteon_site.config_files.kind import KINDS
from acteon_site.http.openapi_hooks import DESCRIPTIONS, Description
from acteon_site.serving.stopping import ON_END
from acteon_site.watching.checkups.table import CHECKUPS
from acteon_site.watching.metrics import GAUGES
from audit_app.services.reaper import REAPERS, Reaper
from audit_app.services.wake import NUMBERED
from chains_app.references import NEIGHBOURS
from subscriptions_app import checkups, metrics
from subscriptions_app.config_kinds.subscriptions import Subscriptions
from subscriptions_app.neighbours import Subscribers
from subscriptions_app.selectors import has_subscribers
from subscriptions_app.services.courier import courier_stop
from subscriptions_app.services.reaping import reap_deliveries

SWEEP_TASK = "subscriptions_app.sweep"


def look_at_events() -> None:
    if has_subscribers():
        ring_on_commit(SWEEP_TASK)


PARTS: Mapping[Registry[Any], Sequence[Any]] = {
    CHECKUPS: checkups.CHECKUPS,
    KINDS: (Subscriptions(),),
    NEIGHBOURS: (Subscribers(),),
    NUMBERED: (Hook("subscriptions", look_at_events),),
    REAPERS: (Reaper("deliveries", reap_deliveries, "retention_deleted_events"),),
    DESCRIPTIONS: (Description("subscriptions_app.api.schema"),),
    ON_END: (Hook("courier", courier_stop),),
    GAUGES: (Hook("subscriptions", metrics.deliveries),),
}
