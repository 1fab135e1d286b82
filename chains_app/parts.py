"""What chains and providers bring to the site and to the apps below. Registered at start-up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from acteon_site.base.registry import Hook, Registry
from acteon_site.config_files.kind import KINDS
from acteon_site.http.openapi_hooks import DESCRIPTIONS, Description
from acteon_site.serving.stopping import ON_END
from acteon_site.watching.checkups.table import CHECKUPS
from acteon_site.watching.metrics import FAMILIES, GAUGES
from acteon_site.watching.status_parts import STATUS_PARTS
from audit_app.evidence.parts import EVIDENCE
from audit_app.services.reaper import REAPERS, Reaper
from chains_app import checkups, evidence, metrics
from chains_app.config_kinds.chains import Chains
from chains_app.config_kinds.circuit_breakers import CircuitBreakers
from chains_app.config_kinds.providers import Providers
from chains_app.services.engine_loop import engine_stop
from chains_app.services.reaping import reap_runs

PARTS: Mapping[Registry[Any], Sequence[Any]] = {
    CHECKUPS: checkups.CHECKUPS,
    STATUS_PARTS: (Hook("processing", checkups.processing_status),),
    EVIDENCE: evidence.EVIDENCE,
    KINDS: (Providers(), CircuitBreakers(), Chains()),
    REAPERS: (Reaper("runs", reap_runs),),
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
