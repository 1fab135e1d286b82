"""A run together with the runs below it (sub-chains, branches), read in one query for each level. Reads only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from audit_app.redaction import Scrubber
from audit_app.selectors import current_redactor
from chains_app.definitions import Definition
from chains_app.definitions.dag import DEEPEST, Graph, StepTrace, Trace, run_graph
from chains_app.models import Run, StepRun
from chains_app.selectors import definitions
from chains_app.services.held import definition_of
from chains_app.states import RunKind

MOST_RUNS = 500
PAYLOADS = ("origin", "inherited", "reply")


@dataclass(frozen=True, slots=True)
class Family:
    """`below` is by the parent's id, oldest first; `steps` by the run's id and the step's name."""

    root: Run
    below: dict[UUID, list[Run]] = field(default_factory=dict)
    steps: dict[UUID, dict[str, StepRun]] = field(default_factory=dict)

    @property
    def runs(self) -> Iterator[Run]:
        yield self.root
        for children in self.below.values():
            yield from children


def family_load(run: Run, *, payloads: bool = False) -> Family:
    """`payloads` decrypts also what the runs were given, which only timelines need."""
    family = Family(run)
    level, left = [run], MOST_RUNS
    for _ in range(DEEPEST):
        level = _below(level, payloads)[:left]
        if not level:
            break
        left -= len(level)
        for child in level:
            if child.parent_id:
                family.below.setdefault(child.parent_id, []).append(child)
    for step in StepRun.objects.filter(run__in=[member.pk for member in family.runs]):
        family.steps.setdefault(step.run_id, {})[step.name] = step
    return family


def _below(parents: list[Run], payloads: bool) -> list[Run]:
    found = Run.objects.filter(parent__in=[parent.pk for parent in parents]).order_by("started_at", "id")
    return list((found if payloads else found.defer(*PAYLOADS))[:MOST_RUNS])


def tainted_of(run: Run) -> tuple[str, ...]:
    """What is redacted in the run's payload beside the configured fields.

    In a notice the links too: who has an approval's link may decide by it.
    """
    tainted = tuple(run.origin.get("tainted") or ())
    if run.kind != RunKind.NOTICE:
        return tainted
    payload = run.origin["payload"].items()
    return (*tainted, *(name for name, value in payload if str(value).startswith(("https://", "http://"))))


def scrubber_for(run: Run) -> Scrubber:
    """For whatever is shown of the run; its `payload` is the redacted one."""
    return current_redactor().scrubber(run.origin["payload"], tainted_of(run))


def graph_of(run: Run) -> Graph:
    """The run as a picture or the API shows it, with all that runs below it."""
    return run_graph(_trace(family_load(run), run), lambda name: _to_come(run, name))


def _trace(family: Family, run: Run) -> Trace:
    steps = family.steps.get(run.pk, {})
    return Trace(
        definition=definition_of(run),
        chain_id=str(run.pk),
        status=run.status,
        path=tuple(run.execution_path),
        steps={
            name: StepTrace(row.status, row.attempt > 0, row.undo, row.response)
            for name, row in steps.items()
        },
        # The newest of each, as the engine takes them.
        below={
            (child.parent_step, child.branch): _trace(family, child) for child in family.below.get(run.pk, ())
        },
    )


def _to_come(run: Run, name: str) -> Definition | None:
    """A sub-chain that has not begun, unless another tenant has its definition to itself."""
    chain = definitions().get(name)
    trigger = chain.definition.trigger if chain else None
    if trigger and (trigger.namespace not in ("*", run.namespace) or trigger.tenant not in ("*", run.tenant)):
        return None
    return chain.definition if chain else None
