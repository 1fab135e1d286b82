"""What a dispatch request is answered with: of one action its outcome, of a batch a list of outcomes and errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from acteon_site.base.errors import AppError
from orders_app.contract.outcomes import Outcome
from orders_app.pipeline.dispatch import Result


@dataclass(frozen=True, slots=True)
class Answer:
    """`memorable`: a repeat under the same Idempotency-Key gets it again."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    memorable: bool = True


def answer_of(results: Sequence[Result], *, is_batch: bool) -> Answer | AppError:
    """The answer of a request from the results of its actions."""
    return batch_answer(results) if is_batch else single_answer(results[0])


def single_answer(result: Result) -> Answer | AppError:
    if isinstance(result, AppError):
        return result
    headers = {"X-Dedup-Reason": result.dedup_reason} if result.dedup_reason else {}
    return Answer(200, result.wire(), headers, memorable=result.memorable)


def batch_answer(results: Sequence[Result]) -> Answer:
    outcomes = [result for result in results if isinstance(result, Outcome)]
    # Of a batch of which nothing began nothing is kept; an empty one is answered alike each time.
    memorable = all(outcome.memorable for outcome in outcomes) and (bool(outcomes) or not results)
    return Answer(200, [_item(result) for result in results], {}, memorable=memorable)


def _item(result: Result) -> Any:
    return result.item() if isinstance(result, AppError) else result.batch_wire()
