"""The kinds of step by name, as in chains_app/definitions/step_kinds. A new one is a file here and a line below."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from chains_app.engine.kinds import parallel, provider, sub_chain, timer, wait_for_signal
from chains_app.engine.kinds.base import Kind

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "provider": provider.ProviderStep(),
        "sub_chain": sub_chain.SubChainStep(),
        "timer": timer.TimerStep(),
        "wait_for_signal": wait_for_signal.SignalStep(),
        "parallel": parallel.ParallelStep(),
    }
)
