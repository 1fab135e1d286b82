"""Spans from the request over set and turn to the provider's call, where an operator has switched them on."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from django.core.checks import run_checks

from acteon_site.access import seen_keys
from acteon_site.base import spans
from acteon_site.http.bodies import GatewayHandler
from acteon_site.http.traced import traced
from acteon_site.serving.stopping import end_parts
from acteon_site.watching.tracing import tracing_begin
from audit_app.models import AuditRecord
from audit_app.services.relay import relay
from tests.acteon_site.watching.collector import Collector, Exported, collecting
from tests.chains_app.gateway import Gateway, charging, settle
from tests.chains_app.peer import peer_running
from tests.chains_app.test_metrics import follow
from tests.contract.test_direct import Header, Said, ask, bearer, seen
from tests.e2e.running import ROOT, free_port
from tests.threads import at_once
from tests.world import OPEN_HOURS, Shop, load_shop, order, tag

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GIVEN = f"00-{TRACE}-{CALLER}-01"
SERVER, CLIENT = 2, 3


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as one:
        yield one


@pytest.fixture
def tracing(collector: Collector, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Collector]:
    """Tracing is on; called, it gives the collector with all that was exported."""
    settings.OTEL_ENDPOINT = collector.url
    monkeypatch.setattr(spans, "tracer", None)
    tracing_begin()

    def exported() -> Collector:
        assert spans.tracer is not None
        spans.tracer.flush(10)
        return collector

    return exported


@pytest.fixture
def secret(transactional_db: None) -> Iterator[str]:
    load_shop()
    yield Shop().secret
    seen_keys._seen.clear()


@pytest.fixture
def gateway(secret: str, settings: Any) -> Iterator[Gateway]:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    with peer_running() as peer:
        gateway = Gateway(peer)
        charging(gateway)
        yield gateway


def send(secret: str, body: Any, trace: str = GIVEN, *more: Header) -> Said:
    application = traced(GatewayHandler(), spans.tracer)
    return ask(body, bearer(secret), ("traceparent", trace), *more, application=application)


OPEN = ("x-demo-now", OPEN_HOURS)


def one(found: list[Exported]) -> Exported:
    assert len(found) == 1, found
    return found[0]


def test_an_order_is_one_trace_from_its_request_to_its_calls(
    secret: str, gateway: Gateway, tracing: Callable[[], Collector]
) -> None:
    assert tag(send(secret, order(), GIVEN, OPEN).json()) == "Executed"
    settle(4)
    relay()
    found = tracing()
    assert found.paths == {"/v1/traces"}
    assert found.resource["service.name"] == "acteon-gateway"
    request, dispatched = one(found.named("POST /v1/dispatch")), one(found.named("dispatch set"))
    assert (request.kind, request.trace_id, request.parent_id) == (SERVER, TRACE, CALLER)
    assert request.said["http.response.status_code"] == 200
    assert request.said["acteon.request.id"]
    assert (dispatched.trace_id, dispatched.parent_id) == (TRACE, request.span_id)
    assert dispatched.said["acteon.outcomes"] == ["Executed"]
    turns, calls = found.named("turn"), found.named("call ")
    assert {turn.parent_id for turn in turns} == {dispatched.span_id}
    assert {call.trace_id for call in calls} == {TRACE}
    assert {call.kind for call in calls} == {CLIENT}
    assert {call.parent_id for call in calls} <= {turn.span_id for turn in turns}
    assert {"payment-gateway", "warehouse"} <= {call.said["acteon.provider"] for call in calls}
    # What goes out is the call's own span, and the trail names the trace.
    out = {said.headers["traceparent"] for said in gateway.peer.said}
    assert len(out) >= 3
    assert out <= {f"00-{TRACE}-{call.span_id}-01" for call in calls}
    trails = {record.metadata["traceparent"] for record in AuditRecord.objects.filter(outcome="executed")}
    assert {TRACE} == {trail.split("-")[1] for trail in trails}
    assert one(found.named("relay")).said["acteon.records"] > 0


def test_spans_tell_no_payload_and_no_key(
    secret: str, gateway: Gateway, tracing: Callable[[], Collector]
) -> None:
    gateway.script = {"charge_card": [400]}
    send(secret, order(payload={"customer_name": "Ada Lovelace", "email": "ada@example.org"}), GIVEN, OPEN)
    settle(2)
    found = tracing()
    assert one([call for call in found.named("call ") if call.failed]).said["error.type"]
    for private in ("Lovelace", "ada@example.org", secret, "127.0.0.1"):
        assert private.encode() not in found.bodies
    ours = {name for span in found.spans for name in span.said if name.startswith("acteon.")}
    assert ours <= {
        *("acteon.request.id", "acteon.requests", "acteon.actions", "acteon.action.id", "acteon.action.ids"),
        *(
            "acteon.rules",
            "acteon.outcomes",
            "acteon.outcome",
            "acteon.runs",
            "acteon.calls",
            "acteon.run.id",
        ),
        *(
            "acteon.run.ids",
            "acteon.chains",
            "acteon.provider",
            "acteon.step",
            "acteon.attempt",
            "acteon.undo",
        ),
    }


def test_a_path_is_told_as_it_is_declared(secret: str, tracing: Callable[[], Collector]) -> None:
    application = traced(GatewayHandler(), spans.tracer)
    for path in ("/v1/events/Ada-Lovelace", "/Lovelace", "/health"):
        ask(b"", path=path, method="GET", application=application)
    found = tracing()
    assert sorted(span.name.split("<")[0] for span in found.spans) == ["GET", "GET /v1/events/"]
    assert b"Lovelace" not in found.bodies


def test_a_set_belongs_to_one_of_its_requests_and_is_linked_to_the_others(
    secret: str, tracing: Callable[[], Collector]
) -> None:
    seen(secret)
    at_once([partial(send, secret, order(), f"00-{number:032x}-{CALLER}-01") for number in range(1, 9)])
    found = tracing()
    requests = {span.span_id: span for span in found.named("POST ")}
    sets = [span for span in found.named("dispatch set") if span.parent_id]
    assert sum(span.said["acteon.requests"] for span in sets) == len(requests) == 8
    told = [span_id for span in sets for span_id in (span.parent_id, *span.links)]
    assert len(told) == len(set(told)) == 8
    assert set(told) <= set(requests)
    # Each order stays in the trace of its own request, whoever else was in the set.
    trails = {record.metadata["traceparent"].split("-")[1] for record in AuditRecord.objects.all()}
    assert trails == {f"{number:032x}" for number in range(1, 9)}


def test_a_trace_that_is_not_sampled_stays_so(
    secret: str, gateway: Gateway, tracing: Callable[[], Collector]
) -> None:
    send(secret, order(), GIVEN[:-1] + "0", OPEN)
    settle(2)
    assert [span for span in tracing().spans if span.trace_id == TRACE] == []
    flags = {said.headers["traceparent"].rpartition("-")[::2] for said in gateway.peer.said}
    assert {flag for _, flag in flags} == {"00"}
    assert {parent.split("-")[1] for parent, _ in flags} == {TRACE}


def test_a_release_belongs_to_its_orders_trace(
    secret: str, gateway: Gateway, tracing: Callable[[], Collector]
) -> None:
    held = send(secret, order(payload={"total_cents": 60_000}), GIVEN, OPEN).json()["PendingApproval"]
    follow(held["approve_url"])
    settle(3)
    found = tracing()
    release = one(found.named("release"))
    assert (release.trace_id, len(release.said["acteon.hold.ids"])) == (TRACE, 1)
    assert {call.trace_id for call in found.named("call ")} == {TRACE}


def test_an_order_waits_for_no_collector_and_neither_does_the_end(
    secret: str, collector: Collector, tracing: Callable[[], Collector], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spans, "FLUSH_SECONDS", 0.2)
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "4")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2")
    collector.pause = 3.0
    began = time.monotonic()
    assert [send(secret, order()).status for _ in range(6)] == [200] * 6
    spans.flush()
    assert time.monotonic() - began < collector.pause


@pytest.mark.parametrize("wrong", [{}, {"OTEL_BSP_MAX_QUEUE_SIZE": "-1"}])
def test_without_a_collector_or_with_wrong_variables_an_order_goes_its_way(
    wrong: dict[str, str], secret: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.OTEL_ENDPOINT = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setattr(spans, "tracer", None)
    monkeypatch.setattr(spans, "FLUSH_SECONDS", 0.2)
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    tracing_begin()
    assert tag(send(secret, order(), GIVEN, OPEN).json()) == "Executed"
    end_parts(1)
    assert TRACE in str(AuditRecord.objects.values_list("metadata", flat=True))


FORKS = """
import os
from django.conf import settings
settings.configure(OTEL_ENDPOINT=os.environ["ENDPOINT"], VERSION="1")
from acteon_site.watching.otel import OtelTracer
tracer = OtelTracer()
tracer.span("parent", []).end({})
child = os.fork()
tracer.span("of the child" if child == 0 else "of the parent", []).end({})
tracer.flush(5)
if child:
    os.waitpid(child, 0)
