"""Chains and breakers as the contract's clients read them."""

from __future__ import annotations

from typing import Any

from chains_app.definitions import Definition, Step, to_spec
from chains_app.models import CircuitBreaker
from chains_app.selectors import CurrentChain


def definition_summary(chain: CurrentChain) -> dict[str, Any]:
    definition = chain.definition
    return {
        "name": definition.name,
        "steps_count": len(definition.steps),
        "has_branches": any(step.targets for step in definition.steps),
        "has_parallel": any(step.parallel for step in definition.steps),
        "has_sub_chains": bool(definition.sub_chains),
        "on_failure": definition.on_failure,
        "timeout_seconds": definition.timeout_seconds,
        "version": chain.number,
        "enabled": chain.enabled,
    }


def definition_detail(definition: Definition, *, version: int, enabled: bool) -> dict[str, Any]:
    """The definition as PUT reads it back, with the keys that strict clients always expect."""
    spec = to_spec(definition)
    steps = [_step_detail(step, shown) for step, shown in zip(definition.steps, spec["steps"], strict=True)]
    return {
        **spec,
        "on_failure": definition.on_failure,
        "timeout_seconds": definition.timeout_seconds,
        "steps": steps,
        "version": version,
        "enabled": enabled,
    }


def _step_detail(step: Step, spec: dict[str, Any]) -> dict[str, Any]:
    always = {
        "provider": step.provider,
        "action_type": step.action_type,
        "payload_template": step.payload_template,
        "branches": [],
    }
    return {**always, **spec}


def breaker_shape(breaker: CircuitBreaker) -> dict[str, Any]:
    return {
        "provider": breaker.provider,
        "state": breaker.state,
        "failure_threshold": breaker.failure_threshold,
        "success_threshold": breaker.success_threshold,
        "recovery_timeout_seconds": breaker.recovery_timeout_seconds,
        "fallback_provider": breaker.fallback_provider or None,
    }
