"""The rules' YAML as JSON Schema, for editors: made of the tables of operators and actions. Pure.

Draft 7, which the editors' language servers read best. It says what may stand where, for completion and first mistakes;
what only the loader knows (patterns, networks, fields that never hold such a value) it leaves to the loader.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from rules_app.engine.actions.base import RuleAction
from rules_app.engine.actions.group import MOST_FIELDS
from rules_app.engine.actions.registry import ACTIONS
from rules_app.engine.actions.settings import CENTURY_SECONDS
from rules_app.engine.conditions import CEL, GROUPS
from rules_app.engine.counting.declared import MAX_BY, MAX_NAME, MOST, ORDERS, PERS, WHATS
from rules_app.engine.muting_terms import MOST_NAMES
from rules_app.engine.named_lists import EXACT, FOLDED
from rules_app.engine.operators.base import MAX_LIST, Operator
from rules_app.engine.operators.items import ITEM_OPERATORS
from rules_app.engine.operators.registry import AGAINST_FIELDS, OPERATORS
from rules_app.engine.rules import KEYS, PRIORITY_LIMIT, REQUIRED

Schema = dict[str, Any]
TEXT: Schema = {"type": "string", "minLength": 1}
CONDITION: Schema = {"$ref": "#/definitions/condition"}
ITEM_CONDITION: Schema = {"$ref": "#/definitions/item_condition"}
FIELD: Schema = {
    "type": "string",
    "description": "action.payload.<path> ([*] for all members), action.metadata.<key>, action.<name>, time.<name>, "
    "counter.<name>, caller.<name> or order.<name>",
    "pattern": r"^(action|time|counter|caller|order|item)(\.|\[|$)",
}
MOMENT: Schema = {
    "type": "string",
    "pattern": r"^\d{4}-\d\d-\d\d",
    "examples": ["2026-12-24", "2026-12-24T18:00:00Z"],
}
_SEVERAL: Schema = {"type": "array", "minItems": 1, "maxItems": MAX_LIST}
_TAKES: Mapping[str, Schema] = {
    "value": {"type": ["string", "number", "boolean"]},
    "ordered": {"type": ["string", "number"]},
    "values": {**_SEVERAL, "items": {"type": ["string", "number"]}},
    "text": TEXT,
    "texts": {"anyOf": [TEXT, {**_SEVERAL, "items": TEXT}]},
    "count": {"type": "integer", "minimum": 0},
    "yes_no": {"type": "boolean"},
    "moment": MOMENT,
    "duration": {"type": "string", "examples": ["30d", "1d 12h", "PT90M"]},
    "list_name": TEXT,
}
_SETTINGS: Mapping[str, Schema] = {
    "text": {"type": "string"},
    "count": {"type": "integer", "minimum": 1},
    "seconds": {"type": "integer", "minimum": 1, "maximum": CENTURY_SECONDS},
    "fields": {"type": "array", "items": FIELD, "maxItems": MOST_FIELDS},
    "object": {"type": "object", "minProperties": 1},
}
_NAMES: Schema = {"type": "array", "items": TEXT, "maxItems": MOST_NAMES, "uniqueItems": True}
_RULE: Mapping[str, Schema] = {
    "name": {**TEXT, "description": "unique; appears in answers and the audit trail"},
    "priority": {"type": "integer", "minimum": -PRIORITY_LIMIT, "maximum": PRIORITY_LIMIT},
    "enabled": {"type": "boolean"},
    "description": {"type": "string"},
    "namespace": TEXT,
    "tenant": TEXT,
    "timezone": {"type": "string", "examples": ["US/Eastern", "Europe/London"]},
    "effective_from": MOMENT,
    "effective_until": MOMENT,
    "only_unmatched": {"type": ["boolean", "null"]},
    "mute_time_intervals": {**_NAMES, "description": "sends nothing in these time intervals"},
    "active_time_intervals": {**_NAMES, "description": "sends nothing outside of these time intervals"},
    "shadow": {"type": "boolean"},
    "rollout": {
        "type": "object",
        "properties": {"percent": {"type": "number", "exclusiveMinimum": 0, "maximum": 100}, "by": FIELD},
        "required": ["percent"],
        "additionalProperties": False,
    },
    "condition": CONDITION,
    "action": {"$ref": "#/definitions/action"},
}


_SCOPE: Mapping[str, Schema] = {"namespace": TEXT, "tenant": TEXT}
_ENTRY: Mapping[str, Schema] = {"value": TEXT, "note": {"type": "string"}, "expires_at": MOMENT}
_LIST: Mapping[str, Schema] = {
    "name": TEXT,
    **_SCOPE,
    "matching": {"enum": [EXACT, FOLDED]},
    "description": {"type": "string"},
    "entries": {"type": "array", "items": {"anyOf": [TEXT, {"$ref": "#/definitions/entry"}]}},
}
_COUNTER: Mapping[str, Schema] = {
    "name": {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_-]*$", "maxLength": MAX_NAME},
    "description": {"type": "string"},
    "count": {"const": ORDERS},
    "distinct": FIELD,
    "sum": FIELD,
    "by": {"type": "array", "items": FIELD, "maxItems": MAX_BY},
    "where": CONDITION,
    "window": {"type": "string", "examples": ["30m", "24h", "7d", "today", "this_week", "this_month"]},
    "timezone": TEXT,
    "per": {"enum": list(PERS)},
    "with_this_order": {"type": "boolean"},
    "most": {"type": "integer", "minimum": 1, "maximum": MOST},
}


def rules_schema() -> Schema:
    """The schema of a file with `rules`, `counters` and `lists`; other sections of such a file are left alone."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Rules",
        "type": "object",
        "properties": {
            section: {"type": "array", "items": {"$ref": f"#/definitions/{one}"}}
            for section, one in (("rules", "rule"), ("counters", "counter"), ("lists", "list"))
        },
        "definitions": {
            "rule": _rule(),
            "counter": {
                **_object(_COUNTER, "name", "window"),
                "oneOf": [{"required": [what]} for what in WHATS],
            },
            "list": _object(_LIST, "name"),
            "entry": _object(_ENTRY, "value"),
            "condition": _condition(CONDITION, in_item=False),
            "item_condition": _condition(ITEM_CONDITION, in_item=True),
            "other_field": {
                "type": "object",
                "properties": {"field": FIELD},
                "required": ["field"],
                "additionalProperties": False,
            },
            "action": _action(),
        },
    }


