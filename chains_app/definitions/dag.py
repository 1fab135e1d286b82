"""A chain as nodes and edges: the contract's DAG, of a definition or of one run of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from chains_app.definitions.model import PROVIDER, Branch, Definition, Step


def dag(
    definition: Definition,
    *,
    path: Sequence[str] = (),
    statuses: Mapping[str, str] | None = None,
    child_ids: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """{"chain_name", "nodes", "edges", "execution_path"}.

    Of a run also the path so far, and by step name each step's status and the ids of its sub-chain runs.
    """
    taken = set(pairwise(path))
    return {
        "chain_name": definition.name,
        "nodes": [_node(step, statuses or {}, child_ids or {}) for step in definition.steps],
        "edges": [
            {**edge, "on_execution_path": (edge["source"], edge["target"]) in taken}
            for step in definition.steps
            for edge in _edges(definition, step)
        ],
        "execution_path": list(path),
    }


def _node(step: Step, statuses: Mapping[str, str], child_ids: Mapping[str, str]) -> dict[str, Any]:
    node: dict[str, Any] = {
        "name": step.name,
        "node_type": "step" if step.kind == PROVIDER else step.kind,
        "provider": step.provider,
        "action_type": step.action_type,
        "sub_chain_name": step.sub_chain,
        "status": statuses.get(step.name),
        "child_chain_id": child_ids.get(step.name),
    }
    if step.parallel:
        node["children"] = [_node(inner, statuses, child_ids) for inner in step.parallel.steps]
    return {key: value for key, value in node.items() if value not in (None, "")}


def _edges(definition: Definition, step: Step) -> list[dict[str, str]]:
    """One edge for each branch and one for the way on; what ends the run is no edge."""
    edges = []
    for branch in step.branches:
        target = definition.resolve(branch.target)
        if target:
            edges.append({"source": step.name, "target": target, "label": _label(branch)})
    following = definition.next_name(step)
    if following:
        edge = {"source": step.name, "target": following}
        edges.append({**edge, "label": "default"} if step.branches else edge)
    return edges


def _label(branch: Branch) -> str:
    if branch.operator == "exists":
        return f"{branch.field} exists"
    value = branch.value
    shown = {True: "true", False: "false", None: "null"}.get(value) if _is_word(value) else value
    return f"{branch.field} {branch.operator} {shown}"[:120]


def _is_word(value: object) -> bool:
    return value is None or isinstance(value, bool)
