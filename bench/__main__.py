"""How fast the gateway is, row by row, beside another commit on the same machine in the same run.

    python -m bench                                     # all rows but the long ones, against the baseline
    python -m bench --rows dispatch16,bare16 --rounds 1 --seconds 3
    python -m bench --against none                      # this working tree alone
    python -m bench --checkout 0deb241 --against 3fb2645
    python -m bench --save-readme var/bench/….json      # measure nothing: put a saved result into bench/README.md

A round measures each row in the baseline and then in the new checkout, each started anew on a fresh database; the table
shows medians of the rounds. Results are saved as JSON, and put into bench/README.md with --readme.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.answering import provider
from bench.checkouts import Checkout, checked_out
from bench.gateway import ROOT
from bench.report import show, with_table
from bench.results import Found, Result
from bench.rows import ROWS, CannotDo, Row, chosen
from bench.services import OwnPostgres, OwnRedis
from bench.site import Site

BASELINE = "3fb2645"
README = ROOT / "bench" / "README.md"
console = Console(width=None if sys.stdout.isatty() else 160)


def main(arguments: Sequence[str] | None = None) -> int:
    given = parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is stopped
    if given.save_readme:
        write_readme(Result.from_json(json.loads(given.save_readme.read_text())))
        return 0
    rows = chosen(given.rows)
    with tempfile.TemporaryDirectory(prefix="acteon-bench-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        with installed(given, directory) as sites:
            result = begin(given, [site.checkout for site in sites], sites[0])
            for number in range(1, given.rounds + 1):
                for row in rows:
                    for site in sites:
                        measure(result, row, site, given.seconds, f"round {number}")
    show(result, console)
    target = given.save or ROOT / "var" / "bench" / f"{time.strftime('%Y-%m-%d-%H%M%S')}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(result.as_json(), indent=1, ensure_ascii=False) + "\n")
    console.print(f"saved as {target}")
    if given.readme:
        write_readme(result)
    return 0


def parser() -> argparse.ArgumentParser:
    told = "\n".join(f"  {row.name:<16}{row.title}{' (long)' if row.long else ''}" for row in ROWS.values())
    made = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__,
        epilog=f"rows:\n{told}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--rows", default="default", help="names with commas, default, or all")
    made.add_argument("--against", default=BASELINE, help="commit, directory, or none; default: %(default)s")
    made.add_argument("--checkout", default=str(ROOT), help="what is new: directory or commit; default: this")
    made.add_argument("--rounds", type=int, default=3)
    made.add_argument("--seconds", type=float, default=5, help="of each measurement")
    made.add_argument("--python", help="the interpreter of --against; default: one that has what it pins")
    made.add_argument("--save", type=Path, help="the JSON file; default: one under var/bench")
    made.add_argument("--readme", action="store_true", help="put the table into bench/README.md, too")
    made.add_argument("--save-readme", type=Path, metavar="JSON", help="only put a saved result there")
    return made


@contextmanager
def installed(given: argparse.Namespace, directory: Path) -> Iterator[list[Site]]:
    """The checkouts, ready to be started, the baseline first."""
    with ExitStack() as stack:
        checkouts: list[Checkout] = []
        if given.against != "none":
            checkouts.append(
                stack.enter_context(checked_out("baseline", given.against, directory, given.python))
            )
        checkouts.append(stack.enter_context(checked_out("new", given.checkout, directory)))
        postgres, redis = OwnPostgres(directory), OwnRedis(directory)
        stack.callback(redis.stop)
        stack.callback(postgres.stop, "immediate")
        answering = stack.enter_context(provider(directory / "provider.log"))
        sites = [Site(made, directory / made.name, postgres, redis, answering) for made in checkouts]
        for site in sites:
            site.install()
        yield sites


def begin(given: argparse.Namespace, checkouts: Sequence[Checkout], site: Site) -> Result:
    commits = {checkout.name: checkout.commit for checkout in checkouts}
    return Result(
        time.strftime("%Y-%m-%d %H:%M"), machine(site.server_version()), given.rounds, given.seconds, commits
    )


def machine(postgresql: str) -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "processor": _proc("cpuinfo", "model name") or platform.machine(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "load": round(os.getloadavg()[0], 1),
        "postgresql": postgresql,
        "python": platform.python_version(),
    }


def _proc(name: str, field: str) -> str:
    path = Path("/proc", name)
    lines = path.read_text().splitlines() if path.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(field)), "")


def measure(result: Result, row: Row, site: Site, seconds: float, when: str) -> None:
    """A row that fails is a dash with the reason; the others go on."""
    found = result.rows.setdefault(row.name, {}).setdefault(site.checkout.name, Found())
    try:
        measured = row.measure(site, seconds)
    except CannotDo as reason:
        found.why = " ".join(str(reason).split())
    except Exception as error:
        traceback.print_exc()
        found.why = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    else:
        found.add(measured)
    told = ", ".join(f"{values[-1]:,.1f} {what}" for what, values in found.figures.items()) or found.why
    marked = f"; {found.errors} errors: {found.sample}" if found.errors else ""
    console.print(f"{when}, {row.name}, {site.checkout.name}: {told}{marked}", markup=False, highlight=False)


def write_readme(result: Result) -> None:
    README.write_text(with_table(README.read_text(), result))
    console.print(f"{README.relative_to(ROOT)} has the table")


if __name__ == "__main__":
    sys.exit(main())
