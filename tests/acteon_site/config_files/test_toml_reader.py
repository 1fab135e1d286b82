"""TOML with the guide's multi-line inline tables, and the line of every key."""

from __future__ import annotations

import pytest

from acteon_site.config_files.toml_reader import read_toml

GUIDE_STYLE = """\
[[chains.definitions]]
name = "a"

[[chains.definitions.steps]]
name = "first"
payload_template = {
    order_id = "{{origin.payload.order_id}}",
    nested = {
        deep = 1
    }
}

  [[chains.definitions.steps.branches]]
  field = "body.logged"

[[chains.definitions.steps]]
name = "second"

[[chains.definitions]]
name = "b"

[circuit_breaker.providers.payment-gateway]
"quoted key" = [1,
  2]
"""


def test_inline_tables_may_span_lines_as_in_the_guide() -> None:
    document, flaws = read_toml(GUIDE_STYLE, "f.toml")
    assert flaws == []
    steps = document.data["chains"]["definitions"][0]["steps"]
    assert steps[0]["payload_template"] == {
        "order_id": "{{origin.payload.order_id}}",
        "nested": {"deep": 1},
    }


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (("chains", "definitions", 0), 1),
        (("chains", "definitions", 0, "steps", 0, "payload_template"), 6),
        (("chains", "definitions", 0, "steps", 0, "payload_template", "order_id"), 7),
        (("chains", "definitions", 0, "steps", 0, "payload_template", "nested", "deep"), 9),
        (("chains", "definitions", 0, "steps", 0, "branches", 0, "field"), 14),
        (("chains", "definitions", 0, "steps", 1, "name"), 17),
        (("chains", "definitions", 1, "name"), 20),
        (("circuit_breaker", "providers", "payment-gateway"), 22),
        (("circuit_breaker", "providers", "payment-gateway", "quoted key", 1), 24),
    ],
)
def test_every_key_knows_its_line(place: tuple[str | int, ...], line: int) -> None:
    assert read_toml(GUIDE_STYLE, "f.toml")[0].line(place) == line


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a = 1\nb = tru\n", 2, "is not valid TOML"),
        ("a = 1\n[b\n", 2, "is not valid TOML"),
        ("a = [1, 2\n", 1, "end of the file"),
        ("[p]\na = 1\na = 2\n", 3, "stands twice (first on line 2)"),
        ("[p]\na = 1\n[p]\nb = 1\n", 3, "stands twice (first on line 1)"),
        ("x = {\n a = 1,\n a = 2 }\n", 3, "stands twice (first on line 2)"),
        ("a = 1\nd = 2026-03-10\n", 2, "put it in quotes"),
        ("a = nan\n", 1, "no number that JSON knows"),
        ('a = "\\u0000"\n', 1, "NUL"),
        ("a = " + "[" * 5000, 1, "nested deeper"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, line: int, words: str) -> None:
    flaws = read_toml(text, "f.toml")[1]
    assert [flaw.line for flaw in flaws] == [line]
    assert words in flaws[0].message


def test_texts_that_look_like_toml_do_not_confuse_the_lines() -> None:
    text = 'a = """\n[not.a.table]\nb = 1\n"""\nc = \'x = {\' # d = [\ne = 1\n'
    document, flaws = read_toml(text, "f.toml")
    assert flaws == []
    assert (document.line(("c",)), document.line(("e",))) == (5, 6)
    assert ("not", "a", "table") not in document.lines
