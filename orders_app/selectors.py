"""What decisions read of orders: lifecycles and templates from memory, living orders and holds from the database."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from acteon_site.base import config_versions
from acteon_site.base.connections import in_breaths_with_locks
from acteon_site.base.names import spellings
from acteon_site.base.statements import execute, json_text
from orders_app.contract.actions import Action as ContractAction
from orders_app.contract.actions import stored_action
from orders_app.lifecycles.spec import LifecycleSpec, parse_lifecycle
from orders_app.models import Action, Hold, Lifecycle, Order, Template, TemplateProfile
from orders_app.states import WAITING, HoldStatus

OrderKey = tuple[str, str, str]  # namespace, tenant, fingerprint


@dataclass(frozen=True, slots=True)
class CurrentLifecycle:
    """A lifecycle in force, and the key of its row."""

    pk: int
    spec: LifecycleSpec


def lifecycle_spec(row: Lifecycle) -> dict[str, Any]:
    """The spec as files spell it."""
    return {
        "name": row.name,
        "namespace": row.namespace,
        "tenant": row.tenant,
        "action_type": row.action_type,
        "initial": row.initial,
        "states": row.states,
        "transitions": row.transitions,
        "terminal": row.terminal,
        "timeouts": row.timeouts,
        "fields": row.fields,
        "fingerprint_field": row.fingerprint_field,
        "charges": row.charges,
        "refunds": row.refunds,
    }


def _load_lifecycles() -> tuple[CurrentLifecycle, ...]:
    rows = Lifecycle.objects.filter(enabled=True).order_by("pk")
    parsed = [(row.pk, parse_lifecycle(lifecycle_spec(row))[0]) for row in rows]
    return tuple(CurrentLifecycle(pk, spec) for pk, spec in parsed if spec)


def lifecycles_stored() -> list[LifecycleSpec]:
    """Those in force as the database has them now, past the cache."""
    return [lifecycle.spec for lifecycle in _load_lifecycles()]


_lifecycles = config_versions.ConfigCache(config_versions.LIFECYCLES, _load_lifecycles)


def lifecycles_current() -> list[LifecycleSpec]:
    """Those in force, from memory."""
    return [lifecycle.spec for lifecycle in _lifecycles.get()]


def lifecycle_for(namespace: str, tenant: str, action_type: str) -> CurrentLifecycle | None:
    """The lifecycle that claims such an action; the most specific wins, the older of two equals."""
    best: tuple[int, CurrentLifecycle] | None = None
    for lifecycle in _lifecycles.get():
        score = lifecycle.spec.claims(namespace, tenant, action_type)
        if score is not None and (best is None or score > best[0]):
            best = (score, lifecycle)
    return best[1] if best else None


def lifecycle_of(order: Order) -> LifecycleSpec:
    """The lifecycle that the order was created under, as it is now."""
    for lifecycle in _lifecycles.get():
        if lifecycle.pk == order.lifecycle_id:
            return lifecycle.spec
    spec, problems = parse_lifecycle(lifecycle_spec(order.lifecycle))
    if spec is None:
        raise ValueError(f"lifecycle {order.lifecycle} is broken: {problems}")
    return spec


def living_orders(keys: Collection[OrderKey]) -> dict[OrderKey, Order]:
    """The living orders of these names, in one query (a superset is read, exact matches are kept)."""
    if not keys:
        return {}
    if connection.vendor == "postgresql":
        return _living_found(keys, execute(_LIVING, [_asked(keys)]))
    return _by_key(keys, _living_among(_spelt(keys)))


def living_any(keys: Collection[OrderKey]) -> tuple[str, list[str]]:
    """PostgreSQL's expression for whether there are any, and its parameter, for whoever asks together with others."""
    return _ANY_LIVING, [_asked(keys)]


def _asked(keys: Collection[OrderKey]) -> str:
    names = ("namespace", "tenant", "fingerprint")
    return json_text([dict(zip(names, name, strict=True)) for name in _spelt(keys)])


def _living_found(keys: Collection[OrderKey], rows: Iterable[tuple[Any, ...]]) -> dict[OrderKey, Order]:
    names = [field.attname for field in Order._meta.concrete_fields]
    return _by_key(keys, [Order.from_db(connection.alias, names, row) for row in rows])


def _spelt(keys: Collection[OrderKey]) -> dict[OrderKey, OrderKey]:
    """The names as they may be stored, and the asked ones that they stand for."""
    return {
        (key[0], key[1], stored): key for key in in_breaths_with_locks(keys) for stored in spellings(key[2])
    }


