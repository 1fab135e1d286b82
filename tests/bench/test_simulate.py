"""The simulator lives through some seeds, lives one again exactly, and finds what is planted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bench.simulate.database import Database, folder_in_memory
from bench.simulate.life import live
from bench.simulate.shop import template
from chains_app.services.units import Unit


@pytest.fixture(scope="module")
def stored(django_db_blocker: Any) -> bytes:
    with django_db_blocker.unblock():
        return template()


@pytest.fixture
def database(stored: bytes, django_db_blocker: Any) -> Iterator[Database]:
    with django_db_blocker.unblock(), folder_in_memory() as folder:
        yield Database(stored, folder)


def test_whatever_the_seed_decides_everything_holds(database: Database) -> None:
    for seed in range(12):
        assert live(seed, database).problems == [], f"python -m bench.simulate --seed {seed} --trace"


@pytest.mark.parametrize(("seed", "between"), [(11, 12), (537, 531)])  # the latter ask for approval policies
def test_a_seed_is_lived_again_exactly_whatever_was_lived_before(
    database: Database, seed: int, between: int
) -> None:
    first = live(seed, database, tell=True)
    live(between, database)
    again = live(seed, database, tell=True)
    assert again.told == first.told
    assert again.trace == first.trace
    assert first.steps > 50


def test_a_wake_up_that_is_lost_is_found(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that waits for those below it is not told of their end."""
    monkeypatch.setattr(Unit, "_wake", lambda unit: None)
    problems = (problem for seed in range(60) for problem in live(seed, database).problems)
    assert next(problems).startswith("time goes on, and nobody goes on with 1 runs")
