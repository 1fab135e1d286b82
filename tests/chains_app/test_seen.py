"""Runs as people see them: the graph with what runs below it, its picture, and the timeline with what was sent."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID
from xml.etree import ElementTree

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from acteon_site.base import config_versions
from chains_app.definitions import Definition, parse_definition
from chains_app.definitions.dag import DEEPEST, MOST_NODES, Graph, as_dict, definition_graph
from chains_app.definitions.layout import Box, Plan, plan
from chains_app.definitions.picture import svg
from chains_app.models import Attempt, Run
from chains_app.services.advance import run_turn, runs_sweep
from chains_app.services.definitions import chains_save
from chains_app.services.leases import lease_take
from chains_app.services.providers import provider_save
from chains_app.services.run_trees import graph_of
from chains_app.services.timeline import run_timeline
from tests.chains_app.gateway import CHAIN, Gateway, settle, start, step, undoable
from tests.chains_app.pages import staff, url
from tests.world import SCOPE, Shop, order

CARD = "4111111111111111"


def group(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"name": "both", "parallel": {"steps": list(steps)}}


def nested(*last: dict[str, Any], sides: int = 2) -> list[dict[str, Any]]:
    """Chains three deep, with branches side by side: pay, review (score, look (scan)), both (x, y, …)."""
    names = "xyzuvw"[:sides]
    both = group(*(undoable(name) for name in names))
    return [
        {"name": "deep", "steps": [step("scan")]},
        {"name": "inner", "steps": [step("score"), {"name": "look", "sub_chain": "deep"}]},
        {**CHAIN, "steps": [undoable("pay"), {"name": "review", "sub_chain": "inner"}, both, *last]},
    ]


def begun(shop: Shop, specs: list[dict[str, Any]], **changes: Any) -> Run:
    chains_save(specs=specs, actor="test")
    config_versions.reset()
    outcome = shop.dispatch(order(action_type="special_order", **changes)).json()
    return Run.objects.get(pk=outcome["Executed"]["body"]["chain_id"])


def dag(shop: Shop, run: Run) -> dict[str, Any]:
    found: dict[str, Any] = shop.get(f"/v1/chains/{run.pk}/dag").json()
    return found


def timeline(shop: Shop, run: Run, **query: Any) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = shop.get(f"/v1/chains/{run.pk}/timeline", **query).json()["entries"]
    return entries


def by_name(nodes: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {node["name"]: node for node in nodes}


def definition(*steps: dict[str, Any], name: str = "a") -> Definition:
    parsed, problems = parse_definition({"name": name, "steps": list(steps)})
    assert parsed is not None, problems
    return parsed


def queries_of(look: Callable[[Run], object], run: Run) -> int:
    look(run)  # definitions are parsed once per process
    with CaptureQueriesContext(connection) as queries:
        look(run)
    # Whether configuration changed is asked by the clock, not by the look.
    return sum("acteon_site_configstamp" not in query["sql"] for query in queries)


# The graph -----------------------------------------------------------------------------------------------------


def test_the_dag_of_a_run_has_the_steps_of_all_that_runs_below_it(shop: Shop, gateway: Gateway) -> None:
    gateway.script["do_y"] = [400]
    run = begun(shop, nested(step("ship")))
    settle()
    nodes = by_name(dag(shop, run)["nodes"])
    review = nodes["review"]
    child = Run.objects.get(parent=run, parent_step="review")
    assert (review["child_chain_id"], review["sub_chain_name"]) == (str(child.pk), "inner")
    score, look = review["children"]
    assert (score["status"], score["provider"], score["action_type"]) == ("completed", "peer", "do_score")
    assert [(node["name"], node["status"]) for node in look["children"]] == [("scan", "completed")]
    assert look["child_chain_id"] == str(Run.objects.get(parent=child).pk)
    both = nodes["both"]
    assert "child_chain_id" not in both
    assert [(node["name"], node["status"]) for node in both["children"]] == [
        ("x", "completed"),
        ("y", "failed"),
    ]
    for node in both["children"]:
        assert Run.objects.get(pk=node["child_chain_id"]).branch == node["name"]
    assert nodes["ship"]["status"] == "pending"


def test_a_sub_chain_that_has_not_begun_shows_what_would_run(shop: Shop, gateway: Gateway) -> None:
    run = begun(shop, nested())
    review = by_name(dag(shop, run)["nodes"])["review"]
    assert "child_chain_id" not in review
    assert [node["status"] for node in review["children"]] == ["pending", "pending"]
    assert review["children"][1]["children"][0]["name"] == "scan"


def test_a_run_below_keeps_the_version_it_began_with(shop: Shop, gateway: Gateway) -> None:
    run = begun(shop, nested())
    settle()
    chains_save(specs=[{"name": "inner", "steps": [step("other")]}], actor="test")
    config_versions.reset()
    assert [n["name"] for n in by_name(dag(shop, run)["nodes"])["review"]["children"]] == ["score", "look"]
    plain = shop.get("/v1/chains/definitions/special/dag").json()
    assert [node["name"] for node in by_name(plain["nodes"])["review"]["children"]] == ["other"]


@pytest.mark.parametrize(("stock", "taken"), [(True, "body.in_stock eq true"), (False, "default")])
def test_of_two_edges_to_one_step_only_the_one_taken_is_on_the_path(
    shop: Shop, gateway: Gateway, stock: bool, taken: str
) -> None:
    gateway.bodies["do_check"] = {"in_stock": stock}
    branch = {"field": "body.in_stock", "operator": "eq", "value": True, "target": "ship"}
    run = start(shop, step("check", branches=[branch], default_next="ship"), step("ship"))
    settle()
    edges = dag(shop, run)["edges"]
    assert len(edges) == 2
    assert [edge["label"] for edge in edges if edge["on_execution_path"]] == [taken]


def test_what_runs_below_costs_a_query_for_each_level_and_none_for_each_run(
    shop: Shop, gateway: Gateway
) -> None:
    counts = []
    for sides in (2, 6):
        begun(shop, nested(sides=sides))
        settle()
        run = Run.objects.select_related("version").order_by("id").filter(parent=None).last()
        assert run is not None
        counts += [queries_of(graph_of, run), queries_of(partial(run_timeline, limit=100), run)]
    assert counts[:2] == counts[2:]
    assert counts[0] == 4  # two levels below it and the end of them, the steps
    assert counts[1] == 5  # and the attempts


def test_a_definition_shows_the_chains_inside_it(shop: Shop) -> None:
    provider_save(spec={"name": "peer", "type": "log"}, actor="test")
    chains_save(specs=nested(), actor="test")
    nodes = by_name(shop.get("/v1/chains/definitions/special/dag").json()["nodes"])
    assert [node["name"] for node in nodes["review"]["children"]] == ["score", "look"]
    assert nodes["review"]["children"][1]["children"][0]["name"] == "scan"
    assert "status" not in json.dumps(nodes)


def test_a_chain_of_another_tenant_stays_closed_inside_an_open_one(shop: Shop) -> None:
    provider_save(spec={"name": "peer", "type": "log"}, actor="test")
    own = {"action_type": "secret_order", "namespace": "other", "tenant": "other"}
    specs = nested()
    specs[1]["trigger"], specs[2]["trigger"] = own, {"action_type": "special_order"}
    chains_save(specs=specs, actor="test")
    config_versions.reset()
    scoped = Shop(namespaces=["ecommerce"], tenants=["acme-store"])
    inside = by_name(scoped.get("/v1/chains/definitions/special/dag").json()["nodes"])["review"]
    assert "children" not in inside
    assert "children" in by_name(shop.get("/v1/chains/definitions/special/dag").json()["nodes"])["review"]
    run_id = scoped.dispatch(order(action_type="special_order")).json()["Executed"]["body"]["chain_id"]
    assert "children" not in by_name(scoped.get(f"/v1/chains/{run_id}/dag").json()["nodes"])["review"]


def test_chains_that_go_round_or_without_end_are_cut() -> None:
    round_about = {
        "a": definition({"name": "to-b", "sub_chain": "b"}),
        "b": definition({"name": "to-a", "sub_chain": "a"}, name="b"),
    }
    shown = as_dict(definition_graph(round_about["a"], round_about.get))
    (back,) = shown["nodes"][0]["children"]
    assert back["name"] == "to-a"
    assert "children" not in back

    def endless(name: str) -> Definition:
        wide = [{"name": f"s{n}", "sub_chain": f"{name}{n}"} for n in range(20)]
        return definition(*wide, name=name)

    nodes = json.dumps(as_dict(definition_graph(endless("e"), endless))).count('"node_type"')
    assert nodes <= MOST_NODES

    def deep(name: str) -> Definition:
        return definition({"name": "s", "sub_chain": f"{name}x"}, name=name)

    found = json.dumps(as_dict(definition_graph(deep("d"), deep))).count('"children"')
    assert found == DEEPEST


# The picture ---------------------------------------------------------------------------------------------------


def boxes(made: Plan) -> list[Box]:
    return list(made.boxes.values())


def graph(*steps: dict[str, Any]) -> Graph:
    return definition_graph(definition(*steps), lambda name: None)


def ladder(count: int) -> list[dict[str, Any]]:
    """Steps in a row, of which every third may jump ahead by four, and one that has many ways on."""
    steps = []
    for n in range(count):
        far = [{"field": "body.n", "operator": "gt", "value": n, "target": f"s{min(n + 4, count - 1)}"}]
        jumps = n % 3 == 0 and n < count - 1
        steps.append(step(f"s{n}", **({"branches": far} if jumps else {})))
    return steps


@pytest.mark.parametrize("count", [1, 2, 7, 60])
def test_no_box_covers_another_and_no_line_runs_through_one(count: int) -> None:
    made = plan(graph(*ladder(count)))
    assert len(made.boxes) == count
    for box in boxes(made):
        assert box.x >= 0
        assert box.x + box.width <= made.width
        assert box.bottom <= made.height
        for other in boxes(made):
            apart = box is other or box.bottom < other.y or other.bottom < box.y
            assert apart or box.x + box.width < other.x or other.x + other.width < box.x
    for line in made.lines:
        if line.lane_x is not None:
            assert line.lane_x > max(box.x + box.width for box in boxes(made))
        assert line.source.bottom < line.turn_y < line.target.y


def test_a_picture_frames_what_is_inside_and_says_every_state_in_words(shop: Shop, gateway: Gateway) -> None:
    gateway.script["do_ship"] = [400]
    run = begun(shop, nested(step("ship"), step("mail")))
    settle()
    drawn = svg(graph_of(Run.objects.get(pk=run.pk)))
    root = ElementTree.fromstring(drawn)
    frames = re.findall(r'class="gw-node gw-is-(\w+) gw-frame"', drawn)
    assert sorted(frames) == ["completed", "completed", "undone"]  # review, look inside it, both
    for name in ("pay", "review", "score", "look", "scan", "both", "x", "y", "ship", "mail"):
        assert f">{name}</text>" in drawn
    assert "✕ failed" in drawn
    assert "↶ completed, undone" in drawn
    assert "○ not taken" in drawn
    title, told = root[0].text or "", root[1].text or ""
    assert title == "special: failed"
    assert "review, sub-chain inner, completed (score, peer · do_score, completed; look" in told
    assert root.attrib["aria-labelledby"].split() == [root[0].attrib["id"], root[1].attrib["id"]]
    assert drawn.count('class="gw-way-taken"') == 4  # three in the run, one in review
    assert "<script" not in drawn
    assert drawn.count("http") == 1  # the name of the SVG name space


# The timeline --------------------------------------------------------------------------------------------------


def test_the_timeline_has_every_call_of_the_run_and_of_those_below_it(shop: Shop, gateway: Gateway) -> None:
    gateway.script = {"do_pay": [503], "do_ship": [400]}
    specs = nested(step("ship"))
    specs[2]["steps"][0]["retry"] = {"max_retries": 2}
    run = begun(shop, specs)
    settle()
    entries = timeline(shop, run)
    assert [(entry["step"], entry["attempt"], entry["kind"], entry["success"]) for entry in entries][:4] == [
        ("pay", 1, "call", False),
        ("pay", 2, "call", True),
        ("score", 1, "call", True),
        ("scan", 1, "call", True),
    ]
    undone = [entry["step"] for entry in entries if entry["kind"] == "compensation"]
    assert sorted(undone) == ["pay", "x", "y"]
    assert entries == sorted(entries, key=lambda entry: entry["started_at"])
    failed = next(entry for entry in entries if entry["step"] == "ship")
    assert failed["error"]["code"] == "EXECUTION_FAILED"
    assert "400" in failed["error"]["message"]
    assert failed["response_body"] is None
    sent = {said["idempotency_key"] for said in entries}
    assert sent == {said.headers["idempotency-key"] for said in gateway.peer.said}
    assert timeline(shop, run, limit=2, offset=1) == entries[1:3]


def test_what_is_shown_as_sent_is_what_was_sent(shop: Shop, gateway: Gateway) -> None:
    """Rendered afterwards, when later steps have answered and the definition has changed."""
    gateway.bodies = {"do_a": {"n": 1}, "do_x": {"n": 2}, "do_b": {"n": 3}, "undo_a": {"refund": "r-1"}}
    gateway.script["do_c"] = [400]
    template = {
        "prev": "{{prev.body}}",
        "a": "{{steps.a.body.n}}",
        "id": "{{run.id}}",
    }
    compensate = {
        "provider": "peer",
        "action_type": "undo_a",
        "payload_template": {"last": "{{prev.body.n}}"},
    }
    run = start(
        shop,
        step("a", compensate=compensate),
        group(step("x", payload_template=template), step("y")),
        step("b", payload_template=template),
        step("c", payload_template=template),
    )
    settle()
    chains_save(specs=[{**CHAIN, "steps": [step("a", payload_template={"new": 1})]}], actor="test")
    config_versions.reset()
    really = {said["action_type"]: said["payload"] for said in gateway.calls()}
    told = {entry["action_type"]: entry for entry in timeline(shop, run)}
    assert really.keys() == told.keys()
    hidden = ("do_a", "do_y")  # these send the origin, which holds what is redacted
    for name in really.keys() - set(hidden):
        assert told[name]["payload"] == really[name], name
    for name in hidden:
        assert told[name]["payload"] == {
            **really[name],
            **dict.fromkeys(("card_number", "card_last4", "billing_zip"), "[REDACTED]"),
        }
    assert told["do_b"]["response_body"] == {"n": 3}
    assert told["undo_a"]["response_body"] == {"refund": "r-1"}
    assert UUID(told["do_b"]["payload"]["id"]) == run.pk


def test_no_card_and_no_redacted_field_is_seen_in_the_timeline(shop: Shop, gateway: Gateway) -> None:
    """Sent under another name, inside text, as part of an answer or an error: also on the admin's page."""
    gateway.bodies = {
        "do_a": {"echo": {"card_number": CARD}, "token": CARD, "text": f"paid by {CARD[:4]} 1111 1111 1111"},
        "undo_a": {"card_number": CARD, "said": f"back to {CARD}"},
    }
    gateway.script["do_c"] = [400]
    short = {"ends": "{{origin.payload.card_last4}}", "text": "ends in {{origin.payload.card_last4}}"}
    known = {"number": "{{steps.a.body.echo.card_number}}", "token": "{{steps.a.body.token}}", "zip": 1}
    compensate = {"provider": "peer", "action_type": "undo_a", "payload_template": {**short, **known}}
    run = start(
        shop,
        step("a", payload_template=short, compensate=compensate),
        step("b", payload_template={**known, "whole": "{{origin.payload}}"}),
        step("c"),
    )
    settle()
    answer = shop.get(f"/v1/chains/{run.pk}/timeline").content.decode()
    page = staff().get(url("run", "change", run.pk)).content.decode()
    for text in (answer, page):
        for secret in (CARD, "4242", "94107", "1111 1111"):
            assert secret not in text, secret
        assert "[REDACTED]" in text
    first = timeline(shop, run)[0]
    assert first["payload"] == {"ends": "[REDACTED]", "text": "[REDACTED]"}
    assert gateway.calls("do_a")[0]["payload"] == {"ends": "4242", "text": "ends in 4242"}


