"""A run's calls in the order of time, with what was sent and answered: redacted as the trail is. Reads only.

What was sent is not kept. It is rendered once more from what is kept and does not change: the origin, the pinned
definition, and the answers of the steps that stood on the path before the call.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from audit_app.models import AuditRecord
from audit_app.selectors import current_redactor
from chains_app.definitions import Compensate, Step
from chains_app.engine.state import RunState, StepState
from chains_app.models import Attempt, Run
from chains_app.selectors import run_definition
from chains_app.services.loaded_runs import LoadedRun
from chains_app.services.redacting import scrubber_of, tainted_of
from chains_app.services.run_trees import RunTree, run_tree
from chains_app.services.step_calls import step_key, template_context
from chains_app.services.trail import chain_id_of
from chains_app.templating import INDEX, render_traced

CALL, COMPENSATION = "call", "compensation"


@dataclass(frozen=True, slots=True)
class Entry:
    """One call of the run or of a run below it. `payload` and `answer` are redacted, the answer None if unknown."""

    run: Run
    attempt: Attempt
    action_type: str
    payload: Any
    answer: Any
    error: dict[str, str] | None

    @property
    def kind(self) -> str:
        return COMPENSATION if self.attempt.undo else CALL

    @property
    def step(self) -> str:
        return self.attempt.step.name

    @property
    def key(self) -> str:
        return step_key(self.run.pk, self.step, undo=self.attempt.undo)


def run_timeline(run: Run, *, limit: int, offset: int = 0) -> list[Entry]:
    """Oldest first, of the run and all that runs below it; a fixed number of queries and one for each level."""
    tree = run_tree(run, payloads=True)
    runs = {member.pk: member for member in tree.runs}
    attempts = list(_attempts(runs)[offset : offset + limit])
    maker = _EntryMaker(tree, _undo_answers(runs.values(), attempts))
    return [maker.entry(runs[attempt.step.run_id], attempt) for attempt in attempts]


def _attempts(runs: Iterable[UUID]) -> QuerySet[Attempt]:
    """A step keeps its last answer only: `answered_last` tells whose it is."""
    later = Attempt.objects.filter(
        step=OuterRef("step"), undo=False, success=True, started_at__gt=OuterRef("started_at")
    )
    found = Attempt.objects.filter(step__run__in=list(runs)).select_related("step")
    return found.annotate(answered_last=~Exists(later)).order_by("started_at", "id")


def _undo_answers(runs: Iterable[Run], attempts: Iterable[Attempt]) -> dict[tuple[str, str], Any]:
    """What compensations answered stands in the trail alone, by its chain and the step."""
    if not any(attempt.undo and attempt.success for attempt in attempts):
        return {}
    chains = {chain_id_of(run) for run in runs}
    done = AuditRecord.objects.filter(chain_id__in=chains, verdict="chain", outcome="chain_step_completed")
    rows = done.order_by("dispatched_at").values_list("chain_id", "outcome_details")
    return {
        (str(chain), details["step"]): details.get("response")
        for chain, details in rows
        if details.get("compensation")
    }


class _EntryMaker:
    """Knows the secrets of all runs in the tree: what one answer gives away is blanked in every other text."""

    def __init__(self, tree: RunTree, undo_answers: dict[tuple[str, str], Any]) -> None:
        self._tree, self._undo_answers = tree, undo_answers
        self._sent: dict[tuple[UUID, str, bool], tuple[str, Any]] = {}
        self._tainted = tainted_of(tree.root)
        self._scrubber = scrubber_of(tree.root)
        for steps in tree.steps.values():
            for step in steps.values():
                self._scrubber.clean(step.response)

    def entry(self, run: Run, attempt: Attempt) -> Entry:
        call = (run.pk, attempt.step.name, attempt.undo)
        if call not in self._sent:
            self._sent[call] = self._called(run, attempt)
        action_type, payload = self._sent[call]
        return Entry(run, attempt, action_type, payload, self._answer(run, attempt), self._error(attempt))

    def _called(self, run: Run, attempt: Attempt) -> tuple[str, Any]:
        step = run_definition(run).step(attempt.step.name)
        target = step.compensate if attempt.undo else step
        if target is None:
            return "", None
        return target.action_type, self._payload(self._held(run, step.name, undo=attempt.undo), target)

    def _held(self, run: Run, step: str, *, undo: bool) -> LoadedRun:
        """The run as it was when the step was called; what undoes it knows its answer too."""
        path = list(run.execution_path)
        if step in path:
            path = path[: path.index(step) + undo]
        rows = self._tree.steps.get(run.pk, {})
        steps = {name: StepState(name, body=rows[name].response) for name in path if name in rows}
        return LoadedRun(run, run_definition(run), RunState(path=path, steps=steps), {})

    def _payload(self, loaded: LoadedRun, target: Step | Compensate) -> Any:
        if not target.payload_template:
            return self._scrubber.clean(loaded.run.origin["payload"])
        template = target.payload_template
        whole = template if isinstance(template, dict) else {"value": template}
        rendered = render_traced(whole, template_context(loaded))
        # A short secret is not known by its text, only by where it came from.
        tainted = rendered.tainted(self._is_secret)
        value = (
            current_redactor().scrubber(None, tainted).clean(rendered.value) if tainted else rendered.value
        )
        return self._scrubber.clean(value)

    def _is_secret(self, path: str) -> bool:
        """Asked of the redaction itself: an object with a value at this path, lists left out."""
        shape: Any = "?"
        for name in reversed(INDEX.sub("", path).split(".")):
            shape = shape if name.isdigit() else {name: shape}
        probe = current_redactor().scrubber(None, self._tainted)
        return bool(probe.clean(shape) != shape)

    def _answer(self, run: Run, attempt: Attempt) -> Any:
        if not attempt.success:
            return None
        if attempt.undo:
            found = self._undo_answers.get((chain_id_of(run), attempt.step.name))
        else:
            found = attempt.step.response if getattr(attempt, "answered_last", False) else None
        return None if found is None else self._scrubber.clean(found)

    def _error(self, attempt: Attempt) -> dict[str, str] | None:
        if not attempt.error and not attempt.error_code:
            return None
        message = self._scrubber.text(attempt.error)
        return {"code": attempt.error_code or "EXECUTION_FAILED", "message": message}
