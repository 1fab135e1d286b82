"""Site-wide rows: API keys and the stamps that tell processes of configuration changes."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from acteon_site.base.ids import new_id


class ConfigStamp(models.Model):
    """A counter per configuration area; a process reloads an area when its counter has moved."""

    area = models.CharField(max_length=40, primary_key=True)
    version = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.area} {self.version}"


class Heartbeat(models.Model):
    """When something that must go on working last did."""

    name = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} {self.at}"


def any_scope() -> list[str]:
    return ["*"]


class ApiKey(models.Model):
    """A caller's key. Only its SHA-256 is stored; the prefix helps people to tell keys apart."""

    class RoleName(models.TextChoices):
        VIEWER = "viewer", "Viewer: reads"
        OPERATOR = "operator", "Operator: also dispatches, transitions, cancels"
        ADMIN = "admin", "Administrator: also edits configuration"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=150, unique=True)
    prefix = models.CharField(max_length=16, editable=False)
    secret_hash = models.CharField(max_length=64, unique=True, editable=False)
    role = models.CharField(max_length=16, choices=RoleName, default=RoleName.OPERATOR)
    namespaces = models.JSONField(default=any_scope, help_text='Exact names, or ["*"] for all')
    tenants = models.JSONField(default=any_scope, help_text='Exact names, or ["*"] for all')
    providers = models.JSONField(default=any_scope, help_text='Exact names, or ["*"] for all')
    action_types = models.JSONField(default=any_scope, help_text='Exact names, or ["*"] for all')
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
