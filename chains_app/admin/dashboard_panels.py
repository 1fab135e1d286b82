"""What the dashboard shows of chains, their steps, and the providers that they call."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any, Literal

from django.db.models import Min
from django.urls import reverse

from acteon_site.admin.scoped import narrowed
from acteon_site.base.clock import db_now
from acteon_site.base.clock_text import span_text
from audit_app.analytics.asking import Question
from audit_app.analytics.durations import Durations
from audit_app.analytics.panels import OTHERS, Compared, Figures, Panel, View, milliseconds
from audit_app.records.rollups import CALLS, FAILURE, OTHER
from audit_app.records.vocabulary import CHAIN_ENDS
from chains_app.models import CircuitBreaker, Run
from chains_app.states import BreakerState

MOST_ROWS = 20


def chains(view: View) -> Figures:
    """How runs ended, by chain; and how long the calls of each step took."""
    now, before = view.outcomes(CHAIN_ENDS)
    found: dict[str, dict[str, Compared]] = defaultdict(dict)
    for outcome, chain in sorted({*now, *before}, key=lambda key: (key[1], key[0])):
        found[chain][outcome] = Compared(now[outcome, chain], before[outcome, chain])
    return {
        "chains": [_chain(name, ends, view) for name, ends in list(found.items())[:MOST_ROWS]],
        "steps": _steps(view),
        "due": _oldest_due(view),
        "runs_url": reverse("admin:chains_app_run_changelist"),
    }


def _chain(name: str, ends: Mapping[str, Compared], view: View) -> dict[str, Any]:
    total = sum(end.now for end in ends.values())
    completed = ends.get("chain_completed", Compared(0, 0)).now
    return {
        "name": OTHERS if name == OTHER else name or "(before names were noted)",
        "share": f"{100 * completed / total:.1f} %" if total else "-",
        "ends": [
            (
                outcome.removeprefix("chain_").replace("_", " "),
                end,
                "" if name == OTHER else view.rows_url(outcome=outcome, outcome_details__chain_name=name),
            )
            for outcome, end in ends.items()
        ],
    }


def _steps(view: View) -> list[dict[str, Any]]:
    steps = sorted(
        ((label, found) for label, found in _durations(view, "label").items() if label),
        key=lambda one: one[0],
    )
    return [
        {"name": OTHERS if label == OTHER else label, **_times(*found)} for label, found in steps[:MOST_ROWS]
    ]


def providers(view: View) -> Figures:
    """Calls that were made in the span, and the breakers as they are now."""
    enabled = narrowed(CircuitBreaker.objects.filter(enabled=True), view.reader)
    states = dict(enabled.values_list("provider", "state"))
    found = _durations(view, "provider")
    names = sorted({*found, *states})
    nothing = (Durations(), 0)
    return {
        "providers": [
            {
                "name": OTHERS if name == OTHER else name,
                "state": states.get(name, ""),
                "open": states.get(name, BreakerState.CLOSED) != BreakerState.CLOSED,
                "url": "" if name == OTHER else _calls_url(view, name),
                **_times(*found.get(name, nothing)),
            }
            for name in names[: 2 * MOST_ROWS]
        ],
        "breakers_url": reverse("admin:chains_app_circuitbreaker_changelist"),
    }


def _calls_url(view: View, provider: str) -> str:
    outcomes = "chain_step_completed,chain_step_failed,chain_step_retrying"
    return view.rows_url(provider__exact=provider, outcome__in=outcomes)


def _durations(view: View, name: Literal["provider", "label"]) -> dict[str, tuple[Durations, int]]:
    """Of calls, by that name; and how many of them failed. Read once for both names."""
    question = Question(CALLS, view.span, view.filters, ("provider", "label", "outcome"), worth=False)
    times: dict[str, Durations] = defaultdict(Durations)
    failed: Counter[str] = Counter()
    for (provider, label, outcome), found in view.sums.times(question).items():
        key = provider if name == "provider" else label
        times[key].include(found.classes)
        failed[key] += found.count if outcome == FAILURE else 0
    return {key: (one, failed[key]) for key, one in times.items()}


def _times(times: Durations, failed: int) -> dict[str, Any]:
    count = times.count
    return {
        "count": f"{count:,}",
        "success": f"{100 * (count - failed) / count:.2f} %" if count else "-",
        "shares": [milliseconds(value) for value in times.percentiles_ms().values()],
    }


def _oldest_due(view: View) -> str:
    """For how long the run that is due for longest has been; empty where none is."""
    now = db_now()
    due = Run.objects.filter(next_run_at__lte=now, **view.lookups).aggregate(at=Min("next_run_at"))["at"]
    return span_text((now - due).total_seconds()) if due else ""


FOLDER = "admin/chains_app/dashboard"
PANELS = (
    Panel("chains", "Chains", "chains_app.view_run", f"{FOLDER}/chains.html", chains, 60, "wide"),
    Panel(
        "providers",
        "Providers",
        "chains_app.view_circuitbreaker",
        f"{FOLDER}/providers.html",
        providers,
        70,
        "wide",
    ),
)
