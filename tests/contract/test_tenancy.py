"""Every endpoint of the URLconf, walked as tenant B with what tenant A has: B finds what it finds for made-up names.

A new endpoint fails `test_every_endpoint_is_walked` until it is listed here.
"""

from __future__ import annotations

import functools
import re
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.db.models import Model

from acteon_site.base import config_versions
from acteon_site.base.digest import content_digest
from audit_app.models import AuditRecord
from audit_app.services.relay import relay
from chains_app.models import CircuitBreaker, Incident, Run
from chains_app.services.advance import runs_sweep
from chains_app.services.breakers import breaker_reset, breaker_trip
from orders_app.models import Hold
from rules_app.models import Rule, RuleDraft
from tests.contract import shapes
from tests.contract.client import Strict, part
from tests.contract.routes import endpoints
from tests.contract.strict import anything
from tests.contract.walk import CANARY, DEFINITION, IN_PATH, IN_QUERY, MADE_UP, OWN, WALK, Call
from tests.orders_app.gathered import alert, group_rule
from tests.world import CLOSED_HOURS, NAMESPACE, SCOPE, TENANT, Shop, order, publish_rules

STANDING: dict[str, str] = {}  # a digest of what A has, which every request must leave as it is


def test_every_endpoint_is_walked() -> None:
    assert endpoints() == set(WALK)


@pytest.fixture
def theirs(shop: Shop) -> dict[str, str]:
    """Tenant A with one of everything; what it has, by the names of MADE_UP."""
    return everything_of(shop)


def everything_of(shop: Shop) -> dict[str, str]:
    client = Strict(shop.secret)
    mine: dict[str, str] = {"tenant": TENANT, "action": f"{CANARY}-act", "order": f"{CANARY}-order"}
    mine |= {"dedup": f"{CANARY}-dedup", "rule": f"{CANARY}-rule", "definition": f"{CANARY}-chain"}
    mine |= {"template_name": f"{CANARY}-template", "profile_name": f"{CANARY}-profile"}
    mine["caller"] = f"key:{shop.key.name}"
    mine["number"] = str(RuleDraft.objects.create(pk=987_653, name=CANARY, created_by=CANARY).pk)
    scoped = {**SCOPE, "description": CANARY, "labels": {"l": CANARY}}
    quota = {**scoped, "max_actions": 1000, "window": "daily", "overage_behavior": "warn"}
    mine["quota"] = client.post("/v1/quotas", shapes.QUOTA, quota, status=201)["id"]
    hook = {**SCOPE, "name": CANARY, "url": f"https://{CANARY}.example.com/", "description": CANARY}
    subscribed = client.post("/v1/subscriptions", shapes.SUBSCRIPTION_WITH_SECRET, hook, status=201)
    mine["subscription"] = subscribed["id"]
    tested = f"/v1/subscriptions/{subscribed['id']}/test"
    mine["delivery"] = client.post(tested, shapes.DELIVERY_DETAIL, status=202)["id"]
    named = client.post("/v1/rules/lists", shapes.NAMED_LIST, {**SCOPE, "name": CANARY}, status=201)
    mine["list"] = named["id"]
    silence = {**SCOPE, "matchers": [{"name": CANARY, "value": CANARY}], "comment": CANARY}
    body = {**silence, "duration_seconds": 600}
    mine["silence"] = client.post("/v1/silences", shapes.SILENCE, body, status=201)["id"]
    mine["interval"] = f"{CANARY}-interval"
    body = {**SCOPE, "name": mine["interval"], "time_ranges": [{}], "description": CANARY}
    client.post("/v1/time-intervals", shapes.TIME_INTERVAL, body, status=201)
    entries = {"entries": [f"{CANARY}-value"]}
    client.post(f"/v1/rules/lists/{mine['list']}/entries", shapes.LIST_CHANGE, entries)
    mine["policy"] = client.post("/v1/retention", shapes.POLICY, scoped, status=201)["id"]
    template = {**scoped, "name": mine["template_name"], "content": CANARY}
    mine["template"] = client.post("/v1/templates", shapes.TEMPLATE, template, status=201)["id"]
    profile = {**scoped, "name": mine["profile_name"], "fields": {"x": {"$ref": mine["template_name"]}}}
    mine["profile"] = client.post("/v1/templates/profiles", shapes.PROFILE, profile, status=201)["id"]
    recurring = {**scoped, "provider": CANARY, "action_type": CANARY, "payload": {"note": CANARY}}
    recurring |= {"name": CANARY, "cron_expression": "0 0 1 1 *"}
    mine["recurring"] = client.post("/v1/recurring", shapes.RECURRING_MADE, recurring, status=201)["id"]
    Rule.objects.create(
        name=mine["rule"],
        priority=0,
        namespace=NAMESPACE,
        tenant=TENANT,
        description=CANARY,
        condition={"field": "action.action_type", "eq": CANARY},
        action={"type": "allow"},
    )
    publish_rules()
    trigger = {"action_type": CANARY, **SCOPE}
    client.put(f"/v1/chains/definitions/{CANARY}-chain", anything, {**DEFINITION, "trigger": trigger})
    config_versions.reset()
    client.post(
        "/v1/dispatch",
        shapes.outcome,
        order(id=mine["action"], dedup_key=mine["dedup"], payload={"order_id": mine["order"]}),
        headers={"Idempotency-Key": "a-key-of-a"},
    )
    runs_sweep()
    client.post("/v1/dispatch", shapes.outcome, order(id=f"{CANARY}-big", payload={"total_cents": 60_000}))
    mine["approval"] = str(Hold.objects.get(kind="approval").pk)
    mine["night"] = f"{CANARY}-night"
    client.post("/v1/dispatch", shapes.outcome, order(id=mine["night"]), headers={"X-Demo-Now": CLOSED_HOURS})
    CircuitBreaker.objects.filter(provider="payment-gateway").update(fallback_provider="compliance-queue")
    client.post("/v1/dispatch", shapes.outcome, order(id=f"{CANARY}-parked"))
    breaker_trip(provider="payment-gateway", actor="test")
    config_versions.reset()
    runs_sweep()
    breaker_reset(provider="payment-gateway", actor="test")
    config_versions.reset()
    group_rule()
    told = client.post(
        "/v1/dispatch",
        shapes.outcome,
        alert(id=f"{CANARY}-alert", provider="payment-gateway", payload={"warehouse": CANARY}),
    )
    mine["group"] = told["Grouped"]["group_id"]
    mine["incident"] = str(Incident.objects.get().pk)
    mine["chain"] = str(Run.objects.filter(kind="chain").order_by("started_at").first().pk)  # type: ignore[union-attr]
    relay()
    STANDING["digest"] = belongings()
    return mine


