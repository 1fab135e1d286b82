"""Backtests in a process of their own: who rings goes on with orders at once, and shares no interpreter with them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import structlog
from django.conf import settings

from rules_app.services.backtest_run import backtest_run
from rules_app.services.backtests import backtest_next

log = structlog.get_logger()
WAITING = "--waiting"
_NICE = 10
# Of the computers that a usual machine has; more would be taken from orders.
MOST_PROCESSES = 2


def backtests_begin() -> None:
    """Have what waits computed, unless somebody does already. Does not wait for it."""
    if backtest_next() is None:
        return
    own = [sys.executable, str(settings.BASE_DIR / "manage.py"), "backtest_rules", WAITING]
    child = subprocess.Popen(own, stdin=subprocess.DEVNULL)  # noqa: S603 - words of our own
    # Somebody has to take note of its end.
    threading.Thread(target=child.wait, name="backtest", daemon=True).start()


def backtests_compute() -> int:
    """Compute what waits, one after the other; gives how many. Orders come first: it takes what they leave."""
    os.nice(_NICE)
    computed = 0
    while (due := backtest_next()) is not None:
        computed += backtest_run(due, processes=processes_here())
    return computed


def processes_here() -> int:
    return min(MOST_PROCESSES, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1)
