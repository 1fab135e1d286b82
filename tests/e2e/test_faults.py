"""`python -m bench.faults` in small: what is a matter of minutes there takes seconds here.

That what it checks can fail: tests/bench/test_books.py.
"""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from bench.scenarios import FAULTS
from tests.e2e.running import ROOT

pytestmark = pytest.mark.services


def faults(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench.faults", *arguments, "--seed", "4"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)


def test_whatever_breaks_orders_are_charged_once_and_come_to_their_end() -> None:
    """Workers, Redis, PostgreSQL, schedulers, clocks and the provider in turn, in the midst of every kind of step.

    Every message comes twice. All in one installation, since starting one is what costs.
    """
    ran = faults("--scenario", "small", "--orders", "45", "--mixed", "20")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert all(fault.what in ran.stdout for kind in FAULTS.values() for fault in kind if fault.small)
    assert re.search(r"worker process [1-9]", ran.stdout)
    assert "all invariants hold" in ran.stdout
