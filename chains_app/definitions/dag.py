"""A chain as nodes and edges, with the chains inside it: of a definition, or of one run and the runs below it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from chains_app.branching import matches
from chains_app.definitions.model import Branch, Definition, Step
from chains_app.definitions.step_kinds import provider
from chains_app.definitions.step_kinds.parallel import Parallel

# How deep chains inside chains are followed, and how many nodes there are at the most. A chain's own are all there.
DEEPEST = 8
MOST_NODES = 1000
PENDING, COMPLETED, SKIPPED = "pending", "completed", "skipped"

Chains = Callable[[str], Definition | None]


@dataclass(frozen=True, slots=True)
class StepTrace:
    """What a run knows of a step. `undo` is a word of chains_app.states.Undo; `begun`: it was called once at least."""

    status: str
    begun: bool = False
    undo: str = ""
    body: Any = None
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class Trace:
    """One run: the definition it pinned, its path so far, and by (step, branch) the runs below it."""

    definition: Definition
    chain_id: str = ""
    status: str = ""
    path: tuple[str, ...] = ()
    steps: Mapping[str, StepTrace] = field(default_factory=dict)
    below: Mapping[tuple[str, str], Trace] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Edge:
    source: str
    target: str
    label: str
    taken: bool


@dataclass(frozen=True, slots=True)
class Node:
    """`status` is "" where there is no run. `inside` are a sub-chain's steps, or the branches side by side."""

    step: Step
    status: str = ""
    begun: bool = False
    undo: str = ""
    chain_id: str = ""
    inside: Graph | None = None
    attempt: int = 0

    @property
    def kind(self) -> str:
        return "step" if self.step.kind == provider.NAME else self.step.kind


@dataclass(frozen=True, slots=True)
class Graph:
    name: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...] = ()
    path: tuple[str, ...] = ()
    chain_id: str = ""
    status: str = ""


def definition_graph(definition: Definition, chains: Chains) -> Graph:
    """`chains` finds the sub-chains by name; None for one that is not there, or not to be seen."""
    return _Drawer(chains).graph(definition, None, (definition.name,))


def run_graph(trace: Trace, chains: Chains) -> Graph:
    """Sub-chains that run have the version they pinned; `chains` finds those that have not begun."""
    return _Drawer(chains).graph(trace.definition, trace, (trace.definition.name,))


def as_dict(graph: Graph, *, over: bool = False) -> dict[str, Any]:
    """The contract's DAG; a sub-chain's node has one of these as its `children`.

    `over`: the run around it is completed, and what it has not come to it will never come to.
    """
    run = {"chain_id": graph.chain_id, "status": graph.status} if graph.chain_id else {}
    return {
        "chain_name": graph.name,
        **run,
        "nodes": [_node_dict(node, over or graph.status == COMPLETED) for node in graph.nodes],
        "edges": [_edge_dict(edge) for edge in graph.edges],
        "execution_path": list(graph.path),
    }


class _Drawer:
    """Counts the nodes, so that chains which call chains many times over cannot make a page without end."""

    def __init__(self, chains: Chains) -> None:
        self._chains, self._left = chains, MOST_NODES

    def graph(self, definition: Definition, trace: Trace | None, above: Sequence[str]) -> Graph:
        self._left -= len(definition.steps)
        return Graph(
            name=definition.name,
            nodes=tuple(self._node(step, trace, above) for step in definition.steps),
            edges=tuple(_edges(definition, trace)),
            path=trace.path if trace else (),
            chain_id=trace.chain_id if trace else "",
            status=trace.status if trace else "",
        )

    def _node(self, step: Step, trace: Trace | None, above: Sequence[str]) -> Node:
        inside = self._inside(step, trace, above)
        if trace is None:
            return Node(step, inside=inside)
        return _traced(step, trace.steps.get(step.name), trace.below.get((step.name, "")), inside)

    def _inside(self, step: Step, trace: Trace | None, above: Sequence[str]) -> Graph | None:
        if step.parallel:
            return self._branches(step, step.parallel, trace)
        if not step.sub_chain or len(above) > DEEPEST:
            return None
        below = trace.below.get((step.name, "")) if trace else None
        inner = below.definition if below else self._to_come(step.sub_chain, above)
        if inner is None or len(inner.steps) > self._left:
            return None
        return self.graph(inner, below or (Trace(inner) if trace else None), (*above, step.sub_chain))

    def _to_come(self, name: str, above: Sequence[str]) -> Definition | None:
        """Runs end by themselves; definitions that were changed meanwhile may go round."""
        return None if name in above else self._chains(name)

    def _branches(self, step: Step, group: Parallel, trace: Trace | None) -> Graph:
        self._left -= len(group.steps)
        if trace is None:
            return Graph(step.name, tuple(Node(inner) for inner in group.steps))
        runs = [(inner, trace.below.get((step.name, inner.name))) for inner in group.steps]
        return Graph(
            step.name,
            tuple(_traced(inner, run.steps.get(inner.name) if run else None, run) for inner, run in runs),
        )


