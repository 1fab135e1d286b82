"""How the admin shows what a run did: its picture, its steps, and every call with a bar for its time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from acteon_site.base.clock_text import span_text
from chains_app.definitions.dag import Graph
from chains_app.definitions.picture import svg
from chains_app.models import Run
from chains_app.services.redacting import scrubber_of
from chains_app.services.timeline import COMPENSATION, Entry, run_timeline
from chains_app.states import TERMINAL, RunKind, StepStatus, Undo

MOST_SHOWN = 200
MOST_LINES = 200
NARROWEST = 0.6  # percent of the width: a bar that can be seen
COLORS = {StepStatus.COMPLETED: "good", StepStatus.FAILED: "bad", StepStatus.RUNNING: "warn"}
OUTCOME_COLORS = {True: "good", False: "bad", None: "warn"}


@dataclass(frozen=True, slots=True)
class Bar:
    """Where a call stands in the run's time, in percent."""

    start: str
    width: str


@dataclass(frozen=True, slots=True)
class Shown:
    entry: Entry
    below: str
    undo: bool
    outcome: str
    color: str
    offset: str
    took: str
    bar: Bar
    payload: str
    answer: str


def picture_html(graph: Graph) -> SafeString:
    drawn = mark_safe(svg(graph))  # noqa: S308 - it escapes every text in it
    return format_html(
        '<div class="gw-picture" tabindex="0" role="region" aria-label="Picture of {}">{}</div>',
        graph.name,
        drawn,
    )


def timeline_html(run: Run) -> SafeString:
    entries = run_timeline(run, limit=MOST_SHOWN + 1)
    shown = _shown(run, entries[:MOST_SHOWN], timezone.now())
    context = {"entries": shown, "more": len(entries) > MOST_SHOWN, "most": MOST_SHOWN, "run": run}
    return render_to_string("admin/chains_app/parts/timeline.html", context)


def steps_html(run: Run) -> SafeString:
    """The steps that were begun, also those that call nobody."""
    scrubber = scrubber_of(run)
    rows = [
        {
            "step": step,
            "provider": step.used_provider or step.provider,
            "color": COLORS.get(StepStatus(step.status), "calm"),
            "undo": "" if step.undo == Undo.NONE else f"undo {step.undo}",
            "answer": _code(scrubber.clean(step.response)),
            "error": scrubber.text(step.error),
        }
        for step in run.steps.all()
    ]
    return render_to_string("admin/chains_app/parts/steps.html", {"rows": rows})


def _shown(run: Run, entries: Sequence[Entry], now: datetime) -> list[Shown]:
    if not entries:
        return []
    begin = entries[0].attempt.started_at
    end = max(_end(entry, now) for entry in entries)
    latest = {_call(entry): entry for entry in entries}
    return [
        Shown(
            entry=entry,
            below=_below(run, entry.run),
            undo=entry.kind == COMPENSATION,
            outcome=_outcome(entry, is_latest=latest[_call(entry)] is entry),
            color=OUTCOME_COLORS[entry.attempt.success],
            offset=f"+{_duration((entry.attempt.started_at - begin).total_seconds())}",
            took="" if entry.attempt.duration_ms is None else _duration(entry.attempt.duration_ms / 1000),
            bar=_bar(entry, begin, end, now),
            payload=_code(entry.payload),
            answer=_code(entry.answer),
        )
        for entry in entries
    ]


def _call(entry: Entry) -> tuple[Any, ...]:
    return entry.run.pk, entry.step, entry.kind


def _below(root: Run, run: Run) -> str:
    """Whose call it is, where it is not the run's own."""
    if run.pk == root.pk:
        return ""
    return f"branch of {run.parent_step}" if run.kind == RunKind.BRANCH else f"in {run.chain_name}"


def _outcome(entry: Entry, *, is_latest: bool) -> str:
    attempt = entry.attempt
    if attempt.success is not None:
        return "ok" if attempt.success else _words(attempt.error_code) or "failed"
    if attempt.completed_at is None:
        return "in flight" if is_latest and entry.run.status not in TERMINAL else "no answer recorded"
    return f"outcome unknown, {_words(attempt.error_code)}" if attempt.error_code else "outcome unknown"


def _words(code: str) -> str:
    return code.replace("_", " ").lower()


def _end(entry: Entry, now: datetime) -> datetime:
    return entry.attempt.completed_at or (
        entry.attempt.started_at if entry.run.status in TERMINAL else max(now, entry.attempt.started_at)
    )


def _bar(entry: Entry, begin: datetime, end: datetime, now: datetime) -> Bar:
    whole = (end - begin).total_seconds() or 1
    start = 100 * (entry.attempt.started_at - begin).total_seconds() / whole
    width = 100 * (_end(entry, now) - entry.attempt.started_at).total_seconds() / whole
    width = max(NARROWEST, width)
    # As text: a localized number with a comma would be no width.
    return Bar(f"{min(start, 100 - NARROWEST):.2f}%", f"{min(width, 100):.2f}%")


def _duration(seconds: float) -> str:
    if seconds < 1:
        return f"{round(seconds * 1000)} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    return span_text(seconds)


def _code(value: Any) -> str:
    if value in (None, {}):
        return ""
    lines = json.dumps(value, indent=2, ensure_ascii=False, default=str).splitlines()
    if len(lines) > MOST_LINES:
        lines = [*lines[:MOST_LINES], f"… and {len(lines) - MOST_LINES} more lines"]
    return "\n".join(lines)
