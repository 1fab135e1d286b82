"""Making, changing and ending silences. Every process goes by the change within a second.

A silence is never deleted by whoever made it: it is ended, and the trail says by whom.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from acteon_site.base import config_versions
from acteon_site.base.clock import db_now
from acteon_site.base.clock_text import parse_time, rfc3339
from acteon_site.base.errors import FieldProblem, conflict, invalid, not_found
from acteon_site.base.names import name_problem
from acteon_site.base.source import Source
from audit_app.services.journal import Journal, Subject
from rules_app.engine.scope import kind_of
from rules_app.engine.silences import Matcher, matchers_of, parse_matchers
from rules_app.engine.suggest import nearest
from rules_app.engine.values import text_problem
from rules_app.models import Silence

KEYS = ("namespace", "tenant", "matchers", "starts_at", "ends_at", "duration_seconds", "comment")
CHANGEABLE = ("ends_at", "comment")
MAX_COMMENT = 2_000
LONGEST = timedelta(days=366)
Read = tuple[tuple[Matcher, ...], datetime | None, datetime | None, list[FieldProblem]]
NOT_A_TIME = "must be an RFC 3339 time with offset, like 2026-01-31T12:00:00Z"


@transaction.atomic
def silence_create(*, spec: Mapping[str, Any], source: Source) -> Silence:
    """Raises 422 naming every problem of the spec: KEYS, of which ends_at and duration_seconds say one thing."""
    now = db_now()
    matchers, begins, ends, problems = _read(spec, now)
    if problems or begins is None or ends is None:
        raise _refusal(problems)
    silence = Silence.objects.create(
        namespace=spec["namespace"],
        tenant=spec["tenant"],
        matchers=[one.spec() for one in matchers],
        starts_at=begins,
        ends_at=ends,
        comment=spec["comment"].strip(),
        created_by=source.caller_id,
        created_at=now,
        updated_at=now,
    )
    _noted(silence, source, "made")
    return silence


def silence_problems(spec: Mapping[str, Any]) -> list[FieldProblem]:
    """Everything that is wrong with a spec at this moment."""
    return _read(spec, db_now())[3]


def _read(spec: Mapping[str, Any], now: datetime) -> Read:
    """The matchers, the beginning and the end, as far as they can be read, and the problems."""
    problems = _scope_problems(spec)
    matchers, wrong = parse_matchers(spec.get("matchers"))
    begins, ends = _times(spec, now, problems)
    return matchers, begins, ends, problems + wrong + _comment_problems(spec.get("comment"))


@transaction.atomic
def silence_change(*, silence: Silence, changes: Mapping[str, Any], source: Source) -> Silence:
    """Another end or comment; the rest, what it matches above all, stays. Raises 422, and 409 where it has ended."""
    silence, now = _locked(silence), db_now()
    problems = _unchangeable(silence, changes)
    ends, comment = silence.ends_at, silence.comment
    if changes.get("ends_at") is not None:
        ends = _moment(changes["ends_at"], "ends_at", problems) or ends
        problems += _end_problems(silence.starts_at, ends, now) if ends != silence.ends_at else []
    if "comment" in changes:
        problems += _comment_problems(changes["comment"])
    if problems:
        raise _refusal(problems)
    if silence.ends_at <= now:
        raise conflict("this silence has ended; make another one")
    if "comment" in changes:
        comment = changes["comment"].strip()
    before = {"ends_at": rfc3339(silence.ends_at), "comment": silence.comment}
    silence.ends_at, silence.comment = ends, comment
    after = {"ends_at": rfc3339(ends), "comment": comment}
    changed = {name: [before[name], after[name]] for name in before if before[name] != after[name]}
    if changed:
        _save(silence, now, source)
        _noted(silence, source, "changed", changed=changed)
    return silence


@transaction.atomic
def silence_end(*, silence: Silence, source: Source) -> Silence:
    """End it now; one that was still to begin never does. One that has ended stays as it is.

    Asks nothing of what it holds: whatever an older release has stored can be ended.
    """
    silence, now = _locked(silence), db_now()
    if silence.ends_at <= now:
        return silence
    silence.starts_at, silence.ends_at = min(silence.starts_at, now), now
    _save(silence, now, source)
    _noted(silence, source, "ended")
    return silence


def _save(silence: Silence, now: datetime, source: Source) -> None:
    silence.updated_at, silence.edited_by = now, source.caller_id
    silence.save(update_fields=["starts_at", "ends_at", "comment", "updated_at", "edited_by"])


def _locked(silence: Silence) -> Silence:
    """Raises 404 where it is gone."""
    found = Silence.objects.select_for_update().filter(pk=silence.pk).first()
    if found is None:
        raise not_found("there is no such silence")
    return found


def _scope_problems(spec: Mapping[str, Any]) -> list[FieldProblem]:
    found = []
    for name in ("namespace", "tenant"):
        value = spec.get(name)
        problem = "is required" if value is None else name_problem(value, colon_allowed=False)
        if value == "*":
            problem = "must be one by its name: a silence is for one tenant"
        if problem:
            found.append(FieldProblem(name, problem))
    return found


def _times(
    spec: Mapping[str, Any], now: datetime, problems: list[FieldProblem]
) -> tuple[datetime | None, datetime | None]:
    """When it begins and ends, with what is wrong with either among the problems."""
    begins = now if spec.get("starts_at") is None else _moment(spec["starts_at"], "starts_at", problems)
    ends, seconds = spec.get("ends_at"), spec.get("duration_seconds")
    if (ends is None) is (seconds is None):
        what = (
            "is required, or duration_seconds in its place"
            if ends is None
            else "goes without duration_seconds: say one"
        )
        problems.append(FieldProblem("ends_at", what))
        return begins, None
    if ends is not None:
        end = _moment(ends, "ends_at", problems)
    elif type(seconds) is not int or not 1 <= seconds <= LONGEST.total_seconds():
        most = int(LONGEST.total_seconds())
        problems.append(FieldProblem("duration_seconds", f"must be a whole number from 1 to {most}"))
        return begins, None
    else:
        end = begins + timedelta(seconds=seconds) if begins else None
    if begins and end:
        problems += _end_problems(begins, end, now)
    return begins, end


def _moment(value: Any, name: str, problems: list[FieldProblem]) -> datetime | None:
    moment = parse_time(value)
    if moment is None or not 1970 < moment.year < 9999:
        problems.append(FieldProblem(name, NOT_A_TIME))
        return None
    return moment


def _end_problems(begins: datetime, ends: datetime, now: datetime) -> list[FieldProblem]:
    if ends <= begins:
        return [FieldProblem("ends_at", "must be after starts_at")]
    if ends <= now:
        return [FieldProblem("ends_at", "must be a time to come; to end a silence now, delete it")]
    if ends - max(begins, now) > LONGEST:
        text = f"must be at most {LONGEST.days} days away; for what holds for good there are rules"
        return [FieldProblem("ends_at", text)]
    return []


def _comment_problems(value: Any) -> list[FieldProblem]:
    if not isinstance(value, str):
        what = "is required: say why, for whoever misses what is silenced"
        return [FieldProblem("comment", what if value is None else f"must be text, not {kind_of(value)}")]
    problem = text_problem(value, MAX_COMMENT) if value.strip() else "is required: say why"
    return [FieldProblem("comment", problem)] if problem else []


def _unchangeable(silence: Silence, changes: Mapping[str, Any]) -> list[FieldProblem]:
    """What a change names beside end and comment must be as it is. Keys of answers that say nothing pass."""
    found = []
    for name in ("namespace", "tenant"):
        if changes.get(name) not in (None, getattr(silence, name)):
            found.append(FieldProblem(name, "cannot be changed"))
    if changes.get("matchers") is not None:
        matchers, problems = parse_matchers(changes["matchers"])
        if problems or [one.spec() for one in matchers] != silence.matchers:
            text = "cannot be changed, since what was silenced would be told wrong: end this one and make another"
            found.append(FieldProblem("matchers", text))
    if not any(name in changes for name in CHANGEABLE) and not found:
        guess = next((near for name in changes if (near := nearest(str(name), CHANGEABLE))), None)
        meant = f"; did you mean {guess}?" if guess else ""
        found.append(
            FieldProblem("ends_at", f"and comment are what can be changed, and neither is given{meant}")
        )
    return found


def _refusal(problems: list[FieldProblem]) -> Exception:
    return invalid(f"{problems[0].field} {problems[0].message}", problems)


def _noted(silence: Silence, source: Source, change: str, **details: Any) -> None:
    """The audit row of a change, in its transaction, and word to every process."""
    config_versions.touch(config_versions.SILENCES)
    said = {
        "silence": str(silence.pk),
        "change": change,
        "matchers": [str(one) for one in matchers_of(silence.matchers)],
        "starts_at": rfc3339(silence.starts_at),
        "ends_at": rfc3339(silence.ends_at),
        "comment": silence.comment,
        **details,
    }
    journal = Journal(source)
    subject = Subject(silence.namespace, silence.tenant, "", "silence", str(silence.pk))
    journal.audit(subject, outcome="state_changed", verdict="state_machine", outcome_details=said)
    journal.write()
