"""`python -m bench.faults` in small: what is a matter of minutes there takes seconds here."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bench.scenarios import FAULTS
from tests.e2e.running import ROOT

pytestmark = pytest.mark.services


def faults(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench.faults", *arguments, "--seed", "4"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)


def test_orders_are_charged_once_and_come_to_their_end_though_workers_are_killed() -> None:
    ran = faults("--orders", "60", "--kills", "15", "--pause", "0.2")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "all invariants hold" in ran.stdout


def test_whatever_breaks_in_the_midst_of_every_kind_of_step_the_same_holds() -> None:
    """Redis, PostgreSQL, schedulers, clocks and the provider in turn, every message twice, all in one installation."""
    ran = faults("--scenario", "small", "--orders", "30", "--mixed", "20")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert all(fault.what in ran.stdout for kind in FAULTS.values() for fault in kind if fault.small)


def test_the_proof_can_fail() -> None:
    """A provider that forgets its keys charges again when it is asked again."""
    forgetful = '{"forgetful": 1.0, "hangup": 0.3}'
    ran = faults(
        "--scenario", "double", "--orders", "12", "--mixed", "0", "--rate", "20", "--mode", forgetful
    )
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "an effect twice" in ran.stdout