def test_a_call_under_way_has_no_end_and_no_outcome(shop: Shop, gateway: Gateway) -> None:
    run = start(shop, step("a"))
    lease = lease_take(run.pk)
    assert lease is not None
    run_turn(lease)
    (entry,) = timeline(shop, run)
    assert (entry["completed_at"], entry["duration_ms"], entry["success"], entry["error"]) == (None,) * 4
    assert "in flight" in staff().get(url("run", "change", run.pk)).content.decode()


def test_an_outcome_that_nobody_knows_is_told_as_such(shop: Shop, gateway: Gateway) -> None:
    gateway.script["do_a"] = [0]
    run = start(shop, step("a", on_unknown="park"))
    settle(2)
    (entry,) = timeline(shop, run)
    assert entry["success"] is None
    assert entry["completed_at"]
    assert "● waits" in svg(graph_of(Run.objects.get(pk=run.pk)))
    assert "outcome unknown" in staff().get(url("run", "change", run.pk)).content.decode()


def test_the_history_stays_as_the_contract_has_it(shop: Shop, gateway: Gateway) -> None:
    gateway.script["do_b"] = [400]
    run = start(shop, undoable("a"), step("b"))
    settle()
    steps = shop.get(f"/v1/chains/{run.pk}/history").json()["steps"]
    assert [len(step["attempts"]) for step in steps] == [1, 1]
    assert Attempt.objects.filter(step__run=run, undo=True).exists()