def filled(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, str):
        return value.format(**names)
    if isinstance(value, dict):
        return {key: filled(inner, names) for key, inner in value.items()}
    return [filled(inner, names) for inner in value] if isinstance(value, list) else value


def path_for(route: str, names: dict[str, str]) -> str:
    special = {
        "v1/recurring/": "recurring",
        "v1/scheduled": "night",
        "v1/templates/profiles/": "profile",
        "v1/templates/": "template",
    }
    for start, name in special.items():
        if route.startswith(start):
            route = re.sub(r"<(str:pk|path:action_id)>", lambda _, name=name: part(names[name]), route)  # type: ignore[misc]
    return "/" + re.sub(r"<[^>]+>", lambda found: part(names[IN_PATH[found.group()]]), route)


VOLATILE = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[\d:.]+Z"
    r'|"evaluation_duration_us":\d+|"time":\{[^}]*\}|sig=[0-9a-f]+|expires_at=\d+'
)


def said(answer: Any, names: dict[str, str]) -> tuple[int, str, list[str]]:
    """The answer with the names that the caller gave itself taken out."""
    text = answer.content.decode()
    for name in sorted(names.values(), key=len, reverse=True):
        text = text.replace(name, "NAME")
    headers = sorted(name for name in answer.headers if name not in ("X-Request-ID", "Content-Length"))
    return answer.status_code, VOLATILE.sub("…", text), headers


def belongings() -> str:
    """A digest of all rows that tenant A has, read by one statement."""
    with connection.cursor() as cursor:
        cursor.execute(*_read_belongings())
        return content_digest(sorted([table, text] for table, text in cursor.fetchall()))


@functools.cache
def _read_belongings() -> tuple[str, list[str]]:
    of_tenants, shared = [], [Incident, CircuitBreaker]
    for model in apps.get_models():
        names = {field.name for field in model._meta.get_fields()}
        if not model._meta.proxy and {"namespace", "tenant"} <= names:
            of_tenants.append(model)
    selects = [f"{_as_text(model)} WHERE tenant = %s" for model in of_tenants] + list(map(_as_text, shared))
    return " UNION ALL ".join(selects), [TENANT] * len(of_tenants)


