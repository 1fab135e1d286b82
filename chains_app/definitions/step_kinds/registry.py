"""The kinds of step by the key that makes a step one of them. A new one is a file beside this and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from chains_app.definitions.step_kinds import parallel, provider, sub_chain, timer, wait_for_signal
from chains_app.definitions.step_kinds.base import StepKind

STEP_KINDS: Mapping[str, StepKind] = MappingProxyType(
    {
        "provider": provider.KIND,
        "sub_chain": sub_chain.KIND,
        "timer": timer.KIND,
        "wait_for_signal": wait_for_signal.KIND,
        "parallel": parallel.KIND,
    }
)
