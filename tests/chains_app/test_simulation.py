"""Thousands of seeded lives of an order: crashes between any two commits, timeouts, refusals, cancellations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chains_app.engine.call_results import call_failed
from chains_app.engine.state import StepState
from tests.chains_app.simulation import simulate

SEEDS = range(2000)


def test_in_two_thousand_lives_every_charge_is_made_once_or_undone_or_waits_for_a_person() -> None:
    ends = simulate(SEEDS)
    assert sum(ends.values()) == len(SEEDS)
    # The simulation reaches what it is meant to reach.
    for end in ("completed", "failed", "cancelled"):
        assert ends[end] > 50, ends
    assert any(end.startswith("parked") for end in ends), ends


def test_the_simulation_finds_a_planted_bug() -> None:
    """Taking an unknown outcome for a failure is the classic: the card is charged and the order fails."""

    def forgets_doubt(step: Any, known: StepState, failure: Any, *more: Any) -> None:
        call_failed(step, known, failure, *more)
        if known.unknown:
            known.unknown, known.status = False, "failed"

    with pytest.raises(AssertionError, match="charges and 0 refunds"):
        simulate(SEEDS, absorb=forgets_doubt)


def test_the_simulation_finds_a_refusal_that_is_taken_for_proof() -> None:
    """The first call took effect and nobody heard of it; the repeat is turned away on the way."""

    def believes(step: Any, known: StepState, failure: Any, *more: Any) -> None:
        call_failed(step, known, replace(failure, settles=not failure.unknown), *more)

    with pytest.raises(AssertionError, match="ended"):
        simulate(SEEDS, absorb=believes)