def _as_text(model: type[Model]) -> str:
    """A statement for the rows of this table, each as one text."""
    quoted = connection.ops.quote_name
    columns = [quoted(field.column) for field in model._meta.concrete_fields]
    text = f"ROW({','.join(columns)})::text"
    if connection.vendor == "sqlite":
        text = "||','||".join(f"quote({column})" for column in columns)
    return f"SELECT '{model._meta.db_table}', {text} FROM {quoted(model._meta.db_table)}"


def ask(
    client: Strict, method: str, route: str, call: Call, names: dict[str, str]
) -> tuple[int, str, list[str]]:
    """The answer; whatever it changed is undone."""
    query = filled(call.query, {name: part(value) for name, value in names.items()})
    path = path_for(route, names) + (f"?{query}" if query else "")
    with transaction.atomic():
        options: dict[str, Any] = {"headers": {**client.headers, **dict(call.headers)}}
        if call.body is not None:
            options |= {"data": filled(call.body, names), "format": "json"}
        answer = getattr(client.http, method.lower())(path, **options)
        if method != "GET":
            assert belongings() == STANDING["digest"], f"{method} {path} changed what another tenant has"
        transaction.set_rollback(True)
    config_versions.reset()
    assert answer.status_code in call.status, (method, path, answer.status_code, answer.content)
    return said(answer, names)


def test_a_stranger_finds_nothing(theirs: dict[str, str], subtests: pytest.Subtests) -> None:
    stranger = Strict(Shop(namespaces=[NAMESPACE], tenants=[OWN]).secret)
    for method, route in sorted(WALK):
        with subtests.test(f"{method} {route}"):
            for call in WALK[method, route]:
                compare(stranger, method, route, call, theirs)


def compare(client: Strict, method: str, route: str, call: Call, theirs: dict[str, str]) -> None:
    """What is theirs answers as what nobody has: by their scope and a made-up one, and by the stranger's own."""
    for scope in ({}, {"tenant": OWN}):
        known, unknown = ({**names, "ns": NAMESPACE, "kind": "chain", **scope} for names in (theirs, MADE_UP))
        seen = ask(client, method, route, call, known)
        assert seen == ask(client, method, route, call, unknown)
        assert CANARY not in seen[1]


# What is about actions; the rest is configuration, which a key for some actions of the tenant reads too.
ABOUT_ACTIONS = tuple(
    f"v1/{area}"
    for area in (
        "events",
        "orders",
        "scheduled",
        "approvals",
        "audit",
        "chains",
        "dlq",
        "incidents",
        "subscribe",
    )
)


@pytest.mark.parametrize("scope", [{"action_types": ["return_order"]}, {"providers": ["sms-service"]}])
def test_a_key_for_other_actions_of_the_same_tenant_finds_nothing_of_these(
    theirs: dict[str, str], subtests: pytest.Subtests, scope: dict[str, list[str]]
) -> None:
    stranger = Strict(Shop(namespaces=[NAMESPACE], tenants=[TENANT], **scope).secret)
    here = {"ns": NAMESPACE, "kind": "chain", "tenant": TENANT}
    for method, route in sorted(WALK):
        if not route.startswith(ABOUT_ACTIONS) or "definitions" in route:
            continue
        with subtests.test(f"{method} {route}"):
            for call in WALK[method, route]:
                seen = ask(stranger, method, route, call, {**theirs, **here})
                assert seen == ask(stranger, method, route, call, {**MADE_UP, **here})
                assert CANARY not in seen[1]


def test_a_key_for_just_these_actions_finds_and_moves_them(theirs: dict[str, str]) -> None:
    scope = {"action_types": ["place_order"], "providers": ["payment-gateway"]}
    owner = Strict(Shop(namespaces=[NAMESPACE], tenants=[TENANT], **scope).secret)
    for list_of in ("events", "approvals", "scheduled", "chains", "incidents"):
        assert owner.get(f"/v1/{list_of}", anything, **SCOPE)["count"] > 0
    moved = owner.put(f"/v1/events/{theirs['order']}/transition", anything, {**SCOPE, "to": "confirmed"})
    assert moved["new_state"] == "confirmed"
    # The move and the decision say which provider the action named, so this key sees them too.
    owner.post(f"/v1/orders/{theirs['action']}/cancel", anything, SCOPE, status=404)
    found = owner.get("/v1/audit", shapes.RECORDS, outcome="state_changed")["records"]
    assert {record["provider"] for record in found} == {"payment-gateway"}


