"""Whatever stands in a file, reading and checking it ends in problems, never in an exception."""

from __future__ import annotations

import copy
import re
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import tomlkit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acteon_site.config_files import yaml_reader
from acteon_site.config_files.checking import check_entries
from acteon_site.config_files.reading import Reading, read_paths
from acteon_site.config_files.toml_reader import read_toml
from acteon_site.config_files.yaml_reader import read_yaml
from acteon_site.config_files.yaml_writer import write_yaml
from tests.acteon_site.config_files.conftest import ECOMMERCE
from tests.depth import examples

WHOLE = {
    name: value
    for path in sorted(ECOMMERCE.glob("**/*.yaml"))
    if path.parent.name != "orders"
    for name, value in read_yaml(path.read_text(), path.name)[0].data.items()
}
WHOLE |= {
    "quotas": [{"namespace": "n", "tenant": "t", "max_actions": 5, "window": "hourly", "labels": {}}],
    "retention": [{"namespace": "n", "tenant": "t", "audit_ttl_seconds": 5}],
    "templates": [{"name": "a", "namespace": "n", "tenant": "t", "content": "x"}],
    "profiles": [{"name": "p", "namespace": "n", "tenant": "t", "fields": {"f": {"$ref": "a"}}}],
}
GUIDE = read_toml((ECOMMERCE / "acteon.toml").read_text(), "acteon.toml")[0].data
ODD: tuple[Any, ...] = (0, -1, 10**15, 1.5, True, "", "x", "${X}", [], {}, [[]], [{}], {"a": 1}, {"name": []})


def places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    keys = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place, *(found for key, inner in keys for found in places(inner, (*place, key)))][
        bool(not place) :
    ]


def changed(data: Any, place: tuple[Any, ...], odd: Any) -> Any:
    result = copy.deepcopy(data)
    at = result
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = copy.deepcopy(odd)
    return result


def read(name: str, text: str) -> Reading:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / name
        path.write_text(text)
        (Path(directory) / "rules").mkdir()
        return read_paths([path])


def every_problem_has_a_place(reading: Reading) -> None:
    checked = check_entries(reading.entries)
    for problem in [*reading.problems, *checked.problems, *reading.warnings, *checked.warnings]:
        assert problem.file
        assert problem.line >= 1
        assert problem.message


FAST = settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.too_slow])


@FAST
@given(st.sampled_from(places(WHOLE)), st.sampled_from((None, *ODD)))
def test_any_odd_value_in_yaml(place: tuple[Any, ...], odd: Any) -> None:
    every_problem_has_a_place(read("a.yaml", write_yaml(changed(WHOLE, place, odd))))


@FAST
@given(st.sampled_from(places(GUIDE)), st.sampled_from(ODD))
def test_any_odd_value_in_toml(place: tuple[Any, ...], odd: Any) -> None:
    every_problem_has_a_place(read("a.toml", tomlkit.dumps(changed(GUIDE, place, odd))))


TORN = [
    "",
    "[",
    "{",
    '"',
    "'",
    "\n",
    ": ",
    "- ",
    " #",
    "\t",
    "? ",
    "&a ",
    "|\n",
    "%",
    "\x85",
    "\u2028",
    "\ufeff",
    "---\n",
]


@FAST
@given(st.sampled_from(sorted(ECOMMERCE.glob("*.yaml"))), st.integers(0, 6000), st.sampled_from(TORN))
def test_both_readers_of_yaml_find_the_same(path: Path, index: int, inserted: str) -> None:
    text = path.read_text()
    index %= len(text)
    torn = text[:index] + inserted + text[index + 1 :]
    quick = read_yaml(torn, "a.yaml")
    with mock.patch.object(yaml_reader, "_TAKEN_LIGHTLY", re.compile("")):
        careful = read_yaml(torn, "a.yaml")
    assert (quick[0].data, quick[0].lines, quick[1]) == (careful[0].data, careful[0].lines, careful[1])


@FAST
@given(
    st.integers(0, 6000),
    st.sampled_from(["", "[", "]", "{", '"', "'", "=", "\n", ":", "- ", "#", "\t", "&a "]),
)
@pytest.mark.parametrize("name", ["acteon.toml", "chains.yaml"])
def test_any_torn_text(name: str, index: int, inserted: str) -> None:
    text = (ECOMMERCE / name).read_text()
    index %= len(text)
    every_problem_has_a_place(read(name, text[:index] + inserted + text[index + 1 :]))
    every_problem_has_a_place(read(name, text[:index]))
