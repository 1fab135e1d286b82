"""What the admin's search finds in the trail: records by their id, the action's, the run's or the request's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import QuerySet

from acteon_site.admin.search import MOST, Search, Term
from acteon_site.base.clock_text import moment

_HEAVY = ("action_payload", "verdict_details", "outcome_details", "metadata")


def records(rows: QuerySet[Any], term: Term) -> Iterator[Any]:
    light = rows.defer(*_HEAVY)
    yield from _newest(light.filter(action_id=term.text))
    if term.id is not None:
        yield from light.filter(pk=term.id)
        yield from _newest(light.filter(chain_id=term.id))
    # The condition of the index, in words that the planner recognizes.
    yield from _newest(light.filter(request_id=term.text).exclude(request_id=""))


def _newest(rows: QuerySet[Any]) -> Iterable[Any]:
    return rows.order_by("-dispatched_at")[: MOST + 1]


def _words(record: Any) -> str:
    return f"{record.action_type}, {record.tenant}, {moment(record.dispatched_at)}"


SEARCHES = (Search("Audit records", "fact_check", "audit_app.auditrecord", records, _words),)
