"""Draws what ties actions together, from the trail's events and off the request: dispatch writes nothing for it.

Events are read by their numbers, so that none is missed and a crash loses nothing: what was drawn and how far commit
together. A tie that is drawn again (the action was released) only changes its outcome.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from cryptography.fernet import InvalidToken
from django.db import transaction
from django.db.models import Min

from acteon_site.base.clock import db_now
from audit_app.models import Event
from audit_app.selectors import current_redactor
from orders_app.contract.actions import stored_action
from orders_app.models import Action, Tie, TieHead
from orders_app.policies import policy_for
from orders_app.tie_keys import tie_keys
from orders_app.worth import UNKNOWN, worth_of

Name = tuple[str, str, str]  # namespace, tenant, action id
# Not orders of their own: a repeat, or one that is asked to come again.
PASSED_BY = frozenset({"Deduplicated", "Throttled", "CircuitOpen", "DryRun"})
PATIENCE = timedelta(seconds=15)
MOST_ALIKE = 20  # rows read for each action id on average: one that is sent over and over has many


def ties_draw(*, limit: int = 500) -> int:
    """Look at the next events; answers how many. 0 also while somebody else is at it."""
    at = TieHead.objects.values_list("event_number", flat=True).first()
    # Looked at before the lock: an idle gateway must not take SQLite's one write lock every second.
    if not Event.objects.filter(number__gt=at or 0).exists():
        return 0
    with transaction.atomic():
        head = _locked_head()
        if head is None:
            return 0
        events = Event.objects.filter(number__gt=head.event_number).order_by("number")
        rows = list(events.values_list("number", "type", "namespace", "tenant", "action_id", "data")[:limit])
        if rows:
            _draw({(row[2], row[3], row[4]): _tag(row[5]) for row in rows if row[1] == "action_dispatched"})
            head.event_number = rows[-1][0] or 0
            head.save(update_fields=["event_number"])
    return len(rows)


def ties_seen_until() -> datetime:
    """What was placed before this has its ties; of a relay that stands still nobody waits longer than PATIENCE."""
    now = db_now()
    at = TieHead.objects.values_list("event_number", flat=True).first() or 0
    begins = [
        Event.objects.filter(number=None).aggregate(at=Min("created_at"))["at"],
        Event.objects.filter(number__gt=at).order_by("number").values_list("created_at", flat=True).first(),
    ]
    oldest: datetime = min([now, *filter(None, begins)])
    return max(oldest, now - PATIENCE)


def _locked_head() -> TieHead | None:
    heads = TieHead.objects.select_for_update(skip_locked=True)
    return heads.first() or (TieHead.objects.get_or_create(pk=1) and heads.first())


def _tag(data: Mapping[str, Any]) -> str:
    outcome = data.get("outcome")
    return next(iter(outcome), "") if isinstance(outcome, dict) else str(outcome or "")


def _draw(outcomes: Mapping[Name, str]) -> None:
    wanted = {name: tag for name, tag in outcomes.items() if tag and tag not in PASSED_BY}
    chosen = newest_of(wanted)
    hides_money = current_redactor().hides_any(["total_cents", "currency"])
    ties: list[Tie] = []
    for action in Action.objects.filter(pk__in=chosen.values()):
        tag = wanted[action.namespace, action.tenant, action.action_id]
        ties += ties_of(action, tag, hides_money=hides_money) or []
    if ties:
        Tie.objects.bulk_create(
            ties, update_conflicts=True, unique_fields=["action", "kind"], update_fields=["outcome"]
        )


def newest_of(names: Iterable[Name]) -> dict[Name, UUID]:
    """Of each name the newest action."""
    names = list(names)
    if not names:
        return {}
    found = Action.objects.filter(
        namespace__in={name[0] for name in names},
        tenant__in={name[1] for name in names},
        action_id__in={name[2] for name in names},
    )
    columns = ("namespace", "tenant", "action_id", "pk")
    newest = found.order_by("-pk").values_list(*columns)[: MOST_ALIKE * len(names)]
    rows = {(row[0], row[1], row[2]): row[3] for row in reversed(list(newest))}
    return {name: rows[name] for name in names if name in rows}


def ties_of(row: Action, tag: str, *, hides_money: bool) -> list[Tie] | None:
    """None where no key opens the action any more."""
    try:
        action = stored_action(row.body)
    except (InvalidToken, ValueError, TypeError, KeyError):  # under a key that is gone
        return None
    hidden = hides_money or any(path.startswith(("total_cents", "currency")) for path in action.tainted)
    worth, currency = (UNKNOWN, "") if hidden else worth_of(action.payload)
    keys = tie_keys(row.namespace, row.tenant, action.payload, policy_for(row.namespace, row.tenant))
    common = {
        "action_id": row.pk,
        "at": row.received_at,
        "outcome": tag,
        "worth": worth,
        "currency": currency,
    }
    return [Tie(key=key, kind=kind, **common) for kind, key in keys.items()]
