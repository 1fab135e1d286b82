"""The spans of turns and of provider calls, where tracing is switched on (acteon_site.base.spans)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from acteon_site.base import spans
from acteon_site.base.tracing import trace_in
from chains_app.services.loaded_runs import LoadedRun
from chains_app.services.requests import Reply, Request

if TYPE_CHECKING:
    from chains_app.services.turns import Work

Done = Callable[[Request, Reply], None]


def turn_traced(
    tracer: spans.Tracer, runs: Sequence[LoadedRun], begun: Sequence[Work], began: int
) -> list[Work]:
    """A turn that has just been committed; the calls that it has begun, below it."""
    span = tracer.span("turn", [trace_in(one.run.origin.get("extras")) for one in runs], began=began)
    span.end(
        {
            "acteon.runs": len(runs),
            "acteon.calls": sum(one.request is not None for one in begun),
            "acteon.run.ids": spans.some(str(one.run.pk) for one in runs),
            "acteon.chains": spans.some(one.run.chain_name for one in runs),
        }
    )
    return [work_below(span, one) for one in begun]


def work_below(span: spans.Span, work: Work) -> Work:
    request = work.request
    if request is None:
        return work
    call = replace(request.call, trace=spans.below(span, request.call.trace))
    return replace(work, request=replace(request, call=call))


def call_traced(tracer: spans.Tracer, request: Request, done: Done) -> tuple[Request, Done]:
    """The call with a span of its own, whose headers go out with it: the provider's spans hang below that."""
    call = request.call
    span = tracer.span(f"call {call.provider}", [call.trace], kind="client")

    def ended(sent: Request, reply: Reply) -> None:
        failure = reply.failure
        outcome = "succeeded" if failure is None else "unknown" if failure.unknown else "failed"
        span.end({**_about(sent), "acteon.outcome": outcome}, failure.code if failure else "")
        done(sent, reply)

    return replace(request, call=replace(call, trace=span.trace)), ended


def _about(request: Request) -> dict[str, str | int | bool]:
    return {
        "peer.service": request.call.provider,
        "acteon.provider": request.call.provider,
        "acteon.step": request.step.name,
        "acteon.action.id": request.call.action_id,
        "acteon.run.id": request.call.idempotency_key.partition(":")[0],
        "acteon.attempt": request.attempt.number,
        "acteon.undo": request.undo,
    }
