"""Matchers of silences: as Alertmanager's, on an action's labels."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules_app.engine.silences import Silence, matchers_of, matches_all, parse_matchers, silence_over
from tests.depth import examples

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def matches(labels: dict[str, str], *specs: dict[str, str]) -> bool:
    return matches_all(matchers_of(specs), labels)


def problems_of(value: Any) -> dict[str, str]:
    return {one.field: one.message for one in parse_matchers(value)[1]}


@pytest.mark.parametrize(
    ("op", "value", "label", "wanted"),
    [
        ("equal", "spring", "spring", True),
        ("equal", "spring", "Spring", False),
        ("equal", "spring", None, False),
        ("not_equal", "spring", None, True),
        ("not_equal", "spring", "spring", False),
        ("regex", "spring|autumn", "autumn", True),
        ("regex", "spring", "spring-2026", False),  # a pattern must match the whole value
        ("regex", ".*abc", None, False),
        ("regex", ".*", None, True),
        ("not_regex", "silence1.+", None, True),
        ("not_regex", "silence1.+|", None, False),
        ("not_regex", "spring", "spring-2026", True),
        ("regex", "(a+)+b", "a" * 5000, False),  # in linear time
        ("regex", "spring.*", "spring\n2026", False),
    ],
)
def test_one_matcher_meets_one_label(op: str, value: str, label: str | None, wanted: bool) -> None:
    labels = {} if label is None else {"campaign": label}
    assert matches(labels, {"name": "campaign", "value": value, "op": op}) is wanted


def test_all_must_match_and_the_longest_silence_is_named() -> None:
    campaign = {"name": "campaign", "value": "spring"}
    channel = {"name": "channel", "value": "sms", "op": "not_equal"}
    assert matches({"campaign": "spring", "channel": "mail"}, campaign, channel)
    assert not matches({"campaign": "spring", "channel": "sms"}, campaign, channel)
    short, long, over = (
        Silence(name, matchers_of([campaign]), NOW - timedelta(hours=1), NOW + timedelta(hours=hours))
        for name, hours in (("short", 1), ("long", 2), ("over", 0))
    )
    found = silence_over([short, long, over], {"campaign": "spring"}, NOW)
    assert found is long
    assert silence_over([over], {"campaign": "spring"}, NOW) is None


@pytest.mark.parametrize(
    ("value", "field", "told"),
    [
        (None, "matchers", "is required"),
        ([], "matchers", "at least one"),
        ("campaign=spring", "matchers", "must be a list"),
        ([{"name": "a", "value": ".*", "op": "regex"}], "matchers", "an empty value does not match"),
        ([{"name": "a", "value": ""}], "matchers", "an empty value does not match"),
        ([{"name": "a", "value": "x", "op": "not_equal"}], "matchers", "an empty value does not match"),
        ([{"name": "a", "value": "x", "op": "=~"}], "matchers[0].op", "did you mean 'regex'?"),
        ([{"name": "a", "value": "(", "op": "regex"}], "matchers[0].value", "is no RE2 pattern"),
        ([{"name": "a", "value": "a{1001}", "op": "regex"}], "matchers[0].value", "is no RE2 pattern"),
        ([{"name": "", "value": "x"}], "matchers[0].name", "must not be empty"),
        ([{"value": "x"}], "matchers[0].name", "is required"),
        ([{"name": "a", "value": 7}], "matchers[0].value", "must be text"),
        ([{"name": "a", "value": "x", "isRegex": True}], "matchers[0].isRegex", "unknown key"),
        ([{"name": "a", "value": "x\x00"}], "matchers[0].value", "NUL"),
        ([{"name": "a", "value": "x"}] * 51, "matchers", "at most 50"),
    ],
)
def test_what_would_match_anything_or_nothing_is_refused(value: Any, field: str, told: str) -> None:
    assert told in problems_of(value)[field]


TEXTS = st.text(alphabet="ab\n", max_size=3)
SPECS = st.fixed_dictionaries(
    {
        "name": st.sampled_from("xyz"),
        "value": st.sampled_from(["", "a", "ab", "a|b", "a*", "(ab)+", ".+"]),
        "op": st.sampled_from(["equal", "not_equal", "regex", "not_regex"]),
    }
)


@settings(max_examples=examples(150), deadline=None)
@given(specs=st.lists(SPECS, min_size=1, max_size=3), labels=st.dictionaries(st.sampled_from("xyz"), TEXTS))
def test_an_absent_label_is_an_empty_one_and_what_is_taken_never_silences_all(
    specs: list[dict[str, str]], labels: dict[str, str]
) -> None:
    _, problems = parse_matchers(specs)
    told = matchers_of(specs)
    assert matches_all(told, labels) == matches_all(told, {"x": "", "y": "", "z": ""} | labels)
    assert bool(problems) == matches_all(told, {})
    for one, other in zip(
        told, matchers_of([{**spec, "op": _opposite(spec["op"])} for spec in specs]), strict=True
    ):
        assert one.matches(labels) is not other.matches(labels)


def _opposite(op: str) -> str:
    return op.removeprefix("not_") if op.startswith("not_") else f"not_{op}"
