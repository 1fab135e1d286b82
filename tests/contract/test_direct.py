"""The short way of plain requests answers as the view does, and takes nothing that only the view understands."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from asgiref.sync import SyncToAsync

from acteon_site.access import seen_keys
from acteon_site.access.keys import api_key_create, api_key_revoke
from acteon_site.http import bodies, throttling
from acteon_site.http.bodies import GatewayHandler
from acteon_site.models import ApiKey
from audit_app.models import AuditRecord
from orders_app.api import together
from orders_app.models import Action, Order, RememberedAnswer
from tests.threads import at_once
from tests.world import Shop, load_shop, order, tag

PATH = "/v1/dispatch"
OWN = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
Header = tuple[str, str]


@dataclass(frozen=True)
class Said:
    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def alike(self) -> tuple[int, dict[str, str], bytes]:
        """Without what differs each time: ids of its own, and the length of texts with them."""
        own = ("x-request-id", "vary", "retry-after")
        shown = {name: value for name, value in self.headers.items() if name not in own}
        return self.status, shown, OWN.sub(b"ID", self.content)

    def json(self) -> Any:
        return json.loads(self.content)


def ask(
    body: Any,
    *headers: Header,
    path: str = PATH,
    method: str = "POST",
    query: str = "",
    application: Any = None,
) -> Said:
    """One request to the application as the web server hands it over."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {"host": "testserver", "content-type": "application/json", "content-length": str(len(raw))}
    given |= dict(headers)
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    sent: list[Any] = []

    async def receive() -> Any:
        if receiving:
            return receiving.pop()
        await asyncio.sleep(60)
        return None

    async def send(message: Any) -> None:
        sent.append(message)

    receiving = [{"type": "http.request", "body": raw, "more_body": False}]
    asyncio.run((application or GatewayHandler())(scope, receive, send))
    answered = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    return Said(sent[0]["status"], answered, b"".join(part.get("body", b"") for part in sent[1:]))


@pytest.fixture
def secret(transactional_db: None) -> Iterator[str]:
    load_shop()
    yield Shop().secret
    seen_keys._seen.clear()


