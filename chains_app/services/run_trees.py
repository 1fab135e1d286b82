"""A run together with the runs below it (sub-chains, branches), read in one query for each level. Reads only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from chains_app.definitions import Definition
from chains_app.definitions.dag import DEEPEST, Graph, StepTrace, Trace, run_graph
from chains_app.models import Run, StepRun
from chains_app.selectors import definitions, run_definition

MOST_RUNS = 500
PAYLOADS = ("origin", "inherited", "reply")


@dataclass(frozen=True, slots=True)
class RunTree:
    """`below` is by the parent's id, oldest first; `steps` by the run's id and the step's name."""

    root: Run
    below: dict[UUID, list[Run]] = field(default_factory=dict)
    steps: dict[UUID, dict[str, StepRun]] = field(default_factory=dict)

    @property
    def runs(self) -> Iterator[Run]:
        yield self.root
        for children in self.below.values():
            yield from children


def run_tree(run: Run, *, payloads: bool = False) -> RunTree:
    """`payloads` decrypts also what the runs were given, which only timelines need."""
    tree = RunTree(run)
    level, left = [run], MOST_RUNS
    for _ in range(DEEPEST):
        level = _below(level, payloads)[:left]
        if not level:
            break
        left -= len(level)
        for child in level:
            if child.parent_id:
                tree.below.setdefault(child.parent_id, []).append(child)
    for step in StepRun.objects.filter(run__in=[member.pk for member in tree.runs]):
        tree.steps.setdefault(step.run_id, {})[step.name] = step
    return tree


def run_with_children(run: Run) -> RunTree:
    """The run, the runs right below it, and the steps of the run and of its branches: two queries."""
    tree = RunTree(run)
    if children := _below([run], payloads=False)[:MOST_RUNS]:
        tree.below[run.pk] = children
    shown = [run.pk, *(child.pk for child in children if child.branch)]
    for step in StepRun.objects.filter(run__in=shown):
        tree.steps.setdefault(step.run_id, {})[step.name] = step
    return tree


def _below(parents: list[Run], payloads: bool) -> list[Run]:
    found = Run.objects.filter(parent__in=[parent.pk for parent in parents]).order_by("started_at", "id")
    return list((found if payloads else found.defer(*PAYLOADS))[:MOST_RUNS])


def graph_of(run: Run) -> Graph:
    """The run as a picture or the API shows it, with all that runs below it."""
    return run_graph(_trace(run_tree(run), run), lambda name: _to_come(run, name))


def _trace(tree: RunTree, run: Run) -> Trace:
    steps = tree.steps.get(run.pk, {})
    return Trace(
        definition=run_definition(run),
        chain_id=str(run.pk),
        status=run.status,
        path=tuple(run.execution_path),
        steps={
            name: StepTrace(row.status, row.attempt > 0, row.undo, row.response, row.attempt)
            for name, row in steps.items()
        },
        # The newest of each, as the engine takes them.
        below={
            (child.parent_step, child.branch): _trace(tree, child) for child in tree.below.get(run.pk, ())
        },
    )


def _to_come(run: Run, name: str) -> Definition | None:
    """A sub-chain that has not begun, unless another tenant has its definition to itself."""
    chain = definitions().get(name)
    trigger = chain.definition.trigger if chain else None
    if trigger and (trigger.namespace not in ("*", run.namespace) or trigger.tenant not in ("*", run.tenant)):
        return None
    return chain.definition if chain else None
