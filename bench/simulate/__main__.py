"""Lives through seeds: orders, people, providers, crashes and clocks in every order, checked after each commit.

  python -m bench.simulate --seeds 10000            ten thousand of them, on all cores
  python -m bench.simulate --seeds 500 --first 7000
  python -m bench.simulate --seed 4711              one again, exactly as it was
  python -m bench.simulate --seed 4711 --trace      with each of its steps
  python -m bench.simulate --seeds 10000 --stop     until one fails

Exit code 1 where a seed broke a sentence that must hold; its number and the sentence are printed.
docs/decisions/simulator.md says what it decides, and what it cannot see.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence

SETTINGS = {
    "ACTEON_ENV_FILE": os.devnull,
    "DATABASE_URL": "sqlite://:memory:",
    "REDIS_URL": "",
    "SECRET_KEY": "a-secret-key-that-is-only-for-the-simulation-0123456789",
    "FERNET_KEYS": "a-simulated-key",
    "APPROVAL_KEYS": "k1=" + "ab" * 32,
    "LOOKUP_HASH_KEY": "a-simulated-lookup-key",
    "DJANGO_SETTINGS_MODULE": "acteon_site.settings",
}


def main(arguments: Sequence[str] | None = None) -> int:
    given = _arguments(arguments)
    if os.environ.get("PYTHONHASHSEED") != "0":  # sets of texts must come in the same order again
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, "PYTHONHASHSEED": "0"})
    os.environ.update(SETTINGS)
    import django

    django.setup()
    return _one(given.seed, given.trace) if given.seed is not None else _many(given)


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.simulate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=int, default=1000, help="how many; 1000 where not given")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--seed", type=int, help="this one alone")
    parser.add_argument("--trace", action="store_true", help="with --seed: print its steps")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="processes; the cores by default"
    )
    parser.add_argument("--stop", action="store_true", help="at the first seed that fails")
    return parser.parse_args(arguments)


def _one(seed: int, trace: bool) -> int:
    from bench.simulate.many import live_one

    lived = live_one(seed)
    if trace:
        print("\n".join(lived.told))
    print(f"seed {seed}: {lived.steps} steps, trace {lived.trace}")
    for problem in lived.problems:
        print(f"BROKEN: {problem}")
    return 1 if lived.problems else 0


def _many(given: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.progress import track

    from bench.simulate.many import live_all

    console, began = Console(highlight=False), time.monotonic()
    seeds = range(given.first, given.first + given.seeds)
    steps = lived_through = 0
    failed: list[int] = []
    lives = live_all(seeds, given.jobs)
    for lived in track(lives, "seeds", len(seeds), console=console, disable=not console.is_terminal):
        lived_through, steps = lived_through + 1, steps + lived.steps
        if lived.problems:
            failed.append(lived.seed)
            console.print(f"seed {lived.seed}: {lived.problems[0]}", markup=False, soft_wrap=True)
            if given.stop:
                break
    seconds = time.monotonic() - began
    console.print(
        f"{lived_through} seeds, {steps} steps, {seconds:.0f} s, {lived_through / seconds:.1f} seeds/s"
    )
    told = " ".join(map(str, failed[:20]))
    console.print(f"{len(failed)} BROKEN: {told}" if failed else "all sentences hold")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
