"""Spans by OpenTelemetry's SDK. The only module that needs what requirements-otel.txt installs; whoever has not
switched tracing on does not import it (acteon_site.watching.tracing).

What the SDK reads from OTEL_* variables stays as it is said there: sampler, queue, resource, headers, certificates.

- An order waits for no collector: spans go into a bounded queue, from which a thread of each process exports. Where the
  queue is full they are dropped.
- Nothing of it raises into the work that is watched.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import structlog
from django.conf import settings
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import (
    INVALID_SPAN,
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from acteon_site.base.per_process import PerProcess
from acteon_site.base.spans import Kind, Trace
from acteon_site.base.tracing import PARENT, STATE

log = structlog.get_logger()
TRACES_PATH = "/v1/traces"
KINDS = {"internal": SpanKind.INTERNAL, "server": SpanKind.SERVER, "client": SpanKind.CLIENT}
# It tells of each attempt again while a collector is away; that it gave a batch up is an error.
logging.getLogger("opentelemetry").setLevel(logging.ERROR)


class OtelTracer:
    def __init__(self) -> None:
        self._providers = PerProcess(_provider)

    def span(
        self, name: str, traces: Iterable[Trace], *, kind: Kind = "internal", began: int = 0
    ) -> OtelSpan:
        given = [trace for trace in traces if trace]
        span: Span = INVALID_SPAN
        with _harmless():
            span = self._start(name, [_context_of(trace) for trace in given], KINDS[kind], began)
        return OtelSpan(span, given[0] if given else {})

    def _start(self, name: str, contexts: list[SpanContext], kind: SpanKind, began: int) -> Span:
        sampled = list({one.span_id: one for one in contexts if one.trace_flags.sampled}.values())
        # Below one that is sampled, where there is any: so it is itself, and no trace lacks it.
        above = next(iter(sampled or contexts), None)
        return (
            self._providers.get()
            .get_tracer("acteon", settings.VERSION)
            .start_span(
                name,
                set_span_in_context(NonRecordingSpan(above), Context()) if above else Context(),
                kind,
                links=[Link(one) for one in sampled[1:]],
                start_time=began or None,
            )
        )

    def flush(self, seconds: float) -> None:
        provider = self._providers.replace()
        if provider is not None:
            # In a thread that the process does not wait for: the SDK itself waits for half a minute.
            ending = threading.Thread(target=provider.shutdown, name="traces-end", daemon=True)
            with _harmless():
                ending.start()
                ending.join(seconds)


class OtelSpan:
    """`given`: the trace that goes on where no span could be made."""

    def __init__(self, span: Span, given: Trace) -> None:
        self._span = span
        context = span.get_span_context()
        self.trace = _headers(context) if context.is_valid else given

    def end(self, attributes: Mapping[str, Any], error: str = "") -> None:
        with _harmless():
            if self._span.is_recording():
                said = {**attributes, "error.type": error}
                self._span.set_attributes(
                    {name: value for name, value in said.items() if value not in (None, "", [])}
                )
                if error:
                    self._span.set_status(Status(StatusCode.ERROR))
            self._span.end()


@contextmanager
def _harmless() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # whatever it is, no order may suffer from it
        log.error("span_lost", error=type(error).__name__)


def _provider() -> TracerProvider:
    """This process's own, with its thread. Where OTEL_* variables are wrong it exports nothing."""
    try:
        provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(_endpoint())))
    except Exception as error:
        log.error("tracing_off", error=type(error).__name__, reason="the OTEL_* variables cannot be used")
        return TracerProvider(shutdown_on_exit=False)
    return provider


def _resource() -> Resource:
    own = {
        "service.name": "acteon-gateway",
        "service.version": settings.VERSION,
        "service.instance.id": str(uuid.uuid4()),
    }
    return Resource.create({**own, **OTELResourceDetector().detect().attributes})


def _endpoint() -> str:
    base = settings.OTEL_ENDPOINT.rstrip("/")
    return base if base.endswith(TRACES_PATH) else base + TRACES_PATH


def _context_of(trace: Trace) -> SpanContext:
    """Of headers that acteon_site.base.tracing has accepted."""
    _, trace_id, span_id, flags = trace[PARENT].split("-")
    state = TraceState.from_header([trace[STATE]]) if STATE in trace else TraceState()
    return SpanContext(int(trace_id, 16), int(span_id, 16), True, TraceFlags(int(flags, 16)), state)


def _headers(context: SpanContext) -> dict[str, str]:
    headers = {PARENT: f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"}
    return {**headers, STATE: context.trace_state.to_header()} if context.trace_state else headers
