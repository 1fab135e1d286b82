"""YAML is read without its surprises, and every part of it knows its line."""

from __future__ import annotations

import pytest

from acteon_site.config_files.yaml_reader import read_yaml


def flaws(text: str) -> list[tuple[int, str]]:
    return [(flaw.line, flaw.message) for flaw in read_yaml(text, "f.yaml")[1]]


def test_values_are_those_that_stand_there() -> None:
    document, found = read_yaml(
        'a: [1, -2, 1.5, 1e3, true, null, ~, text, "NO", 2026-03-10, 12:30, "012"]\nb: {c: }\n', "f.yaml"
    )
    assert found == []
    assert document.data == {
        "a": [1, -2, 1.5, 1000.0, True, None, None, "text", "NO", "2026-03-10", "12:30", "012"],
        "b": {"c": None},
    }


def test_every_key_and_item_knows_its_line() -> None:
    document, _ = read_yaml("rules:\n  - name: a\n    tags:\n      - x\n      - y\n", "f.yaml")
    assert document.line(("rules", 0, "name")) == 2
    assert document.line(("rules", 0, "tags")) == 3
    assert document.line(("rules", 0, "tags", 1)) == 5
    assert document.line(("rules", 0, "tags", 7, "gone")) == 3


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: NO\n", 2, 'unquoted NO means false in YAML; write "NO" in quotes for text, or false'),
        ("a: yes\n", 1, "means true"),
        ("a: [Off]\n", 1, "means false"),
        ("NO: 1\n", 1, "means false"),
        ("a: 012\n", 1, "read differently"),
        ("a: 1_000\n", 1, "read differently"),
        ("a: 0x1F\n", 1, "read differently"),
        ("a: .inf\n", 1, "no number that JSON knows"),
        ("a: .nan\n", 1, "no number that JSON knows"),
        ("a: 1e999\n", 1, "too large"),
        ("a: " + "9" * 5000 + "\n", 1, "digits"),
        ("a: 1\nb: 2\na: 3\n", 3, "stands twice (first on line 1)"),
        ("a: &x 1\n", 1, "anchors (&x) are not read"),
        ("a: 1\nb: *x\n", 2, "aliases (*x) are not read"),
        ("a: !!python/object:os.system x\n", 1, "tags ("),
        ("a: !!str 1\n", 1, "tags ("),
        ("a:\n  <<: {b: 1}\n", 2, "merge"),
        ("a: 1\n---\nb: 1\n", 2, "second document"),
        ("- 1\n", 1, "must hold keys such as `rules:`"),
        ("text\n", 1, "must hold keys such as `rules:`"),
        ("a:\n\tb: 1\n", 2, "not tabs"),
        ("a: [1,\n", 2, "is not valid YAML"),
        ("a: 1\nb: c: d\n", 2, "is not valid YAML"),
        ("a: 1\nb: \x01\n", 2, "character that YAML does not allow"),
        ('a: "\\0"\n', 1, "NUL"),
        ('a: "\\ud800"\n', 1, "surrogate"),
        ("[" * 5000, 1, "nested deeper than 64 levels"),
        ("? [a]\n: 1\n", 1, "a key must be a plain text"),
    ],
)
def test_what_could_be_misread_is_refused_with_its_line(text: str, line: int, words: str) -> None:
    found = flaws(text)
    assert len(found) == 1
    assert found[0][0] == line
    assert words in found[0][1]


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "null\n"])
def test_an_empty_file_holds_nothing(text: str) -> None:
    document, found = read_yaml(text, "f.yaml")
    assert (document.data, found) == ({}, [])


def test_all_flaws_of_a_file_are_told_at_once() -> None:
    assert [line for line, _ in flaws("a: NO\nb: 1\nb: 2\nc: 012\n")] == [1, 3, 4]
