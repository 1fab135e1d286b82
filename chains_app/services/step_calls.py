"""A step's call to its provider: rendered, made, and its reply as data."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from datetime import timedelta
from typing import Any
from uuid import UUID

from acteon_site.base.tracing import trace_in
from chains_app import templating
from chains_app.definitions import Compensate, Step
from chains_app.engine.state import ProviderTraits
from chains_app.providers.base import Call
from chains_app.providers.registry import kind_of
from chains_app.selectors import providers
from chains_app.services.calls_in_flight import calls_in_flight
from chains_app.services.loaded_runs import NO_TRAITS, LoadedRun
from chains_app.services.requests import Reply as Reply
from chains_app.services.requests import Request as Request


def traits_of(name: str) -> ProviderTraits:
    """What the machine must know of the provider; one that is gone may not be asked again."""
    settings = providers().get(name)
    if settings is None:
        return NO_TRAITS
    window = timedelta(seconds=settings.idempotency_window_seconds)
    return ProviderTraits(kind_of(settings).repeatable, window)


def step_key(run_id: UUID, step: str, *, undo: bool = False) -> str:
    """The Idempotency-Key of a step's call: the same over retries, restarts, redelivery and resume."""
    return f"{run_id}:{step}:compensate" if undo else f"{run_id}:{step}"


def render_payload(loaded: LoadedRun, step: Step, *, undo: bool = False) -> Mapping[str, Any]:
    """What the step's call, or its compensation's, would send. Raises MissingReference.

    Without a template it sends the origin's payload.
    """
    template = _target(step, undo=undo).payload_template
    if not template:
        return dict(loaded.run.origin["payload"])
    rendered = templating.render_strictly(template, template_context(loaded, upto=step.name if undo else ""))
    return rendered if isinstance(rendered, dict) else {"value": rendered}


def call_of(
    loaded: LoadedRun, step: Step, provider: str, payload: Mapping[str, Any], *, undo: bool = False
) -> Call:
    """The call of the step or of its compensation, to `provider`."""
    run = loaded.run
    return Call(
        provider=provider,
        action_type=_target(step, undo=undo).action_type,
        payload=payload,
        namespace=run.namespace,
        tenant=run.tenant,
        action_id=run.action_id,
        idempotency_key=step_key(run.pk, step.name, undo=undo),
        timeout_seconds=timeout_of(provider),
        metadata=run.origin.get("metadata") or {},
        trace=trace_in(run.origin.get("extras")),
    )


def _target(step: Step, *, undo: bool) -> Step | Compensate:
    target = step.compensate if undo else step
    assert target is not None  # noqa: S101 - only steps that declare compensation are undone
    return target


def timeout_of(provider: str) -> float:
    """Seconds that one call to it may take."""
    settings = providers().get(provider)
    return settings.timeout_seconds if settings else 10


def template_context(loaded: LoadedRun, *, upto: str = "") -> dict[str, Any]:
    """What `{{…}}` finds: origin, the answers of earlier steps, and the last of them as prev.

    `upto`: the step that is undone, the last whose answer is known to its compensation. A branch of a parallel step
    also finds what its parent's earlier steps answered.
    """
    inherited = loaded.run.inherited or {"steps": {}, "prev": {"body": None}}
    path = loaded.state.path[: loaded.state.path.index(upto) + 1] if upto else loaded.state.path
    states = loaded.state.steps
    bodies = {
        name: {"body": states[name].body} for name in path if name in states and states[name].body is not None
    }
    done = list(bodies)
    return {
        "origin": loaded.run.origin,
        "steps": {**inherited["steps"], **bodies},
        "prev": bodies[done[-1]] if done else inherited["prev"],
        "run": {"id": str(loaded.run.pk), "chain": loaded.run.chain_name},
        "chain_id": str(loaded.run.pk),
    }


def make_call(request: Request) -> Reply:
    """Call, outside any transaction, and wait. Never raises: a failure is a result."""
    reply: Future[Reply] = Future()
    calls_in_flight().start(request, lambda _, came: reply.set_result(came))
    return reply.result()
