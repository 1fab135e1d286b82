"""Which approvals a list shows and in which order: read from a query, answered page by page by key.

The number of queries does not depend on the number of rows, and each sort has its index (Hold.Meta).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.models import Group
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from acteon_site.admin.buttons import actor_of
from acteon_site.admin.scoped import narrowed, reader_of
from acteon_site.base.clock_text import parse_time
from acteon_site.base.ids import as_uuid
from acteon_site.base.names import spellings
from acteon_site.base.principals import Principal, Role
from audit_app.admin.filters import scopes_of, within_scopes
from orders_app.models import Action, Approval, Hold, Order
from orders_app.newest_tied import newest_tied
from orders_app.states import HoldKind, HoldStatus
from orders_app.tie_keys import keys_of_text
from orders_app.worth import worth_of_amount

PAGE = 50
MOST_FOUND = 200
LONGEST = 300
WAITING = "waiting"
STATES = {
    WAITING: "Waiting",
    "snoozed": "Put off",
    HoldStatus.APPROVED: "Approved",
    HoldStatus.REJECTED: "Rejected",
    HoldStatus.EXPIRED: "Expired",
    HoldStatus.CANCELLED: "Cancelled",
    "all": "Everything, newest first",
}
SORTS = {"time": "Least time left", "value": "Highest value", "risk": "Highest risk", "newest": "Newest"}
WHOSE = {"": "Everybody's", "mine": "Mine", "nobody": "Nobody's yet", "escalated": "Escalated to my groups"}
# The columns of each sort, and whether it goes down.
_COLUMNS = {
    "time": ("due_at", False),
    "value": ("worth", True),
    "risk": ("risk", True),
    "newest": ("pk", True),
}
UNREAD = ("outcome", "context", "cleared", "passed")  # not for a list: some of it is encrypted


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks: whose work is his own, and how far he sees."""

    name: str
    reader: Principal


