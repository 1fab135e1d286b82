"""A lifecycle, checked: every state reachable, every name known, nothing that could never be left or entered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from acteon_site.base.errors import FieldProblem
from acteon_site.base.names import MAX_LENGTH, SHORT_LENGTH
from orders_app.lifecycles.charging import Charges, Refunds, parse_charging
from orders_app.lifecycles.fields import FieldSpec, parse_field, suggestion

KEYS = (
    "name",
    "namespace",
    "tenant",
    "action_type",
    "initial",
    "states",
    "transitions",
    "terminal",
    "timeouts",
    "fields",
    "fingerprint_field",
    "charges",
    "refunds",
    "enabled",
)
LONGEST = {
    **dict.fromkeys(("namespace", "tenant", "action_type"), MAX_LENGTH),
    **dict.fromkeys(("name", "fingerprint_field"), SHORT_LENGTH),
}
LONGEST_STATE = 100


@dataclass(frozen=True, slots=True)
class Timeout:
    state: str
    after_seconds: int
    to: str


@dataclass(frozen=True, slots=True)
class LifecycleSpec:
    """`transitions` are the states that each state may become, `namespace` and `tenant` `*` for all.

    `charges`: its orders charge money; `refunds`: they give back what another order has charged.
    """

    name: str
    action_type: str
    initial: str
    states: tuple[str, ...]
    transitions: Mapping[str, tuple[str, ...]]
    terminal: frozenset[str]
    timeouts: tuple[Timeout, ...] = ()
    fields: tuple[FieldSpec, ...] = ()
    fingerprint_field: str = ""
    namespace: str = "*"
    tenant: str = "*"
    charges: Charges | None = None
    refunds: Refunds | None = None

    def allowed(self, state: str) -> tuple[str, ...]:
        """The states that this one may become."""
        return self.transitions.get(state, ())

    def timeout_of(self, state: str) -> Timeout | None:
        return next((timeout for timeout in self.timeouts if timeout.state == state), None)

    def timeout_at(self, state: str, entered: datetime) -> datetime | None:
        """When an order that entered the state then is moved on by itself, if ever."""
        timeout = self.timeout_of(state)
        return entered + timedelta(seconds=timeout.after_seconds) if timeout else None

    def name_in(self, payload: Mapping[str, Any]) -> str | None:
        """What such a payload calls its order, if it does."""
        value = payload.get(self.fingerprint_field) if self.fingerprint_field else None
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        return value or None if isinstance(value, str) else None

    def claims(self, namespace: str, tenant: str, action_type: str) -> int | None:
        """How specifically this lifecycle claims an action (higher is closer), or None."""
        pairs = ((self.action_type, action_type, 4), (self.tenant, tenant, 2), (self.namespace, namespace, 1))
        score = 0
        for own, given, weight in pairs:
            if own == given:
                score += weight
            elif own != "*":
                return None
        return score


def parse_lifecycle(spec: Any) -> tuple[LifecycleSpec | None, list[FieldProblem]]:
    """The lifecycle that the spec (YAML shape of docs/configuration.md) describes, or every problem with it."""
    if not isinstance(spec, Mapping):
        return None, [FieldProblem("", "must be an object")]
    problems = [
        FieldProblem(str(key), f"is unknown{suggestion(str(key), KEYS)}") for key in spec if key not in KEYS
    ]
    problems += _text_problems(spec)
    states = spec.get("states")
    if (
        not isinstance(states, list)
        or not states
        or not all(isinstance(state, str) and state for state in states)
    ):
        return None, [*problems, FieldProblem("states", "must be a list of state names")]
    problems += _state_problems(spec, states)
    fields, field_problems = _fields(spec.get("fields", {}))
    problems += field_problems
    charges, refunds, money_problems = parse_charging(spec, fields)
    # Of fields that are wrong themselves nothing more is said.
    problems += [] if field_problems else money_problems
    return (None, problems) if problems else (_build(spec, states, fields, charges, refunds), [])


def _text_problems(spec: Mapping[str, Any]) -> list[FieldProblem]:
    problems = []
    for key in ("name", "action_type", "initial"):
        if not isinstance(spec.get(key), str) or not spec[key]:
            problems.append(FieldProblem(key, "is required (text)"))
    for key, longest in LONGEST.items():
        value = spec.get(key, "")
        if not isinstance(value, str) or len(value) > longest:
            problems.append(FieldProblem(key, f"must be text of at most {longest} characters"))
    return problems


def _state_problems(spec: Mapping[str, Any], states: list[str]) -> list[FieldProblem]:
    known = tuple(states)
    problems = []
    if len(set(states)) != len(states):
        problems.append(FieldProblem("states", "names a state twice"))
    if max(map(len, states)) > LONGEST_STATE:
        problems.append(FieldProblem("states", f"a name has more than {LONGEST_STATE} characters"))
    problems += _unknown("initial", spec.get("initial"), known)
    for index, state in enumerate(_list(spec, "terminal", problems)):
        problems += _unknown(f"terminal[{index}]", state, known)
    for index, pair in enumerate(_list(spec, "transitions", problems)):
        problems += _pair_problems(f"transitions[{index}]", pair, ("from", "to"), known)
    for index, timeout in enumerate(_list(spec, "timeouts", problems)):
        problems += _timeout_problems(f"timeouts[{index}]", timeout, spec, known)
    return problems or _reach_problems(spec, states)


def _list(spec: Mapping[str, Any], key: str, problems: list[FieldProblem]) -> list[Any]:
    value = spec.get(key) or []
    if isinstance(value, list):
        return value
    problems.append(FieldProblem(key, "must be a list"))
    return []


def _unknown(where: str, state: Any, known: tuple[str, ...]) -> list[FieldProblem]:
    if state in known:
        return []
    return [FieldProblem(where, f"names no state: {state!r}{suggestion(str(state), known)}")]


def _pair_problems(
    where: str, pair: Any, keys: tuple[str, str], known: tuple[str, ...]
) -> list[FieldProblem]:
    if not isinstance(pair, Mapping):
        return [FieldProblem(where, f"must be an object with {' and '.join(keys)}")]
    problems = [
        FieldProblem(f"{where}.{key}", f"is unknown{suggestion(str(key), keys)}")
        for key in pair
        if key not in keys
    ]
    for key in keys:
        problems += _unknown(f"{where}.{key}", pair.get(key), known)
    return problems


def _timeout_problems(
    where: str, timeout: Any, spec: Mapping[str, Any], known: tuple[str, ...]
) -> list[FieldProblem]:
    if not isinstance(timeout, Mapping):
        return [FieldProblem(where, "must be an object with state, after_seconds and to")]
    seconds = timeout.get("after_seconds")
    pair = {key: value for key, value in timeout.items() if key != "after_seconds"}
    problems = _pair_problems(where, pair, ("state", "to"), known)
    if isinstance(seconds, bool) or not isinstance(seconds, int) or seconds < 1:
        problems.append(
            FieldProblem(f"{where}.after_seconds", "must be a whole number of seconds, at least 1")
        )
    pairs = [
        (pair.get("from"), pair.get("to"))
        for pair in spec.get("transitions") or []
        if isinstance(pair, Mapping)
    ]
    if not problems and (timeout["state"], timeout["to"]) not in pairs:
        problems.append(FieldProblem(f"{where}.to", f"is no transition from {timeout['state']!r}"))
    return problems


def _reach_problems(spec: Mapping[str, Any], states: list[str]) -> list[FieldProblem]:
    transitions = _transitions(spec)
    seen, queue = {spec["initial"]}, [spec["initial"]]
    while queue:
        for target in transitions.get(queue.pop(), ()):
            if target not in seen:
                seen.add(target)
                queue.append(target)
    problems = [
        FieldProblem("states", f"{state!r} cannot be reached") for state in states if state not in seen
    ]
    problems += [
        FieldProblem("transitions", f"terminal state {state!r} must not be left")
        for state in spec.get("terminal") or []
        if transitions.get(state)
    ]
    return problems


def _transitions(spec: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    targets: dict[str, tuple[str, ...]] = {}
    for pair in spec.get("transitions") or []:
        targets[pair["from"]] = (*targets.get(pair["from"], ()), pair["to"])
    return targets


def _fields(spec: Any) -> tuple[tuple[FieldSpec, ...], list[FieldProblem]]:
    if not isinstance(spec, Mapping):
        return (), [FieldProblem("fields", "must be an object: a payload field's name and its type")]
    parsed = [parse_field(str(name), inner) for name, inner in spec.items()]
    fields = tuple(field for field, _ in parsed if field)
    return fields, [problem for _, problems in parsed for problem in problems]


def _build(
    spec: Mapping[str, Any],
    states: list[str],
    fields: tuple[FieldSpec, ...],
    charges: Charges | None,
    refunds: Refunds | None,
) -> LifecycleSpec:
    return LifecycleSpec(
        name=spec["name"],
        action_type=spec["action_type"],
        namespace=spec.get("namespace", "*"),
        tenant=spec.get("tenant", "*"),
        initial=spec["initial"],
        states=tuple(states),
        transitions=_transitions(spec),
        terminal=frozenset(spec.get("terminal") or ()),
        timeouts=tuple(Timeout(**timeout) for timeout in spec.get("timeouts") or ()),
        fields=fields,
        fingerprint_field=spec.get("fingerprint_field", ""),
        charges=charges,
        refunds=refunds,
    )
