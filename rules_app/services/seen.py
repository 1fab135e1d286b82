"""What lately came in: the payload fields and the currencies of the newest dispatches in the audit trail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils import timezone

from acteon_site.base.money import DECIMALS
from audit_app.models import AuditRecord
from audit_app.records.vocabulary import DISPATCH_OUTCOMES
from rules_app.checking import Seen
from rules_app.checking.kinds.fields import general
from rules_app.services.currencies import LATELY, MOST_LOOKED_AT

_DEEPEST = 6
_MOST_ITEMS = 20


def payloads_seen() -> Seen:
    """Of the newest dispatches of seven days, all shops together. What is redacted still shows that it was there."""
    rows = AuditRecord.objects.filter(
        outcome__in=DISPATCH_OUTCOMES, dispatched_at__gte=timezone.now() - LATELY
    ).order_by("-dispatched_at", "-id")
    payloads = [one for one in rows.values_list("action_payload", flat=True)[:MOST_LOOKED_AT] if one]
    paths = {path for payload in payloads for path in _paths(payload, "")}
    codes = {str(payload.get("currency", "")).strip().upper() for payload in payloads}
    return Seen(len(payloads), frozenset(paths), frozenset(codes & DECIMALS.keys()))


def _paths(value: Any, at: str, depth: int = 0) -> Iterator[str]:
    if at:
        yield general(at)
    if depth >= _DEEPEST:
        return
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _paths(inner, f"{at}.{name}" if at else str(name), depth + 1)
    elif isinstance(value, list):
        for index, inner in enumerate(value[:_MOST_ITEMS]):
            yield from _paths(inner, f"{at}.{index}", depth + 1)
