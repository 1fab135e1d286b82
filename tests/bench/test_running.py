"""What the bench reads: wrk's last line, a guide's commands, a checkout's pins."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from bench.checkouts import lacking
from bench.gateway import ROOT
from bench.load import heard
from bench.rows import Measured
from bench.site import command_of, documented

OUTPUT = """\
Running 5s test @ http://127.0.0.1:8080/v1/dispatch
  1 threads and 16 connections
Requests/sec:    104.22
heard: 1000 2 3 4 5000000 12500 54000 503 {"error": "too much"}
"""


def test_what_wrk_tells_is_read() -> None:
    told = heard(OUTPUT)
    assert (told.good, told.refused, told.odd, told.broken) == (1000, 2, 3, 4)
    assert told.sample == '503 {"error": "too much"}'
    measured = Measured.of(told)
    assert measured.figures == {"orders/s": 200, "p50 ms": 12.5, "p99 ms": 54}
    assert measured.errors == 9


def test_nothing_bad_is_an_empty_sample() -> None:
    assert heard("heard: 5 0 0 0 1000000 1000 2000 \n").sample == ""


def test_a_wrk_that_failed_is_no_figure() -> None:
    with pytest.raises(RuntimeError, match="unable to connect"):
        heard("unable to connect to 127.0.0.1:1")


def test_processes_start_by_the_commands_of_the_guide() -> None:
    commands = documented((ROOT / "docs" / "operations.md").read_text())
    assert commands.keys() == {"web", "worker", "scheduler"}
    assert command_of(commands["worker"], concurrency=2)[:2] == ("-m", "celery")
    worker = command_of(commands["worker"], concurrency=2)
    assert {"--concurrency=2", "--without-gossip", "--without-mingle"} <= set(worker)


@pytest.mark.parametrize("text", ["--quiet --host 0.0.0.0 --port 80", "--quiet --host=0.0.0.0 --port=80"])
def test_options_take_the_place_of_the_guides(text: str) -> None:
    command = command_of(f"python -m web {text}", port=81, host="::1")
    assert command == ("-m", "web", "--quiet", "--port=81", "--host=::1")


def test_an_interpreter_lacks_what_it_has_in_another_version() -> None:
    text = (
        f"# pins\npytest=={version('pytest')}\nrich[extra]==0.0.1 ; sys_platform\nno-such-thing==1  # why\n"
    )
    assert lacking(text) == ["rich==0.0.1", "no-such-thing==1"]
