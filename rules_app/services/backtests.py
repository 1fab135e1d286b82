"""Backtests as rows: asked for, taken by one process at a time, told how far they are, ended, and later forgotten."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from acteon_site.base.clock import db_now
from acteon_site.base.digest import content_digest
from acteon_site.base.doorbell import ring_on_commit
from acteon_site.base.errors import FieldProblem, conflict, invalid, not_found
from acteon_site.base.ids import new_id
from acteon_site.base.names import name_problem
from audit_app.models import RetentionPolicy
from audit_app.services.legal_holds import held_of
from rules_app.drafts import content_of, draft_get, draft_rule_set, draft_world, version_get, version_rule_set
from rules_app.models import Backtest, BacktestOrder, RuleSetVersion

TASK = "rules_app.backtest"
MOST_WAITING = 10
MOST_KEPT = 50
KEPT_FOR = timedelta(days=90)
LEASE = timedelta(seconds=60)
# What was not rung, or whose computer died, is rung again by the tidier.
UNHEARD = timedelta(seconds=15)
MOST_ATTEMPTS = 3
ANY = "*"


@dataclass(frozen=True, slots=True)
class Asked:
    """Which rules (a draft's, a version's, or with neither those in force), over which orders."""

    begins: datetime
    ends: datetime
    draft: int | None = None
    version: int | None = None
    namespace: str = ANY
    tenant: str = ANY


def backtest_request(*, asked: Asked, actor: str, ring: bool = True) -> Backtest:
    """A new backtest, for a worker to compute. It keeps the rules as they are now.

    Raises 404 without such a draft or version, 422 where the rules do not load or the range is none, 409 while
    MOST_WAITING others wait.
    """
    _refuse_range(asked)
    _refuse_names(asked)
    backtest = _made(asked, actor)
    with transaction.atomic():
        if Backtest.objects.filter(state__in=_DUE).count() >= MOST_WAITING:
            raise conflict(f"{MOST_WAITING} backtests wait already; let them end first")
        backtest.save(force_insert=True)
        if ring:
            ring_on_commit(TASK)
    return backtest


_DUE = (Backtest.State.QUEUED, Backtest.State.RUNNING)


def _refuse_range(asked: Asked) -> None:
    if asked.begins < asked.ends:
        return
    message = "must be later than from"
    raise invalid(f"to {message}", [FieldProblem("to", message)])


def _refuse_names(asked: Asked) -> None:
    named = {"namespace": asked.namespace, "tenant": asked.tenant}
    problems = [
        FieldProblem(name, problem)
        for name, value in named.items()
        if value != ANY and (problem := name_problem(value, colon_allowed=False))
    ]
    if problems:
        raise invalid(f"{problems[0].field} {problems[0].message}", problems)


def _made(asked: Asked, actor: str) -> Backtest:
    newest = RuleSetVersion.objects.order_by("-number").values_list("number", flat=True).first()
    title, content, draft, version = _rules_asked(asked, newest)
    return Backtest(
        title=title,
        draft=draft,
        version=version,
        content=content,
        digest=content_digest(content),
        newest=newest,
        begins_at=asked.begins,
        ends_at=asked.ends,
        namespace=asked.namespace,
        tenant=asked.tenant,
        requested_by=actor,
        requested_at=db_now(),
    )


def _rules_asked(asked: Asked, newest: int | None) -> tuple[str, dict[str, Any], Any, int | None]:
    """Title, content, and the draft or version. Rules that do not load are refused here and not by the worker."""
    if asked.draft is not None and asked.version is not None:
        message = "name a draft or a version, not both"
        raise invalid(message, [FieldProblem("version", message)])
    if asked.draft is not None:
        draft = draft_get(asked.draft)
        draft_rule_set(draft)
        return f"draft {draft.pk}: {draft.name}", content_of(draft_world(draft)), draft, None
    number = newest if asked.version is None else asked.version
    if number is None:
        raise not_found("no rules have been put in force yet")
    found = version_get(number)
    version_rule_set(found)
    words = f"version {number}" if asked.version is not None else f"the rules in force (version {number})"
    return words, found.content, None, number


@transaction.atomic
def backtest_next() -> UUID | None:
    """The oldest that waits, while no other is computed: one at a time, so that a queue of them takes no machine."""
    now = db_now()
    due = list(Backtest.objects.select_for_update().filter(state__in=_DUE).order_by("requested_at", "id"))
    if any(row.leased_until and row.leased_until > now for row in due):
        return None
    return due[0].pk if due else None


@transaction.atomic
def backtest_claim(pk: UUID) -> Backtest | None:
    """Take it to compute; None where it is over or somebody else's. One that keeps dying is ended as failed."""
    now = db_now()
    free = Q(leased_until__isnull=True) | Q(leased_until__lt=now)
    row = Backtest.objects.select_for_update().filter(free, pk=pk, state__in=_DUE).first()
    if row is None:
        return None
    if row.attempts >= MOST_ATTEMPTS:
        row.state, row.finished_at = Backtest.State.FAILED, now
        row.problem = f"its computation ended without a result {row.attempts} times"
        row.save(update_fields=["state", "finished_at", "problem"])
        return None
    row.state, row.started_at, row.attempts = Backtest.State.RUNNING, now, row.attempts + 1
    row.lease, row.leased_until, row.done = new_id(), now + LEASE, 0
    row.save(update_fields=["state", "started_at", "attempts", "lease", "leased_until", "done"])
    return row


