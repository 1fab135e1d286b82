"""What chains and providers bring to the site and to the apps below. Registered at start-up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from acteon_site.admin.home import CARDS
from acteon_site.admin.sidebar import PAGES, Badge, Page
from acteon_site.base.registry import Hook, Registry
from acteon_site.config_files.kind import KINDS
from acteon_site.http.openapi_hooks import DESCRIPTIONS, Description
from acteon_site.serving.stopping import ON_END
from acteon_site.watching.checkups.table import CHECKUPS
from acteon_site.watching.metrics import FAMILIES, GAUGES
from acteon_site.watching.status import STATUS_PARTS
from audit_app.evidence.parts import EVIDENCE
from audit_app.services.reaper import REAPERS, Reaper
from chains_app import checkups, evidence, home_cards, metrics
from chains_app.config_kinds.chains import Chains
from chains_app.config_kinds.circuit_breakers import CircuitBreakers
from chains_app.config_kinds.providers import Providers
from chains_app.services.engine_loop import engine_stop
from chains_app.services.reaping import reap_runs
from chains_app.services.repair import dead_letters, open_incidents

PARTS: Mapping[Registry[Any], Sequence[Any]] = {
    CHECKUPS: checkups.CHECKUPS,
    STATUS_PARTS: (Hook("processing", checkups.processing_status),),
    EVIDENCE: evidence.EVIDENCE,
    KINDS: (Providers(), CircuitBreakers(), Chains()),
    REAPERS: (Reaper("runs", reap_runs),),
    CARDS: home_cards.CARDS,
    PAGES: (
        Page(
            "Today",
            3,
            "Incidents",
            "warning",
            "chains_app.incident",
            Badge("danger", open_incidents),
        ),
        Page(
            "Today",
            4,
            "Dead letters",
            "report",
            "chains_app.deadletter",
            Badge("warning", dead_letters),
        ),
        Page("Orders & runs", 2, "Runs", "conversion_path", "chains_app.run"),
        Page("Configuration", 1, "Chains", "account_tree", "chains_app.chaindefinition"),
        Page("Configuration", 2, "Providers", "dns", "chains_app.provider"),
        Page("Configuration", 3, "Circuit breakers", "electrical_services", "chains_app.circuitbreaker"),
    ),
    DESCRIPTIONS: (Description("chains_app.api.schema"),),
    ON_END: (Hook("engine", engine_stop),),
    GAUGES: (Hook("runs", metrics.queues),),
    FAMILIES: (
        Hook("provider calls", metrics.provider_calls),
        Hook("provider states", metrics.provider_states),
        Hook("step times", metrics.step_times),
        Hook("breakers", metrics.breaker_states),
    ),
}