@pytest.fixture
def gone_direct(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each request so far whether it took the short way."""
    ways: list[bool] = []
    real = bodies.plain_request

    def noted(scope: Any, body: bytes) -> Any:
        plain = real(scope, body)
        ways.append(plain is not None)
        return plain

    monkeypatch.setattr(bodies, "plain_request", noted)
    return ways


def both(monkeypatch: pytest.MonkeyPatch, said: Callable[[], Said]) -> tuple[Said, Said]:
    """The same request by the view, and by the short way."""
    with monkeypatch.context() as patched:
        patched.setattr(bodies, "plain_request", lambda *_: None)
        by_view = said()
    return by_view, said()


def bearer(secret: str) -> Header:
    return "authorization", f"Bearer {secret}"


def seen(secret: str) -> None:
    """The key is one that this process has seen lately."""
    ask({}, bearer(secret))


BODIES: dict[str, Callable[[], Any]] = {
    "an order": lambda: {**order(payload={"order_id": "a"}), "id": "same"},
    "an order of a sanctioned country": lambda: order(payload={"shipping_country": "SY"}),
    "an order for approval": lambda: order(payload={"total_cents": 60_000}),
    "nothing that is an action": lambda: {"bad": 1},
    "a list": lambda: [order()],
    "a wrong field": lambda: order(payload={"total_cents": "x"}),
    "another namespace": lambda: {**order(), "namespace": "other"},
    "an unknown provider": lambda: {**order(), "provider": "nobody"},
    "no JSON": lambda: b'{"namespace": ',
    "a doubled key": lambda: b'{"a": 1, "a": 2}',
    "a NaN": lambda: b'{"a": NaN}',
    "no UTF-8": lambda: b'{"a": "\xff"}',
}


@pytest.mark.parametrize("what", BODIES)
def test_both_ways_answer_alike(
    secret: str, monkeypatch: pytest.MonkeyPatch, gone_direct: list[bool], what: str
) -> None:
    _, narrow = api_key_create(name="narrow", role="operator", namespaces=["ecommerce"], tenants=["*"])
    seen(narrow)
    body = BODIES[what]()

    def said() -> Said:
        answer = ask(body, bearer(narrow))
        Order.objects.update(living=False)
        return answer

    by_view, direct = both(monkeypatch, said)
    if tag_of(by_view) not in ("PendingApproval", "Deduplicated"):  # each with times or ids of its own
        assert direct.alike == by_view.alike
    assert (direct.status, direct.headers.keys()) == (by_view.status, by_view.headers.keys() - {"vary"})
    assert gone_direct[-1]


def tag_of(said: Said) -> str:
    return tag(said.json()) if said.status == 200 else ""


@pytest.mark.parametrize("given", ["k", "", "x" * 256, "\u00e9"])
def test_both_ways_treat_an_idempotency_key_alike(
    secret: str, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    seen(secret)
    body = order(payload={"order_id": "a"})
    by_view, direct = both(monkeypatch, partial(ask, body, bearer(secret), ("idempotency-key", given)))
    assert (direct.status, OWN.sub(b"", direct.content)) == (by_view.status, OWN.sub(b"", by_view.content))
    if direct.status == 200:
        assert direct.headers["idempotency-replayed"] == "true"
        assert direct.content == by_view.content
        other = ask({**body, "metadata": {"a": "b"}}, bearer(secret), ("idempotency-key", given))
        assert (other.status, other.json()["code"]) == (422, "IDEMPOTENCY_MISMATCH")
        assert Order.objects.count() == 1


def test_a_key_that_was_revoked_opens_nothing_from_that_moment_on(
    secret: str, monkeypatch: pytest.MonkeyPatch, gone_direct: list[bool]
) -> None:
    seen(secret)
    assert ask(order(), bearer(secret)).status == 200
    api_key_revoke(key=ApiKey.objects.get())
    direct, by_view = ask(order(), bearer(secret)), ask(order(), bearer(secret))
    assert gone_direct[-2:] == [True, False]  # it is forgotten at once
    assert direct.alike == by_view.alike
    assert direct.status == 401
    assert Order.objects.count() == 1


SENT: dict[str, tuple[Any, tuple[Header, ...]]] = {
    "an order with an Idempotency-Key": (order(), (("idempotency-key", "again"),)),
    "an action without a gate": ({**order(), "action_type": "note"}, ()),
    "an order of a sanctioned country": (order(payload={"shipping_country": "SY"}), ()),
    "a wrong field": (order(payload={"total_cents": "x"}), ()),
    "no JSON": (b'{"namespace": ', ()),
}


@pytest.mark.parametrize("what", SENT)
def test_whatever_a_revoked_key_sends_it_is_told_that_alone(
    secret: str, gone_direct: list[bool], what: str
) -> None:
    body, headers = SENT[what]
    seen(secret)
    before = AuditRecord.objects.count()
    api_key_revoke(key=ApiKey.objects.get())
    answer = ask(body, bearer(secret), *headers)
    assert gone_direct[-1]
    assert (answer.status, answer.json()["code"]) == (401, "UNAUTHENTICATED")
    assert (Action.objects.count(), RememberedAnswer.objects.count()) == (0, 0)
    assert AuditRecord.objects.count() == before


def test_an_answer_that_a_key_was_given_is_not_given_again_once_it_is_revoked(
    secret: str, gone_direct: list[bool]
) -> None:
    seen(secret)
    assert ask(order(), bearer(secret), ("idempotency-key", "same")).status == 200
    api_key_revoke(key=ApiKey.objects.get())
    assert ask(order(), bearer(secret), ("idempotency-key", "same")).status == 401
    assert gone_direct[-1]


def test_a_revoked_key_harms_nobody_who_stands_in_the_same_set(secret: str) -> None:
    key, revoked = api_key_create(name="revoked", role="operator", namespaces=["*"], tenants=["*"])
    for each in (secret, revoked):
        seen(each)
    api_key_revoke(key=key)
    sends = [
        partial(ask, {**order(payload={"order_id": f"o-{number}"}), "id": f"a-{number}"}, bearer(each))
        for number, each in enumerate((secret, revoked) * 6)
    ]
    answers = at_once(sends)
    assert [answer.status for answer in answers] == [200, 401] * 6
    assert Action.objects.count() == 6


def test_a_key_whose_role_or_scope_has_changed_is_asked_anew(secret: str) -> None:
    key, changed = api_key_create(name="changed", role="operator", namespaces=["*"], tenants=["*"])
    seen(changed)
    ApiKey.objects.filter(pk=key.pk).update(role="viewer")
    assert ask(order(), bearer(changed)).status in (401, 403)
    assert ask(order(), bearer(changed)).status == 403
    assert not Order.objects.exists()


def test_both_ways_refuse_a_role_that_is_too_low_and_too_many_requests_alike(
    secret: str, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    _, low = api_key_create(name="low", role="viewer", namespaces=["*"], tenants=["*"])
    seen(low)
    by_view, direct = both(monkeypatch, partial(ask, order(), bearer(low)))
    assert direct.alike == by_view.alike
    assert direct.status == 403
    settings.RATE_PER_MINUTE, settings.RATE_BURST, settings.REDIS_URL = 1, 1, ""
    throttling.limiter.cache_clear()
    seen(secret)
    by_view, direct = both(monkeypatch, partial(ask, order(), bearer(secret)))
    assert direct.alike == by_view.alike
    assert (direct.status, "retry-after" in direct.headers) == (429, True)
    throttling.limiter.cache_clear()


NOT_PLAIN: dict[str, tuple[Header, ...]] = {
    "a key in two places": (("x-api-key", "other"),),
    "a clock": (("x-demo-now", "2026-01-01T00:00:00Z"),),
    "another kind of body": (("content-type", "text/plain"),),
    "another host": (("host", "evil.example"),),
    "an encoded body": (("content-encoding", "gzip"),),
}


@pytest.mark.parametrize("what", NOT_PLAIN)
def test_what_is_not_plain_goes_to_the_view(secret: str, gone_direct: list[bool], what: str) -> None:
    seen(secret)
    ask(order(), bearer(secret), *NOT_PLAIN[what])
    assert gone_direct[-1] is False


def test_a_query_and_another_method_go_to_the_view(secret: str, gone_direct: list[bool]) -> None:
    seen(secret)
    assert ask(order(), bearer(secret), query="dry_run=true").json()["DryRun"]
    assert ask(order(), bearer(secret), method="PUT").status == 405
    assert not any(gone_direct)
    assert not Order.objects.exists()


def test_where_too_much_waits_both_ways_say_so_at_once(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen(secret)
    monkeypatch.setattr(together.gatherer, "_most_waiting", 0)
    by_view, direct = both(monkeypatch, partial(ask, order(), bearer(secret)))
    assert direct.alike == by_view.alike
    assert (direct.status, direct.headers["retry-after"]) == (503, "1")


def test_requests_at_once_keep_their_own_caller_id_and_answer(secret: str) -> None:
    """Whichever of them share a transaction."""
    names = [f"shared-{number}" for number in range(6)]
    secrets = [
        api_key_create(name=name, role="operator", namespaces=["*"], tenants=["*"])[1] for name in names
    ]
    for one in secrets:
        seen(one)
    AuditRecord.objects.all().delete()

    def send(number: int) -> Said:
        body = (
            {**order(payload={"order_id": f"o-{number}"}), "id": f"a-{number}"} if number % 5 else {"bad": 1}
        )
        request_id = ("x-request-id", f"r-{number}")
        return ask(body, bearer(secrets[number % 6]), request_id)

    answers = at_once([partial(send, number) for number in range(30)])
    assert [answer.status for answer in answers] == [200 if number % 5 else 422 for number in range(30)]
    for number, answer in enumerate(answers):
        assert answer.headers["x-request-id"] == f"r-{number}"
        if number % 5:
            (record,) = AuditRecord.objects.filter(action_id=f"a-{number}")
            assert (record.caller_id, record.request_id) == (f"key:shared-{number % 6}", f"r-{number}")
    assert Action.objects.count() == 24


def test_one_request_that_the_database_refuses_harms_no_other(
    secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orders_app.pipeline import dispatch

    seen(secret)
    real = dispatch._gate_and_act

    def refuses(decided: Any, *more: Any) -> Any:
        if any(item.action.id == "a-7" for item in decided):
            raise ValueError("the database cannot store this")
        return real(decided, *more)

    monkeypatch.setattr(dispatch, "_gate_and_act", refuses)
    sends = [
        partial(ask, {**order(payload={"order_id": f"o-{number}"}), "id": f"a-{number}"}, bearer(secret))
        for number in range(16)
    ]
    answers = at_once(sends)
    assert [answer.status for answer in answers] == [500 if number == 7 else 200 for number in range(16)]
    assert Action.objects.count() == 15


def test_a_trace_is_kept_whichever_way_it_came(
    secret: str, monkeypatch: pytest.MonkeyPatch, gone_direct: list[bool]
) -> None:
    seen(secret)
    given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    both(monkeypatch, lambda: ask(order(), bearer(secret), ("traceparent", given)))
    assert gone_direct[-1]
    traces = [record.metadata.get("traceparent") for record in AuditRecord.objects.exclude(verdict="chain")]
    assert traces == [given, given]


def test_the_loop_is_left_once_for_all_middleware_and_the_view(
    secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each time costs as much as a small view. Beside it stand the signals of a request's beginning and end."""
    left: list[Any] = []
    real = SyncToAsync.__call__

    async def counted(self: Any, *args: Any, **options: Any) -> Any:
        left.append(self.func)
        return await real(self, *args, **options)

    monkeypatch.setattr(SyncToAsync, "__call__", counted)
    assert ask(b"", ("authorization", f"Bearer {secret}"), path="/v1/rules", method="GET").status == 200
    assert len(left) <= 4, left
