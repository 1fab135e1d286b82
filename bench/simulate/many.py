"""Many seeds, side by side on the cores."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from bench.simulate.database import Database, folder_in_memory
from bench.simulate.life import Lived, live
from bench.simulate.shop import template

# Seeds that a process lives between two words with the one that waits for it.
TOGETHER = 20
_own: list[Database] = []


def live_all(seeds: Sequence[int], jobs: int) -> Iterator[Lived]:
    """Each seed's life, in order."""
    stored = template()
    with folder_in_memory() as folder:
        if jobs == 1:
            _begin(stored, folder)
            yield from map(_live, seeds)
            return
        with ProcessPoolExecutor(jobs, get_context("fork"), _begin, (stored, folder)) as pool:
            yield from pool.map(_live, seeds, chunksize=TOGETHER)


def live_one(seed: int) -> Lived:
    """With all its steps told."""
    with folder_in_memory() as folder:
        return live(seed, Database(template(), folder), tell=True)


def _begin(stored: bytes, folder: str) -> None:
    _own[:] = [Database(stored, folder)]
    gc.collect()
    gc.freeze()
    gc.disable()  # what a seed leaves is collected between two


def _live(seed: int) -> Lived:
    if seed % TOGETHER == 0:
        gc.collect()
    return live(seed, _own[0])
