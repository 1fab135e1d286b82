"""Reading one step: its kind, and what only that kind may carry."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from chains_app.definitions.model import (
    KINDS,
    OPERATORS,
    PARALLEL,
    PROVIDER,
    SUB_CHAIN,
    TIMER,
    WAIT_FOR_SIGNAL,
    Branch,
    Compensate,
    Parallel,
    Step,
    Timer,
    WaitForSignal,
)
from chains_app.definitions.reader import Problems, Reader
from chains_app.definitions.retry import MAX_DELAY_MS, MAX_RETRIES, NO_RETRY, STRATEGIES, Retry

# Step names go into Idempotency-Key headers and into template paths.
STEP_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,199}")
FIELD = re.compile(r"success|body(\.[^.\[\]\s]+|\[\d{1,6}\])*")
LEAST_TIME = 0.001
ROUTING_KEYS = ("branches", "default_next")
PROVIDER_KEYS = ("action_type", "payload_template", "retry", "compensate", "on_fallback", "on_unknown")
STEP_KEYS = (
    *("name", *KINDS, *PROVIDER_KEYS, *ROUTING_KEYS),
    *("on_failure", "delay_seconds", "timeout_seconds", "point_of_no_return", "transition_to"),
)
BRANCH_KEYS = ("field", "operator", "value", "target")
# How long the other kinds of step may take is said elsewhere.
OWN_LIMIT = {
    TIMER: "a timer ends by itself",
    WAIT_FOR_SIGNAL: "write wait_for_signal.timeout_seconds",
    PARALLEL: "write parallel.timeout_seconds",
}


def read_step(spec: object, path: str, problems: Problems) -> Step:
    """A step, with a problem for everything that it may not be. Whether it makes sense is asked in `sense`."""
    reader = Reader(spec, path, STEP_KEYS, problems)
    kind = _kind(reader)
    branches, default_next = _routing(reader, problems)
    step = Step(
        name=_name(reader),
        kind=kind,
        provider=reader.name("provider", colon_allowed=False),
        action_type=reader.name("action_type"),
        sub_chain=reader.name("sub_chain"),
        timer=_timer(reader, problems),
        wait_for_signal=_wait_for_signal(reader, problems),
        parallel=_parallel(reader, problems),
        payload_template=read_template(reader),
        branches=branches,
        default_next=default_next,
        on_failure=reader.choice("on_failure", ("abort", "skip", "dlq"), "abort"),
        delay_seconds=reader.seconds("delay_seconds") or 0,
        timeout_seconds=reader.seconds("timeout_seconds", least=LEAST_TIME),
        retry=_retry(reader, problems),
        compensate=_compensate(reader, problems),
        on_fallback=reader.choice("on_fallback", ("park", "accept"), "park"),
        on_unknown=reader.choice("on_unknown", ("repeat", "park"), "repeat"),
        point_of_no_return=reader.flag("point_of_no_return"),
        transition_to=reader.name("transition_to"),
    )
    _check_kind(reader, step)
    return step


def _name(reader: Reader) -> str:
    name = reader.name("name", required=True)
    if name and not STEP_NAME.fullmatch(name):
        reader.problem("name", "may hold letters, digits, _ and - only, and begins with a letter or digit")
    return name


def _kind(reader: Reader) -> str:
    given = [kind for kind in KINDS if reader.has(kind)]
    if len(given) == 1:
        return given[0]
    choices = "provider (with action_type), sub_chain, timer, wait_for_signal, parallel"
    said = f", not {' and '.join(given)}" if given else ""
    reader.problems.add(reader.path, f"must have exactly one of {choices}{said}")
    return given[0] if given else PROVIDER


def _check_kind(reader: Reader, step: Step) -> None:
    if step.kind == PROVIDER:
        reader.name("action_type", required=True)
    else:
        for key in PROVIDER_KEYS:
            if reader.has(key) and reader.raw(key) != {}:
                reader.problem(key, f"belongs to a provider step, not to a {step.kind} step")
    if step.kind in OWN_LIMIT and reader.has("timeout_seconds"):
        reader.problem("timeout_seconds", f"limits provider and sub_chain steps; {OWN_LIMIT[step.kind]}")
    if step.point_of_no_return and step.compensate:
        reader.problem("compensate", "a point of no return is never undone: leave one of the two out")


def _routing(reader: Reader, problems: Problems) -> tuple[tuple[Branch, ...], str | None]:
    """Branches and default_next.

    In the guide's TOML a default_next written below the last [[…branches]] table belongs, by TOML's own
    rules, to that table; it is read as the step's.
    """
    specs = [dict(spec) if isinstance(spec, Mapping) else spec for spec in reader.items("branches")]
    default = reader.raw("default_next")
    if specs and isinstance(specs[-1], dict) and specs[-1].get("default_next") is not None:
        lifted = specs[-1].pop("default_next")
        if default not in (None, lifted):
            reader.problem("default_next", "is given twice, at the step and in its last branch")
        default = lifted
    if default is not None and (not isinstance(default, str) or not default):
        reader.problem("default_next", "must be the name of a step")
        default = None
    branches = [
        _branch(spec, f"{reader.at('branches')}[{index}]", problems) for index, spec in enumerate(specs)
    ]
    return tuple(branches), default


def _branch(spec: object, path: str, problems: Problems) -> Branch:
    reader = Reader(spec, path, BRANCH_KEYS, problems)
    field = reader.name("field", required=True)
    if field and not FIELD.fullmatch(field):
        reader.problem("field", 'must be "success", "body" or a path below it such as "body.items[0].sku"')
    if not reader.has("operator"):
        reader.problem("operator", "is required")
    operator = reader.choice("operator", OPERATORS, "eq")
    value = reader.raw("value")
    if operator == "exists" and value not in (None, True):
        reader.problem("value", 'exists takes no value; for "is absent" use eq with null')
    if operator in ("contains", "gt", "lt", "gte", "lte") and value is None:
        reader.problem("value", f"{operator} needs a value")
    return Branch(field, operator, value, reader.name("target", required=True))


def read_template(reader: Reader) -> Any:
    template = reader.raw("payload_template")
    return {} if template is None else template


def _retry(reader: Reader, problems: Problems) -> Retry:
    if reader.raw("retry") is None:
        return NO_RETRY
    keys = ("max_retries", "backoff_ms", "strategy", "jitter_ms")
    inner = Reader(reader.raw("retry"), reader.at("retry"), keys, problems)
    if inner.raw("max_retries") is None:
        inner.problem("max_retries", "is required")
    return Retry(
        max_retries=inner.integer("max_retries", 0, 0, MAX_RETRIES),
        backoff_ms=inner.integer("backoff_ms", NO_RETRY.backoff_ms, 0, MAX_DELAY_MS),
        strategy=inner.choice("strategy", STRATEGIES, NO_RETRY.strategy),
        jitter_ms=inner.integer("jitter_ms", 0, 0, MAX_DELAY_MS),
    )


def _compensate(reader: Reader, problems: Problems) -> Compensate | None:
    if reader.raw("compensate") is None:
        return None
    keys = ("provider", "action_type", "payload_template")
    inner = Reader(reader.raw("compensate"), reader.at("compensate"), keys, problems)
    return Compensate(
        inner.name("provider", required=True, colon_allowed=False),
        inner.name("action_type", required=True),
        read_template(inner),
    )


def _timer(reader: Reader, problems: Problems) -> Timer | None:
    if not reader.has(TIMER):
        return None
    inner = Reader(reader.raw(TIMER), reader.at(TIMER), ("seconds", "until"), problems)
    if inner.has("seconds") == inner.has("until"):
        problems.add(inner.path, "must have exactly one of seconds and until")
    return Timer(inner.seconds("seconds"), inner.text("until") or None)


def _wait_for_signal(reader: Reader, problems: Problems) -> WaitForSignal | None:
    if not reader.has(WAIT_FOR_SIGNAL):
        return None
    keys = ("signal", "timeout_seconds")
    inner = Reader(reader.raw(WAIT_FOR_SIGNAL), reader.at(WAIT_FOR_SIGNAL), keys, problems)
    return WaitForSignal(inner.name("signal", required=True), inner.seconds("timeout_seconds", least=1))


def _parallel(reader: Reader, problems: Problems) -> Parallel | None:
    if not reader.has(PARALLEL):
        return None
    keys = ("steps", "join", "on_failure", "timeout_seconds", "max_concurrency")
    inner = Reader(reader.raw(PARALLEL), reader.at(PARALLEL), keys, problems)
    specs = inner.items("steps")
    if not specs:
        inner.problem("steps", "must list at least one step")
    steps = [read_step(spec, f"{inner.at('steps')}[{index}]", problems) for index, spec in enumerate(specs)]
    for index, step in enumerate(steps):
        _check_inner(step, f"{inner.at('steps')}[{index}]", problems)
    return Parallel(
        tuple(steps),
        inner.choice("join", ("all", "any"), "all"),
        inner.choice("on_failure", ("fail_fast", "best_effort"), "fail_fast"),
        inner.seconds("timeout_seconds", least=1),
        inner.integer("max_concurrency", 0, 1, 100) or None,
    )


def _check_inner(step: Step, path: str, problems: Problems) -> None:
    if step.kind not in (PROVIDER, SUB_CHAIN):
        problems.add(path, f"a {step.kind} step cannot stand inside parallel")
    if step.targets:
        problems.add(path, "steps inside parallel have no branches and no default_next")
