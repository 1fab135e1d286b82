"""What a bare call's run came to, as an outcome: for the first answer, for its audit row, and after a crash."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from chains_app.models import Attempt, Run, StepRun
from chains_app.states import TERMINAL, RunStatus
from orders_app.contract import outcomes
from orders_app.contract.outcomes import Outcome

CONTRACT_CODES = frozenset(
    {
        "PROVIDER_NOT_FOUND",
        "NOT_FOUND",
        "EXECUTION_FAILED",
        "TIMEOUT",
        "CONNECTION",
        "CONFIGURATION",
        "RATE_LIMITED",
        "SERIALIZATION",
    }
)
RETRYABLE_CODES = frozenset({"TIMEOUT", "CONNECTION", "RATE_LIMITED"})


def single_outcome(run: Run) -> Outcome:
    """The outcome of a run of one step; still under way: Executed with status `partial`."""
    return outcome_of_step(run, run.steps.first())


def outcome_of_step(run: Run, step: StepRun | None) -> Outcome:
    if run.status not in TERMINAL:
        return outcomes.executed({}, status="partial")
    if run.status == RunStatus.COMPLETED and step is not None:
        return _success(run, step)
    code = run.error_code if run.error_code in CONTRACT_CODES else "EXECUTION_FAILED"
    retryable = code in RETRYABLE_CODES
    return outcomes.failed(code, run.error, retryable=retryable, attempts=step.attempt if step else 0)


def call_notes(run: Run, step: StepRun | None, attempts: Sequence[Attempt]) -> dict[str, Any]:
    """The calls that a bare action cost, for its audit row: [provider, successes, failures] of each.

    `attempts` are the step's, where it has more than one. `fallbacks` are those that went to another provider than the
    step's, since its breaker was open.
    """
    if step is None or not step.attempt:
        return {}
    made = [(attempt.provider, bool(attempt.success)) for attempt in attempts]
    made = made or [(step.used_provider, run.status == RunStatus.COMPLETED)]
    counted = Counter(made)
    names = sorted({name for name, _ in made})
    calls = [[name, counted[name, True], counted[name, False]] for name in names]
    fallbacks = sum(1 for name, _ in made if name != step.provider)
    return {"calls": calls, "fallbacks": fallbacks}


def _success(run: Run, step: StepRun) -> Outcome:
    body, used = step.response or {}, step.used_provider or step.provider
    asked = run.provider
    degraded = run.reply.get("degraded", False) and used == step.provider
    if used != asked and not degraded:
        return outcomes.rerouted(asked, used, body)
    return outcomes.executed(body)