def _traced(step: Step, seen: StepTrace | None, below: Trace | None, inside: Graph | None = None) -> Node:
    """A step of a run; `below` is the run of its own that it has, where it has one."""
    state = seen or StepTrace(PENDING)
    chain_id = below.chain_id if below else ""
    return Node(step, state.status, state.begun, state.undo, chain_id, inside, state.attempt)


def _edges(definition: Definition, trace: Trace | None) -> list[Edge]:
    """One edge for each branch and one for the way on; what ends the run is no edge."""
    pairs = set(pairwise(trace.path)) if trace else set()
    edges = []
    for step in definition.steps:
        way = _way(step, trace) if trace else None
        for number, branch in enumerate(step.branches):
            if target := definition.resolve(branch.target):
                taken = (step.name, target) in pairs and way == number
                edges.append(Edge(step.name, target, _label(branch), taken))
        if following := definition.next_name(step):
            taken = (step.name, following) in pairs and way is None
            edges.append(Edge(step.name, following, "default" if step.branches else "", taken))
    return edges


def _way(step: Step, trace: Trace) -> int | None:
    """The number of the branch that the run took, as chains_app.branching chose it; None for the way on."""
    seen = trace.steps.get(step.name)
    if seen is None:
        return None
    success = seen.status == COMPLETED
    numbers = range(len(step.branches))
    return next((n for n in numbers if matches(step.branches[n], body=seen.body, success=success)), None)


def shown_status(status: str, run_completed: bool) -> str:
    """What a completed run has not come to, since a branch went round it, it will never come to."""
    return SKIPPED if status == PENDING and run_completed else status


def _node_dict(node: Node, run_completed: bool) -> dict[str, Any]:
    step = node.step
    shown: dict[str, Any] = {
        "name": step.name,
        "node_type": node.kind,
        "provider": step.provider,
        "action_type": step.action_type,
        "sub_chain_name": step.sub_chain,
        "status": shown_status(node.status, run_completed),
        "child_chain_id": node.chain_id,
        **_inside_dict(node, run_completed),
    }
    if node.status:
        shown |= {"attempt": node.attempt, "max_retries": step.retry.max_retries}
    return {key: value for key, value in shown.items() if value != ""}


def _inside_dict(node: Node, run_completed: bool) -> dict[str, Any]:
    """Strict clients read `children` as one whole graph, and branches under a key of their own."""
    inside, group = node.inside, node.step.parallel
    if inside is None:
        return {}
    if group is None:
        return {"children": as_dict(inside, over=run_completed)}
    branches = [_node_dict(inner, run_completed) for inner in inside.nodes]
    return {"parallel_children": branches, "parallel_join": group.join}


def _edge_dict(edge: Edge) -> dict[str, Any]:
    label = {"label": edge.label} if edge.label else {}
    return {"source": edge.source, "target": edge.target, **label, "on_execution_path": edge.taken}


def _label(branch: Branch) -> str:
    if branch.operator == "exists":
        return f"{branch.field} exists"
    value = branch.value
    shown = {True: "true", False: "false", None: "null"}.get(value) if _is_word(value) else value
    return f"{branch.field} {branch.operator} {shown}"[:120]


def _is_word(value: object) -> bool:
    return value is None or isinstance(value, bool)
