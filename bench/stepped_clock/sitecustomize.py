"""Found first on PYTHONPATH, this gives a process a clock that is off by as many seconds as a file says, from then on.

The file is the one that BENCH_CLOCK names. Only the clock of the wall is stepped: time.time, datetime and their kin,
as Python code sees them. The monotonic clock is left alone, as an administrator or NTP would leave it.
"""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import time_machine

PERIOD = 0.2
_file = Path(os.environ["BENCH_CLOCK"])
# The right time, as long as the process lives: forks inherit all of this, also that their clock is off.
_begun, _started = time.monotonic(), datetime.now(UTC)
_off = 0.0
_travel: time_machine.travel | None = None


def _follow() -> None:
    while True:
        wanted = float(_file.read_text())
        if wanted != _off:
            _step(wanted)
        threading.Event().wait(PERIOD)


def _step(wanted: float) -> None:
    global _off, _travel
    if _travel is not None:
        _travel.stop()
    now = _started + timedelta(seconds=time.monotonic() - _begun + wanted)
    _travel = time_machine.travel(now, tick=True) if wanted else None
    if _travel is not None:
        _travel.start()
    _off = wanted


def _start() -> None:
    threading.Thread(target=_follow, name="stepped-clock", daemon=True).start()


os.register_at_fork(after_in_child=_start)
_start()
