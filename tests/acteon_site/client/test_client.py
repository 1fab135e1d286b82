"""The HTTP client's own parts, against a small server of the standard library."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from acteon_site.client.errors import EXIT_REFUSED, EXIT_UNREACHABLE, Refused, Unreachable
from acteon_site.client.http import GatewayClient
from acteon_site.client.outcomes import outcome_of
from acteon_site.client.sse import events_of, lines_of

Answers = dict[tuple[str, str], tuple[int, Any]]


class StubGateway:
    """Answers what a test has put into `answers`, and remembers what was asked."""

    def __init__(self) -> None:
        self.answers: Answers = {}
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                stub.asked.append((self.command, self.path, dict(self.headers), body))
                status, answer = stub.answers[(self.command, self.path.partition("?")[0])]
                raw = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            do_GET = do_POST = do_PUT = do_DELETE = _answer

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def stub() -> Iterator[StubGateway]:
    gateway = StubGateway()
    yield gateway
    gateway.server.shutdown()
    gateway.server.server_close()


@pytest.fixture
def client(stub: StubGateway) -> Iterator[GatewayClient]:
    with GatewayClient(stub.url, "acteon_secret") as made:
        yield made


def test_outcomes_are_read_in_all_their_forms() -> None:
    assert outcome_of("Deduplicated").kind == "Deduplicated"
    assert outcome_of({"Deduplicated": None}).kind == "Deduplicated"
    throttled = outcome_of({"Throttled": {"retry_after": {"secs": 41, "nanos": 500_000_000}}})
    assert throttled.retry_after == 41.5
    executed = outcome_of({"Executed": {"status": "success", "body": {"chain_id": "c1"}, "headers": {}}})
    assert executed.chain_id == "c1"
    with pytest.raises(ValueError, match="no outcome"):
        outcome_of({"a": 1, "b": 2})


def test_frames_survive_cuts_anywhere_comments_and_line_separators_inside_json() -> None:
    frame = b': ping\n\nid: 7\r\nevent: chain_completed\ndata: {"note": "a\xe2\x80\xa8b"}\n\n'
    for cut in range(len(frame)):
        [event] = events_of(lines_of([frame[:cut], frame[cut:]]))
        assert (event.id, event.type, event.data) == ("7", "chain_completed", {"note": "a\u2028b"})


def test_a_dispatch_sends_key_and_clock_and_reads_the_bare_string(
    stub: StubGateway, client: GatewayClient
) -> None:
    stub.answers[("POST", "/v1/dispatch")] = (200, "Deduplicated")
    assert client.dispatch({"payload": {}}, demo_now="2026-03-10T11:00:00-04:00").kind == "Deduplicated"
    _, _, headers, body = stub.asked[0]
    assert headers["Authorization"] == "Bearer acteon_secret"
    assert headers["X-Demo-Now"] == "2026-03-10T11:00:00-04:00"
    assert json.loads(body) == {"payload": {}}


def test_names_in_paths_are_escaped(stub: StubGateway, client: GatewayClient) -> None:
    stub.answers[("GET", "/v1/events/a%2Fb%3Ac")] = (200, {"state": "placed"})
    assert client.event("a/b:c", "ns", "t")["state"] == "placed"


def test_a_refusal_shows_code_message_fields_and_advice(stub: StubGateway, client: GatewayClient) -> None:
    body = {
        "code": "VALIDATION",
        "message": "no",
        "details": [{"field": "total_cents", "message": "is required"}],
    }
    stub.answers[("POST", "/v1/dispatch")] = (422, body)
    with pytest.raises(Refused) as refused:
        client.dispatch({})
    assert "POST /v1/dispatch → 422 VALIDATION: no" in str(refused.value)
    assert "total_cents: is required" in str(refused.value)
    assert refused.value.exit_code == EXIT_REFUSED
    stub.answers[("GET", "/v1/circuit-breakers")] = (401, {"code": "UNAUTHENTICATED", "message": "who?"})
    with pytest.raises(Refused, match="create_api_key"):
        client.circuit_breakers()


@pytest.mark.parametrize("status", [301, 308])
def test_a_redirect_is_no_success_and_says_what_to_ask_instead(
    stub: StubGateway, client: GatewayClient, status: int
) -> None:
    stub.answers["GET", "/v1/audit"] = (status, b"")
    with pytest.raises(Refused, match="public address with --url or ACTEON_URL") as raised:
        client.audit()
    assert raised.value.exit_code == EXIT_REFUSED


def test_an_answer_that_is_no_json_is_a_refusal_not_a_crash(stub: StubGateway, client: GatewayClient) -> None:
    stub.answers[("GET", "/v1/circuit-breakers")] = (502, b"<html>Bad gateway</html>")
    with pytest.raises(Refused, match="not JSON"):
        client.circuit_breakers()


def test_no_server_says_how_to_start_one() -> None:
    with (
        GatewayClient("http://127.0.0.1:9") as client,
        pytest.raises(Unreachable, match="make demo") as error,
    ):
        client.circuit_breakers()
    assert error.value.exit_code == EXIT_UNREACHABLE


def test_an_unknown_action_has_no_audit_record(stub: StubGateway, client: GatewayClient) -> None:
    stub.answers[("GET", "/v1/audit/nobody")] = (404, {"code": "NOT_FOUND", "message": "nothing"})
    assert client.audit_of("nobody") is None


def test_a_stream_is_read_frame_by_frame(stub: StubGateway, client: GatewayClient) -> None:
    stub.answers[("GET", "/v1/stream")] = (
        200,
        b'id: 1\nevent: timeout\ndata: {"type": "timeout"}\n\n: ping\n\n',
    )
    with client.stream(namespace="ecommerce") as events:
        assert [event.type for event in events] == ["timeout"]
    assert stub.asked[0][1] == "/v1/stream?namespace=ecommerce"


def test_a_stream_that_is_refused_says_why(stub: StubGateway, client: GatewayClient) -> None:
    stub.answers[("GET", "/v1/stream")] = (403, {"code": "FORBIDDEN", "message": "not yours"})
    with pytest.raises(Refused, match="not yours"), client.stream():
        pass