MUTING = ("silences", "time-intervals")


def test_a_key_for_some_actions_edits_nothing_that_all_actions_go_by(theirs: dict[str, str]) -> None:
    """Rules, quotas, retention, templates, chains: an administrator's key must cover every action."""
    names = {**theirs, "ns": NAMESPACE, "kind": "chain", "tenant": TENANT}
    for scope in ({"action_types": ["place_order"]}, {"providers": ["payment-gateway"]}):
        client = Strict(Shop(namespaces=["*"], tenants=["*"], **scope).secret)
        for area in (
            "quotas",
            "subscriptions",
            "retention",
            "templates",
            "templates/profiles",
            "rules",
            "chains/definitions",
            *MUTING,
        ):
            for method, route in sorted(WALK):
                reading = method == "GET" or route in ("v1/templates/render", "v1/rules/evaluate")
                if route.startswith(f"v1/{area}") and not reading:
                    answer = ask_any(client, method, route, WALK[method, route][0], names)
                    assert (answer[0], "covers some only" in answer[1]) == (403, True), (method, route)


def test_a_key_for_one_provider_handles_the_breaker_of_that_one(shop: Shop) -> None:
    client = Strict(Shop(namespaces=["*"], tenants=["*"], providers=["payment-gateway"]).secret)
    assert client.post("/v1/circuit-breakers/payment-gateway/trip", anything, {})["state"] == "open"
    other = client.post("/v1/circuit-breakers/warehouse/trip", anything, {}, status=404)
    unknown = client.post("/v1/circuit-breakers/no-such/trip", anything, {}, status=404)
    assert other["error"].replace("warehouse", "no-such") == unknown["error"]
    assert [one["provider"] for one in client.get("/v1/circuit-breakers", anything)["circuit_breakers"]] == [
        "payment-gateway"
    ]


def test_a_stranger_of_another_namespace_finds_nothing(theirs: dict[str, str]) -> None:
    stranger = Strict(Shop(namespaces=["elsewhere"], tenants=["*"]).secret)
    for (method, route), calls in WALK.items():
        for call in calls:
            known = {**theirs, "ns": NAMESPACE, "kind": "chain"}
            seen = ask_any(stranger, method, route, call, known)
            assert CANARY not in seen[1], (method, route)


def ask_any(
    client: Strict, method: str, route: str, call: Call, names: dict[str, str]
) -> tuple[int, str, list[str]]:
    every = tuple(range(200, 500))
    return ask(client, method, route, Call(call.query, call.body, (*every, 503), call.headers), names)


def test_the_owner_finds_it_all(theirs: dict[str, str]) -> None:
    """Or the tests above would prove nothing."""
    owner = Strict(Shop(namespaces=[NAMESPACE], tenants=[TENANT]).secret)
    names = {**theirs, "ns": NAMESPACE, "kind": "chain"}
    others = ("approvals", "subscribe", "rules")  # asked by links, as streams, and of all tenants together
    for method, route in sorted(WALK):
        if method == "GET" and "<" in route and not any(name in route for name in others):
            answer = owner.send(method, path_for(route, names) + f"?{IN_QUERY.format(**names)}")
            assert answer.status_code == 200, (route, answer.content)


def test_another_tenants_cursor_leads_into_ones_own_records_only(theirs: dict[str, str]) -> None:
    owner, stranger = Strict(Shop().secret), Strict(Shop(namespaces=[NAMESPACE], tenants=[OWN]).secret)
    cursor = owner.get("/v1/audit", shapes.RECORDS, limit=1)["next_cursor"]
    assert stranger.get("/v1/audit", shapes.RECORDS, cursor=cursor)["records"] == []
    stranger.post("/v1/dispatch", shapes.outcome, order(tenant=OWN, payload={"order_id": "own"}))
    AuditRecord.objects.filter(tenant=OWN).update(
        dispatched_at=AuditRecord.objects.earliest("dispatched_at").dispatched_at
    )
    found = stranger.get("/v1/audit", shapes.RECORDS, cursor=cursor)["records"]
    assert {record["tenant"] for record in found} == {OWN}
