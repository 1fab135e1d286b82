"""When a cron expression fires, held to a walk over all minutes; days on which clocks change above all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orders_app.recurring.cron import FIELDS, RANGES, Schedule, cron_problem, cron_words, zone_problem
from tests.depth import examples

MINUTE = timedelta(minutes=1)
# Clocks change by an hour at night or at midnight, by half an hour, by two hours; or never.
ZONES = {
    "America/New_York": ("2026-03-07", "2026-10-31"),
    "Europe/Berlin": ("2026-03-28", "2026-10-24"),
    "Australia/Lord_Howe": ("2026-04-04", "2026-10-03"),
    "Antarctica/Troll": ("2026-03-28", "2026-10-24"),
    "Asia/Beirut": ("2026-03-28", "2026-10-24"),
    "America/Santiago": ("2026-04-04", "2026-09-05"),
    "Africa/Casablanca": ("2026-02-14", "2026-03-21"),
    "Pacific/Apia": ("2011-12-29", "2011-12-29"),  # the thirtieth was left out
    "Asia/Kathmandu": ("2026-03-28", "2026-10-24"),
    "UTC": ("2026-02-27", "2026-12-30"),
}
LOWEST = (0, 0, 1, 1, 0)
HIGHEST = (59, 23, 31, 12, 7)


def _field(at: int, *, stars: bool) -> st.SearchStrategy[str]:
    low, high = LOWEST[at], HIGHEST[at]
    one = st.integers(low, high)
    plain = st.lists(one, min_size=1, max_size=3).map(lambda found: ",".join(map(str, found)))
    span = st.tuples(one, one).map(lambda pair: f"{min(pair)}-{max(pair)}")
    stepped = st.tuples(st.sampled_from(["*", f"{low}-{high}"]), st.integers(1, 20)).map(
        lambda p: f"{p[0]}/{p[1]}"
    )
    return st.one_of(*([st.just("*")] * 2 if stars else []), plain, span, stepped)


EXPRESSIONS = st.tuples(
    _field(0, stars=True),
    st.one_of(_field(1, stars=True), st.sampled_from(["0", "1", "2", "3", "1-3", "0,2"])),
    *[st.one_of(st.just("*"), _field(at, stars=True)) for at in (2, 3, 4)],
).map(" ".join)


def _values(text: str, low: int, high: int) -> set[int]:
    """What a field matches, read anew and as simply as can be."""
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, _, last = (f"{low}-{high}" if span == "*" else span).partition("-")
        found |= set(range(int(first), int(last or first) + 1, int(step or 1)))
    return found


def matcher(expression: str) -> Callable[[datetime], bool]:
    minute, hour, day, month, weekday = expression.split()
    minutes, hours, months = _values(minute, 0, 59), _values(hour, 0, 23), _values(month, 1, 12)
    days, weekdays = _values(day, 1, 31), {value % 7 for value in _values(weekday, 0, 7)}
    both = day.startswith("*") or weekday.startswith("*")

    def matches(wall: datetime) -> bool:
        if wall.minute not in minutes or wall.hour not in hours or wall.month not in months:
            return False
        by_day, by_weekday = wall.day in days, wall.isoweekday() % 7 in weekdays
        return (by_day and by_weekday) if both else (by_day or by_weekday)

    return matches


def walked(expression: str, zone: str, first: datetime, last: datetime) -> Iterator[datetime]:
    """Minute by minute. A fixed time is taken once; one that a change of clocks left out, at the change."""
    fixed = not any(field.startswith("*") for field in expression.split()[:2])
    place, matches = ZoneInfo(zone), matcher(expression)
    newest = datetime.min
    at = first - 180 * MINUTE
    while at <= last:
        wall = at.astimezone(place).replace(tzinfo=None)
        if not fixed:
            due = matches(wall)
        else:
            # What was shown before is over; where clocks have gone forward, several minutes have passed at once.
            passed = int((wall - newest) / MINUTE) if newest.year > 1 else 1
            due = any(matches(wall - back * MINUTE) for back in range(max(0, passed)))
            newest = max(newest, wall)
        if due and at > first:
            yield at
        at += MINUTE


@settings(max_examples=examples(40))
@given(expression=EXPRESSIONS, zone=st.sampled_from(sorted(ZONES)), data=st.data())
def test_what_fires_is_what_a_walk_over_all_minutes_finds(
    expression: str, zone: str, data: st.DataObject
) -> None:
    day = datetime.fromisoformat(data.draw(st.sampled_from(ZONES[zone]))).replace(tzinfo=UTC)
    first = day + data.draw(st.integers(0, 1800)) * MINUTE
    last = day + timedelta(days=2)
    found = Schedule(expression, zone).between(first + timedelta(seconds=1), last, most=10_000)
    assert found == list(walked(expression, zone, first, last))


@pytest.mark.parametrize(
    ("expression", "fires"),
    [
        # Forward at 02:00: 02:30 does not exist, and is right after the gap, once.
        ("30 2 * * *", ["2026-03-07T07:30Z", "2026-03-08T07:00Z", "2026-03-09T06:30Z"]),
        (
            "0,30 2 * * *",
            ["2026-03-07T07:00Z", "2026-03-07T07:30Z", "2026-03-08T07:00Z", "2026-03-09T06:00Z"],
        ),
        ("0 2,3 * * *", ["2026-03-07T07:00Z", "2026-03-07T08:00Z", "2026-03-08T07:00Z", "2026-03-09T06:00Z"]),
        ("*/30 2 * * *", ["2026-03-07T07:00Z", "2026-03-07T07:30Z", "2026-03-09T06:00Z"]),
    ],
)
def test_an_hour_that_does_not_exist(expression: str, fires: list[str]) -> None:
    after = Schedule(expression, "America/New_York").after(datetime(2026, 3, 7, 5, tzinfo=UTC))
    assert [f"{next(after):%Y-%m-%dT%H:%MZ}" for _ in fires] == fires


@pytest.mark.parametrize(
    ("expression", "fires"),
    [
        # Back at 02:00: 01:30 comes twice, and counts once.
        ("30 1 * * *", ["2026-11-01T05:30Z", "2026-11-02T06:30Z"]),
        (
            "*/30 1 * * *",
            ["2026-11-01T05:00Z", "2026-11-01T05:30Z", "2026-11-01T06:00Z", "2026-11-01T06:30Z"],
        ),
    ],
)
def test_an_hour_that_comes_twice(expression: str, fires: list[str]) -> None:
    after = Schedule(expression, "America/New_York").after(datetime(2026, 11, 1, 4, tzinfo=UTC))
    assert [f"{next(after):%Y-%m-%dT%H:%MZ}" for _ in fires] == fires
    # Asked in the middle of the second hour it does not go back into the first.
    middle = datetime(2026, 11, 1, 6, 15, tzinfo=UTC)
    assert Schedule(expression, "America/New_York").next(middle) > middle  # type: ignore[operator]


def test_a_yearly_one_in_the_hour_that_comes_twice_has_both_though_a_year_later_the_offset_is_the_same() -> (
    None
):
    after = Schedule("*/30 1 1 11 *", "America/New_York").after(datetime(2026, 11, 1, 5, 50, tzinfo=UTC))
    assert [f"{next(after):%Y-%m-%dT%H:%M}" for _ in range(3)] == [
        "2026-11-01T06:00",
        "2026-11-01T06:30",
        "2027-11-01T05:00",
    ]


def test_the_latest_of_a_long_time_are_found_without_a_walk_through_all_of_it() -> None:
    now = datetime(2026, 11, 28, 12, tzinfo=UTC)
    ten_years = now - timedelta(days=3650)
    found, all_of_them = Schedule("* * * * *", "Europe/Berlin").latest(ten_years, now, most=100)
    assert (len(found), found[-1], found[0], all_of_them) == (100, now, now - 99 * MINUTE, False)
    assert Schedule("0 0 1 1 *").latest(ten_years, now, most=100)[1]


def test_start_and_end_are_included() -> None:
    start, end = datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 4, tzinfo=UTC)
    bounded = Schedule("0 0 * * *", "UTC", start, end)
    found = list(bounded.after(datetime(2025, 1, 1, tzinfo=UTC)))
    assert found == [start, datetime(2026, 1, 3, tzinfo=UTC), end]
    assert bounded.holds(end)
    assert not bounded.holds(end + timedelta(days=1))
    assert not bounded.holds(start + MINUTE)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "is required"),
        ("  ", "is required"),
        (5, "is required"),
        ("@daily", "write 0 0 * * *"),
        ("* * * * * *", "must have five (no seconds"),
        ("* * * *", "has 4 fields"),
        ("every day", "has 2 fields"),
        ("0 9 ? * MON", "* in place of ?"),
        ("61 * * * *", "wrong minute (61): it may be 0 to 59"),
        ("0 24 * * *", "wrong hour (24)"),
        ("0 0 32 * *", "wrong day-of-month (32)"),
        ("0 0 * 13 *", "wrong month (13)"),
        ("0 0 * * FUN", "wrong day-of-week (FUN)"),
        ("5-1 * * * *", "wrong minute (5-1)"),
        ("*/0 * * * *", "wrong minute (*/0)"),
        ("0 0 30 2 *", "never comes to a day that exists"),
        ("0 0 31 4,6,9,11 *", "never comes to a day that exists"),
        ("0 0 * * é", "holds what no cron expression has"),
        ("0 " * 300, "must have at most"),
    ],
)
def test_what_is_wrong_with_an_expression_is_said_with_what_to_write(text: object, said: str) -> None:
    assert said in (cron_problem(text) or "")


@settings(max_examples=examples(40))
@given(st.lists(st.text("0129*,/#-LWMONJAN", max_size=7), min_size=5, max_size=5).map(" ".join))
def test_no_text_breaks_the_reading(text: str) -> None:
    if cron_problem(text) is None:
        assert cron_words(" ".join(text.split()))
        assert Schedule(text).next(datetime(2026, 1, 1, tzinfo=UTC))


def test_words_and_zones() -> None:
    assert cron_words("0 9 * * MON-FRI") == "At 09:00 on Monday through Friday"
    assert set(RANGES) == set(FIELDS)
    assert zone_problem("Europe/Berlin") is None
    for wrong in ("Mars/Olympus", "", None, 5, "../etc/passwd", "europe/berlin"):
        assert zone_problem(wrong)