def _rule() -> Schema:
    # A key that has no schema here may hold anything: the loader knows it.
    known = {key: _RULE.get(key, {}) for key in KEYS}
    return _object(known, *REQUIRED)


def _object(known: Mapping[str, Schema], *required: str) -> Schema:
    return {
        "type": "object",
        "properties": dict(known),
        "required": list(required),
        "additionalProperties": False,
    }


def _condition(own: Schema, *, in_item: bool) -> Schema:
    """One of the groups, `cel`, or a field with one operator; of a member of a list the field may be left out."""
    members = {"anyOf": [{"type": "array", "minItems": 1, "items": own}, ITEM_CONDITION]}
    groups = {word: members if word in ITEM_OPERATORS else own for word in GROUPS}
    operators = {word: _operator(word, one) for word, one in OPERATORS.items()}
    lone = [{"required": [word], "maxProperties": 1} for word in (*GROUPS, CEL)]
    clause = {"required": ["field"], "minProperties": 2, "maxProperties": 2, "not": {"required": ["not"]}}
    bare = {"minProperties": 1, "maxProperties": 1, "not": {"required": ["field"]}}
    return {
        "type": "object",
        "properties": {**groups, "field": FIELD, CEL: TEXT, **operators},
        "additionalProperties": False,
        "anyOf": [*lone, clause, *([bare] if in_item else [])],
    }


def _operator(word: str, operator: Operator) -> Schema:
    takes = _TAKES.get(operator.takes, {})
    schema = {"anyOf": [takes, {"$ref": "#/definitions/other_field"}]} if word in AGAINST_FIELDS else takes
    return {**schema, "description": operator.words}


def _action() -> Schema:
    return {
        "type": "object",
        "properties": {"type": {"enum": list(ACTIONS)}},
        "required": ["type"],
        "allOf": [_settings(name, action) for name, action in ACTIONS.items()],
    }


def _settings(name: str, action: type[RuleAction]) -> Schema:
    """What such an action may and must say."""
    settings = action.settings()
    known = {setting: _SETTINGS.get(one.kind, {}) for setting, one in settings.items()}
    needed = [field.name for field in fields(action) if field.name in settings and field.default is MISSING]
    then = {"properties": {"type": {}, **known}, "required": needed, "additionalProperties": False}
    return {"if": {"properties": {"type": {"const": name}}, "required": ["type"]}, "then": then}
