"""The admin pages of the trail, and of what redaction and retention do with it."""

from acteon_site.base.registry import register
from audit_app.admin.dashboard import DashboardAdmin
from audit_app.admin.events import EventAdmin
from audit_app.admin.legal_holds import LegalHoldAdmin
from audit_app.admin.live_board import LiveBoardAdmin
from audit_app.admin.parts import PARTS
from audit_app.admin.records import AuditRecordAdmin
from audit_app.admin.redaction import RedactedFieldAdmin
from audit_app.admin.retention import RetentionPolicyAdmin

__all__ = [
    "AuditRecordAdmin",
    "DashboardAdmin",
    "EventAdmin",
    "LegalHoldAdmin",
    "LiveBoardAdmin",
    "RedactedFieldAdmin",
    "RetentionPolicyAdmin",
]

register(PARTS)
