"""What lifecycles declare of payloads, in the terms in which rules are checked. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Self

from acteon_site.base.errors import FieldProblem
from orders_app.lifecycles.fields import FieldSpec, check_payload, field_problem, normal_form
from orders_app.lifecycles.spec import LifecycleSpec, parse_lifecycle
from rules_app.checking import Domain, Schema
from rules_app.engine.known_fields import KnownField
from rules_app.engine.scope import MISSING, ActionView
from rules_app.engine.words import label_from_name

Payload = dict[str, Any]
# A type as the check calls it, where that is another name; and as the builder does.
_KINDS = {"currency": "text", "boolean": "bool"}
_OFFERED = {
    "text": "text",
    "currency": "text",
    "integer": "number",
    "number": "number",
    "boolean": "yes_no",
    "list": "list",
}


def schema_of(lifecycle: LifecycleSpec) -> Schema:
    names = any(field.name == lifecycle.fingerprint_field and field.required for field in lifecycle.fields)
    fields = {field.name: _domain(field) for field in lifecycle.fields}
    return Schema(lifecycle.name, lifecycle.action_type, lifecycle.namespace, lifecycle.tenant, fields, names)


def _known(field: FieldSpec) -> KnownField:
    path = f"action.payload.{field.name}"
    label = field.label or label_from_name(path)
    return KnownField(path, label, _OFFERED.get(field.type, ""), "order", choices=field.one_of)


def _domain(field: FieldSpec) -> Domain:
    kinds = {_KINDS.get(field.type, field.type)} | (set() if field.required else {"missing", "null"})
    return Domain(frozenset(kinds), field.min, field.max, field.one_of or None, partial(_accepts, field))


def _accepts(field: FieldSpec, value: Any) -> bool:
    """Whether a value can stand there once it has its normal form."""
    if value is None or value is MISSING:
        return not field.required
    return bool(normal_form(field, value) == value) and field_problem(field, value) is None


class DeclaredLifecycles:
    """What rules ask of lifecycles: the check of a payload and the name of the order, their fields, their schemas."""

    def __init__(self, specs: Iterable[LifecycleSpec]) -> None:
        self._specs = list(specs)

    @classmethod
    def of(cls, specs: Iterable[Mapping[str, Any]]) -> Self:
        """The enabled ones; a spec that does not parse declares nothing."""
        enabled = (spec for spec in specs if spec.get("enabled", True))
        return cls(parsed for spec in enabled if (parsed := parse_lifecycle(spec)[0]))

    def schemas(self) -> list[Schema]:
        return [schema_of(spec) for spec in self._specs]

    def fields(self) -> list[KnownField]:
        """Each path once: as the first that names it says."""
        fields = (_known(field) for spec in self._specs for field in spec.fields)
        return list({field.path: field for field in reversed(list(fields))}.values())[::-1]

    def judge(self, action: ActionView) -> Callable[[Payload], tuple[Payload, list[FieldProblem]]] | None:
        spec = self._claiming(action)
        return partial(check_payload, spec.fields) if spec else None

    def name_of(self, action: ActionView, payload: Payload) -> str | None:
        spec = self._claiming(action)
        if spec is None:
            return None
        value = payload.get(spec.fingerprint_field) if spec.fingerprint_field else None
        return action.fingerprint or (action.id or None if value is None else str(value))

    def _claiming(self, action: ActionView) -> LifecycleSpec | None:
        """The one that claims the action most closely."""
        scored = (
            (score, spec)
            for spec in self._specs
            if (score := spec.claims(action.namespace, action.tenant, action.action_type)) is not None
        )
        return max(scored, key=lambda pair: pair[0], default=(0, None))[1]
