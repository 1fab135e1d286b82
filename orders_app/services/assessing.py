"""Looks once at each approval that has come in: its points of risk, and when somebody is to be reminded of it.

Off the request, within a second or two: until then the list shows it without points.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import structlog

from audit_app.selectors import current_redactor
from orders_app.approval_policy import COUNTRIES, Policy
from orders_app.contract.actions import stored_action
from orders_app.models import Hold
from orders_app.policies import policy_for
from orders_app.related import past_of, with_statuses
from orders_app.risk import Asked, risk_of
from orders_app.services.notices_due import next_notice_at
from orders_app.states import HoldKind, HoldStatus, TieKind
from orders_app.tie_keys import tie_keys, value_at

log = structlog.get_logger()
UNASSESSED = -1


def approvals_assess(*, before: datetime | None = None, limit: int = 50) -> int:
    """Assess the oldest that nobody has assessed; answers how many.

    `before`: only what came in until then, since earlier orders of its customer may not be tied to it yet.
    """
    waiting = Hold.objects.filter(kind=HoldKind.APPROVAL, status=HoldStatus.PENDING, risk=UNASSESSED)
    if before is not None:
        waiting = waiting.filter(created_at__lt=before)
    holds = list(waiting.select_related("action").order_by("id")[:limit])
    for hold in holds:
        policy = policy_for(hold.namespace, hold.tenant)
        columns = {**_risk(hold, policy), "remind_at": next_notice_at(hold, policy, after=hold.created_at)}
        # A second sweeper comes to the same.
        Hold.objects.filter(pk=hold.pk, risk=UNASSESSED).update(**columns)
    return len(holds)


def _risk(hold: Hold, policy: Policy) -> dict[str, Any]:
    try:
        points, reasons = _assessed(hold, policy)
    except Exception:  # one that cannot be read must not keep the others from being assessed
        log.exception("approval_not_assessed", hold_id=str(hold.pk))
        points, reasons = 0, ["it could not be assessed; the log says why"]
    return {"risk": points, "risk_reasons": reasons}


def _assessed(hold: Hold, policy: Policy) -> tuple[int, list[str]]:
    payload = stored_action(hold.action.body).payload
    keys = tie_keys(hold.namespace, hold.tenant, payload, policy)
    asked = Asked(
        worth=hold.worth,
        currency=hold.currency,
        countries=_countries(payload),
        at=hold.created_at,
        has_customer=not keys.keys().isdisjoint({TieKind.CUSTOMER, TieKind.EMAIL, TieKind.CARD}),
    )
    return risk_of(asked, with_statuses(past_of(hold.action, payload)), policy.risk)


def _countries(payload: dict[str, Any]) -> tuple[str, str]:
    """Where it is sent to and billed; "" where that is not said, or hidden."""
    hides = current_redactor().hides_any
    sent, billed = ("" if hides(paths) else value_at(payload, paths) for paths in COUNTRIES)
    return (sent if isinstance(sent, str) else "", billed if isinstance(billed, str) else "")
