"""The newest actions that one of many ties leads to."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import connection

from acteon_site.base.statements import execute
from orders_app.models import Tie

# The newest of each key by its index: of all keys together, a customer's every order would be read and sorted.
_NEWEST = """
    SELECT tied.action_id FROM unnest(%s::text[]) AS wanted (key)
    CROSS JOIN LATERAL (
        SELECT action_id, at FROM orders_app_tie WHERE orders_app_tie.key = wanted.key ORDER BY at DESC LIMIT %s
    ) AS tied
    ORDER BY tied.at DESC LIMIT %s
"""


def newest_tied(keys: Sequence[str], most: int) -> list[UUID]:
    """The newest first; an action that several of the keys lead to may come twice."""
    if connection.vendor == "postgresql":
        return [row[0] for row in execute(_NEWEST, [list(keys), most, most])]
    ties = Tie.objects.filter(key__in=keys).order_by("-at")
    return list(ties.values_list("action_id", flat=True)[:most])
