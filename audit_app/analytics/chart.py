"""Where the bars of a chart by time stand, in a person's zone. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from audit_app.analytics.spans import Span
from audit_app.records.rollups import DAY, HOUR, MINUTE

WIDTH, HEIGHT = 960, 260
MOST_LABELS = 8


@dataclass(frozen=True, slots=True)
class Axis:
    """When each bar begins, and how long it is: days of a zone may be shorter or longer."""

    begins: Sequence[int]
    step: int

    def index(self, at: int) -> int:
        return bisect_right(self.begins, at) - 1


def axis_of(span: Span, zone: ZoneInfo) -> Axis:
    """By minute up to two hours, by hour up to three days, then by day of the zone."""
    if span.seconds <= 2 * HOUR:
        return Axis(range(span.since, span.until, MINUTE), MINUTE)
    if span.seconds <= 3 * DAY:
        first = span.since // HOUR * HOUR
        return Axis([max(at, span.since) for at in range(first, span.until, HOUR)], HOUR)
    return Axis(_days(span, zone), DAY)


def _days(span: Span, zone: ZoneInfo) -> list[int]:
    """Midnights of the zone: 23 or 25 hours apart where its clocks are changed."""
    day = datetime.fromtimestamp(span.since, zone).date()
    begins = [span.since]
    while True:
        day += timedelta(days=1)
        at = int(datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC).timestamp())
        if at >= span.until:
            return begins
        begins.append(at)


def bars(
    axis: Axis, counted: Mapping[tuple[int, str], int], groups: Mapping[str, str], zone: ZoneInfo
) -> Any:
    """Stacked bars in SVG units. `counted` is by the bar's index and the group; `groups` names them, lowest first."""
    totals: Counter[int] = Counter()
    for (index, _), count in counted.items():
        totals[index] += count
    highest, wide = max(totals.values(), default=0) or 1, WIDTH / len(axis.begins)
    rects = []
    for index, begins in enumerate(axis.begins):
        top, when = float(HEIGHT - 20), label_of(begins, axis.step, zone)
        for key, words in groups.items():
            count = counted.get((index, key), 0)
            tall = count / highest * (HEIGHT - 40)
            top -= tall
            if count:
                rects.append(
                    {
                        "key": key,
                        "x": f"{index * wide + wide * 0.1:.1f}",
                        "y": f"{top:.1f}",
                        "w": f"{wide * 0.8:.1f}",
                        "h": f"{tall:.1f}",
                        "title": f"{when}: {count:,} {words.lower()}",
                    }
                )
    every = -(-len(axis.begins) // MOST_LABELS)
    labels = [
        {"x": f"{index * wide + wide / 2:.1f}", "text": label_of(begins, axis.step, zone)}
        for index, begins in enumerate(axis.begins)
        if index % every == every // 2
    ]
    frame = {"width": WIDTH, "height": HEIGHT, "base": HEIGHT - 20, "text": HEIGHT - 5}
    return {**frame, "rects": rects, "labels": labels, "highest": f"{highest:,}"}


def label_of(at: int, step: int, zone: ZoneInfo) -> str:
    moment = datetime.fromtimestamp(at, zone)
    return f"{moment:%b} {moment.day}" if step == DAY else f"{moment:%H:%M}"
