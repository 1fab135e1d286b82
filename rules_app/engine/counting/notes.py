"""What a trace says of the counters that a rule asked. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from acteon_site.base.clock_text import parse_time, rfc3339
from rules_app.engine.counters import micros
from rules_app.engine.counting.declared import Counter
from rules_app.engine.scope import Scope

if TYPE_CHECKING:
    from rules_app.engine.rules import Rule


def count_notes(rule: Rule, counters: Iterable[Counter], scope: Scope) -> Iterator[str]:
    """Why an action has no counter, and that one has not counted for its whole window yet."""
    for counter in counters:
        if counter.name not in rule.counters:
            continue
        lacks = scope.counts.lacks.get(counter.name)
        if lacks:
            yield f"{counter.path} is missing because {lacks}"
        elif not counter.since:
            yield f"{counter.path} counts from its publishing on"
        elif not _is_whole(counter, scope):
            yield f"{counter.path} counts since {rfc3339(_since(counter))}, not for its whole window yet"


def _is_whole(counter: Counter, scope: Scope) -> bool:
    return micros(_since(counter)) <= counter.window.begin(micros(scope.now), counter.zone)


def _since(counter: Counter) -> datetime:
    found = parse_time(counter.since)
    if found is None:
        raise ValueError(f"{counter.name} counts since no time: {counter.since}")
    return found
