"""Load by wrk, whose one thread of C leaves the cores to what is measured."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.shop import SHOPS

SCRIPT = Path(__file__).with_name("load.lua")
HEARD = re.compile(r"^heard: (\d+) (\d+) (\d+) (\d+) (\d+) (\d+) (\d+) ?(.*)$", re.M)
ANSWER_SECONDS = 30


@dataclass(frozen=True)
class Load:
    """`order` with the marks @id@ and @shop@. `expected`: what each good answer holds, a pattern of Lua."""

    connections: int
    order: Mapping[str, Any]
    batch: int = 0
    keyed: bool = False
    expected: str = '"chain_id"'


@dataclass(frozen=True)
class Heard:
    """`good` counts orders, `odd` those that came to something else, `refused` answers other than 2xx."""

    good: int
    refused: int
    odd: int
    broken: int  # connections
    seconds: float
    p50_ms: float
    p99_ms: float
    sample: str  # the first answer that was not good

    @property
    def errors(self) -> int:
        return self.refused + self.odd + self.broken


def put(load: Load, url: str, key: str, seconds: float) -> Heard:
    """Send for so long. Ids differ from those of every other call."""
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is needed (apt-get install wrk)")
    path = "/v1/dispatch/batch" if load.batch else "/v1/dispatch"
    with TemporaryDirectory(prefix="acteon-load-") as directory:
        body = Path(directory, "order.json")
        body.write_text(json.dumps(load.order, separators=(",", ":")))
        command = ["wrk", "-t1", f"-c{load.connections}", f"-d{max(1, round(seconds))}s"]
        command += [f"--timeout={ANSWER_SECONDS}s", f"-s{SCRIPT}", f"-HAuthorization: Bearer {key}"]
        command += ["-HContent-Type: application/json", url + path, "--", str(body), f"{time.time_ns():x}-"]
        command += [str(SHOPS), str(load.batch), str(int(load.keyed)), load.expected]
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 2 * ANSWER_SECONDS)
    return heard(done.stdout + done.stderr)


def heard(output: str) -> Heard:
    found = HEARD.search(output)
    if found is None:
        raise RuntimeError(f"wrk told nothing: {output}")
    good, refused, odd, broken, duration, p50, p99 = (int(number) for number in found.groups()[:7])
    return Heard(good, refused, odd, broken, duration / 1e6, p50 / 1000, p99 / 1000, found[8].strip())
