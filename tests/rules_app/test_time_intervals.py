"""Time intervals: what is written of them, which minutes lie in them, when they change next, and their words."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rules_app.engine import ActionView, RuleSet, parse_rule
from rules_app.engine.intervals import Interval, Intervals, in_words, next_change, parse_interval, spec_of
from rules_app.testing.play import Bench
from tests.depth import examples

MINUTE = timedelta(minutes=1)
# Days on which clocks are put forward or back, one by half an hour and one over midnight, and the ends of short months.
DAYS = (
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("America/Havana", date(2026, 3, 8)),
    ("Asia/Kathmandu", date(2026, 2, 28)),
    ("UTC", date(2028, 2, 28)),
    ("Pacific/Apia", date(2011, 12, 29)),
)


def interval(*ranges: Mapping[str, Any], **facts: Any) -> Interval:
    found, problems = parse_interval({"name": "it", "time_ranges": list(ranges), **facts})
    assert not problems, problems
    assert found is not None
    return found


def problems_of(*ranges: Any, **facts: Any) -> dict[str, str]:
    spec = {"name": "it", "time_ranges": list(ranges), **facts}
    return {one.field: one.message for one in parse_interval(spec)[1]}


def naive(ranges: list[dict[str, Any]], local: datetime) -> bool:
    """The same question, asked the long way: by counting days of the month from both ends."""
    last = monthrange(local.year, local.month)[1]
    days = {local.day, local.day - last - 1}

    def within(one: dict[str, Any]) -> bool:
        minute = local.hour * 60 + local.minute
        clocks = [
            [int(end[:2]) * 60 + int(end[3:]) for end in (t["start"], t["end"])] for t in one.get("times", [])
        ]
        numbers = {"weekdays": local.isoweekday(), "months": local.month, "years": local.year}
        asked = [
            any(span["start"] <= numbers[part] <= span["end"] for span in one[part])
            for part in numbers
            if one.get(part)
        ]
        if one.get("times"):
            asked.append(any(minute in range(begin, end) for begin, end in clocks))
        if one.get("days_of_month"):
            asked.append(any(naive_day(span, days, last) for span in one["days_of_month"]))
        return all(asked)

    return any(within(one) for one in ranges)


def naive_day(span: dict[str, int], days: set[int], last: int) -> bool:
    mentioned = set()
    for day in range(1, last + 1):
        begin = span["start"] if span["start"] > 0 else last + 1 + span["start"]
        end = span["end"] if span["end"] > 0 else last + 1 + span["end"]
        if begin <= day <= end:
            mentioned.add(day)
    return bool(mentioned & days)


def spans(low: int, high: int) -> st.SearchStrategy[list[dict[str, int]]]:
    pair = st.tuples(st.integers(low, high), st.integers(low, high)).map(sorted)
    return st.lists(pair.map(lambda two: {"start": two[0], "end": two[1]}), max_size=2)


def clock_spans() -> st.SearchStrategy[list[dict[str, str]]]:
    minutes = st.lists(st.integers(0, 1440), min_size=2, max_size=2, unique=True).map(sorted)
    spelled = minutes.map(lambda two: [f"{one // 60:02}:{one % 60:02}" for one in two])
    return st.lists(spelled.map(lambda two: {"start": two[0], "end": two[1]}), max_size=2)


DAY_SPANS = st.one_of(spans(1, 31), spans(-31, -1), st.just([{"start": 28, "end": -1}]))
RANGES = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "times": clock_spans(),
            "weekdays": spans(1, 7),
            "days_of_month": DAY_SPANS,
            "months": spans(1, 12),
            "years": spans(2010, 2030),
        },
    ),
    min_size=1,
    max_size=2,
)


@settings(max_examples=examples(40), deadline=None)
@given(ranges=RANGES, place=st.sampled_from(DAYS), start=st.integers(0, 2880))
@example(
    ranges=[{"weekdays": [{"start": 1, "end": 6}]}], place=DAYS[0], start=421
)  # its end is before a jump
def test_each_minute_lies_in_it_as_a_walk_over_the_clock_says(
    ranges: list[dict[str, Any]], place: tuple[str, date], start: int
) -> None:
    zone_name, day = place
    zone, found = ZoneInfo(zone_name), interval(*ranges, location=zone_name)
    assert spec_of(interval(*spec_of(found)["time_ranges"], location=zone_name)) == spec_of(found)
    moment = datetime.combine(day, time(), zone).astimezone(UTC) - timedelta(hours=12) + start * MINUTE
    held = found.holds(moment)
    change = next_change(found, moment)
    for _ in range(300):
        assert found.holds(moment) is naive(ranges, moment.astimezone(zone))
        if found.holds(moment) is not held:
            assert change == moment
            break
        moment += MINUTE
    else:
        assert change is None or change >= moment


def test_the_last_day_of_a_month_is_the_last_one_also_where_a_clock_is_put_in_it() -> None:
    # March 2026 has an hour less in New York: 743 hours are no 31 days.
    last = interval({"days_of_month": ["-1"]}, location="America/New_York")
    zone = ZoneInfo("America/New_York")
    assert last.holds(datetime(2026, 3, 31, 12, tzinfo=zone))
    assert not last.holds(datetime(2026, 3, 30, 12, tzinfo=zone))
    days = [date(2026, 2, 28), date(2028, 2, 29), date(2026, 4, 30)]
    assert all(last.holds(datetime.combine(day, time(23, 59), zone)) for day in days)
    # More days from the end than a short month has: all of them, and none of the month before.
    whole = interval({"days_of_month": [{"start": -31, "end": -1}], "months": ["february"]})
    assert whole.holds(datetime(2026, 2, 1, tzinfo=UTC))
    assert not whole.holds(datetime(2026, 1, 31, tzinfo=UTC))
    assert not interval({"days_of_month": [{"start": 30, "end": 31}]}).holds(
        datetime(2026, 2, 28, tzinfo=UTC)
    )


def test_it_goes_by_its_own_zone_and_by_utc_without_one() -> None:
    evening = {"times": [{"start": "13:00", "end": "24:00"}]}
    at = datetime(2026, 7, 12, 13, 30, tzinfo=ZoneInfo("Asia/Seoul"))
    assert not interval(evening).holds(at)
    assert interval(evening, location="Asia/Seoul").holds(at)
    assert interval(evening).holds(datetime(2026, 7, 12, 23, 59, 59, tzinfo=UTC))
    assert not interval(evening).holds(datetime(2026, 7, 13, tzinfo=UTC))


def test_ranges_are_read_as_alertmanager_spells_them_too() -> None:
    theirs = interval(
        {"weekdays": ["monday:friday", "Sunday"], "months": ["may:august", 12], "days_of_month": ["-7:-1", 1]}
    )
    ours = interval(
        {
            "weekdays": [{"start": 1, "end": 5}, {"start": 7}],
            "months": [{"start": 5, "end": 8}, {"start": 12, "end": 12}],
            "days_of_month": [{"start": -7, "end": -1}, {"start": 1, "end": 1}],
        }
    )
    assert theirs.ranges == ours.ranges
    answered = {"times": [{"start_minute": 540, "end_minute": 1440}], "weekdays": [], "years": []}
    assert interval(answered).ranges == interval({"times": [{"start": "09:00", "end": "24:00"}]}).ranges


@pytest.mark.parametrize(
    ("one", "field", "told"),
    [
        ({"weekdays": ["munday"]}, "weekdays[0]", "did you mean 'Sunday'?"),
        ({"weekdays": [{"start": 0, "end": 5}]}, "weekdays[0]", "from 1 to 7"),
        ({"weekdays": [{"start": 6, "end": 1}]}, "weekdays[0]", "6 to 7 and 1 to 1"),
        ({"weekdays": [True]}, "weekdays[0]", "whole numbers"),
        ({"months": [{"start": 11, "end": 2}]}, "months[0]", "11 to 12 and 1 to 2"),
        ({"days_of_month": [0]}, "days_of_month[0]", "without 0; -1 is the last day"),
        ({"days_of_month": ["-3:2"]}, "days_of_month[0]", "counted from the end (-3)"),
        ({"days_of_month": ["28:-5"]}, "days_of_month[0]", "must not end before it starts"),
        ({"days_of_month": [32]}, "days_of_month[0]", "from -31 to 31"),
        ({"years": [{"start": 2030, "end": 2026}]}, "years[0]", "exchange them"),
        ({"times": [{"start": "22:00", "end": "06:00"}]}, "times[0]", "22:00 to 24:00 and 00:00 to 06:00"),
        ({"times": [{"start": 1350, "end": "23:00"}]}, "times[0]", "in quotes"),
        ({"times": [{"start": "9:00", "end": "10:00"}]}, "times[0]", "like '09:30'"),
        ({"times": [{"start_time": "09:00", "end_time": "10:00"}]}, "times[0]", "start and end"),
        ({"times": {"start": "09:00", "end": "10:00"}}, "times", "must be a list"),
        ({"weekday": [1]}, "weekday", "did you mean 'weekdays'?"),
        ("mondays", "", "must be an object"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_to_write(one: Any, field: str, told: str) -> None:
    found = problems_of(one)
    place = f"time_ranges[0].{field}".rstrip(".")
    assert told in found[place], found


def test_its_facts_are_checked_and_no_range_at_all_is_no_interval() -> None:
    assert "at least one range" in problems_of()["time_ranges"]
    assert "did you mean 'Europe/Berlin'?" in problems_of({}, location="Europe/Berln")["location"]
    assert problems_of({}, tenant="acme")["tenant"] == "needs its namespace beside it"
    assert "did you mean 'location'?" in problems_of({}, locaton="UTC")["locaton"]
    assert problems_of({}, location=None, description=None) == {}


def test_it_is_said_in_words_and_when_it_changes_next() -> None:
    nights = interval(
        {"weekdays": ["monday:friday"], "times": [{"start": "22:00", "end": "24:00"}]},
        {"days_of_month": [-2, 1]},
    )
    assert (
        in_words(nights)
        == "Monday to Friday, 22:00 to 24:00; or on the 2nd last day and day 1 of the month (UTC)"
    )
    assert in_words(interval({}, location="Europe/Berlin")) == "at all times (Europe/Berlin)"
    assert next_change(nights, datetime(2026, 11, 27, 12, tzinfo=UTC)) == datetime(
        2026, 11, 27, 22, tzinfo=UTC
    )
    assert next_change(interval({}), datetime(2026, 11, 27, tzinfo=UTC)) is None
    assert next_change(interval({"years": [1999]}), datetime(2026, 11, 27, tzinfo=UTC)) is None
    # Where the clock skips the hour, it begins with the first minute after it.
    skipped = interval({"times": [{"start": "02:15", "end": "03:15"}]}, location="Europe/Berlin")
    assert next_change(skipped, datetime(2026, 3, 29, 0, tzinfo=UTC)) == datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_a_test_of_rules_knows_the_intervals_beside_them_and_loses_no_order() -> None:
    mail = {"field": "action.action_type", "eq": "send_mail"}
    spec = {
        "name": "quiet",
        "condition": mail,
        "action": {"type": "allow"},
        "mute_time_intervals": ["nights"],
    }
    rule, problems = parse_rule(spec)
    assert rule is not None, problems
    nights = interval({"times": [{"start": "22:00", "end": "24:00"}]})
    rules = RuleSet(1, (rule,), intervals=Intervals({("nights", "*", "*"): nights}))
    action = ActionView(namespace="n", tenant="t", provider="p", action_type="send_mail", payload={})
    night = datetime(2026, 11, 27, 23, tzinfo=UTC)
    muted = Bench(rules).send(action, night, has_key=False)
    assert (muted.tag, muted.verdict, muted.rule, muted.note) == ("Muted", "allow", "quiet", "nights")
    assert Bench(rules).send(action, night + timedelta(hours=2), has_key=False).tag == "Executed"
    of_a_chain = Bench(rules, starts_chain=lambda action: "mailing")
    assert of_a_chain.send(action, night, has_key=False).tag == "Executed"