def viewer_of(request: HttpRequest, role: Role = Role.VIEWER) -> Viewer:
    return Viewer(actor_of(request), reader_of(request, role))


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What is asked for. `after` is the key behind which the page begins."""

    q: str = ""
    state: str = WAITING
    sort: str = "time"
    shop: str = ""
    rule: str = ""
    whose: str = ""
    least: str = ""
    after: str = ""

    @classmethod
    def read(cls, given: Mapping[str, str]) -> ListQuery:
        """What is no choice counts as not given."""
        texts = {name: given.get(name, "").replace("\0", "").strip()[:LONGEST] for name in cls.__slots__}
        asked = cls(**texts)
        return replace(
            asked,
            state=asked.state if asked.state in STATES else WAITING,
            sort=asked.sort if asked.sort in SORTS else "time",
            whose=asked.whose if asked.whose in WHOSE else "",
        )

    @property
    def is_open(self) -> bool:
        return self.state in (WAITING, "snoozed")

    def text(self, **changes: str) -> str:
        """As a query, without what is usual."""
        usual = ListQuery()
        asked = replace(self, **changes)
        pairs = {name: getattr(asked, name) for name in ListQuery.__slots__}
        return urlencode({name: value for name, value in pairs.items() if value != getattr(usual, name)})


def open_approvals() -> QuerySet[Approval]:
    """Those that somebody can still decide, put off or not."""
    pending = Approval.objects.filter(kind=HoldKind.APPROVAL, status=HoldStatus.PENDING, taken="")
    return pending.filter(due_at__gt=timezone.now())


def approvals_matching(asked: ListQuery, viewer: Viewer) -> QuerySet[Approval]:
    """All of them, in no order."""
    rows = narrowed(_in_state(asked.state), viewer.reader)
    if asked.shop:
        namespace, _, tenant = asked.shop.partition(":")
        rows = rows.filter(namespace=namespace, tenant=tenant)
    if asked.rule:
        rows = rows.filter(rule=asked.rule)
    if (least := worth_of_amount(asked.least)) is not None:
        rows = rows.filter(worth__gte=least)
    if (
        asked.is_open
    ):  # what is decided is nobody's work any more, and there are too many of them to look through
        rows = _whose(rows, asked.whose, viewer.name)
    return rows.filter(_found(asked.q, viewer.reader)) if asked.q else rows


def approvals_page(asked: ListQuery, viewer: Viewer, size: int = PAGE) -> tuple[list[Approval], str]:
    """The rows of a page, and the key behind its last one; "" where it is the last page."""
    rows = _sorted(approvals_matching(asked, viewer), asked)
    found = list(rows.select_related("action", "order").defer(*UNREAD)[: size + 1])
    return found[:size], _key(found[size - 1], asked) if len(found) > size else ""


def approval_after(asked: ListQuery, viewer: Viewer, row: Hold) -> UUID | None:
    """The one to decide after this one; from the top again where it was the last."""
    asked = replace(asked, state=WAITING) if not asked.is_open else asked
    for after in (_key(row, asked), ""):
        rows = _sorted(approvals_matching(replace(asked, after=after), viewer), replace(asked, after=after))
        found = rows.exclude(pk=row.pk).values_list("pk", flat=True).first()
        if found is not None:
            return UUID(str(found))
    return None


def _in_state(state: str) -> QuerySet[Approval]:
    rows = Approval.objects.filter(kind=HoldKind.APPROVAL)
    put_off = Q(snoozed_until__gt=timezone.now())
    if state == WAITING:
        return open_approvals().exclude(put_off)
    if state == "snoozed":
        return open_approvals().filter(put_off)
    return rows if state == "all" else rows.filter(status=state)


def _whose(rows: QuerySet[Approval], whose: str, viewer: str) -> QuerySet[Approval]:
    if whose == "mine":
        return rows.filter(assigned_to=viewer)
    if whose == "nobody":
        return rows.filter(assigned_to="")
    groups = Group.objects.filter(user__username=viewer).values("name")
    return rows.filter(escalated_to__in=groups) if whose else rows


def _found(text: str, reader: Principal) -> Q:
    """By order, action, approval, shop or customer. Each is looked up by its own index, at most so many rows."""
    names = spellings(text)
    orders = narrowed(within_scopes(Order.objects.filter(fingerprint__in=names)), reader).values_list(
        "pk", flat=True
    )
    actions = narrowed(within_scopes(Action.objects.filter(action_id__in=names)), reader).values_list(
        "pk", flat=True
    )
    found = Q(order_id__in=list(orders[:MOST_FOUND])) | Q(tenant=text)
    ids = set(actions[:MOST_FOUND]) | set(_of_customer(text, reader))
    found |= Q(action_id__in=ids)
    return found | Q(pk=pk) if (pk := as_uuid(text)) else found


def _of_customer(text: str, reader: Principal) -> list[UUID]:
    keys = [key for scope in scopes_of(reader) for key in keys_of_text(*scope, text)]
    return newest_tied(keys, MOST_FOUND)


def _sorted(rows: QuerySet[Approval], asked: ListQuery) -> QuerySet[Approval]:
    """Those that are decided already are shown by their time, or by their ids: there are indexes for that."""
    column, down = _sort_of(asked)
    rows = _behind(rows, asked.after, column, down=down)
    sign = "-" if down else ""
    return rows.order_by(f"{sign}pk") if column == "pk" else rows.order_by(f"{sign}{column}", f"{sign}pk")


def _sort_of(asked: ListQuery) -> tuple[str, bool]:
    if asked.is_open:
        return _COLUMNS[asked.sort]
    if asked.shop:
        return "created_at", True
    return ("pk", True) if asked.state == "all" else ("due_at", True)


def _key(row: Hold, asked: ListQuery) -> str:
    value = getattr(row, _sort_of(asked)[0])
    return f"{value.isoformat() if isinstance(value, datetime) else value}_{row.pk}"


def _behind(rows: QuerySet[Approval], after: str, column: str, *, down: bool) -> QuerySet[Approval]:
    text, _, key = after.rpartition("_")
    pk, value = as_uuid(key), _value(text, column)
    if pk is None or value is None:
        return rows
    step = "lt" if down else "gt"
    if column == "pk":
        return rows.filter(**{f"pk__{step}": pk})
    # The first condition is what an index is read from; the second takes those of the same value apart.
    reached = Q(**{f"{column}__{step}e": value})
    return rows.filter(reached).filter(Q(**{f"{column}__{step}": value}) | Q(**{f"pk__{step}": pk}))


def _value(text: str, column: str) -> Any:
    if column == "pk":
        return as_uuid(text)
    if column in ("due_at", "created_at"):
        return parse_time(text)
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None
