"""time.*: the rule's zone, both DST days, every field."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rules_app.engine import decide
from tests.rules_app.shop import GUIDE, guide_rules, order, rule_of, rule_set

# Wednesday 24 June 2026, 13:05:09 in New York.
MOMENT = datetime(2026, 6, 24, 17, 5, 9, tzinfo=UTC)

FIELDS: list[tuple[str, Any]] = [
    ("hour", 13),
    ("minute", 5),
    ("second", 9),
    ("day", 24),
    ("month", 6),
    ("year", 2026),
    ("weekday", "Wednesday"),
    ("weekday_num", 3),
    ("timestamp", 1782320709),
    ("date", "2026-06-24"),
    ("clock", "13:05"),
]


@pytest.mark.parametrize(("name", "value"), FIELDS)
def test_the_field_is_that_of_the_rules_zone(name: str, value: Any) -> None:
    rule = rule_of(timezone="US/Eastern", condition={"field": f"time.{name}", "eq": value})
    assert decide(rule_set(rule), order(), MOMENT).verdict == "deny"


@pytest.mark.parametrize(("day", "number"), [(22, 1), (23, 2), (27, 6), (28, 7)])
def test_monday_is_one_and_sunday_is_seven(day: int, number: int) -> None:
    rules = rule_set(rule_of(condition={"field": "time.weekday_num", "eq": number}))
    assert decide(rules, order(), datetime(2026, 6, day, 12, tzinfo=UTC)).verdict == "deny"


def test_a_rules_own_zone_comes_before_the_default_and_the_default_before_utc() -> None:
    clause = {"field": "time.hour", "eq": 13}
    own = rule_set(rule_of(condition=clause, timezone="US/Eastern"), zone="Asia/Tokyo")
    default = rule_set(rule_of(condition=clause), zone="US/Eastern")
    neither = rule_set(rule_of(condition=clause))
    assert [decide(rules, order(), MOMENT).verdict for rules in (own, default, neither)] == [
        "deny",
        "deny",
        "allow",
    ]


# The day, UTC, and whether the guide holds an order that comes in then (office hours 9-17 in US/Eastern).
DST_DAYS: list[tuple[str, datetime, bool]] = [
    # Clocks go forward on Sunday 8 March 2026 at 2:00; the Monday after opens an hour earlier in UTC.
    ("Friday before, 8:59 EST", datetime(2026, 3, 6, 13, 59, tzinfo=UTC), True),
    ("Friday before, 9:00 EST", datetime(2026, 3, 6, 14, 0, tzinfo=UTC), False),
    ("Friday before, 16:59 EST", datetime(2026, 3, 6, 21, 59, tzinfo=UTC), False),
    ("Friday before, 17:00 EST", datetime(2026, 3, 6, 22, 0, tzinfo=UTC), True),
    ("Monday after, 8:59 EDT", datetime(2026, 3, 9, 12, 59, tzinfo=UTC), True),
    ("Monday after, 9:00 EDT", datetime(2026, 3, 9, 13, 0, tzinfo=UTC), False),
    ("Monday after, 17:00 EDT", datetime(2026, 3, 9, 21, 0, tzinfo=UTC), True),
    # Back on Sunday 1 November 2026 at 2:00.
    ("Friday before, 9:00 EDT", datetime(2026, 10, 30, 13, 0, tzinfo=UTC), False),
    ("Monday after, 8:59 EST", datetime(2026, 11, 2, 13, 59, tzinfo=UTC), True),
    ("Monday after, 9:00 EST", datetime(2026, 11, 2, 14, 0, tzinfo=UTC), False),
    ("Monday after, 16:59 EST", datetime(2026, 11, 2, 21, 59, tzinfo=UTC), False),
]


@pytest.mark.parametrize(("moment", "held"), [case[1:] for case in DST_DAYS], ids=[c[0] for c in DST_DAYS])
def test_office_hours_follow_the_local_clock_through_both_changes(moment: datetime, held: bool) -> None:
    assert (decide(guide_rules(), order(), moment).verdict == "schedule") is held


def local_hours(day: datetime) -> list[int]:
    """The local hour at each full hour of 24 UTC hours from `day`, as conditions see it."""
    rules = [
        rule_of(f"h{hour}", timezone="US/Eastern", condition={"field": "time.hour", "eq": hour})
        for hour in range(24)
    ]
    found = (decide(rule_set(*rules), order(), day + timedelta(hours=step)).rule for step in range(24))
    return [int(rule.name[1:]) for rule in found if rule]


def test_on_the_day_that_clocks_go_forward_the_hour_of_two_does_not_happen() -> None:
    hours = local_hours(datetime(2026, 3, 8, 5, tzinfo=UTC))
    assert hours == [0, 1, *range(3, 24), 0]


def test_on_the_day_that_clocks_go_back_the_hour_of_one_happens_twice() -> None:
    hours = local_hours(datetime(2026, 11, 1, 4, tzinfo=UTC))
    assert hours == [0, 1, 1, *range(2, 23)]


def test_a_rule_of_another_zone_has_its_own_changeover() -> None:
    # Between 8 and 29 March 2026 New York is on summer time and London is not.
    london = GUIDE[2] | {"timezone": "Europe/London"}
    nine_in_new_york = datetime(2026, 3, 20, 13, 0, tzinfo=UTC)
    before_nine_in_london = datetime(2026, 3, 20, 8, 30, tzinfo=UTC)
    assert decide(rule_set(london), order(), nine_in_new_york).verdict == "allow"
    assert decide(rule_set(london), order(), before_nine_in_london).verdict == "schedule"
