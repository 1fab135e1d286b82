"""The words of rules: which fields a condition may be built from, and what the business calls them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from audit_app.models import AuditRecord
from audit_app.records.vocabulary import DISPATCH_OUTCOMES
from rules_app.engine.fields import EACH
from rules_app.engine.known_fields import (
    KnownField,
    clock_fields,
    counter_fields,
    example_of,
    fact_fields,
    kind_of_value,
    own_fields,
)
from rules_app.engine.operators.base import DATE, TEXT
from rules_app.engine.words import Lexicon, label_from_name
from rules_app.models import RuleCounter
from rules_app.references import fields_declared
from rules_app.services.currencies import currencies_seen

# Enough of the newest dispatches to know what orders look like, and cheap for a page.
MOST_ROWS, MOST_FIELDS, MOST_CHOICES, DEEPEST = 100, 200, 20, 4
_SCOPE = ("namespace", "tenant", "provider", "action_type")
Row = Mapping[str, Any]


def lexicon_now() -> Lexicon:
    """What a rule is told with on a page. One statement."""
    labels = {field.path: field.label for field in fields_declared()}
    seen = currencies_seen(MOST_ROWS)
    return Lexicon(labels, {shop: frozenset(codes) for shop, codes in seen.items()})


def known_fields(*, with_examples: bool) -> list[KnownField]:
    """Every field to offer, each path once: typed ones, the action's, the clock's, counters, and those seen.

    Two statements, one over the newest dispatches. `with_examples`: show values out of their payloads, which are
    redacted.
    """
    rows = _newest()
    seen = {field.path: field for field in _seen(rows)}
    own = own_fields(_choices(rows) if with_examples else {})
    counters = counter_fields(RuleCounter.objects.order_by("name").values_list("name", flat=True))
    typed = [_with_example(field, seen) for field in fields_declared()]
    fields = [*typed, *own, *fact_fields(), *clock_fields(), *counters]
    known = {field.path for field in fields}
    fields += [field for path, field in sorted(seen.items()) if path not in known]
    return fields if with_examples else [_plain(field) for field in fields]


def _newest() -> list[Row]:
    rows = AuditRecord.objects.filter(outcome__in=DISPATCH_OUTCOMES).order_by("-dispatched_at", "-id")
    return list(rows.values(*_SCOPE, "action_payload")[:MOST_ROWS])


def _seen(rows: Iterable[Row]) -> Iterator[KnownField]:
    """The fields of these payloads, the newest value of each as its example."""
    found: dict[str, KnownField] = {}
    for row in rows:
        for path, value in _leaves("action.payload", row["action_payload"] or {}, DEEPEST):
            if len(found) >= MOST_FIELDS:
                break
            if path not in found:
                found[path] = KnownField(
                    path, label_from_name(path), kind_of_value(path, value), example=example_of(value)
                )
    yield from found.values()


def _leaves(path: str, value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict):
        yield path, value
        if isinstance(value, list) and value and EACH not in path and depth:
            yield from _leaves(f"{path}{EACH}", value[0], depth - 1)
    elif depth:
        for name, inner in value.items():
            if name and "." not in name and name.isprintable():
                yield from _leaves(f"{path}.{name}", inner, depth - 1)


def _choices(rows: Iterable[Row]) -> dict[str, tuple[str, ...]]:
    return {
        f"action.{name}": tuple(dict.fromkeys(row[name] for row in rows))[:MOST_CHOICES] for name in _SCOPE
    }


def _with_example(field: KnownField, seen: Mapping[str, KnownField]) -> KnownField:
    """A text that is a date wherever it was seen is offered as one."""
    found = seen.get(field.path)
    if found is None:
        return field
    kind = DATE if (field.kind, found.kind) == (TEXT, DATE) else field.kind
    return replace(field, example=found.example, kind=kind)


def _plain(field: KnownField) -> KnownField:
    return field if field.source == "clock" else replace(field, example=None)
