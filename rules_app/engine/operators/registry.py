"""The operators by the words that conditions use. A new one is a file beside this, a line here and docs/rules.md."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from rules_app.engine.operators import (
    containing,
    equality,
    membership,
    named_list,
    ordering,
    pattern,
    presence,
    text_ends,
)
from rules_app.engine.operators.base import Operator

OPERATORS: Mapping[str, Operator] = MappingProxyType(
    {
        "eq": equality.EQ,
        "ne": equality.NE,
        "gt": ordering.GT,
        "gte": ordering.GTE,
        "lt": ordering.LT,
        "lte": ordering.LTE,
        "in_list": membership.IN_LIST,
        "not_in_list": membership.NOT_IN_LIST,
        "in_named_list": named_list.IN_NAMED_LIST,
        "not_in_named_list": named_list.NOT_IN_NAMED_LIST,
        "contains": containing.CONTAINS,
        "not_contains": containing.NOT_CONTAINS,
        "starts_with": text_ends.STARTS_WITH,
        "ends_with": text_ends.ENDS_WITH,
        "matches": pattern.MATCHES,
        "exists": presence.EXISTS,
        "is_null": presence.IS_NULL,
        "neq": equality.NE,
    }
)
SYNONYMS: Mapping[str, str] = {
    synonym: operator.name for operator in OPERATORS.values() for synonym in operator.synonyms
}
