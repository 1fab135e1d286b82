"""The spans of dispatch sets and of releases, where tracing is switched on (acteon_site.base.spans)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from acteon_site.base import spans
from acteon_site.base.tracing import trace_in
from chains_app.services.spans_of_runs import work_below
from orders_app.pipeline.items import Processed

if TYPE_CHECKING:
    from orders_app.services.placing import DispatchRequest

R = TypeVar("R")


def set_traced(
    tracer: spans.Tracer,
    requests: Sequence[DispatchRequest],
    place: Callable[[Sequence[DispatchRequest], list[Processed]], R],
) -> R:
    """Place the set below its span; orders of the same trace, and what is done for them later, below it, too."""
    span = tracer.span("dispatch set", [one.submission.trace for one in requests])
    processed: list[Processed] = []
    error = ""
    try:
        return place([_below(span, one) for one in requests], processed)
    except Exception as failure:
        error = type(failure).__name__
        raise
    finally:
        span.end({"acteon.requests": len(requests), **_about(processed)}, error)


def _below(span: spans.Span, request: DispatchRequest) -> DispatchRequest:
    submission = request.submission
    trace = spans.below(span, submission.trace) if submission.trace else span.trace
    return replace(request, submission=replace(submission, trace=trace))


def release_traced(
    tracer: spans.Tracer, released: dict[UUID, Processed], began: int
) -> dict[UUID, Processed]:
    """A release that has just been committed; its calls below it."""
    traces = [trace_in(done.item.action.extras) for done in released.values()]
    span = tracer.span("release", traces, began=began)
    span.end({"acteon.hold.ids": spans.some(map(str, released)), **_about(list(released.values()))})
    return {
        pk: replace(done, work={run: work_below(span, one) for run, one in done.work.items()})
        for pk, done in released.items()
    }


def _about(processed: Sequence[Processed]) -> dict[str, Any]:
    outcomes = [done.outcome.tag for done in processed if done.outcome]
    return {
        "acteon.actions": len(processed),
        "acteon.action.ids": spans.some(done.item.action.id for done in processed),
        "acteon.rules": spans.some(done.item.rule_name for done in processed),
        "acteon.outcomes": spans.some(outcomes),
    }
