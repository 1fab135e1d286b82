"""The operators by the words that conditions use. A new one is a file beside this, a line here and docs/rules.md."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from rules_app.engine.operators import (
    containing,
    dates,
    email,
    equality,
    ignoring_case,
    length,
    membership,
    named_list,
    networks,
    ordering,
    pattern,
    presence,
    text_ends,
)
from rules_app.engine.operators.base import Operator
from rules_app.engine.operators.other_field import against_field

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
        "starts_with_any": text_ends.STARTS_WITH_ANY,
        "ends_with_any": text_ends.ENDS_WITH_ANY,
        "matches": pattern.MATCHES,
        "eq_ignoring_case": ignoring_case.EQ,
        "ne_ignoring_case": ignoring_case.NE,
        "in_list_ignoring_case": ignoring_case.IN_LIST,
        "not_in_list_ignoring_case": ignoring_case.NOT_IN_LIST,
        "contains_ignoring_case": ignoring_case.CONTAINS,
        "not_contains_ignoring_case": ignoring_case.NOT_CONTAINS,
        "starts_with_ignoring_case": ignoring_case.STARTS_WITH,
        "ends_with_ignoring_case": ignoring_case.ENDS_WITH,
        "length": length.LENGTH,
        "min_length": length.MIN_LENGTH,
        "max_length": length.MAX_LENGTH,
        "in_cidr": networks.IN_CIDR,
        "not_in_cidr": networks.NOT_IN_CIDR,
        "email_domain": email.EMAIL_DOMAIN,
        "email_domain_within": email.EMAIL_DOMAIN_WITHIN,
        "before": dates.BEFORE,
        "after": dates.AFTER,
        "on_or_before": dates.ON_OR_BEFORE,
        "on_or_after": dates.ON_OR_AFTER,
        "older_than": dates.OLDER_THAN,
        "younger_than": dates.YOUNGER_THAN,
        "exists": presence.EXISTS,
        "is_null": presence.IS_NULL,
        "neq": equality.NE,
    }
)
# By the word, what compares with another field in place of a value.
AGAINST_FIELDS: Mapping[str, Operator] = MappingProxyType(
    {word: found for word, one in OPERATORS.items() if (found := against_field(one))}
)
SYNONYMS: Mapping[str, str] = {
    synonym: operator.name for operator in OPERATORS.values() for synonym in operator.synonyms
}
