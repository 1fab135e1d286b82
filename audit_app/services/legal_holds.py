"""Legal holds: while one stands, nothing of what it names is deleted, whatever retention says.

A hold names a namespace, a tenant (or * for all of the namespace) and, where it is about one order, that order's name;
where it is about a time, from when until when. Several may name the same; the last one that is lifted lets retention
go on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from acteon_site.base.clock_text import rfc3339
from acteon_site.base.errors import FieldProblem, conflict, invalid_fields, not_found
from acteon_site.base.names import identity_problem, name_problem
from acteon_site.base.registry import Hook, Registry
from acteon_site.base.source import Source
from audit_app.models import LegalHold, RetentionPolicy
from audit_app.services.journal import Journal, Subject

ALL = "*"
HOLD_TYPE = "legal_hold"  # what the trail says in place of an action's type
MOST_REASON = 2000
# From when until before when; None: without end.
Time = tuple[datetime | None, datetime | None]
ActionsOf = Callable[[str, str, Collection[str]], Collection[str]]
# Which actions belong to orders with these names, by namespace and tenant. Whoever has orders lists it here.
ACTIONS_OF_ORDERS: Registry[Hook[ActionsOf]] = Registry("table of orders' actions")


@dataclass(frozen=True, slots=True)
class Held:
    """What must stay: everything, or what was in these times, and these orders and their actions."""

    everything: bool = False
    times: tuple[Time, ...] = ()
    orders: frozenset[str] = frozenset()
    actions: frozenset[str] = frozenset()

    def alive(self, begin: str, end: str = "") -> Q:
        """Rows that were there in one of the times: from what one column says until what the other one does."""
        found = Q(pk__in=[])
        for since, until in self.times:
            one = Q(**{f"{begin}__lt": until}) if until else Q()
            found |= one & (
                Q(**{f"{end or begin}__gte": since}) if since else Q(**{f"{begin}__isnull": False})
            )
        return found

    def keeps(self, action_id: str, at: datetime) -> bool:
        return action_id in self.actions or any(
            (since is None or at >= since) and (until is None or at < until) for since, until in self.times
        )

    def earliest(self, otherwise: datetime) -> datetime:
        """When the first of the times begins, where that is before `otherwise`."""
        begins = [since or datetime.min.replace(tzinfo=UTC) for since, _ in self.times]
        return min([*begins, otherwise])


def legal_hold_place(
    *,
    namespace: str,
    tenant: str,
    reason: str,
    source: Source,
    order_name: str = "",
    held_from: datetime | None = None,
    held_until: datetime | None = None,
) -> LegalHold:
    """A hold from now on; a batch of retention that is under way ends first. Raises 422."""
    asked = {"namespace": namespace, "tenant": tenant, "order_name": order_name, "reason": reason}
    if problems := legal_hold_problems(**asked, held_from=held_from, held_until=held_until):
        raise invalid_fields(problems)
    with transaction.atomic():
        _policies(
            namespace, tenant
        )  # locked: the reaper holds them while it deletes, and looks at holds after that
        hold = LegalHold.objects.create(
            namespace=namespace,
            tenant=tenant,
            order_name=order_name,
            held_from=held_from,
            held_until=held_until,
            reason=reason,
            placed_by=source.caller_id,
        )
        _note(hold, source, "placed", reason)
    return hold


def legal_hold_lift(*, hold_id: UUID, reason: str, source: Source) -> LegalHold:
    """Raises 404, 409 where somebody has lifted it, 422 without a reason."""
    if problem := _reason_problem(reason):
        raise invalid_fields([problem])
    with transaction.atomic():
        standing = LegalHold.objects.filter(pk=hold_id, lifted_at=None)
        lifted = standing.update(lifted_at=timezone.now(), lifted_by=source.caller_id, lift_reason=reason)
        hold = LegalHold.objects.filter(pk=hold_id).first()
        if hold is None:
            raise not_found("there is no such legal hold")
        if not lifted:
            raise conflict(f"it was lifted already, by {hold.lifted_by}")
        _note(hold, source, "lifted", reason)
    return hold


def holds_standing() -> QuerySet[LegalHold]:
    return LegalHold.objects.filter(lifted_at=None).order_by("namespace", "tenant", "placed_at")


def held_of(namespace: str, tenant: str) -> Held:
    """What retention must leave of this tenant now."""
    standing = holds_standing().filter(Q(tenant=tenant) | Q(tenant=ALL), namespace=namespace)
    rows = set(standing.values_list("order_name", "held_from", "held_until"))
    if ("", None, None) in rows:
        return Held(everything=True)
    names = {name for name, _, _ in rows if name}
    times = tuple((since, until) for name, since, until in rows if not name)
    if not names:
        return Held(times=times)
    found = [table.call(namespace, tenant, names) for table in ACTIONS_OF_ORDERS.values()]
    return Held(times=times, orders=frozenset(names), actions=frozenset(names).union(*found))


def held_events(hold: LegalHold) -> Q:
    """The events of the stream that a hold keeps."""
    of_tenant = (
        Q(namespace=hold.namespace) if hold.tenant == ALL else Q(namespace=hold.namespace, tenant=hold.tenant)
    )
    if not hold.order_name:
        time = (hold.held_from, hold.held_until)
        return of_tenant & Held(times=(time,)).alive("created_at") if any(time) else of_tenant
    names = {hold.order_name}
    found = [table.call(hold.namespace, hold.tenant, names) for table in ACTIONS_OF_ORDERS.values()]
    return of_tenant & Q(action_id__in=sorted(names.union(*found)))


def legal_hold_problems(
    *,
    namespace: str,
    tenant: str,
    order_name: str,
    reason: str,
    held_from: datetime | None = None,
    held_until: datetime | None = None,
) -> list[FieldProblem]:
    """What is wrong with a hold that somebody wants to place, by field."""
    problems = {
        "namespace": name_problem(namespace, colon_allowed=False),
        "tenant": "" if tenant == ALL else name_problem(tenant, colon_allowed=False),
        "order_name": identity_problem(order_name) if order_name else "",
    }
    if tenant == ALL and order_name:
        problems["tenant"] = "must be named where the hold is about one order"
    if order_name and (held_from or held_until):
        problems["held_from"] = "goes with a tenant: an order is held whole"
    elif held_from and held_until and held_from >= held_until:
        problems["held_until"] = "must be after from"
    wrong = _reason_problem(reason)
    found = [FieldProblem(name, problem) for name, problem in problems.items() if problem]
    return [*found, wrong] if wrong else found


def _reason_problem(reason: str) -> FieldProblem | None:
    if not reason.strip():
        return FieldProblem("reason", "is required: who reads the trail later wants to know why")
    return FieldProblem("reason", f"at most {MOST_REASON} characters") if len(reason) > MOST_REASON else None


def _policies(namespace: str, tenant: str) -> None:
    concerned = RetentionPolicy.objects.select_for_update().filter(namespace=namespace)
    if tenant != ALL:
        concerned = concerned.filter(tenant=tenant)
    list(concerned.order_by("pk").values_list("pk"))


def _note(hold: LegalHold, source: Source, change: str, reason: str) -> None:
    journal = Journal(source)
    details: dict[str, Any] = {
        "legal_hold": str(hold.pk),
        "change": change,
        "reason": reason,
        "of": {"namespace": hold.namespace, "tenant": hold.tenant, "order": hold.order_name or ALL},
    }
    if hold.held_from or hold.held_until:
        times = {"from": hold.held_from, "until": hold.held_until}
        details["time"] = {name: rfc3339(at) for name, at in times.items() if at}
    namespace, tenant = ("", "") if hold.tenant == ALL else (hold.namespace, hold.tenant)
    subject = Subject(namespace, tenant, "", HOLD_TYPE, hold.order_name or str(hold.pk))
    journal.audit(subject, outcome="state_changed", verdict="state_machine", outcome_details=details)
    journal.write()
