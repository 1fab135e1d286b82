"""Counters over past orders: how they are declared, what they have in memory, and what an action finds in them.

Pure: whoever stores them (rules_app.services.counting) and whoever plays them in memory count by the same functions.
"""

from rules_app.engine.counting.declared import Counter, parse_counter
from rules_app.engine.counting.memory import CounterMemory
from rules_app.engine.counting.tallies import Mark, counted, over_at, total
from rules_app.engine.counting.uses import Use, empty_counts, found_by, use_of

__all__ = [
    "Counter",
    "CounterMemory",
    "Mark",
    "Use",
    "counted",
    "empty_counts",
    "found_by",
    "over_at",
    "parse_counter",
    "total",
    "use_of",
]
