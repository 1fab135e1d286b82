"""One tenant's large requests take turns, and leave orders and other tenants alone."""

from __future__ import annotations

import json
import threading
from collections import Counter
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from acteon_site.base import breathing, config_versions, connections
from acteon_site.base.breathing import making_way
from acteon_site.base.turns import Turns
from acteon_site.http import heavy, strict_json
from orders_app.models import Action, Template, TemplateProfile
from orders_app.selectors import profile_named
from tests.threads import at_once
from tests.world import SCOPE, Shop, order

OTHER = {**SCOPE, "tenant": "another-store"}
LARGE: dict[str, tuple[str, str, Any]] = {
    "a batch": ("POST", "/v1/dispatch/batch", [order(id=f"b{number}") for number in range(50)]),
    "an evaluation": ("POST", "/v1/rules/evaluate", {**order(id="e"), "evaluate_all": True}),
    "a rendering": ("POST", "/v1/templates/render", {"template": "x", "data": {}}),
    "a replay": ("POST", "/v1/audit/replay?namespace=ecommerce&tenant=acme-store", {}),
    "an export": ("GET", "/v1/audit?limit=1000", None),
    "many templates": ("GET", "/v1/templates?limit=1000&namespace=ecommerce&tenant=acme-store", None),
    "coverage": ("GET", "/v1/rules/coverage", None),
    "a verification": ("POST", "/v1/audit/verify", SCOPE),
    "many incidents": ("POST", "/v1/incidents/resume?namespace=ecommerce&tenant=acme-store", {}),
    "a drain": ("POST", "/v1/dlq/drain?namespace=ecommerce&tenant=acme-store", {}),
    "a large order": ("POST", "/v1/dispatch", order(id="large", note="x" * heavy.LARGE_BODY)),
}


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> Turns:
    """Nobody waits: what finds no turn is refused."""
    turns = Turns(at_once=2, each=1, waiting=0, seconds=0.01)
    monkeypatch.setattr(heavy, "turns", turns)
    return turns


def send(shop: Shop, method: str, path: str, body: Any) -> Any:
    return shop.client.generic(method, path) if body is None else shop.post(path, body)


def tenant_of(shop: Shop) -> str:
    return repr((sorted(shop.key.namespaces), sorted(shop.key.tenants)))


def scoped(tenant: str) -> Shop:
    return Shop(namespaces=["ecommerce"], tenants=[tenant])


@pytest.mark.parametrize("what", LARGE)
def test_a_tenant_has_one_at_once_and_the_next_is_told_when_to_come_again(
    shop: Shop, turns: Turns, what: str
) -> None:
    loud = scoped("acme-store")
    with turns.turn(tenant_of(loud)):
        refused = send(loud, *LARGE[what])
    assert (refused.status_code, refused.json()["code"]) == (429, "RATE_LIMITED")
    assert int(refused.headers["Retry-After"]) >= 1
    assert not Action.objects.exists()
    assert send(loud, *LARGE[what]).status_code == 200


def test_meanwhile_orders_go_through_and_so_do_the_large_requests_of_others(shop: Shop, turns: Turns) -> None:
    loud, quiet = scoped("acme-store"), scoped("another-store")
    with turns.turn(tenant_of(loud)):
        assert "Executed" in loud.place(id="small")
        assert loud.get("/v1/audit", limit="100").status_code == 200
        small = [order(id=f"few{number}") for number in range(3)]
        assert loud.batch(small).status_code == 200
        assert quiet.get("/v1/audit", limit="1000").status_code == 200


def test_many_tenants_together_have_a_bounded_number(shop: Shop, turns: Turns) -> None:
    with turns.turn("one"), turns.turn("two"):
        assert shop.get("/v1/audit", limit="1000").status_code == 429
        assert "Executed" in shop.place(id="small")


def test_keys_of_the_same_tenant_share_its_turn(shop: Shop, turns: Turns) -> None:
    first, second = scoped("acme-store"), scoped("acme-store")
    with turns.turn(tenant_of(first)):
        assert second.get("/v1/audit", limit="1000").status_code == 429


