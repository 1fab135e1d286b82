"""Which frames a listener gets: what it asked for, as far as its key goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from acteon_site.base.errors import FieldProblem, bad_query, problems_in_words
from acteon_site.base.names import name_problem
from acteon_site.base.principals import Principal
from audit_app.records.vocabulary import DISPATCH_OUTCOMES
from audit_app.stream.frames import Frame

EVENT_TYPES = (
    "action_dispatched",
    "approval_required",
    "approval_resolved",
    "scheduled_action_due",
    "group_flushed",
    "chain_advanced",
    "chain_step_completed",
    "chain_completed",
    "action_status_changed",
    "timeout",
    "circuit_state_changed",
)
STREAM_OUTCOMES = (*sorted(DISPATCH_OUTCOMES), "state_changed")
FILTERS = ("namespace", "tenant", "action_type", "outcome", "event_type", "chain_id", "action_id")
_KNOWN = {"outcome": STREAM_OUTCOMES, "event_type": EVENT_TYPES}


@dataclass(frozen=True, slots=True)
class FrameFilter:
    """Exact values by frame attribute; all of them must hold."""

    values: tuple[tuple[str, str], ...] = ()

    def passes(self, frame: Frame) -> bool:
        return all(getattr(frame, name) == value for name, value in self.values)


def filter_of(query: Mapping[str, str]) -> FrameFilter:
    """Raises 400 where a value can never come: a listener would wait for ever."""
    given = tuple((name, query[name]) for name in FILTERS if name in query)
    problems = [
        FieldProblem(name, problem) for name, value in given if (problem := _filter_problem(name, value))
    ]
    if problems:
        raise bad_query(problems_in_words(problems), problems)
    return FrameFilter(given)


def _filter_problem(name: str, value: str) -> str | None:
    known = _KNOWN.get(name)
    if known:
        return None if value in known else f"must be one of {', '.join(known)}"
    return name_problem(value, colon_allowed=name not in ("namespace", "tenant"))


def may_see(caller: Principal, frame: Frame) -> bool:
    """The key's four scopes decide; what belongs to no tenant is for callers of scope `*` only."""
    if not frame.namespace and not frame.tenant and not caller.is_global:
        return False
    return caller.covers_action(frame.namespace, frame.tenant, frame.provider, frame.action_type)
