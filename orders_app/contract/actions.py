"""An action as a client sends it, checked. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from acteon_site.base.clock_text import parse_time
from acteon_site.base.errors import FieldProblem, invalid, problems_in_words
from acteon_site.base.ids import new_id
from acteon_site.base.labels import labels_of
from acteon_site.base.names import identity_problem, name_problem

REQUIRED = ("namespace", "tenant", "provider", "action_type")
NO_COLON = ("namespace", "tenant", "provider")
OPTIONAL_NAMES = ("id", "dedup_key", "fingerprint")
OPTIONAL_TEXTS = ("status", "template")
TIMES = ("created_at", "starts_at", "ends_at")
STORED_AS_GIVEN = ("trace_context", "attachments", "signature", "signer_id", "kid")
MAX_TEXT = 256


@dataclass(frozen=True, slots=True)
class Action:
    """One submission. `given_id` is False where the gateway made the id, which then equals no other."""

    namespace: str
    tenant: str
    provider: str
    action_type: str
    payload: dict[str, Any]
    id: str
    given_id: bool = True
    created_at: str = ""
    dedup_key: str = ""
    fingerprint: str = ""
    status: str = ""
    template: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    extras: dict[str, Any] = field(default_factory=dict)
    # Payload fields that were rendered from redacted ones (orders_app.pipeline.enrich).
    tainted: tuple[str, ...] = ()

    @property
    def dedup_value(self) -> str:
        return self.dedup_key or self.id

    def with_payload(self, payload: dict[str, Any]) -> Action:
        return self if payload is self.payload else replace(self, payload=payload)

    def stored(self) -> dict[str, Any]:
        """As it is kept, encrypted, for holds, chains and replays."""
        return {name: getattr(self, name) for name in _NAMES}


_NAMES = tuple(one.name for one in fields(Action))


def stored_action(body: Mapping[str, Any]) -> Action:
    """The action that `Action.stored` gave."""
    return Action(**{**body, "tainted": tuple(body["tainted"])})


def parse_action(body: Any) -> Action:
    """The action in a decoded JSON body. Raises a 422 AppError that names every wrong field."""
    if not isinstance(body, dict):
        raise invalid("an action must be a JSON object")
    problems = _problems(body)
    if problems:
        raise invalid(problems_in_words(problems[:5]), problems)
    given = body.get("id")
    texts: dict[str, Any] = {
        name: body.get(name) or "" for name in (*OPTIONAL_TEXTS, "dedup_key", "fingerprint", "created_at")
    }
    return Action(
        **{name: body[name] for name in REQUIRED},
        **texts,
        payload=body["payload"],
        id=given or str(new_id()),
        given_id=bool(given),
        metadata=labels_of(body.get("metadata"))[0],
        extras={name: body[name] for name in (*STORED_AS_GIVEN, *TIMES[1:]) if body.get(name) is not None},
    )


def _problems(body: dict[str, Any]) -> list[FieldProblem]:
    problems = []
    for name in REQUIRED:
        if (value := body.get(name)) is None:
            problems.append(FieldProblem(name, "is required"))
        elif problem := name_problem(value, colon_allowed=name not in NO_COLON):
            problems.append(FieldProblem(name, problem))
    for name in OPTIONAL_NAMES:
        if (value := body.get(name)) is not None and (problem := identity_problem(value)):
            problems.append(FieldProblem(name, problem))
    return problems + _payload_problems(body) + _text_problems(body) + labels_of(body.get("metadata"))[1]


def _payload_problems(body: dict[str, Any]) -> list[FieldProblem]:
    if body.get("payload") is None:
        return [FieldProblem("payload", "is required")]
    return [] if isinstance(body["payload"], dict) else [FieldProblem("payload", "must be a JSON object")]


def _text_problems(body: dict[str, Any]) -> list[FieldProblem]:
    problems = []
    for name in OPTIONAL_TEXTS:
        value = body.get(name)
        if value is not None and (not isinstance(value, str) or len(value) > MAX_TEXT):
            problems.append(FieldProblem(name, f"must be text of at most {MAX_TEXT} characters"))
    for name in TIMES:
        if (value := body.get(name)) is not None and parse_time(value) is None:
            problems.append(
                FieldProblem(name, "must be an RFC 3339 time with offset, like 2026-01-31T12:00:00Z")
            )
    return problems
