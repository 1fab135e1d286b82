"""Runs are made here: of a chain's current version, of a bare call, of a notice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from acteon_site.base.doorbell import ring_on_commit
from acteon_site.base.many_rows import rows_insert
from acteon_site.base.statements import Writes
from chains_app.models import Run
from chains_app.selectors import CurrentChain
from chains_app.states import RunKind

ADVANCE_TASK = "chains_app.advance"
CALL = "call"
# A bare call is tried this often; a notice until its time is over.
SINGLE_RETRY = {"max_retries": 2, "backoff_ms": 200, "strategy": "exponential", "jitter_ms": 100}
NOTICE_RETRY = {"max_retries": 50, "backoff_ms": 2000, "strategy": "exponential", "jitter_ms": 1000}
NOTICE_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose run it is: the kind that a listener is registered for, and the row's id."""

    kind: str
    id: UUID | None


def run_of_chain(
    chain: CurrentChain,
    *,
    origin: Mapping[str, Any],
    owner: Owner,
    now: datetime,
    due: datetime | None = None,
    reply: Mapping[str, Any] | None = None,
) -> Run:
    """A run of the version in force, due now unless `due` says later. Not stored yet: `runs_insert` does that."""
    seconds = chain.definition.timeout_seconds
    due = due or now
    return _run(
        origin,
        owner,
        now,
        kind=RunKind.CHAIN,
        chain_name=chain.definition.name,
        version_id=chain.version_id,
        next_run_at=due,
        expires_at=due + timedelta(seconds=seconds) if seconds else None,
        reply=dict(reply or {}),
    )


def run_of_branch(parent: Run, step: str, branch: str, *, inherited: Mapping[str, Any], now: datetime) -> Run:
    """One branch of the parent's parallel step; its definition is that branch of the parent's version."""
    return _run(
        parent.origin,
        Owner("", None),
        now,
        kind=RunKind.BRANCH,
        chain_name=f"{parent.chain_name}/{step}/{branch}",
        version_id=parent.version_id,
        branch=branch,
        inherited=dict(inherited),
    )


def run_of_single(
    provider: str, *, origin: Mapping[str, Any], owner: Owner, now: datetime, reply: Mapping[str, Any]
) -> Run:
    """A bare call: a chain of one implicit step."""
    spec = single_spec(provider, origin["action_type"], SINGLE_RETRY)
    return _run(origin, owner, now, kind=RunKind.SINGLE, chain_name=CALL, spec=spec, reply=dict(reply))


def run_of_notice(
    provider: str, *, origin: Mapping[str, Any], owner: Owner, now: datetime, until: datetime | None = None
) -> Run:
    """Tell someone, until it has worked or `until` is over (a day, where not given)."""
    spec = single_spec(provider, origin["action_type"], NOTICE_RETRY)
    end = until or now + timedelta(seconds=NOTICE_SECONDS)
    return _run(origin, owner, now, kind=RunKind.NOTICE, chain_name="notice", spec=spec, expires_at=end)


def single_spec(provider: str, action_type: str, retry: Mapping[str, Any]) -> dict[str, Any]:
    step = {"name": CALL, "provider": provider, "action_type": action_type, "retry": dict(retry)}
    return {"name": CALL, "on_failure": "abort_no_dlq", "steps": [{**step, "on_fallback": "accept"}]}


def _run(origin: Mapping[str, Any], owner: Owner, now: datetime, **fields: Any) -> Run:
    return Run.made(
        namespace=origin["namespace"],
        tenant=origin["tenant"],
        provider=origin["provider"],
        action_type=origin["action_type"],
        action_id=origin["id"],
        origin=origin,
        owner_kind=owner.kind,
        owner_id=owner.id,
        started_at=now,
        updated_at=now,
        **{"next_run_at": now, **fields},
    )


def runs_insert(runs: Sequence[Run], writes: Writes | None = None) -> None:
    """Store runs in one statement, that of `writes` where given.

    Chains and notices ring a worker; a bare call is made by whoever asked for it, and what is due later is swept.
    """
    rows_insert(runs, writes)
    ids = [str(run.pk) for run in runs if _rings(run)]
    if ids:
        ring_on_commit(ADVANCE_TASK, ids)


def _rings(run: Run) -> bool:
    is_due = run.next_run_at is not None and run.next_run_at <= run.started_at
    return is_due and run.kind != RunKind.SINGLE and run.lease_token is None
