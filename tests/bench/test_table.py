"""A result becomes a table, on the terminal and in bench/README.md, without a word by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.report import BEGIN, END, markdown, with_table
from bench.results import Found, Result, remarks, table
from bench.rows import ROWS, Measured, chosen

ROOT = Path(__file__).resolve().parents[2]


def result(**rows: dict[str, Found]) -> Result:
    machine = {"cores": 2, "processor": "a processor", "memory_gb": 24, "load": 1.5}
    machine |= {"postgresql": "15.20", "python": "3.11.7"}
    return Result("2026-11-27 12:00", machine, 3, 5, {"baseline": "3fb2645", "new": "95a015f+"}, rows)


def found(*rates: float, **kept: object) -> Found:
    made = Found(**kept)  # type: ignore[arg-type]
    for rate in rates:
        made.add(Measured({"orders/s": rate, "p50 ms": 1000 / rate}))
    return made


def test_the_median_of_the_rounds_is_shown_and_divided() -> None:
    measured = result(dispatch16={"baseline": found(90, 100, 500), "new": found(800, 10, 900)})
    first, second = table(measured, ROWS.values())
    assert first.cells()[1:] == ("orders/s", "100", "800", "x8.00", ROWS["dispatch16"].goal)
    assert first.row.startswith("dispatch16: ")
    assert second.cells() == ("", "p50 ms", "10.0", "1.25", "x0.12", "")


def test_a_row_is_set_beside_another_of_its_checkout_or_of_the_baseline() -> None:
    rows = {"dispatch16": (100, 400), "dispatch64": (110, 1320), "dispatch16_key": (50, 360)}
    measured = result(
        **{name: {"baseline": found(old), "new": found(new)} for name, (old, new) in rows.items()}
    )
    shown = {line.what: line for line in table(measured, ROWS.values())}
    assert shown["orders/s, of the baseline's dispatch16"].ratio == "x13.20"
    beside = shown["orders/s, of dispatch16"]
    assert (beside.baseline, beside.new) == ("x0.50", "x0.90")


def test_what_a_checkout_cannot_do_is_a_dash_with_the_reason_and_errors_are_marked() -> None:
    measured = result(
        bare16={
            "baseline": Found(why="it has no such thing"),
            "new": found(700, errors=3, sample="503 too much"),
        }
    )
    line = table(measured, ROWS.values())[0]
    assert (line.baseline, line.new, line.ratio) == ("-", "700 !", "")
    assert remarks(measured) == [
        "- bare16, baseline: it has no such thing",
        "! bare16, new: 3 errors, e.g. 503 too much",
    ]


def test_what_failed_everywhere_still_has_its_line() -> None:
    measured = result(one={"new": Found(why="broken")})
    assert [line.cells()[2:5] for line in table(measured, ROWS.values())] == [("-", "-", "")]


def test_a_result_survives_its_file() -> None:
    measured = result(dispatch16={"baseline": found(90), "new": found(800, notes=["short"])})
    assert Result.from_json(json.loads(json.dumps(measured.as_json()))) == measured


def test_the_documents_last_table_is_replaced_and_nothing_else() -> None:
    measured = result(dispatch16={"baseline": found(90), "new": found(800)})
    once = with_table(f"before\n\n{BEGIN}\nold\n{END}\n\nafter\n", measured)
    assert once == f"before\n\n{BEGIN}\n{markdown(measured)}{END}\n\nafter\n"
    assert with_table(once, measured) == once
    assert "| orders/s | 90.0 | 800 | x8.89 |" in once
    with pytest.raises(ValueError, match="bench: begin"):
        with_table("no marks", measured)


def test_our_document_has_the_marks() -> None:
    text = (ROOT / "bench" / "README.md").read_text()
    assert text.count(BEGIN) == text.count(END) == 1


def test_rows_are_chosen_by_name() -> None:
    assert [row.name for row in chosen("bare16,one")] == ["bare16", "one"]
    assert not any(row.long for row in chosen("default"))
    assert chosen("all") == list(ROWS.values())
    with pytest.raises(SystemExit, match="bare17"):
        chosen("bare17")


def test_rows_name_rows_that_there_are() -> None:
    assert all(row.beside in {"", *ROWS} and row.against in {"", *ROWS} for row in ROWS.values())
