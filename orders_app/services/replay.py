"""Dispatching a stored original again, under a new id. What took effect is never run twice.

An action is known by its id and type: whatever was stored under them, and every replay of it, are one family.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Exists, Max, OuterRef, Q, QuerySet
from django.utils import timezone

from acteon_site.base.errors import AppError, invalid, not_found
from acteon_site.base.ids import new_id
from acteon_site.base.principals import SYSTEM, Principal
from audit_app.models import AuditRecord
from audit_app.selectors import OF_CHAINS
from orders_app.contract.actions import stored_action
from orders_app.contract.outcomes import Outcome
from orders_app.models import Action
from orders_app.pipeline.dispatch import Alongside, dispatch_many
from orders_app.pipeline.items import Processed, Submission
from orders_app.services.effects import actions_in_effect, took_effect

REPLAYABLE = ("failed", "throttled", "circuit_open", "quota_exceeded")
TOOK_EFFECT = "its order took effect; it is never run again"
GONE = "the original is no longer stored"
_NAME = ("namespace", "tenant", "action_type", "action_id")


@dataclass(frozen=True, slots=True)
class Replayed:
    original_id: str
    new_id: str | None
    outcome: Outcome | None
    error: str | None
    skipped: bool = False

    def wire(self) -> dict[str, Any]:
        return {
            "original_action_id": self.original_id,
            "new_action_id": self.new_id or "",  # always a text: clients read it so
            "success": self.outcome is not None and self.error is None,
            "error": self.error,
            "outcome": self.outcome.wire() if self.outcome else None,
        }


def original_of(namespace: str, tenant: str, action_id: str, caller: Principal = SYSTEM) -> Action:
    """The stored original of an action that the caller may see.

    Raises 404 where there never was one, 422 where it is no longer stored.
    """
    named = {"namespace": namespace, "tenant": tenant, "action_id": action_id}
    seen = caller.action_lookups()
    row = Action.objects.filter(**named).filter(**seen).order_by("-received_at").first()
    if row is not None:
        return row
    # Rows of a chain's steps name the step's provider, not the action's.
    if AuditRecord.objects.filter(**named).filter(**seen).exclude(OF_CHAINS).exists():
        raise invalid(f"the original of action {action_id!r} is no longer stored")
    raise not_found(f"no action has the id {action_id!r} here")


def originals_of(
    records: QuerySet[AuditRecord], caller: Principal, *, limit: int
) -> tuple[list[Action], int]:
    """The stored originals of the newest actions on these records, oldest first, and how many are stored no more.

    Replays are no originals, and what a replay has brought to effect is left out.
    """
    same = {name: OuterRef(name) for name in ("namespace", "tenant", "action_type")}
    replays = Action.objects.filter(**same, action_id=OuterRef("action_id")).exclude(replay_of="")
    done = actions_in_effect(Action.objects.filter(**same, replay_of=OuterRef("action_id")))
    wanted = records.exclude(OF_CHAINS).exclude(Exists(replays)).exclude(Exists(done))
    # Actions, not rows: one that was sent a hundred times must not take the place of others.
    each = wanted.order_by().values(*_NAME).annotate(last=Max("dispatched_at"))
    newest = each.order_by("-last", "action_id", "action_type", "tenant", "namespace")[:limit]
    names = {tuple(row[field] for field in _NAME) for row in newest}
    rows = Action.objects.filter(replay_of="", **_any_of(names)).filter(**caller.action_lookups())
    stored = {tuple(getattr(row, field) for field in _NAME): row for row in rows.order_by("received_at")}
    found = [row for name, row in stored.items() if name in names]
    return sorted(found, key=lambda row: row.received_at), len(names) - len(found)


def _any_of(names: Collection[tuple[str, ...]]) -> dict[str, Collection[str]]:
    """Lookups of at least these actions, by the index on tenant and id."""
    return {f"{field}__in": {name[place] for name in names} for place, field in enumerate(_NAME)}


def action_replay(original: Action, submission: Submission) -> Replayed:
    """Dispatch it anew; skipped where it took effect, at first or as a replay."""
    family = list(_family(original))
    if original not in family:  # retention was faster
        return _skipped(original, GONE)
    if took_effect(family):
        return _skipped(original, TOOK_EFFECT)
    body = {**_as_sent(original.body), "id": str(new_id()), "payload": stored_action(original.body).payload}
    anew = replace(submission, replay_of=_first_id(original))
    try:
        result = dispatch_many([body], anew, _OnlyOne(original)).results[0]
    except _TookEffectError:
        return _skipped(original, TOOK_EFFECT)
    except _GoneError:
        return _skipped(original, GONE)
    if isinstance(result, AppError):
        return Replayed(original.action_id, body["id"], None, result.message)
    failed = str(result.content["message"]) if result.tag == "Failed" else None
    return Replayed(original.action_id, body["id"], result, failed)


def _skipped(original: Action, why: str) -> Replayed:
    return Replayed(original.action_id, None, None, why, skipped=True)


class _TookEffectError(Exception):
    """Another replay was faster."""


class _GoneError(Exception):
    """Retention was faster."""


@dataclass(frozen=True, slots=True)
class _OnlyOne(Alongside):
    """Of replays at the same time one goes on: they lock the family, and the later ones find what the first did."""

    original: Action

    def after(self, processed: Sequence[Processed]) -> None:
        family = _family(self.original)
        list(family.select_for_update(no_key=True).values_list("pk"))
        own = [done.item.row_id for done in processed]
        # Read again: what another replay has added meanwhile is not among the rows that were locked.
        others = list(family.exclude(pk__in=own))
        if self.original not in others:
            raise _GoneError
        if took_effect(others):
            raise _TookEffectError


def _first_id(original: Action) -> str:
    return original.replay_of or original.action_id


def _family(original: Action) -> QuerySet[Action]:
    first = _first_id(original)
    alike = Action.objects.filter(
        namespace=original.namespace, tenant=original.tenant, action_type=original.action_type
    )
    return alike.filter(Q(action_id=first) | Q(replay_of=first)).defer("body").order_by("pk")


def _as_sent(stored: dict[str, Any]) -> dict[str, Any]:
    """The template's fields are in the payload already; an id that the gateway made is not given again."""
    left_out = ("given_id", "extras", "tainted", "template", "id")
    return {
        **{name: value for name, value in stored.items() if name not in left_out and value != ""},
        **stored["extras"],
    }


def submission_for(caller: Principal, request_id: str) -> Submission:
    return Submission(caller, request_id, timezone.now())
