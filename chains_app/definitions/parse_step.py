"""Reading one step: its kind, and what only that kind may carry."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from chains_app.definitions.model import OPERATORS, Branch, Compensate, Step
from chains_app.definitions.reader import Problems, Reader
from chains_app.definitions.retry import MAX_DELAY_MS, MAX_RETRIES, NO_RETRY, STRATEGIES, Retry
from chains_app.definitions.step_kinds import provider
from chains_app.definitions.step_kinds.registry import STEP_KINDS

# Step names go into Idempotency-Key headers and into template paths.
STEP_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,199}")
FIELD = re.compile(r"success|body(\.[^.\[\]\s]+|\[\d{1,6}\])*")
LEAST_TIME = 0.001
ROUTING_KEYS = ("branches", "default_next")
PROVIDER_KEYS = ("action_type", "payload_template", "retry", "compensate", "on_fallback", "on_unknown")
STEP_KEYS = (
    *("name", *STEP_KINDS, *PROVIDER_KEYS, *ROUTING_KEYS),
    *("on_failure", "delay_seconds", "timeout_seconds", "point_of_no_return", "transition_to"),
)
BRANCH_KEYS = ("field", "operator", "value", "target")


def read_step(spec: object, path: str, problems: Problems) -> Step:
    """A step, with a problem for everything that it may not be. Whether it makes sense is asked in `sense`."""
    reader = Reader(spec, path, STEP_KEYS, problems)
    kind = _kind(reader)
    branches, default_next = _routing(reader, problems)
    step = Step(
        name=_name(reader),
        kind=kind,
        **{name: one.read(reader, problems, read_step) for name, one in STEP_KINDS.items()},
        action_type=reader.name("action_type"),
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
    given = [kind for kind in STEP_KINDS if reader.has(kind)]
    if len(given) == 1:
        return given[0]
    choices = "provider (with action_type), sub_chain, timer, wait_for_signal, parallel"
    said = f", not {' and '.join(given)}" if given else ""
    reader.problems.add(reader.path, f"must have exactly one of {choices}{said}")
    return given[0] if given else provider.NAME


def _check_kind(reader: Reader, step: Step) -> None:
    if step.kind == provider.NAME:
        reader.name("action_type", required=True)
    else:
        for key in PROVIDER_KEYS:
            if reader.has(key) and reader.raw(key) != {}:
                reader.problem(key, f"belongs to a provider step, not to a {step.kind} step")
    own_limit = STEP_KINDS[step.kind].own_limit
    if own_limit and reader.has("timeout_seconds"):
        reader.problem("timeout_seconds", f"limits provider and sub_chain steps; {own_limit}")
    for index, inner in enumerate(step.parallel.steps if step.parallel else ()):
        _check_inner(inner, f"{reader.at('parallel')}.steps[{index}]", reader.problems)
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


def _check_inner(step: Step, path: str, problems: Problems) -> None:
    if not STEP_KINDS[step.kind].in_parallel:
        problems.add(path, f"a {step.kind} step cannot stand inside parallel")
    if step.targets:
        problems.add(path, "steps inside parallel have no branches and no default_next")
