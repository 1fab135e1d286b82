"""PostgreSQL's own limit: the rows that one order leaves, inserted by pgbench, one order a transaction and 64."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from bench.footprint import inserts, taken
from bench.rows.row import CannotDo, Measured
from bench.services import postgres_program
from bench.site import Running, Site

CLIENTS = 16
SIZES = (1, 64)
RATE = re.compile(r"^tps = ([0-9.]+)", re.M)


def limit(site: Site, seconds: float) -> Measured:
    figures: dict[str, float] = {}
    for size in SIZES:
        with site.running(web=1) as running:
            footprint = taken(running)
            running.stop()
            script = site.directory / f"footprint-{size}.sql"
            # Whose numbers nobody else has.
            made = inserts(footprint, f"generate_series(:n::bigint, :n::bigint + {size - 1})", escape=True)
            begin = f"\\set n random(1, 10000000000) * {size}\nBEGIN;\n"
            script.write_text(begin + "".join(f"{statement};\n" for statement in made) + "COMMIT;\n")
            figures[f"orders/s, {size} a transaction"] = size * _pgbench(running, script, seconds)
    figures["rows an order"] = sum(len(found.rows) for found in footprint)
    return Measured(figures)


def _pgbench(running: Running, script: Path, seconds: float) -> float:
    url = running.gateway.database_url
    command = [postgres_program("pgbench"), "-n", f"-c{CLIENTS}", "-j1", "-Mprepared"]
    command += [f"-T{max(1, round(seconds))}", f"-f{script}", url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60)
    found = RATE.search(done.stdout)
    if done.returncode or found is None:
        raise CannotDo(f"pgbench: {(done.stderr or done.stdout).strip()[-300:]}")
    return float(found[1])