os._exit(0)
"""


def test_each_process_exports_its_own_spans_once(collector: Collector) -> None:
    env = {**os.environ, "ENDPOINT": f"{collector.url}/v1/traces", "OTEL_SERVICE_NAME": "shop"}
    subprocess.run([sys.executable, "-c", FORKS], cwd=ROOT, env=env, check=True, timeout=60)
    assert sorted(span.name for span in collector.spans) == ["of the child", "of the parent", "parent"]
    assert collector.resource["service.name"] == "shop"
    assert collector.paths == {"/v1/traces"}


def test_off_a_request_passes_nothing_of_it() -> None:
    """Nor is the library imported: tests/acteon_site/test_start.py, test_requirements.py."""
    assert spans.tracer is None
    application = GatewayHandler()
    assert traced(application, spans.tracer) is application


@pytest.mark.parametrize(
    "bad", ["collector:4318", "http://", "http://user:secret@host", "http://host:port", "http://h?x=1"]
)
def test_an_endpoint_that_is_none_is_found_by_the_checks_and_does_no_harm(
    bad: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.OTEL_ENDPOINT = bad
    monkeypatch.setattr(spans, "tracer", None)
    tracing_begin()
    assert spans.tracer is None
    (found,) = run_checks(tags=["installation"])
    assert found.id == "acteon.E030"
    assert "secret" not in str(found)


def test_missing_packages_are_found_by_the_checks_and_do_no_harm(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.OTEL_ENDPOINT = "http://collector:4318"
    monkeypatch.setattr(spans, "tracer", None)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    monkeypatch.setattr("acteon_site.watching.tracing.PACKAGES", ("a_package_that_is_not_there.sdk",))
    tracing_begin()
    assert spans.tracer is None
    (found,) = run_checks(tags=["installation"])
    assert found.id == "acteon.W031"
    assert "requirements-otel.txt" in str(found.hint)
