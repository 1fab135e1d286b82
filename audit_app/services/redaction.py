"""Which payload fields are redacted: every change reaches all processes within a second."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from acteon_site.base import config_versions
from audit_app.models import RedactedField


@transaction.atomic
def redacted_field_save(*, field: RedactedField, actor: str) -> RedactedField:
    field.edited_by, field.edited_at = actor, timezone.now()
    field.save()
    config_versions.touch(config_versions.REDACTION)
    return field


@transaction.atomic
def redacted_field_delete(*, field: RedactedField) -> None:
    field.delete()
    config_versions.touch(config_versions.REDACTION)