def _by_key(keys: Collection[OrderKey], found: Iterable[Order]) -> dict[OrderKey, Order]:
    asked = _spelt(keys)
    orders = {(order.namespace, order.tenant, order.fingerprint): order for order in found}
    return {asked[name]: order for name, order in orders.items() if name in asked}


_COLUMNS = ", ".join(f"{Order._meta.db_table}.{field.column}" for field in Order._meta.concrete_fields)
# One look into the index for each name, whatever the planner thinks of how many names there are.
_EACH_LIVING = f"""json_to_recordset(%s::json) AS asked (namespace text, tenant text, fingerprint text)
CROSS JOIN LATERAL (
    SELECT {_COLUMNS} FROM {Order._meta.db_table}
    WHERE namespace = asked.namespace AND tenant = asked.tenant AND fingerprint = asked.fingerprint AND living
    LIMIT 1
) AS found"""  # noqa: S608 - a model's own name
_LIVING = f"SELECT found.* FROM {_EACH_LIVING}"  # noqa: S608 - as above
_ANY_LIVING = f"EXISTS (SELECT FROM {_EACH_LIVING})"


def _living_among(asked: Collection[OrderKey]) -> Iterable[Order]:
    namespaces, tenants, fingerprints = (set(part) for part in zip(*asked, strict=True))
    named = {"namespace__in": namespaces, "tenant__in": tenants, "fingerprint__in": fingerprints}
    return Order.objects.filter(**named, living=True)


def open_holds(orders: Iterable[Order], hold_ids: Collection[str]) -> dict[str, Hold]:
    """The undecided holds of these waiting orders, and those named, by their id and by their order's id."""
    waiting = [order.pk for order in orders if order.status in WAITING]
    if not waiting and not hold_ids:
        return {}
    open_ones = Hold.objects.filter(status__in=(HoldStatus.PENDING, HoldStatus.APPROVED))
    found = open_ones.filter(order_id__in=waiting) | open_ones.filter(pk__in=list(hold_ids))
    holds: dict[str, Hold] = {}
    for hold in found:
        holds[str(hold.pk)] = hold
        if hold.order_id:
            holds[str(hold.order_id)] = hold
    return holds


def stored_actions(row_ids: Collection[UUID]) -> dict[UUID, ContractAction]:
    """The originals of these rows, in one query; none where none is asked for."""
    if not row_ids:
        return {}
    return {row.pk: stored_action(row.body) for row in Action.objects.filter(pk__in=row_ids)}


class Profiles:
    """Template profiles in force, read tenant by tenant: the templates of one cost the orders of no other."""

    def __init__(self) -> None:
        self._read: dict[tuple[str, str], Mapping[str, Mapping[str, str]]] = {}

    def of(self, namespace: str, tenant: str) -> Mapping[str, Mapping[str, str]]:
        """By their names; a profile's fields are already texts."""
        scope = (namespace, tenant)
        found = self._read.get(scope) or _load_profiles(namespace, tenant)
        if found:  # tenants without any can be invented at will
            self._read[scope] = found
        return found


def _load_profiles(namespace: str, tenant: str) -> Mapping[str, Mapping[str, str]]:
    rows = TemplateProfile.objects.filter(namespace=namespace, tenant=tenant)
    fields = {row.name: row.fields for row in rows}
    wanted = {value["$ref"] for given in fields.values() for value in given.values() if _is_reference(value)}
    named = Template.objects.filter(namespace=namespace, tenant=tenant, name__in=wanted)
    texts = dict(named.values_list("name", "content")) if wanted else {}
    return {
        profile: {name: _text_of(value, texts) for name, value in given.items()}
        for profile, given in fields.items()
    }


def _text_of(value: Any, texts: Mapping[str, str]) -> str:
    if _is_reference(value):
        return texts.get(value["$ref"], "")
    return str(value["inline"] if isinstance(value, Mapping) else value)


def _is_reference(value: Any) -> bool:
    return isinstance(value, Mapping) and "$ref" in value


_profiles = config_versions.ConfigCache(config_versions.TEMPLATES, Profiles)


def profile_named(namespace: str, tenant: str, name: str) -> Mapping[str, str] | None:
    """As in force at most half a second ago."""
    return _profiles.get().of(namespace, tenant).get(name)
