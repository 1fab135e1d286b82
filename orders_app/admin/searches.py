"""What the admin's search finds of orders: by name, customer, ids; what waits by ids; configuration by its names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from acteon_site.admin.scoped import narrowed
from acteon_site.admin.search import MOST, Search, Term, named
from acteon_site.base.beginnings import begins_with
from acteon_site.base.clock_text import moment
from acteon_site.base.names import spellings
from audit_app.admin.filters import scopes_of, within_scopes
from orders_app.models import Action, ActionGroup, GroupedAction, Hold, Order
from orders_app.newest_tied import newest_tied
from orders_app.tie_keys import keys_of_text

MOST_OF_CUSTOMER = 100  # looked at, of which the person may see some
MOST_TENANTS = 5_000  # of each of which a customer has another hash


def orders(rows: QuerySet[Any], term: Term) -> Iterator[Any]:
    """By the exact name first; by its beginning last, in no order: to sort them, all that begin so would be read."""
    if term.id is not None:
        yield from rows.filter(pk=term.id)
    here = within_scopes(rows).order_by()  # in the list's order the database would walk through the ids
    yield from here.filter(fingerprint__in=spellings(term.text))[: MOST + 1]
    yield from rows.filter(action__in=_of_customer(term)).order_by("-id")
    yield from rows.filter(action__in=_actions(term))[: MOST + 1]
    if term.is_name:
        yield from here.filter(begins_with("fingerprint", term.text))[: MOST + 1]


def _of_customer(term: Term) -> list[UUID]:
    """The newest actions of a customer, by number, e-mail or a card's fingerprint."""
    keys = [key for scope in scopes_of(term.reader, MOST_TENANTS) for key in keys_of_text(*scope, term.text)]
    return newest_tied(keys, MOST_OF_CUSTOMER)


def _actions(term: Term) -> list[UUID]:
    rows = within_scopes(narrowed(Action.objects.filter(action_id=term.text), term.reader))
    return list(rows.values_list("pk", flat=True)[:MOST_OF_CUSTOMER])


def holds(rows: QuerySet[Any], term: Term) -> Iterator[Any]:
    if term.id is not None:
        yield from rows.filter(pk=term.id)
    yield from within_scopes(rows.filter(action_id_text=term.text))[: MOST + 1]


def groups(rows: QuerySet[Any], term: Term) -> Iterator[Any]:
    """By its id, its key, or an action in it."""
    if term.id is not None:
        yield from rows.filter(pk=term.id)
    yield from rows.filter(group_key=term.text).order_by("-id")[: MOST + 1]
    members = GroupedAction.objects.filter(action__in=_actions(term)).values_list("group", flat=True)
    yield from rows.filter(pk__in=list(members[: MOST + 1]))


def _order_words(order: Order) -> str:
    return f"{order.state}, {order.status}, {order.tenant}, since {moment(order.created_at)}"


def _hold_words(hold: Hold) -> str:
    return f"{hold.status}, {hold.rule}, {hold.tenant}, since {moment(hold.created_at)}"


def _group_words(group: ActionGroup) -> str:
    return f"{group.state}, {group.told}, {group.tenant}, since {moment(group.created_at)}"


def _description(row: Any) -> str:
    return str(row.description)


SEARCHES = (
    Search("Orders", "package_2", "orders_app.order", orders, _order_words),
    Search("Approvals", "approval", "orders_app.approval", holds, _hold_words),
    Search("Waiting orders", "schedule", "orders_app.waitingorder", holds, _hold_words),
    Search("Groups", "stacks", "orders_app.actiongroup", groups, _group_words),
    Search("Lifecycles", "timeline", "orders_app.lifecycle", named(), lambda found: found.action_type),
    Search("Templates", "description", "orders_app.template", named(), _description),
    Search("Profiles", "article", "orders_app.templateprofile", named(), _description),
)
