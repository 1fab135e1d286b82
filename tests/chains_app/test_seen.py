"""Runs as people see them: the graph with what runs below it, and its picture."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any
from xml.etree import ElementTree

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from acteon_site.base import config_versions
from chains_app.definitions import Definition, parse_definition
from chains_app.definitions.dag import DEEPEST, MOST_NODES, Graph, as_dict, definition_graph
from chains_app.definitions.layout import Box, Plan, plan
from chains_app.definitions.picture import svg
from chains_app.models import Run
from chains_app.services.definitions import chains_save
from chains_app.services.providers import provider_save
from chains_app.services.run_trees import graph_of
from chains_app.services.timeline import run_timeline
from tests.chains_app.gateway import CHAIN, Gateway, detail, settle, start, step, undoable
from tests.world import Shop, order


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
    assert review["children"]["chain_id"] == review["child_chain_id"]
    assert review["children"]["execution_path"] == ["score", "look"]
    score, look = review["children"]["nodes"]
    assert (score["status"], score["provider"], score["action_type"]) == ("completed", "peer", "do_score")
    assert [(node["name"], node["status"]) for node in look["children"]["nodes"]] == [("scan", "completed")]
    assert look["child_chain_id"] == str(Run.objects.get(parent=child).pk)
    both = nodes["both"]
    assert "child_chain_id" not in both
    assert both["parallel_join"] == "all"
    assert [(node["name"], node["status"]) for node in both["parallel_children"]] == [
        ("x", "completed"),
        ("y", "failed"),
    ]
    for node in both["parallel_children"]:
        assert Run.objects.get(pk=node["child_chain_id"]).branch == node["name"]
    assert nodes["ship"]["status"] == "pending"


def test_steps_tell_their_sub_chains_run_and_their_branches(shop: Shop, gateway: Gateway) -> None:
    gateway.script["do_y"] = [400]
    run = begun(shop, nested(step("ship")))
    fresh = by_name(detail(shop, run)["steps"])
    assert fresh["review"]["sub_chain"] == "inner"
    assert "child_chain_id" not in fresh["review"]
    assert [row["status"] for row in fresh["both"]["parallel_sub_steps"]] == ["pending", "pending"]
    settle()
    steps = by_name(detail(shop, run)["steps"])
    child = Run.objects.get(parent=run, parent_step="review")
    assert steps["review"]["child_chain_id"] == str(child.pk)
    x, y = steps["both"]["parallel_sub_steps"]
    assert (x["name"], x["status"], x["provider"], x["response_body"]) == (
        "x",
        "completed",
        "peer",
        {"logged": True},
    )
    assert (y["status"], y["attempt"], y["error"] is None) == ("failed", 1, False)
    assert Run.objects.get(pk=y["child_chain_id"]).branch == "y"
    assert not {"sub_chain", "child_chain_id", "parallel_sub_steps"} & steps["pay"].keys()


def test_a_sub_chain_that_has_not_begun_shows_what_would_run(shop: Shop, gateway: Gateway) -> None:
    run = begun(shop, nested())
    review = by_name(dag(shop, run)["nodes"])["review"]
    assert "child_chain_id" not in review
    assert [node["status"] for node in review["children"]["nodes"]] == ["pending", "pending"]
    assert review["children"]["nodes"][1]["children"]["nodes"][0]["name"] == "scan"


def test_a_run_below_keeps_the_version_it_began_with(shop: Shop, gateway: Gateway) -> None:
    run = begun(shop, nested())
    settle()
    chains_save(specs=[{"name": "inner", "steps": [step("other")]}], actor="test")
    config_versions.reset()
    assert [n["name"] for n in by_name(dag(shop, run)["nodes"])["review"]["children"]["nodes"]] == [
        "score",
        "look",
    ]
    plain = shop.get("/v1/chains/definitions/special/dag").json()
    assert [node["name"] for node in by_name(plain["nodes"])["review"]["children"]["nodes"]] == ["other"]


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
    assert [node["name"] for node in nodes["review"]["children"]["nodes"]] == ["score", "look"]
    assert nodes["review"]["children"]["nodes"][1]["children"]["nodes"][0]["name"] == "scan"
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
    (back,) = shown["nodes"][0]["children"]["nodes"]
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
