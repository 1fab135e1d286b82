"""What tells a page that it is behind: cheap enough to be asked for every two seconds by everybody who looks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from acteon_site.admin.scoped import narrowed
from acteon_site.base.digest import content_digest
from orders_app.admin.approval_list import Viewer
from orders_app.models import Approval, Hold
from orders_app.states import HoldKind, HoldStatus

MOST_ROWS = 100
MOST_TAKEN = 20
EVERY_SECONDS = 2
_STATE = (
    *("pk", "status", "taken", "taken_by", "first_by", "assigned_to"),
    *("snoozed_until", "escalated_to", "risk", "ended_at", "problem"),
)
Versions = dict[str, str]


def versions(rows: Iterable[Hold], taken: Iterable[UUID], viewer: Viewer) -> Versions:
    """By part of a page: of these approvals, of what the viewer may still undo, and of what has come in."""
    waiting = Approval.objects.filter(kind=HoldKind.APPROVAL, status=HoldStatus.PENDING)
    pending = narrowed(waiting, viewer.reader)
    shown = sorted(rows, key=lambda row: row.pk)
    return {
        "rows": _digest([getattr(row, name) for name in _STATE] for row in shown),
        "taken": _digest([pk] for pk in taken),
        "newest": _digest(pending.order_by("-pk").values_list("pk")[:1]),
    }


def versions_now(ids: Iterable[UUID], viewer: Viewer) -> Versions:
    """The same, read for it alone."""
    rows = narrowed(Approval.objects.filter(pk__in=list(ids)[:MOST_ROWS]), viewer.reader).only(*_STATE)
    return versions(rows, taken_by(viewer).values_list("pk", flat=True), viewer)


def taken_by(viewer: Viewer) -> QuerySet[Approval]:
    """Decisions of the viewer that have no effect yet, the latest first."""
    taken = Approval.objects.filter(status=HoldStatus.PENDING, taken_by=viewer.name).exclude(taken="")
    return narrowed(taken, viewer.reader).order_by("-next_run_at")[:MOST_TAKEN]


def _digest(rows: Iterable[Any]) -> str:
    return content_digest([[str(value) for value in row] for row in rows])[:16]