def backtest_progress(backtest: Backtest, *, done: int, total: int) -> bool:
    """Note how far it is, and hold it for longer. False where it is no longer this computation's: then stop."""
    own = Backtest.objects.filter(pk=backtest.pk, lease=backtest.lease)
    return bool(own.update(done=done, total=total, leased_until=db_now() + LEASE))


@transaction.atomic
def backtest_finish(
    backtest: Backtest, *, summary: dict[str, Any], orders: Iterable[BacktestOrder], total: int
) -> bool:
    """Store what was found. False, and nothing stored, where it is no longer this computation's."""
    own = Backtest.objects.filter(pk=backtest.pk, lease=backtest.lease)
    ended = {"state": Backtest.State.DONE, "finished_at": db_now(), "summary": summary}
    if not own.update(**ended, done=total, total=total, lease=None, leased_until=None):
        return False
    BacktestOrder.objects.bulk_create(orders, batch_size=1000)
    return True


def backtest_fail(backtest: Backtest, *, problem: str) -> None:
    own = Backtest.objects.filter(pk=backtest.pk, lease=backtest.lease)
    failed = {"state": Backtest.State.FAILED, "finished_at": db_now(), "problem": problem}
    own.update(**failed, lease=None, leased_until=None)


def backtest_remove(*, pk: UUID) -> None:
    """Delete it; one that is computed stops at its next page. Raises 404 where it is not there."""
    if not Backtest.objects.filter(pk=pk).delete()[0]:
        raise not_found("there is no such backtest")


def tidy_backtests(now: datetime, batch: int) -> int:
    """Ring again for what nobody computes, and delete what is old or too many. Returns how many were deleted."""
    due = Backtest.objects.filter(state__in=_DUE, requested_at__lt=now - UNHEARD)
    unheard = due.filter(Q(leased_until__isnull=True) | Q(leased_until__lt=now))
    if unheard.exists():
        ring_on_commit(TASK)
    over = Backtest.objects.exclude(state__in=_DUE).order_by("-requested_at", "-id")
    kept = list(over.values_list("pk", flat=True)[:MOST_KEPT])
    old = over.filter(Q(requested_at__lt=now - KEPT_FOR) | ~Q(pk__in=kept))
    gone = list(old.values_list("pk", flat=True)[:batch])
    Backtest.objects.filter(pk__in=gone).delete()
    return len(gone)


def reap_backtest_orders(policy: RetentionPolicy, now: datetime, batch: int) -> int:
    """What a backtest lists of a tenant goes with the records that it leads to."""
    if policy.audit_ttl_seconds is None:
        return 0
    cutoff = now - timedelta(seconds=policy.audit_ttl_seconds)
    old = BacktestOrder.objects.filter(namespace=policy.namespace, tenant=policy.tenant, at__lt=cutoff)
    held = held_of(policy.namespace, policy.tenant)
    old = old.exclude(Q(action_id__in=held.actions) | held.alive("at"))
    keys = list(old.order_by("at").values_list("pk", flat=True)[:batch])
    BacktestOrder.objects.filter(pk__in=keys).delete()
    return len(keys)