def test_a_turn_is_given_back_however_the_request_ends(shop: Shop, turns: Turns) -> None:
    assert shop.post("/v1/rules/evaluate", {"namespace": "ecommerce"}).status_code == 422
    assert shop.client.generic("POST", "/v1/rules/evaluate", "{").status_code in (400, 415)
    assert shop.get("/v1/audit", limit="100000").status_code == 400
    assert shop.get("/v1/audit", limit="1000").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_those_of_a_tenant_that_come_at_once_are_all_answered_in_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop = scoped("acme-store")
    monkeypatch.setattr(heavy.turns, "seconds", 600.0)
    running = threading.Semaphore(heavy.OF_ONE_TENANT)
    alone = []
    render = "orders_app.api.views_templates._rendered"

    def rendered(*_: Any) -> str:
        alone.append(running.acquire(blocking=False))
        running.release()
        return "x"

    monkeypatch.setattr(render, rendered)
    body = {"template": "x", "data": {}}
    clients = [scoped("acme-store") for _ in range(5)]
    answers = at_once([lambda one=one: one.post("/v1/templates/render", body).status_code for one in clients])
    assert answers == [200] * 5
    assert alone == [True] * 5
    assert shop.get("/v1/audit", limit="1000").status_code == 200


def test_a_tenants_templates_are_not_read_for_the_orders_of_another(shop: Shop) -> None:
    Template.objects.create(**OTHER, name="large", content="x" * 10_000)
    TemplateProfile.objects.create(**OTHER, name="mail", fields={"text": {"$ref": "large"}})
    TemplateProfile.objects.create(**SCOPE, name="mail", fields={"text": "own"})
    config_versions.expire()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert profile_named(*SCOPE.values(), "mail") == {"text": "own"}
        assert profile_named(*SCOPE.values(), "mail") == {"text": "own"}
    reading = [query["sql"] for query in queries if "orders_app_template" in query["sql"]]
    assert len(reading) == 1
    assert OTHER["tenant"] not in reading[0]
    assert SCOPE["tenant"] in reading[0]


def test_a_batch_breathes_in_its_transaction_unless_that_locks_the_whole_database(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaths = Counter[str]()
    monkeypatch.setattr(
        connections, "in_breaths", lambda items: (breaths.update("b") or one for one in items)
    )
    assert shop.batch([order(id=f"b{number}") for number in range(50)]).status_code == 200
    assert (breaths.total() >= 200) == connection.features.has_select_for_update


@pytest.mark.parametrize(
    "body",
    [[f"text {number}" for number in range(20_000)], [[] for _ in range(20_000)]],
    ids=["texts", "lists"],
)
def test_large_json_is_read_and_written_in_pieces(monkeypatch: pytest.MonkeyPatch, body: list[Any]) -> None:
    breaths = Counter[str]()
    monkeypatch.setattr(strict_json, "breathe", lambda: breaths.update(["read"]))
    raw = json.dumps([{}] * 70 + body).encode()  # so many brackets that their depth is looked at
    read = strict_json.decode(raw)
    assert breaths["read"] > 70 + 3
    monkeypatch.setattr(breathing, "breathe", lambda: breaths.update(["written"]))
    with making_way():
        assert strict_json.encode({"items": read}) == strict_json.msgspec.json.encode({"items": read})
    assert breaths["written"] == len(read)


@pytest.mark.parametrize(
    "value",
    [{}, [], {"a": []}, {"a": [1, {"b": [2]}], "c": "\u00e9\n", "d": None}, [[], "x", 1.5], "text", 7, None],
)
def test_what_is_written_in_pieces_is_the_same_to_the_byte(value: Any) -> None:
    with making_way():
        assert strict_json.encode(value) == strict_json.msgspec.json.encode(value)


def test_a_large_page_is_read_in_parts_and_shows_what_small_ones_show(shop: Shop) -> None:
    count = 3 * connections.CHUNK + 7
    Template.objects.bulk_create(
        Template(**SCOPE, name=f"t{number:04}", content="x" * 1000) for number in range(count)
    )
    with CaptureQueriesContext(connection) as queries:
        large = shop.get("/v1/templates", **SCOPE, limit="1000").json()
    contents = [query["sql"] for query in queries if '"orders_app_template"."content"' in query["sql"]]
    assert len(contents) == 4
    pages = [
        shop.get("/v1/templates", **SCOPE, limit="50", offset=str(n)).json() for n in range(0, count, 50)
    ]
    assert large == {"templates": [one for page in pages for one in page["templates"]], "count": count}
    assert len(large["templates"]) == count
    middle = shop.get("/v1/templates", **SCOPE, limit="300", offset="60").json()
    assert middle["templates"] == large["templates"][60:]
