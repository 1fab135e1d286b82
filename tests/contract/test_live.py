"""Over a real socket: every path with every method that it does not have, and bodies and queries made to break it.

Django's test client leaves out what stands before the views: the server, the middleware's answers, CSRF.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.audit_app.serving import Service
from tests.contract import shapes
from tests.contract.routes import endpoints
from tests.contract.walk import MADE_UP
from tests.depth import DEPTH
from tests.world import SCOPE, Shop

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
OPEN_TEXT = ("metrics/prometheus",)


@pytest.fixture
def http(service: Service) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {Shop().secret}", "Referer": "https://elsewhere.example/"}
    with httpx.Client(base_url=service.base, headers=headers, timeout=30, trust_env=False) as client:
        yield client


def paths() -> dict[str, set[str]]:
    """Methods by path; made-up names stand for the parameters."""
    found: dict[str, set[str]] = {}
    for method, route in endpoints():
        found.setdefault("/" + filled(route), set()).add(method)
    return found


def filled(route: str) -> str:
    def name(found: re.Match[str]) -> str:
        given = {
            "kind": "chain",
            "name": "x",
            "provider": "x",
            **dict.fromkeys(("number", "before", "after"), "7"),
        }
        return given.get(found.group(1), MADE_UP["chain"])

    return re.sub(r"<(?:\w+:)?(\w+)>", name, route)


def assert_error(answer: httpx.Response, status: int | None = None, code: str = "") -> None:
    where = f"{answer.request.method} {answer.request.url}"[:200]
    assert status in (None, answer.status_code), (where, answer.status_code, answer.text[:200])
    assert answer.headers["X-Request-ID"], where
    assert answer.headers["Content-Type"] == "application/json", (where, answer.headers["Content-Type"])
    if answer.request.method == "HEAD":
        assert answer.content == b""
        return
    body = answer.json()
    shapes.ERROR(body, where)
    assert not code or body["code"] == code, (where, body)


def reads_a_longer_name(path: str, all_paths: dict[str, set[str]]) -> bool:
    """`/v1/audit/x/replay` is also how one reads the action `x/replay`."""
    return any("GET" in all_paths[other] and path.startswith(other + "/") for other in all_paths) or path in (
        "/v1/audit/verify",
        "/v1/audit/replay",
    )


def test_methods_that_a_path_does_not_have_are_405_everywhere(http: httpx.Client) -> None:
    all_paths = paths()
    for path, methods in all_paths.items():
        for method in sorted(set(METHODS) - methods):
            answer = http.request(method, path, params=SCOPE)
            if method == "GET" and answer.status_code == 404 and reads_a_longer_name(path, all_paths):
                assert_error(answer, 404, "NOT_FOUND")
                continue
            assert_error(answer, 405, "METHOD_NOT_ALLOWED")
            allowed = {name.strip() for name in answer.headers["Allow"].split(",")}
            assert methods & set(METHODS) <= allowed, (method, path, allowed)
            assert method not in allowed, (method, path, allowed)
        assert_error(http.request("TRACE", path), 405, "METHOD_NOT_ALLOWED")


def test_head_is_get_without_a_body_and_options_tell_or_refuse(http: httpx.Client) -> None:
    all_paths = paths()
    for path, methods in all_paths.items():
        options = http.options(path)
        assert options.status_code in (200, 405), (path, options.text)
        assert options.headers["Allow"], path
        assert options.headers["Content-Type"] == "application/json", path
        head = http.head(path)
        assert head.content == b""
        if path == "/v1/stream":
            assert (head.status_code, head.headers["Content-Type"]) == (200, "text/event-stream")
        elif path.startswith("/v1/subscribe/"):
            assert head.status_code == 404, "the made-up chain is not there for HEAD either"
        elif "GET" not in methods:
            assert head.status_code == 405 or reads_a_longer_name(path, all_paths), path
        else:
            assert head.status_code == http.get(path).status_code, path


def test_what_is_not_there_is_json_for_every_method(http: httpx.Client) -> None:
    for path in ("/v1", "/v1/", "/v1/nothing", "/v1/bus/topics", "/v1/dispatch/", "/v1/chains/x/nothing"):
        for method in (*METHODS, "HEAD", "OPTIONS"):
            assert_error(http.request(method, path), 404, "" if method == "HEAD" else "NOT_SUPPORTED")


def test_the_description_refuses_in_json_too(http: httpx.Client) -> None:
    for path in ("/api-doc/openapi.json", "/openapi.json", "/swagger-ui/"):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert_error(http.request(method, path), 405, "METHOD_NOT_ALLOWED")


def test_without_a_key_every_refusal_is_json(service: Service) -> None:
    with httpx.Client(base_url=service.base, timeout=30, trust_env=False) as bare:
        for path, methods in paths().items():
            for method in sorted(methods):
                answer = bare.request(method, path)
                if answer.status_code != 200 and path not in ("/ready", "/status"):
                    assert_error(answer)


# Bodies --------------------------------------------------------------------------------------------------------

FIELDS = (
    *(
        "namespace",
        "tenant",
        "provider",
        "action_type",
        "payload",
        "id",
        "name",
        "content",
        "fields",
        "steps",
        "to",
    ),
    *(
        "template",
        "data",
        "profile",
        "window",
        "max_actions",
        "overage_behavior",
        "enabled",
        "labels",
        "metadata",
    ),
    *(
        "username",
        "password",
        "directory",
        "signal",
        "reason",
        "audit_ttl_seconds",
        "dedup_key",
        "created_at",
    ),
    *(
        "description",
        "from",
        "evaluate_at",
        "mock_state",
        "trigger",
        "on_cancel",
        "attachments",
        "fingerprint",
    ),
)
VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 10**308 - 1, 1.7e308, 5e-324, "", "\u200b", "x" * 2000, "a:b", "\x7f"),
    *([], [[]], {}, {"": None}, [{"a": [None]}], {"seconds": 10**300}, {"custom": {"seconds": "9" * 400}}),
    *("9" * 5000, "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "{{ x", "../../etc/passwd"),
)
RAW = (
    *(b"", b" ", b"{", b"null", b"true", b"7", b'"x"', b"[]", b"{}", b"[[]]", b"1e999", b"-1e999", b"NaN"),
    *(
        b"9" * 5000,
        b'{"a":1e999}',
        b'[{"payload":{"n":1e999}}]',
        b'{"a":1,"a":2}',
        b'"\\ud800"',
        b'{"\\u0000":1}',
    ),
    *(
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b"[" * 70,
        b"[" * 66 + b'"' + b'\\"' * 20_000,
        b'{"a":' * 65 + b"1" + b"}" * 65,
    ),
)


@functools.cache
def bodies(in_list: bool) -> list[bytes]:
    """Every field odd, once with and once without a scope that lets the request go on."""
    known = {**SCOPE, "provider": "warehouse", "action_type": "ping", "payload": {}, "name": "x"}
    odd = [dict.fromkeys(FIELDS, value) for value in VALUES]
    objects = [*odd[::4], *({**one, **known} for one in odd)]
    shaped = [[one] for one in objects] if in_list else objects
    return [*RAW, *(json.dumps(one).encode() for one in shaped)]


EACH = max(1, 3 // DEPTH)


def test_no_body_breaks_anything(http: httpx.Client) -> None:
    writing = sorted(
        (method, path) for path, methods in paths().items() for method in methods & {"POST", "PUT"}
    )
    for number, (method, path) in enumerate(writing):
        # All paths read a body through one door, so each meets a third of the oddities, its neighbours the others.
        for raw in bodies(path.endswith("/batch"))[number % EACH :: EACH]:
            answer = http.request(
                method, path, params=SCOPE, content=raw, headers={"Content-Type": "application/json"}
            )
            assert answer.status_code < 500, (method, path, raw[:200], answer.text)
            if answer.status_code >= 400:
                assert_error(answer)


# Queries -------------------------------------------------------------------------------------------------------

MANY = "&".join(f"a{number}=1" for number in range(1001))


def test_more_than_a_thousand_parameters_are_a_bad_query_everywhere(http: httpx.Client) -> None:
    for path, methods in paths().items():
        for method in sorted(methods):
            answer = http.request(method, f"{path}?{MANY}")
            if path in ("/health", "/ready", "/status", "/metrics", "/metrics/prometheus", "/v1/auth/login"):
                assert answer.status_code < 500 or path in ("/ready", "/status"), path
            else:
                assert_error(answer, 400, "BAD_QUERY")


HOSTILE_QUERIES = (
    *(
        "namespace=",
        "namespace=a:b",
        "tenant=",
        "tenant=%20x",
        "event_type=zzz",
        "event_type=",
        "outcome=zzz",
    ),
    *(
        "outcome=chain_completed",
        "action_type=",
        "action_id=" + "x" * 257,
        "chain_id=%E2%80%8B",
        "chain_id=%00",
        MANY,
    ),
)


def test_a_stream_that_could_tell_nothing_does_not_open(http: httpx.Client) -> None:
    for query in HOSTILE_QUERIES:
        assert_error(opened(http, f"/v1/stream?{query}"), 400, "BAD_QUERY")


SUBSCRIPTIONS = {
    "namespace=": 400,
    "tenant=a:b": 400,
    "include_history=maybe": 400,
    MANY: 400,
    "namespace=ecommerce&tenant=zz": 404,
    "": 404,
}


def test_a_subscription_that_could_tell_nothing_does_not_open(http: httpx.Client) -> None:
    for query, status in SUBSCRIPTIONS.items():
        assert_error(opened(http, f"/v1/subscribe/chain/{MADE_UP['chain']}?{query}"), status)
    assert_error(opened(http, "/v1/subscribe/zzz/x"), 404)


def opened(http: httpx.Client, url: str) -> httpx.Response:
    """The whole refusal; a stream that opens would not end in time."""
    with http.stream("GET", url) as answer:
        answer.read()
    return answer


def test_streams_are_for_get_alone_whoever_asks(http: httpx.Client) -> None:
    for path in ("/v1/stream", "/v1/subscribe/chain/x", "/v1/subscribe/zzz/x"):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            answer = http.request(method, path)
            assert_error(answer, 405, "METHOD_NOT_ALLOWED")
            assert answer.headers["Allow"] == "GET, HEAD"


def test_a_host_that_is_not_ours_is_refused_in_json(http: httpx.Client) -> None:
    assert_error(http.get("/v1/rules", headers={"Host": "elsewhere.example"}), 400, "MALFORMED")
