"""A collector of traces for tests: takes OTLP over HTTP and keeps the spans."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Exported:
    name: str
    kind: int
    trace_id: str
    span_id: str
    parent_id: str
    links: tuple[str, ...]
    said: dict[str, Any]
    failed: bool


class Collector:
    def __init__(self, url: str) -> None:
        self.url = url
        self.spans: list[Exported] = []
        self.bodies = b""
        self.resource: dict[str, Any] = {}
        self.paths: set[str] = set()
        self.pause = 0.0

    def named(self, start: str) -> list[Exported]:
        return [span for span in self.spans if span.name.startswith(start)]

    def take(self, path: str, body: bytes) -> None:
        time.sleep(self.pause)
        self.paths.add(path)
        self.bodies += body
        for group in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.resource = _said(group.resource.attributes)
            self.spans += [_exported(span) for scope in group.scope_spans for span in scope.spans]


def _exported(span: Any) -> Exported:
    return Exported(
        span.name,
        span.kind,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        tuple(link.span_id.hex() for link in span.links),
        _said(span.attributes),
        span.status.code == 2,
    )


def _said(attributes: Any) -> dict[str, Any]:
    return {one.key: _value(one.value) for one in attributes}


def _value(value: Any) -> Any:
    if value.WhichOneof("value") == "array_value":
        return [_value(one) for one in value.array_value.values]
    return getattr(value, value.WhichOneof("value"))


@contextmanager
def collecting() -> Iterator[Collector]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            collector.take(self.path, self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    collector = Collector(f"http://127.0.0.1:{server.server_port}")
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield collector
    server.shutdown()
    server.server_close()