def test_the_page_shows_compensations_and_what_was_sent(shop: Shop, gateway: Gateway) -> None:
    gateway.script["do_ship"] = [400]
    run = begun(shop, nested(step("ship")), payload={"order_id": "o-77"})
    settle()
    page = staff().get(url("run", "change", run.pk)).content.decode()
    assert page.count('class="gw-call"') == len(timeline(shop, run))
    assert "compensation</span>" in page
    assert "in inner" in page
    assert "branch of both" in page
    assert "execution failed" in page
    assert page.count("o-77") > 5
    assert f"{run.pk}:pay:compensate" in page


def test_who_may_not_see_the_run_sees_no_timeline(shop: Shop, gateway: Gateway) -> None:
    run = start(shop, step("a"))
    runs_sweep()
    stranger = Shop(tenants=["other-store"], namespaces=["ecommerce"])
    assert stranger.get(f"/v1/chains/{run.pk}/timeline").status_code == 404
    assert shop.get(f"/v1/chains/{run.pk}/timeline", **{**SCOPE, "tenant": "other"}).status_code == 404
    assert Shop(role="viewer").get(f"/v1/chains/{run.pk}/timeline").status_code == 200


def test_a_notices_links_are_seen_by_nobody_and_a_bare_call_has_a_timeline(
    shop: Shop, gateway: Gateway, settings: Any
) -> None:
    """Who has an approval's link may decide by it."""
    held = shop.place(payload={"total_cents": 75_000})["PendingApproval"]
    bare = shop.dispatch({**SCOPE, "provider": "peer", "action_type": "ping", "payload": {"n": 1}}).json()
    assert "Executed" in bare
    settle(2)
    notice = Run.objects.get(kind="notice")
    assert "sig=" in notice.origin["payload"]["approve_url"]
    page = staff().get(url("run", "change", notice.pk)).content.decode()
    for text in (page, json.dumps(timeline(shop, notice))):
        assert held["approval_id"] in text
        assert "sig=" not in text
    single = Run.objects.get(kind="single")
    assert [(entry["provider"], entry["payload"]) for entry in timeline(shop, single)] == [("peer", {"n": 1})]
