"""Where a page ended, as an opaque signed text."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.core import signing

from acteon_site.base.errors import FieldProblem, bad_query
from audit_app.models import AuditRecord
from audit_app.selectors import Position

_SALT = "audit-cursor"


def cursor_after(record: AuditRecord) -> str:
    return signing.dumps([record.dispatched_at.isoformat(), record.pk.hex], salt=_SALT)


def position_of(cursor: str) -> Position:
    """Raises 400 where the cursor is not one that this gateway gave."""
    try:
        moment, key = signing.loads(cursor, salt=_SALT)
        return datetime.fromisoformat(moment), UUID(hex=key)
    except (signing.BadSignature, ValueError, TypeError) as error:
        problem = FieldProblem("cursor", "must be the next_cursor of an earlier page")
        raise bad_query(f"cursor {problem.message}", [problem]) from error
