"""The outcomes of a request whose process did not live to answer, from what its transaction kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from acteon_site.base.errors import AppError
from chains_app.models import Run
from orders_app.contract.outcomes import Outcome, stored_outcome
from orders_app.models import Hold
from orders_app.pipeline.hold_answers import hold_outcome
from orders_app.pipeline.items import Processed
from orders_app.services.run_outcomes import single_outcome

Kept = list[dict[str, Any] | None]


def kept_outcomes(processed: Sequence[Processed], count: int) -> Kept:
    """What a take-over needs, by position; null where an item was refused before the gates."""
    kept: Kept = [None] * count
    for done in processed:
        kept[done.item.position] = _kept(done)
    return kept


def _kept(done: Processed) -> dict[str, Any]:
    """The outcome, or what will give it once it was called."""
    if done.run is not None:
        return {"run": str(done.run.pk)}
    if done.hold is not None and done.notice is not None:
        return {"hold": str(done.hold.pk)}
    if done.error is not None:
        return {
            "error": {"message": done.error.message, "code": done.error.code, "status": done.error.status}
        }
    if done.outcome is None:
        raise AssertionError("an action without a call has its outcome")
    return {"outcome": done.outcome.stored()}


def rebuilt_outcomes(kept: Kept) -> list[Outcome | AppError | None]:
    return [_rebuilt(one) if one else None for one in kept]


def _rebuilt(kept: Mapping[str, Any]) -> Outcome | AppError:
    if "error" in kept:
        return AppError(**kept["error"])
    if "run" in kept:
        return single_outcome(Run.objects.get(pk=kept["run"]))
    if "hold" in kept:
        return hold_outcome(Hold.objects.get(pk=kept["hold"]))
    return stored_outcome(kept["outcome"])
