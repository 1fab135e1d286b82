"""A chain's DAG as inline SVG: drawn here, so that the page asks nobody else for anything."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 230, 52, 40, 44, 16
COLORS = {"completed": "#15803d", "running": "#b45309", "failed": "#b91c1c", "skipped": "#6b7280"}
ARROW = (
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" '
    'orient="auto"><path d="M0 0L8 4L0 8z" fill="currentColor"/></marker></defs>'
)


def svg(graph: Mapping[str, Any]) -> str:
    """A standalone <svg> of a DAG (chains_app.definitions.dag). All texts in it are escaped."""
    places = _places(graph)
    width = max((x for x, _ in places.values()), default=0) + WIDTH + MARGIN
    height = max((y for _, y in places.values()), default=0) + HEIGHT + MARGIN
    edges = "".join(_edge(edge, places) for edge in graph["edges"])
    nodes = "".join(_node(node, *places[node["name"]]) for node in graph["nodes"])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" font-family="sans-serif" font-size="12" color="#64748b">'
        f"<title>{escape(graph['chain_name'])}</title>{ARROW}{edges}{nodes}</svg>"
    )


def _places(graph: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    """The upper left corner of every node: a row for each rank, side by side within it."""
    ranks = _ranks(graph)
    filled: dict[int, int] = {}
    places = {}
    for name, rank in ranks.items():
        column = filled.get(rank, 0)
        filled[rank] = column + 1
        places[name] = (MARGIN + column * (WIDTH + GAP_X), MARGIN + rank * (HEIGHT + GAP_Y))
    return places


def _ranks(graph: Mapping[str, Any]) -> dict[str, int]:
    """The longest way from the first node. A DAG of n nodes is settled after n rounds."""
    ranks = {node["name"]: 0 for node in graph["nodes"]}
    for _ in ranks:
        for edge in graph["edges"]:
            ranks[edge["target"]] = max(ranks[edge["target"]], ranks[edge["source"]] + 1)
    return ranks


def _node(node: Mapping[str, Any], x: int, y: int) -> str:
    color = COLORS.get(node.get("status", ""), "currentColor")
    dashed = "" if node["node_type"] == "step" else ' stroke-dasharray="5 3"'
    whom = node.get("provider") or node.get("sub_chain_name") or node["node_type"]
    second = " · ".join(part for part in (whom, node.get("action_type"), node.get("status")) if part)
    return (
        f'<g><rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="8" fill="none" '
        f'stroke="{color}" stroke-width="1.5"{dashed}/>'
        f'<text x="{x + WIDTH // 2}" y="{y + 22}" text-anchor="middle" font-weight="600" '
        f'fill="{color}">{escape(_short(node["name"], 32))}</text>'
        f'<text x="{x + WIDTH // 2}" y="{y + 39}" text-anchor="middle" font-size="10" '
        f'fill="currentColor">{escape(_short(second, 42))}</text></g>'
    )


def _edge(edge: Mapping[str, Any], places: Mapping[str, tuple[int, int]]) -> str:
    (from_x, from_y), (to_x, to_y) = places[edge["source"]], places[edge["target"]]
    x1, y1 = from_x + WIDTH // 2, from_y + HEIGHT
    x2, y2 = to_x + WIDTH // 2, to_y
    # An edge past other rows swings to the side, so that it is not hidden behind their nodes.
    bend = WIDTH // 2 + 30 if x1 == x2 and y2 - y1 > GAP_Y else 0
    weight = 2.5 if edge["on_execution_path"] else 1.2
    path = f"M{x1} {y1}C{x1 + bend} {y1 + 30} {x2 + bend} {y2 - 30} {x2} {y2}"
    return (
        f'<path d="{path}" fill="none" stroke="currentColor" stroke-width="{weight}" '
        f'marker-end="url(#arrow)"/>{_edge_label(edge, (x1 + x2) // 2 + bend * 3 // 4, (y1 + y2) // 2)}'
    )


def _edge_label(edge: Mapping[str, Any], x: int, y: int) -> str:
    if not edge.get("label"):
        return ""
    label = escape(_short(edge["label"], 40))
    return f'<text x="{x + 6}" y="{y}" font-size="10" fill="currentColor">{label}</text>'


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
