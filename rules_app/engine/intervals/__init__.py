"""Time intervals that rules name: which minutes of the wall clock lie in one. Pure.

`model` has what an interval is and whether an instant lies in it, `parsing` reads what people write, `words` says it
in words, `changes` finds the next instant at which it begins or ends.
"""

from rules_app.engine.intervals.changes import next_change
from rules_app.engine.intervals.model import NO_INTERVALS, Interval, Intervals, Span, TimeRange
from rules_app.engine.intervals.parsing import parse_interval, spec_of, zone_for
from rules_app.engine.intervals.words import in_words

__all__ = [
    "NO_INTERVALS",
    "Interval",
    "Intervals",
    "Span",
    "TimeRange",
    "in_words",
    "next_change",
    "parse_interval",
    "spec_of",
    "zone_for",
]
