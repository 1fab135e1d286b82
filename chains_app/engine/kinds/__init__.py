"""One file per kind of step; this table is the only place that knows all of them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from chains_app.engine.kinds import parallel, provider, signal, sub_chain, timer
from chains_app.engine.kinds.base import Kind

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "provider": provider.ProviderStep(),
        "sub_chain": sub_chain.SubChainStep(),
        "timer": timer.TimerStep(),
        "wait_for_signal": signal.SignalStep(),
        "parallel": parallel.ParallelStep(),
    }
)

__all__ = ["KINDS", "Kind"]
