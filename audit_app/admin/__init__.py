"""The admin pages of the trail, and of what redaction and retention do with it."""

from audit_app.admin.events import EventAdmin
from audit_app.admin.legal_holds import LegalHoldAdmin
from audit_app.admin.records import AuditRecordAdmin
from audit_app.admin.redaction import RedactedFieldAdmin
from audit_app.admin.retention import RetentionPolicyAdmin

__all__ = ["AuditRecordAdmin", "EventAdmin", "LegalHoldAdmin", "RedactedFieldAdmin", "RetentionPolicyAdmin"]
